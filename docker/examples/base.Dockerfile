# A base image that mends all that are built on it, without a change to them: whatever their CMD, in either form, runs under
# pyinit. docker build -t pyinit-example/base -f docker/examples/base.Dockerfile .
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY --from=pyinit /pyinit /usr/local/bin/pyinit
SHELL ["/usr/local/bin/pyinit", "-c"]
ENTRYPOINT ["/usr/local/bin/pyinit", "--"]
