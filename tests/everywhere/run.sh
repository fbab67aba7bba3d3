#!/bin/sh
# Run tests on fresh Debians, each with the Python that it has, as root and as an ordinary user:
#
#     tests/everywhere/run.sh [bookworm] [trixie] [sid] [-- pytest's words]
#
# As root, with mmdebstrap. Without names: bookworm (Python 3.11) and trixie (3.13). Without words for pytest: the unit and the
# live suite, from source. A Debian has make, a Python and what Python's packages need, and nothing that tests/prepare.sh installs,
# unless PREPARE=1 is set: so it also shows that what is missing is skipped, and said. USERS="root" runs it as root alone.
#
# The last line for each is pytest's own count, and above it stand the reasons of what was skipped, each with its count. Pythons
# 3.10, 3.12 and 3.14 are in no Debian that is a release; where a machine has them (in /usr/bin, /usr/local/bin, pyenv), the tests
# that are for every interpreter find them there (tests/live/interpreters.py).
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
cache=/var/tmp/pyinit-everywhere
certificates=/etc/ssl/certs/ca-certificates.crt
packages=ca-certificates,gcc,git,iproute2,libc6-dev,make,procps,python3,python3-dev,python3-venv

fail() {
    echo "everywhere: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "this makes root file systems: run it as root"
command -v mmdebstrap >/dev/null 2>&1 || fail "mmdebstrap is missing: apt-get install mmdebstrap"

suites=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    suites="$suites $1"
    shift
done
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- tests/unit tests/live

# A file system of a suite, made once.
make_root() {
    [ ! -e "$cache/$1/etc/debian_version" ] || return 0
    mkdir -p "$cache"
    rm -rf "${cache:?}/$1.new"
    mmdebstrap --quiet --variant=minbase --include=$packages "$1" "$cache/$1.new" >/dev/null || fail "no $1 could be made"
    chroot "$cache/$1.new" useradd --create-home --shell /bin/bash tester
    mv "$cache/$1.new" "$cache/$1"
}

# What this checkout has, without what git does not know.
copy_checkout() {
    rm -rf "${1:?}$2"
    mkdir -p "$1$2"
    (cd "$here" && git ls-files -z | tar --null --files-from=- --create --file=-) | tar --extract --no-same-owner --directory="$1$2"
    chroot "$1" chown -R "$3:$3" "$2"
}

# Run a line in a file system as it is seen by a container: with a /proc, a /dev and PIDs of its own, and no chroot(2), within which
# nobody may make a user namespace (unshare(2), EPERM).
within() {
    root=$1 user=$2 line=$3
    shift 3
    mkdir -p "$root/old"
    cp --dereference /etc/resolv.conf /etc/hosts "$root/etc/"
    # Where this machine has its packages from, and whom it trusts.
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/"
    [ ! -e $certificates ] || cp --dereference $certificates "$root$certificates"
    # shellcheck disable=SC2016 # for the shell within
    unshare --mount --pid --fork --kill-child --propagation private sh -euc '
        root=$1 user=$2 line=$3
        shift 3
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/tmp"
        cd "$root"
        pivot_root . old
        umount --lazy /old
        cd /
        # A background job of a script ignores SIGINT and SIGQUIT, and so would all that is tested.
        exec setpriv --reuid="$user" --regid="$user" --init-groups --reset-env env --default-signal $WITH bash -euc "$line" bash "$@"
    ' sh "$root" "$user" "$line" "$@"
}

WITH="PIP_CERT=$certificates $(env | grep -E '^(PIP_INDEX_URL|PIP_TRUSTED_HOST|https?_proxy|HTTPS?_PROXY|NO_PROXY|no_proxy)=' | tr '\n' ' ' || true)"
export WITH

status=0
for suite in ${suites:-bookworm trixie}; do
    make_root "$suite"
    if [ "${PREPARE:-}" = 1 ]; then
        copy_checkout "$cache/$suite" /root/pyinit root
        within "$cache/$suite" root 'cd /root/pyinit && tests/prepare.sh'
    fi
    for user in ${USERS:-root tester}; do
        home=$(chroot "$cache/$suite" sh -c "echo ~$user")
        copy_checkout "$cache/$suite" "$home/pyinit" "$user"
        echo "== $suite as $user: $(chroot "$cache/$suite" python3 --version)"
        # shellcheck disable=SC2016 # for the shell within
        within "$cache/$suite" "$user" 'cd ~/pyinit
            make --silent .venv/ready
            TEST_FORMS=source .venv/bin/python -m pytest --numprocesses 2 --timeout 120 --quiet -rsfE "$@"
            exit 0 # so that bash stays PID 1 here, and reaps: pytest would not' "$@" || status=1
    done
done
exit $status
