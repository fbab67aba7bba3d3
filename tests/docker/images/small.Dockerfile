# A start script, a shell and an application that need no file but themselves: 3 MB, for engines of the tests' own and for
# containers with little memory. No init is in it.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc && rm -rf /var/lib/apt/lists/*
RUN apt-get update && apt-get install --yes --no-install-recommends busybox-static libc6-dev && rm -rf /var/lib/apt/lists/*
COPY tests/docker/images/app.c /build/
RUN mkdir -p /small/bin && cp /bin/busybox /small/bin && ln -s busybox /small/bin/sh && ln -s busybox /small/bin/sleep && \
    gcc -std=c11 -O2 -Wall -Wextra -Werror -static -s /build/app.c -o /small/bin/app

FROM scratch
COPY --from=build /small /
COPY tests/docker/images/small.sh /start.sh
CMD ["/start.sh"]
