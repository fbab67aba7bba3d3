# Debian's programs in one image, for rehearsals: which one is started, and which fault was put in, the command decides.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends golang-go openjdk-17-jdk-headless && rm -rf /var/lib/apt/lists/*
COPY tests/rehearse/images/server.go tests/rehearse/images/Server.java /build/
RUN cd /build && CGO_ENABLED=0 GOCACHE=/tmp/go go build -o go-server server.go && javac Server.java

FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends \
        apache2 celery dumb-init gunicorn haproxy nginx-light nodejs openjdk-17-jre-headless php8.2-fpm postgresql \
        python3-flask python3-grpcio python3-starlette python3-websockets tini uvicorn \
        && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/go-server /build/*.class /app/
COPY tests/rehearse/images /app
WORKDIR /app
