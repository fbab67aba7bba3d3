# A HEALTHCHECK for Docker, Compose and Swarm, without curl: it asks pyinit, and pyinit asks the application (PYINIT_READY; as a rule
# that is http://127.0.0.1:8080/healthz). During a stop it is unhealthy at once, unless PYINIT_UNREADY_AT=signal.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY --from=pyinit /pyinit /usr/local/bin/pyinit
COPY tests/app.py docker/examples/slow-start.sh /app/
ENV PYINIT_READY=file:/tmp/ready PYINIT_READY_INTERVAL=500ms PYINIT_START_TIMEOUT=30
HEALTHCHECK --interval=1s --timeout=2s --start-period=30s --retries=2 CMD ["pyinit", "--probe", "pyinit"]
ENTRYPOINT ["/usr/local/bin/pyinit", "--"]
CMD ["/app/slow-start.sh"]
