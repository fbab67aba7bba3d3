# A base image whose tini was replaced: those that are built on it go on calling it by the names of tini and dumb-init.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3-minimal && rm -rf /var/lib/apt/lists/*
COPY --from=pyinit /pyinit /usr/bin/tini
RUN ln -s tini /usr/bin/dumb-init && ln -s /usr/bin/tini /tini
