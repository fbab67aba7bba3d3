# Not the static binary, but the Python program itself, on a Python that the image has anyway, and without pip.
FROM debian:bookworm-slim AS minimal
# The minimal Python has all that pyinit needs as PID 1. What it lacks is ctypes, by which one that is not PID 1 adopts orphans.
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*

FROM minimal AS sources
COPY pyinit /usr/local/lib/pyinit
# Without the tools that run outside of containers, with libraries which are not here: pyinit-check and pyinit-rehearse.
# Compiled now, because PID 1 should start fast and the root file system may be read-only later.
RUN cd /usr/local/lib/pyinit && rm -rf check rehearse && python3 -m compileall -q /usr/local/lib/pyinit

FROM minimal
COPY --from=sources /usr/local/lib/pyinit /usr/local/lib/pyinit
RUN ln -s ../lib/pyinit/launcher.sh /usr/local/bin/pyinit
COPY tests/app.py docker/examples/start.sh /app/
ENTRYPOINT ["/usr/local/bin/pyinit", "--"]
CMD ["/app/start.sh"]
