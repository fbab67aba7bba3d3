# A start script without exec: the shell stays, and stands between PID 1 and the application.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY --from=pyinit /pyinit /usr/local/bin/pyinit
COPY tests/app.py docker/examples/start.sh /app/
ENTRYPOINT ["/usr/local/bin/pyinit", "--"]
CMD ["/app/start.sh"]
