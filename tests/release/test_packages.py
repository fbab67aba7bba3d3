"""The packages for Debian and Alpine: what lintian says, what they hold, and that they come and go without a trace."""

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
import zlib
from email.parser import Parser
from email.utils import parseaddr
from pathlib import Path
from typing import NamedTuple

import pytest
from docker import DockerClient

from pyinit import __version__
from tests.docker.engine import Contained
from tests.namespace import need
from tests.release import made
from tests.release.conftest import PIP

pytestmark = pytest.mark.timeout(made.PATIENCE)

EVERY = pytest.mark.parametrize("architecture", list(made.ARCHITECTURES))

#: Where both have what is beside the binary.
MANUAL, BASH, FISH = (
    "usr/share/man/man1/pyinit.1.gz",
    "usr/share/bash-completion/completions/pyinit",
    "usr/share/fish/vendor_completions.d/pyinit.fish",
)


def output(*words: str | Path) -> str:
    """What a program writes, which must succeed."""
    done = made.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- Debian ---


@EVERY
def test_lintian_has_nothing_to_say_of_weight(release: made.Release, architecture: str) -> None:
    need("lintian")
    done = made.run("lintian", "--allow-root", "--fail-on", "error,warning", release.deb(architecture))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_lintian_would_say_it(release: made.Release, tmp_path: Path) -> None:
    need("lintian")
    output("dpkg-deb", "--raw-extract", release.deb("amd64"), tmp_path / "root")
    (tmp_path / "root" / "usr" / "share" / "doc" / "pyinit" / "copyright").unlink()
    output("dpkg-deb", "--root-owner-group", "--build", tmp_path / "root", tmp_path / "pyinit_0_amd64.deb")
    done = made.run("lintian", "--allow-root", "--fail-on", "error,warning", tmp_path / "pyinit_0_amd64.deb")
    assert done.returncode != 0
    assert "no-copyright-file" in done.stdout


@EVERY
def test_the_package_for_debian_says_what_it_is_and_what_was_linked_in(release: made.Release, architecture: str) -> None:
    def field(name: str) -> str:
        return output("dpkg-deb", "--field", release.deb(architecture), name).strip()

    assert (field("Package"), field("Version"), field("Architecture")) == ("pyinit", __version__, architecture)
    assert field("Depends") == ""
    assert [word.split()[0] for word in field("Built-Using").split(", ")] == ["gcc-14", "glibc", "python3.13"]
    size = sum(member.size for member in deb_members(release.deb(architecture)))
    assert size / 1024 <= int(field("Installed-Size")) <= size / 1024 + 50


def deb_members(path: Path) -> list[tarfile.TarInfo]:
    """What a package for Debian holds."""
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return archive.getmembers()


@EVERY
def test_the_package_for_debian_holds_the_binary_and_all_that_belongs_to_it(
    release: made.Release, tmp_path: Path, architecture: str
) -> None:
    output("dpkg-deb", "--raw-extract", release.deb(architecture), tmp_path)
    documents = tmp_path / "usr" / "share" / "doc" / "pyinit"
    assert (tmp_path / "usr" / "bin" / "pyinit").read_bytes() == release.binary(architecture).read_bytes()
    assert gzip.decompress((tmp_path / MANUAL).read_bytes()).startswith(b'.\\" Made by')
    for place in (BASH, FISH, "usr/share/zsh/vendor-completions/_pyinit"):
        assert "pre-stop-delay" in (tmp_path / place).read_text()
    bill, licences = (gzip.decompress((documents / f"{name}.gz").read_bytes()) for name in ("pyinit.cdx.json", "licences.txt"))
    assert bill == release.bill(architecture).read_bytes()
    assert licences == (release.folder / "pyinit-linux-licences.txt").read_bytes()
    assert "License: Apache-2.0" in (documents / "copyright").read_text()
    owners = {(member.uid, member.gid, member.mode & 0o7022) for member in deb_members(release.deb(architecture))}
    assert owners == {(0, 0, 0)}, "all is root's, and nobody else may change it"


def test_dpkg_installs_it_and_takes_it_away_without_a_trace(debian: DockerClient, release: made.Release) -> None:
    package = release.deb(made.our_architecture())
    look = "find / -xdev -not -path '/var/lib/dpkg/*' -not -path '/var/log/*' | sort"
    line = (
        f"{look} >/dev/shm/before;"
        "dpkg --install /package.deb >/dev/null; dpkg --verify pyinit; dpkg --listfiles pyinit | grep -c bin/pyinit;"
        "pyinit --version; pyinit -- sh -c 'exit 7' || echo $?;"
        "dpkg --purge pyinit >/dev/null;"
        f"{look} | diff /dev/shm/before - || exit; dpkg --status pyinit 2>/dev/null || echo gone"
    )
    volumes = {str(package): {"bind": "/package.deb", "mode": "ro"}}
    with Contained(debian, PIP, ["sh", "-c", line], volumes=volumes) as container:
        assert container.wait() == 0, container.stderr
        one, version, status, end = container.stdout.splitlines()
    assert (one, version.split()[:2], status, end) == ("1", ["pyinit", __version__], "7", "gone")


# --- Alpine ---


class Apk(NamedTuple):
    """A package for Alpine, read by the rules of its format."""

    information: dict[str, str]
    control: list[tarfile.TarInfo]
    members: list[tarfile.TarInfo]
    contents: dict[str, bytes]


def read(data: bytes) -> Apk:
    """Read a package for Alpine as apk does: gzip streams, of which the data stream is the last; all together one archive."""
    streams, rest = [], data
    while rest:
        one = zlib.decompressobj(zlib.MAX_WBITS | 16)
        text = one.decompress(rest)
        assert one.eof
        streams.append((rest[: len(rest) - len(one.unused_data)], text))
        rest = one.unused_data
    (_, control), (compressed, archive) = streams
    with tarfile.open(fileobj=io.BytesIO(control + archive)) as whole:
        members = whole.getmembers()
        contents = {member.name: file.read() for member in members if (file := whole.extractfile(member)) is not None}
    information = contents.pop(".PKGINFO").decode()
    fields = dict(line.split(" = ", 1) for line in information.splitlines() if not line.startswith("#"))
    assert fields["datahash"] == hashlib.sha256(compressed).hexdigest()
    assert control[-512:] != bytes(512), "an end of the archive in the first stream would hide the second one"
    hidden = [member for member in members if member.name.startswith(".")]
    return Apk(fields, hidden, [member for member in members if member not in hidden], contents)


@EVERY
def test_the_package_for_alpine_keeps_to_the_format(release: made.Release, architecture: str) -> None:
    package = read(release.apk(architecture).read_bytes())
    assert [member.name for member in package.control] == [".PKGINFO"]
    assert package.members[0].name == "usr", "folders come before what is in them"
    places = [member.name for member in package.members]
    assert all(str(Path(place).parent) in (".", *places[:at]) for at, place in enumerate(places))
    for member in package.members:
        assert (member.uid, member.gid, member.uname, member.mode & 0o7022) == (0, 0, "root", 0)
        digest = hashlib.sha1(package.contents[member.name], usedforsecurity=False).hexdigest() if member.isfile() else None
        assert member.pax_headers.get("APK-TOOLS.checksum.SHA1") == digest
    assert int(package.information["size"]) == sum(map(len, package.contents.values()))


@EVERY
def test_the_package_for_alpine_says_what_it_is(release: made.Release, architecture: str) -> None:
    told = read(release.apk(architecture).read_bytes()).information
    assert (told["pkgname"], told["pkgver"]) == ("pyinit", f"{__version__}-r0")
    assert told["arch"] == made.ARCHITECTURES[architecture]
    licences = "Apache-2.0 AND (GPL-3.0-or-later WITH GCC-exception-3.1) AND LGPL-2.1-or-later AND Python-2.0.1"
    assert told["license"] == licences
    assert int(told["builddate"]) > 1_600_000_000
    assert "depend" not in told


@EVERY
def test_the_package_for_alpine_holds_the_binary_and_what_is_beside_it(release: made.Release, architecture: str) -> None:
    package = read(release.apk(architecture).read_bytes())
    assert package.contents["usr/bin/pyinit"] == release.binary(architecture).read_bytes()
    executable = [member.name for member in package.members if member.isfile() and member.mode & 0o111]
    assert executable == ["usr/bin/pyinit"]
    assert {MANUAL, BASH, FISH, "usr/share/zsh/site-functions/_pyinit"} <= package.contents.keys()


@EVERY
def test_another_reader_of_archives_finds_the_same_in_the_package_for_alpine(
    release: made.Release, tmp_path: Path, architecture: str
) -> None:
    """libarchive, of which apk shares nothing: two streams are one archive, and the PAX headers are no files."""
    need("bsdtar")
    output("bsdtar", "-xpf", release.apk(architecture), "-C", tmp_path)
    package = read(release.apk(architecture).read_bytes())
    found = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*")}
    assert found.keys() == {".PKGINFO", *(member.name for member in package.members)}
    for member in package.members:
        assert found[member.name].stat().st_mode & 0o7777 == member.mode
        assert found[member.name].is_dir() == member.isdir()
        if member.isfile():
            assert found[member.name].read_bytes() == package.contents[member.name]


def test_all_packages_name_one_maintainer_and_no_address_on_the_web_that_is_not_ours(release: made.Release) -> None:
    with zipfile.ZipFile(release.pure) as wheel:
        told = Parser().parsestr(wheel.read(f"pyinit-{__version__}.dist-info/METADATA").decode())
    assert told["Maintainer"] == "pyinit maintainers"
    assert told.get_all("Project-URL", []) == []
    packaged = {read(release.apk(architecture).read_bytes()).information["packager"] for architecture in made.ARCHITECTURES}
    packaged |= {
        output("dpkg-deb", "--field", release.deb(architecture), "Maintainer").strip() for architecture in made.ARCHITECTURES
    }
    assert {parseaddr(one)[0] for one in packaged} == {told["Maintainer"]}
    assert {parseaddr(one)[1].endswith(".example") for one in packaged} == {True}, "nobody's, until there is one"


def test_the_program_of_the_package_for_alpine_runs_with_nothing_else_around_it(release: made.Release, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("chroot(2) is for root")
    output("tar", "--warning=no-unknown-keyword", "-xzf", release.apk(made.our_architecture()), "-C", tmp_path)
    assert output("chroot", tmp_path, "/usr/bin/pyinit", "--version").startswith(f"pyinit {__version__} ")


@pytest.mark.parametrize("kind", ["deb", "apk"])
def test_a_package_with_another_binary_is_no_release(release: made.Release, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "copied"
    folder.mkdir()
    for path in release.folder.iterdir():
        (folder / path.name).hardlink_to(path)
    copied = made.Release(folder, "")
    damaged = copied.deb("amd64") if kind == "deb" else copied.apk("amd64")
    other = (release.deb("arm64") if kind == "deb" else release.apk("arm64")).read_bytes()
    damaged.unlink()
    damaged.write_bytes(other)
    sums = output("sha256sum", *sorted(path for path in folder.iterdir() if path.name != made.SUMS)).replace(f"{folder}/", "")
    (folder / made.SUMS).unlink()
    (folder / made.SUMS).write_text(sums)
    done = made.run(sys.executable, made.STATIC / "verify.py", folder, __version__)
    assert done.returncode != 0
    assert f"{damaged.name} says that it is" in done.stderr
