#!/bin/sh
# Provide what the Docker tests and comparisons need on Debian: the programs of ../prepare.sh, a Docker engine that answers,
# a base image, Podman, and crun beside runc. Does only what is missing, so it may be run again and again.
set -eu

base=debian:bookworm-slim
log=/var/log/dockerd.log

say() { echo "prepare: $*" >&2; }
fail() {
    say "$*"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
answers() { docker version >/dev/null 2>&1; }
must_be_root() { [ "$(id -u)" = 0 ] || fail "$1: run this as root"; }

install_missing() {
    "$(dirname "$0")/../prepare.sh"
    packages=
    have docker || packages="$packages docker.io"
    answers || have dockerd || packages="$packages docker.io"
    have podman || packages="$packages podman"
    have crun || packages="$packages crun"
    base_is_there || have mmdebstrap || packages="$packages mmdebstrap"
    [ -n "$packages" ] || return 0
    must_be_root "missing:$packages"
    say "installing$packages"
    # shellcheck disable=SC2086 # a list of words
    "$(dirname "$0")/../../docker/static/install.sh" $packages ca-certificates
}

# A file that names a process which is no more (the machine was stopped, or cloned) keeps the engine from starting, should
# its PID be somebody else's by now.
forget() {
    if [ -f "$1" ] && [ "$(cat "/proc/$(cat "$1")/comm" 2>/dev/null)" != "$2" ]; then rm -f "$1"; fi
}

start_engine() {
    ! answers || return 0
    must_be_root "no Docker engine answers"
    forget /var/run/docker.pid dockerd
    forget /var/run/docker/containerd/containerd.pid containerd
    # What `docker run --init` puts into a container. Debian's docker.io brings it as a link to tini-static.
    init=$(command -v docker-init || command -v tini-static) || fail "neither docker-init nor tini-static is here"
    say "starting dockerd, which writes to $log"
    # Detached from our streams: who reads them must see their end when this script ends.
    setsid dockerd --init-path "$init" </dev/null >>"$log" 2>&1 &
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 $! 2>/dev/null; then
            tail -n 20 "$log" >&2
            fail "dockerd does not answer"
        fi
        sleep 0.2
    done
}

base_is_there() { docker image inspect "$base" >/dev/null 2>&1; }

# From Debian's own archive, so that no registry is needed.
import_base() {
    ! base_is_there || return 0
    must_be_root "no image $base"
    say "making the image $base"
    archive=$(mktemp --suffix=.tar)
    trap 'rm -f "$archive"' EXIT
    mmdebstrap --quiet --variant=minbase bookworm "$archive"
    docker import "$archive" "$base" >/dev/null
}

install_missing
start_engine
import_base
say "ready: Docker $(docker version --format '{{.Server.Version}}')"
