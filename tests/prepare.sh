#!/bin/sh
# Install what the tests and benchmarks compare with and speak to, the other shells and inits among it, where that can be done:
# on Debian, as root.
# Elsewhere say what is missing; the tests that need it skip, and say so.
set -eu

missing=
for pair in dash:dash bash:bash busybox:busybox-static tini:tini dumb-init:dumb-init catatonit:catatonit haproxy:haproxy gcc:build-essential \
    systemd-notify:systemd strace:strace wrk:wrk; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "prepare: not installed:$missing; some tests will be skipped" >&2
    exit 0
fi
echo "prepare: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
# shellcheck disable=SC2086 # a list of words
apt-get install --quiet=2 --yes --no-install-recommends $missing >/dev/null
