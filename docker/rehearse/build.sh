#!/bin/sh
# Build the image of pyinit-rehearse: docker/rehearse/build.sh [NAME]. It needs the image `pyinit` (make image), and pip.
#
# Wheels are fetched here, for the Python of Debian 12, so that the build itself needs none of Python's indexes.
set -eu

name=${1:-pyinit-rehearse}
here=$(dirname "$(readlink -f "$0")")
root=$(dirname "$(dirname "$here")")
python=${PYTHON:-python3}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

docker image inspect pyinit >/dev/null 2>&1 || {
    echo "build: there is no image pyinit: make image" >&2
    exit 1
}
# The engine's machine, which need not be this one.
architecture=$(docker version --format '{{.Server.Arch}}')
case $architecture in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *)
        echo "build: the engine is for $architecture, and there is no static pyinit for that: only amd64, arm64" >&2
        exit 1
        ;;
esac
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$context/wheels" "$root"
# The libraries: those of the extra, without ourselves.
set -- --quiet --dest "$context/wheels" --only-binary :all: --implementation cp --python-version 3.11
for platform in manylinux2014 manylinux_2_28 manylinux_2_34 manylinux_2_17; do
    set -- "$@" --platform "${platform}_$machine"
done
"$python" -m pip download "$@" "$(echo "$context"/wheels/pyinit-*.whl)[rehearse]"
cp "$here/Dockerfile" "$context"
docker build --tag "$name" "$context"
