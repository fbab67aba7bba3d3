#!/bin/sh
# Install Debian packages, as root: docker/static/install.sh PACKAGE...
#
# Where somebody else installs at the same moment it waits for that, for 5 minutes. DPkg::Lock::Timeout does so for dpkg's own lock;
# of its lists and archives apt has locks that it never waits for.
set -eu

patience=300 # seconds
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
said=$(mktemp)
trap 'rm -f "$said"' EXIT

apt() {
    waited=0
    until apt-get -o DPkg::Lock::Timeout=$patience --quiet=2 "$@" >/dev/null 2>"$said"; do
        if [ "$waited" -ge $patience ] || ! grep -q 'Could not get lock' "$said"; then
            cat "$said" >&2
            exit 100
        fi
        [ "$waited" != 0 ] || echo "install: waiting for another apt: $(grep -m 1 'Could not get lock' "$said")" >&2
        waited=$((waited + 2))
        sleep 2
    done
    cat "$said" >&2 # warnings
}

apt update
apt install --yes --no-install-recommends "$@"
