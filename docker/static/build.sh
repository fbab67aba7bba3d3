#!/bin/sh
# Build the static binary on Debian 12: docker/static/build.sh [amd64|arm64] [FOLDER]
#
# Makes FOLDER/pyinit-linux-ARCH and, beside it, .sha256, .inside: which libraries of which Debian packages were linked in, and
# .licences: their copyright files.
# STRIP=--strip-debug leaves the names of functions in, for a profile. See docs/static.md for what is done here.
# What is missing of the compiler is installed (as root). The libraries are those of Debian 13; they are unpacked here and not installed,
# so that they change nothing about this machine, whatever the target is. Two builds of one commit with the same packages give the same bytes; the time
# of the file is SOURCE_DATE_EPOCH, where that is set.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
package=$here/../../pyinit
target=${1:-$(dpkg --print-architecture 2>/dev/null || echo none)}
folder=${2:-dist}
version=3.13 # whose private interfaces make.c and others use
suite=trixie # which has it
libgcc=14    # the version of the compiler there
strip=${STRIP:---strip-all}

fail() {
    echo "build: $*" >&2
    exit 1
}

case $target in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) fail "no such architecture: $target; give amd64 or arm64, on Debian 12" ;;
esac

# What runs programs of the target: the binary runs once while it is built.
emulator=
[ "$target" = "$(dpkg --print-architecture)" ] || emulator=qemu-$(echo $triplet | cut -d- -f1)-static

install_missing() {
    wanted=
    if [ "$target" = "$(dpkg --print-architecture)" ]; then
        command -v $triplet-gcc >/dev/null || wanted="$wanted gcc"
    else
        command -v $triplet-gcc >/dev/null || wanted="$wanted gcc-$(echo $triplet | tr _ -)"
        command -v "$emulator" >/dev/null || wanted="$wanted qemu-user-static"
    fi
    [ -n "$wanted" ] || return 0
    [ "$(id -u)" = 0 ] || fail "missing:$wanted; install them, or run this as root"
    # shellcheck disable=SC2086 # a list of words
    "$here/install.sh" $wanted
}

# Download packages for an architecture and unpack them in a folder: fetch ARCHITECTURE FOLDER PACKAGE... By an apt that keeps its lists
# to itself.
fetch() {
    architecture=$1 root=$2
    shift 2
    lists=$work/apt-$architecture
    mkdir -p "$lists/lists/partial" "$lists/archives/partial" "$root"
    # Only Debian's own: others that this machine may have serve other architectures, or none.
    own=$(grep -rlE '^(URIs: .*|deb .*)(debian\.org|/debian)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)
    [ -n "$own" ] || fail "no Debian archive in /etc/apt/sources.list.d"
    sources=$lists/$(basename "$own")
    sed "s/$(. /etc/os-release && echo "$VERSION_CODENAME")/$suite/g" "$own" >"$sources"
    (
        cd "$lists"
        apt() {
            apt-get -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" -o Dir::State::Lists="$lists/lists" \
                -o Dir::State::status=/dev/null -o Dir::Cache="$lists" -o Dir::Cache::archives="$lists/archives" \
                -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Dir::Etc::sourcelist="$sources" \
                -o Dir::Etc::sourceparts=/dev/null --quiet=2 "$@" >/dev/null
        }
        apt update
        apt download "$@" || fail "$* cannot be had for $architecture"
    )
    for archive in "$lists"/*.deb; do
        dpkg-deb -x "$archive" "$root"
    done
}

# The target's libraries, and this machine's Python of the same version, which freezes our modules and needs to be run from where it is.
fetch_libraries() {
    fetch "$target" "$work/root" "libpython$version-dev" "libpython$version-minimal" libc6-dev linux-libc-dev "libgcc-$libgcc-dev" \
        "gcc-$libgcc-base"
    for archive in "$work/apt-$target"/*.deb; do
        dpkg-deb -c "$archive" |
            sed -n "s#^-.* \./#$(dpkg-deb -f "$archive" Package) $(dpkg-deb -f "$archive" Version) #p" >>"$work/owners"
    done
    rm -rf "$work"/apt-*
    fetch "$(dpkg --print-architecture)" "$work/host" "python$version-minimal" "libpython$version-minimal" libc6 libexpat1 zlib1g
}

# Run that Python. Debian's loaders have other names and folders on each architecture.
run_python() {
    loader=$(find "$work/host/usr" -name 'ld-linux-*.so.*' | head -n 1)
    folders=$(find "$work/host/usr/lib" -maxdepth 1 -name '*-linux-gnu')
    env -i PYTHONHOME="$work/host/usr" PYTHONHASHSEED=0 "$loader" --library-path "$folders" "$work/host/usr/bin/python$version" -S "$@"
}

compile() {
    run_python -X no_debug_ranges "$here/freeze.py" "$package" "$here/start.py" >"$work/modules"
    include=$work/root/usr/include
    library=$work/root/usr/lib/python$version/config-$version-$triplet/libpython$version.a
    # Not position-independent: without relocations the kernel maps the file, and what was made at build time keeps its addresses.
    for source in main revive fail module make immortal unneeded plain rest sleep heap snapshot; do
        $triplet-gcc -std=c11 -O2 -Wall -Wextra -Werror -fno-pie -ffile-prefix-map="$here"=. -ffile-prefix-map="$work"=. \
            -nostdinc -isystem "$($triplet-gcc -print-file-name=include)" -isystem "$include/python$version" -isystem "$include/$triplet" \
            -isystem "$include" -c "$here/$source.c" -o "$work/$source.o"
    done
    # The table of rest.c behind all others, not between variables that would share their pages without it.
    $triplet-objcopy --rename-section .bss=table "$work/rest.o"
    # 300 KiB of constants are there to make the interpreter a second time, in one process; so they are left zero.
    (cd "$work" && $triplet-ar x "$library" pystate.o)
    $triplet-objcopy --remove-relocations=.rodata --rename-section .rodata=untouched,alloc "$work/pystate.o"
    # libpython with a memory of its own (heap.c), with all of its variables in one section, and without what unwinds the stack, and
    # without the constructor that mimalloc, which is not used, has run before main().
    $triplet-ld -r -d --trace --wrap=_PyMem_init_obmalloc -T "$here/joined.ld" "$work/main.o" "$work/revive.o" "$work/fail.o" \
        "$work/module.o" "$work/make.o" "$work/immortal.o" "$work/unneeded.o" "$work/pystate.o" "$library" -o "$work/joined.o" >"$work/trace"
    $triplet-objcopy --redefine-sym malloc=heap_malloc --redefine-sym calloc=heap_calloc --redefine-sym realloc=heap_realloc \
        --redefine-sym free=heap_free --remove-section=.eh_frame --remove-section=.rela.eh_frame \
        --remove-section=.init_array --remove-section=.rela.init_array "$work/joined.o"
    # The C library's, too: there is one thread, which nobody cancels. 90 KiB less.
    $triplet-objcopy --remove-section=.eh_frame --remove-section=.rela.eh_frame "$work/root/usr/lib/$triplet/libc.a"
    link_with 16777216 >>"$work/trace"
    : >"$work/plan"
    for until in start start start start stop stop wake wake script script trap trap; do
        plan_by $until
    done
    tries=0
    until size=$(make_interpreter 2>"$work/complaints"); do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || fail "the interpreter cannot be made by any plan: $(cat "$work/complaints")"
        plan_by settled
    done
    link_with "$size" >/dev/null
    make_interpreter >/dev/null
    mv "$work/pyinit" "$work/once"
    make_interpreter >/dev/null
    cmp "$work/pyinit" "$work/once" || fail "two runs make two different interpreters: something of a process is in them"
    $triplet-strip "$strip" "$work/pyinit"
}

# Link with a heap of so many bytes for the interpreter.
link_with() {
    own=$work/root/usr/lib
    $triplet-gcc -static -no-pie --sysroot="$work/root" -B"$own/$triplet" -B"$own/gcc/$triplet/$libgcc" -Wl,--build-id=none \
        -Wl,--wrap=posix_spawn -Wl,--wrap=__register_frame_info -Wl,--wrap=__deregister_frame_info -Wl,-z,relro,-z,now \
        -Wl,--trace -Wl,--defsym=heap_bytes="$1" -Wl,-T,"$here/snapshot.ld" \
        "$work/joined.o" "$work/plain.o" "$work/rest.o" "$work/sleep.o" "$work/heap.o" "$work/snapshot.o" -lm -o "$work/unmade"
}

# The binary says what it is, and runs a command to its end.
try_it() {
    wanted="pyinit $(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$package/__init__.py")"
    told=$(env -i $emulator "$work/pyinit" --version) || fail "--version ends with status $?"
    [ "$(echo "$told" | cut -d ' ' -f 1-2)" = "$wanted" ] || fail "it is not $wanted, it says: $told"
    status=0
    env -i $emulator "$work/pyinit" --subreaper=no -- /bin/sh -c 'exit 7' </dev/null || status=$?
    [ "$status" = 7 ] || fail "a command that ends with 7 makes it end with $status"
}

# Run what was linked: it makes the interpreter by the plan, and then what it is told.
run_unmade() {
    env -i $emulator "$work/unmade" "$work/modules" "$work/plan" "$@" </dev/null
}

# Make a better plan.
plan_by() {
    run_unmade "$1" "$work/new-plan"
    mv "$work/new-plan" "$work/plan"
}

# Make the interpreter, and write it into a copy of what was linked. Tells how many bytes of its heap that took.
make_interpreter() {
    cp "$work/unmade" "$work/pyinit"
    run_unmade "$work/pyinit"
}

# What the linker took, as "library package version".
tell_inside() {
    grep -oE '^/[^ ()]+\.(a|o)' "$work/trace" | grep -v "^$work/[a-z]*\.o$" | while read -r path; do
        path=$(readlink -f "$path")
        owner=$(grep " ${path#"$work/root/"}$" "$work/owners" | cut -d' ' -f1,2) || fail "whose is $path, which was linked in?"
        echo "$(basename "$path") $owner"
    done | sort -u
}

# The copyright files of the packages that a .inside names, which the licences want to be handed on with the binary.
tell_licences() {
    cut -d ' ' -f 2 "$1" | LC_ALL=C sort -u | while read -r package; do
        of=$package
        case $package in
        libpython*) of=libpython$version-minimal ;; # of the same source
        esac
        printf '==== %s\n\n' "$package"
        cat "$work/root/usr/share/doc/$of/copyright"
        echo
    done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
install_missing
fetch_libraries
compile
try_it
mkdir -p "$folder"
name=pyinit-linux-$target
install -m 755 "$work/pyinit" "$folder/$name"
[ -z "${SOURCE_DATE_EPOCH:-}" ] || touch --date="@$SOURCE_DATE_EPOCH" "$folder/$name"
tell_inside >"$folder/$name.inside"
tell_licences "$folder/$name.inside" >"$folder/$name.licences"
(cd "$folder" && sha256sum "$name" | tee "$name.sha256")
