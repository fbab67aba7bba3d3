#!/bin/sh
# Install the programs of the table where that can be done: on Debian, as root, and what comes from PyPI and npm into a cache folder.
# Elsewhere say what is missing; the tests that need it skip, and say so.
# usage: prepare.sh [all]; without `all`, what the third of the table needs that runs in CI
set -eu
cd "$(dirname "$0")/../.."
which=${1:-third}
cache=/var/tmp/pyinit-menagerie # as in row.py

tests/prepare.sh
wanted() { python3 -m tests.menagerie.wanted "$1" "$which"; }

packages=$(wanted apt)
if [ -n "$packages" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "prepare: not installed: $packages; some tests will be skipped" >&2
    else
        echo "prepare: installing $packages" >&2
        # No daemon may start: each runs in a namespace of its test.
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod +x "$policy"
        fi
        # shellcheck disable=SC2086 # a list of words
        docker/static/install.sh --no-upgrade $packages
    fi
fi

packages=$(wanted pypi)
if [ -n "$packages" ]; then
    echo "prepare: installing into $cache/python: $packages" >&2
    [ -x $cache/python/bin/python ] || python3 -m venv $cache/python
    # shellcheck disable=SC2086 # a list of words
    $cache/python/bin/python -m pip install --quiet --disable-pip-version-check $packages
fi

packages=$(wanted npm)
if [ -n "$packages" ] && command -v npm >/dev/null 2>&1; then
    echo "prepare: installing into $cache/node: $packages" >&2
    # shellcheck disable=SC2086 # a list of words
    npm install --silent --no-fund --no-audit --prefix $cache/node $packages >/dev/null
fi
