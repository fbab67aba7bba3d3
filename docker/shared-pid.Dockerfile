# For docker run --pid=container:OTHER, and pods with shareProcessNamespace: pyinit is not PID 1 there. To adopt its
# orphans it calls prctl() through ctypes, which comes with the whole of Python and not with python3-minimal.
FROM pyinit-example/pyinit
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY tests/app.py docker/daemon.sh /app/
CMD ["/app/daemon.sh"]
