#!/bin/sh
# Install what the tests and benchmarks compare with and speak to, the other shells and inits among it, where that can be done:
# on Debian, as root.
# Elsewhere say what is missing; the tests that need it skip, and say so.
set -eu

# A program, and Debian's package of it.
wanted="dash:dash bash:bash busybox:busybox-static mksh:mksh ksh93:ksh93u+m zsh:zsh yash:yash posh:posh fish:fish
    tini:tini dumb-init:dumb-init catatonit:catatonit systemd-notify:systemd sudo:sudo gosu:gosu
    gawk:gawk multilog:daemontools svlogd:runit s6-log:s6 rotatelogs:apache2-utils
    haproxy:haproxy wrk:wrk strace:strace runsc:runsc gcc:build-essential node:nodejs npm:npm
    bsdtar:libarchive-tools man:man-db mandoc:mandoc groff:groff lintian:lintian shellcheck:shellcheck"
missing=
for pair in $wanted; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "prepare: not installed:$missing; some tests will be skipped" >&2
        exit 0
    fi
    echo "prepare: installing$missing" >&2
    # shellcheck disable=SC2086 # a list of words
    "$(dirname "$0")/../docker/static/install.sh" $missing
fi

cache=/var/tmp/pyinit-tests # as in tests/namespace.py

# Podman's generator of units, which Debian 12's Podman does not have yet; with the libraries of Debian 13, and not installed.
quadlet() {
    lists=$cache/apt
    mkdir -p $lists/lists/partial $lists/archives/partial $cache/debian13
    # The archive that this machine uses, one release on.
    ours=$(grep -rlE '^(URIs: .*|deb .*)(debian\.org|/debian)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)
    [ -n "$ours" ] || return 0
    next=$lists/$(basename "$ours")
    sed s/bookworm/trixie/g "$ours" >"$next"
    set -- -o Dir::State::Lists=$lists/lists -o Dir::State::status=/dev/null -o Dir::Cache=$lists \
        -o Dir::Cache::archives=$lists/archives -o Dir::Etc::sourcelist="$next" -o Dir::Etc::sourceparts=/dev/null \
        -o APT::Sandbox::User=root -o Acquire::Languages=none --quiet=2
    apt-get "$@" update >/dev/null
    (cd $lists && apt-get "$@" download podman libc6 libseccomp2 libgpgme11t64 libgpg-error0 libassuan9 libsubid5 libsystemd0 \
        libsqlite3-0) >/dev/null
    for archive in "$lists"/*.deb; do dpkg-deb -x "$archive" $cache/debian13; done
    rm -rf $lists
}
if [ ! -e $cache/debian13/usr/libexec/podman/quadlet ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "prepare: fetching quadlet into $cache" >&2
    quadlet
fi

# A server of gRPC that is no grpcio.
if [ ! -d $cache/node_modules/@grpc/grpc-js ] && command -v npm >/dev/null 2>&1; then
    echo "prepare: installing @grpc/grpc-js into $cache" >&2
    npm install --silent --no-fund --no-audit --prefix $cache @grpc/grpc-js >/dev/null
fi
