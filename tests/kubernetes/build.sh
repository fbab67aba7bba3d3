#!/bin/sh
# Build a Kubernetes node from Debian's packages, once, into a cache folder outside the repository.
#
# Debian has the source of Kubernetes with everything it needs (the package `kubernetes`, 1.20.2), and packages only
# kubectl of it. This builds kube-apiserver, kube-controller-manager, kube-scheduler, kubelet and kube-proxy with Debian's
# Go, and takes etcd and kubectl from their packages, unpacked: nothing of those is installed on the machine.
# What containers need (containerd, runc, the CNI plugins, iptables) is installed by apt, if it is not there.
#
# Takes 50 MB of download, 4 minutes of two idle cores (some more where they are shared), 1.6 GB of disk while it builds and 0.3 GB
# afterwards. A second call finds what the first has built and does nothing. Needs root for apt and Debian's repositories.
#
# Usage: build.sh [CACHE]     CACHE: ${PYINIT_KUBERNETES_CACHE:-${XDG_CACHE_HOME:-~/.cache}/pyinit/kubernetes}
set -eu
cache=${1:-${PYINIT_KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pyinit/kubernetes}}
programs="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy"
tags="providerless,dockerless"

is_built() {
    for name in $programs etcd kubectl pause; do
        [ -x "$cache/bin/$name" ] || return 1
    done
}

if ! is_built; then
    cat >&2 <<EOF
build.sh: builds Kubernetes from Debian's source into $cache: 4 minutes of two cores (more where they
build.sh: are shared), 50 MB of download, 1.6 GB of disk while it builds, 0.3 GB afterwards. Once: later calls find it there.
EOF
fi

missing=
for pair in containerd:containerd runc:runc iptables:iptables conntrack:conntrack go:golang-go gcc:gcc \
    dpkg-source:dpkg-dev; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -e /usr/lib/x86_64-linux-gnu/libc.a ] || [ -e /usr/lib/aarch64-linux-gnu/libc.a ] || missing="$missing libc6-dev"
[ -x /usr/lib/cni/bridge ] || missing="$missing containernetworking-plugins"
if [ -n "$missing" ]; then
    echo "build.sh: installs$missing" >&2
    # shellcheck disable=SC2086  # a list of packages
    apt-get update -q >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >&2
fi
is_built && exit 0

# apt with a sources file of its own: the machine's own lists may lack deb-src, and are left as they are.
mkdir -p "$cache/bin" "$cache/apt/parts" "$cache/apt/lists/partial" "$cache/src"
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
cat >"$cache/apt/parts/debian.sources" <<EOF
Types: deb deb-src
URIs: http://deb.debian.org/debian
Suites: $codename
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
apt() {
    apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$cache/apt/parts" \
        -o Dir::State::Lists="$cache/apt/lists" -o APT::Sandbox::User=root "$@"
}
apt update >&2
cd "$cache/src"
if [ ! -x "$cache/bin/etcd" ] || [ ! -x "$cache/bin/kubectl" ]; then
    apt download etcd-server kubernetes-client >&2
    for package in etcd-server_*.deb kubernetes-client_*.deb; do
        dpkg -x "$package" unpacked
    done
    cp unpacked/usr/bin/etcd unpacked/usr/bin/kubectl "$cache/bin/"
fi
set -- kubernetes-[0-9]*/
[ -d "$1" ] || apt source --only-source kubernetes >&2
set -- kubernetes-[0-9]*/
source=$cache/src/${1%/}
version=$(sed -n '1s/.*(\(.*really\)\{0,1\}\([0-9.]*\)-.*/\2/p' "$source/debian/changelog")

# The vendored sources are a GOPATH's, from before modules.
export GOPATH="$cache/go" GOCACHE="$cache/go-build" GO111MODULE=off GOFLAGS="" CGO_ENABLED=0
mkdir -p "$GOPATH/src/k8s.io"
ln -sfn "$source" "$GOPATH/src/k8s.io/kubernetes"
cd "$GOPATH/src/k8s.io/kubernetes"

# The one generated file that the source does not contain: the API's description, made by the vendored generator from
# every package that asks for it (build/root/Makefile.generated_files says which).
if [ ! -s pkg/generated/openapi/zz_generated.openapi.go ]; then
    nice -n 5 go build -p 2 -o "$cache/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    packages=$(grep -rl '^// *+k8s:openapi-gen=' --include='*.go' pkg cmd plugin staging/src/k8s.io |
        grep -v -e k8s.io/code-generator/ -e k8s.io/sample-apiserver/ -e _test.go |
        xargs -n1 dirname | sort -u | sed 's,^staging/src/,vendor/,; s,^,k8s.io/kubernetes/,' | paste -sd,)
    nice -n 5 "$cache/openapi-gen" --logtostderr -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi \
        -O zz_generated.openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
        -r "$cache/openapi-violations.report" --output-base "$GOPATH/src" >&2
fi

variables=
for package in k8s.io/client-go/pkg/version k8s.io/component-base/version; do
    for pair in "gitVersion=v$version" "gitMajor=${version%%.*}" "gitMinor=$(echo "$version" | cut -d. -f2)" \
        "buildDate=$(date -u +%Y-%m-%dT%H:%M:%SZ)"; do
        variables="$variables -X k8s.io/kubernetes/vendor/$package.$pair"
    done
done
for name in $programs; do
    [ -x "$cache/bin/$name" ] && continue
    echo "build.sh: $name ($(date +%T))" >&2
    nice -n 5 go build -p 2 -tags "$tags" -ldflags "-s -w$variables" -o "$cache/bin/$name.part" "./cmd/$name"
    mv "$cache/bin/$name.part" "$cache/bin/$name"
done
# What holds the namespaces of a pod; elsewhere it comes as an image.
gcc -Os -Wall -static -s "-DVERSION=v$version" -o "$cache/bin/pause" build/pause/linux/pause.c
# What was built stays; what it was built from is large, and one call brings it back.
rm -rf "$cache/go" "$cache/go-build" "$cache/src" "$cache/openapi-gen" "$cache/apt"
echo "build.sh: Kubernetes $version is in $cache/bin" >&2
