# Other inits beside pyinit, to be compared on the same start script; each is chosen by the command.
FROM pyinit-example/app
RUN apt-get update && apt-get install --yes --no-install-recommends tini dumb-init catatonit && rm -rf /var/lib/apt/lists/*
ENTRYPOINT []
