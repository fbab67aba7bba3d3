#!/bin/sh
# Make all that a release consists of: docker/static/release.sh [FOLDER]
#
# For each architecture a static binary, its bill of materials, a wheel whose script it is, and packages for Debian and Alpine that
# hold it; the licences of what is linked into them; a wheel for all others, the source distribution, and SHA256SUMS. FOLDER then holds one release and nothing of an older one. Nothing is put there before all of it
# has been made and verified. Two runs on one commit, with the same packages installed, give the same bytes.
#
# For Debian 12, as build.sh. PYTHON is one that has the project's extra `dev`; by default that of `make`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
folder=${1:-$root/dist}

# Of when this is: wheels and bills carry the time of the commit, not that of the build.
date_of_commit() {
    git -C "$root" log -1 --format=%ct 2>/dev/null || {
        echo "release: no commit to take the time from; set SOURCE_DATE_EPOCH" >&2
        exit 1
    }
}

# What keeps this from being a release, if anything does; it is built all the same.
tell_state() {
    if ! git -C "$root" rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
        echo "no release: built outside a git checkout"
    elif [ -n "$(git -C "$root" status --porcelain)" ]; then
        echo "no release: there are changes that are not committed"
    elif [ "$(git -C "$root" describe --exact-match --tags --match "v$version" 2>/dev/null)" != "v$version" ]; then
        echo "no release: commit $(git -C "$root" rev-parse --short HEAD) is not tagged v$version"
    else
        echo "release v$version, commit $(git -C "$root" rev-parse --short HEAD)"
    fi
}

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date_of_commit)}
export SOURCE_DATE_EPOCH
unset PYINIT_BINARY
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$root/pyinit/__init__.py")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made=$work/made
mkdir "$made"
umask 022

# Run a tool, which is heard only where it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
}

# The copyright files of what is linked in, and the licences to which these merely point: they want to be handed on with the binaries.
tell_licences() {
    cmp "$made"/*.licences >&2 # the packages are the same, whatever the architecture
    cat "$made/pyinit-linux-amd64.licences"
    for licence in LGPL-2.1 GPL-3; do
        printf '==== /usr/share/common-licenses/%s\n\n' "$licence"
        cat "/usr/share/common-licenses/$licence"
        echo
    done
}

# The wheel for all is built from the source distribution, which so proves to be complete.
quietly "$python" -m build --no-isolation --outdir "$made" "$root"
for architecture in amd64 arm64; do
    binary=$made/pyinit-linux-$architecture
    "$here/build.sh" "$architecture" "$made" >/dev/null
    "$python" "$here/sbom.py" "$binary" >"$binary.cdx.json"
done
tell_licences >"$made/pyinit-linux-licences.txt"
rm "$made"/*.inside "$made"/*.licences "$made"/*.sha256 # of which the bills of materials and SHA256SUMS tell
for binary in "$made"/pyinit-linux-*64; do
    quietly env PYINIT_BINARY="$binary" "$python" -m build --wheel --no-isolation --outdir "$made" "$root"
    "$python" "$here/../packages/deb.py" "$binary" "$made"
    "$python" "$here/../packages/apk.py" "$binary" "$made"
done
(cd "$made" && LC_ALL=C sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
quietly "$python" -m twine --no-color check --strict "$made"/*.whl "$made"/*.tar.gz
"$python" "$here/verify.py" "$made" "$version"

mkdir -p "$folder"
rm -f "$folder"/pyinit-linux-* "$folder"/pyinit-*.whl "$folder"/pyinit-*.tar.gz "$folder"/pyinit_*.deb "$folder"/pyinit-*.apk \
    "$folder/SHA256SUMS"
mv "$made"/* "$folder"
tell_state
