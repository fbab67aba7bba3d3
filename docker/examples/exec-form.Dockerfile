# The exec form, where Docker leaves variables as they are: with --expand-env they are expanded, and still without a shell.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY --from=pyinit /pyinit /usr/local/bin/pyinit
COPY tests/app.py /app/
ENV STATUS=7
ENTRYPOINT ["/usr/local/bin/pyinit", "--expand-env", "--"]
CMD ["python3", "/app/app.py", "--status", "${STATUS}", "--drain", "${DRAIN:-0.4}"]
