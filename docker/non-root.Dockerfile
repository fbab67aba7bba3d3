# pyinit needs no privilege: signals to processes of its own user are all it sends.
FROM pyinit-example/pyinit
COPY tests/app.py docker/start.sh /app/
USER nobody
CMD ["/app/start.sh"]
