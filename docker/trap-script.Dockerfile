# A script that passes the signal on by itself. It need not be rewritten to run under pyinit.
FROM pyinit-example/pyinit
COPY tests/app.py docker/trap.sh /app/
CMD ["/app/trap.sh"]
