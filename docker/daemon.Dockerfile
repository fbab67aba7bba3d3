# A script that leaves a daemon in the background, in a session of its own, where no group signal reaches it.
FROM pyinit-example/pyinit
COPY tests/app.py docker/daemon.sh /app/
CMD ["/app/daemon.sh"]
