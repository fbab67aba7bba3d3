# A start script without exec: the shell stays, and stands between PID 1 and the application.
FROM pyinit-example/pyinit
COPY tests/app.py docker/start.sh /app/
CMD ["/app/start.sh"]
