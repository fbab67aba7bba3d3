# An image with pyinit in it, for others to build on: docker build -t pyinit-example/pyinit -f docker/pyinit.Dockerfile .
FROM debian:bookworm-slim
# The minimal Python has all that pyinit needs as PID 1. What it lacks is ctypes; see shared-pid.Dockerfile.
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY pyinit /usr/local/lib/pyinit
# Compiled now, because PID 1 should start fast and the root file system may be read-only later.
RUN python3 -m compileall -q /usr/local/lib/pyinit && ln -s ../lib/pyinit/launcher.sh /usr/local/bin/pyinit
ENTRYPOINT ["pyinit", "--"]
