# Docker makes /bin/sh -c "..." of this CMD, and Debian's dash stays between PID 1 and the application.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY --from=pyinit /pyinit /usr/local/bin/pyinit
COPY tests/app.py /app/
ENV STATUS=7
ENTRYPOINT ["/usr/local/bin/pyinit", "--"]
CMD python3 /app/app.py --status ${STATUS}
