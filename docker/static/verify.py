"""Verify that a folder holds one complete release, all of one version, and print what there is.

    python verify.py FOLDER VERSION

Nothing is taken from the build: this looks at the files as somebody does who has downloaded them.
"""

import gzip
import hashlib
import io
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from email.parser import BytesParser
from pathlib import Path

from hatch_build import PLATFORMS, machine

#: The architectures as Debian and the binaries have it, and as pip does.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}

SUMS = "SHA256SUMS"


def demand(right: object, message: str) -> None:
    """Leave with a message where something is not as it has to be."""
    if not right:
        raise SystemExit(f"verify: {message}")


def wheel_name(version: str, architecture: str | None) -> str:
    """The name of a wheel: for an architecture as pip calls it, or for all."""
    tags = ".".join(f"{platform}_{architecture}" for platform in PLATFORMS) if architecture else "any"
    return f"pyinit-{version}-py3-none-{tags}.whl"


def verify_sums(folder: Path) -> dict[str, str]:
    """SHA256SUMS names all files but itself, and tells of each what it has; returned by name."""
    lines = (folder / SUMS).read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != SUMS}
    demand(told == found, f"{SUMS} differs from the files: {sorted(told.items() ^ found.items())}")
    return found


def verify_binary(path: Path, version: str, architecture: str) -> None:
    """A static program for its architecture, and of the right version where it can be run, here or under QEMU."""
    demand(machine(path.read_bytes()) == architecture, f"{path.name} is not for {architecture}")
    emulator = shutil.which(f"qemu-{architecture}-static")
    if platform.machine() != architecture and emulator is None:
        print(f"verify: {path.name} was not run: there is no qemu-{architecture}-static", file=sys.stderr)
        return
    words = [str(path), "--version"] if platform.machine() == architecture else [str(emulator), str(path), "--version"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    demand(said.split()[:2] == ["pyinit", version], f"{path.name} is {said!r}")


def verify_bill(path: Path, version: str, digest: str) -> None:
    """A valid bill of materials, of this version and of the binary with this SHA-256."""
    from cyclonedx.schema import SchemaVersion  # this and the next take a second, which a damaged folder is not worth
    from cyclonedx.validation.json import JsonStrictValidator

    text = path.read_text()
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    demand(fault is None, f"{path.name}: {fault}")
    root = json.loads(text)["metadata"]["component"]
    demand(root["version"] == version, f"{path.name} is of version {root['version']}")
    demand(root["hashes"] == [{"alg": "SHA-256", "content": digest}], f"{path.name} is of another binary")


def verify_wheel(path: Path, version: str, script: bytes) -> dict[str, bytes]:
    """An intact wheel of this version with this script; its package and what goes beside the script are returned, by name."""
    with zipfile.ZipFile(path) as archive:
        demand(archive.testzip() is None, f"{path.name} is damaged")
        metadata = BytesParser().parsebytes(archive.read(f"pyinit-{version}.dist-info/METADATA"))
        demand(metadata["Version"] == version, f"{path.name} is of version {metadata['Version']}")
        place = f"pyinit-{version}.data/scripts/pyinit"
        demand(archive.read(place) == script, f"{path.name} has another script")
        demand(archive.getinfo(place).external_attr >> 16 & 0o777 == 0o755, f"the script of {path.name} is not executable")
        beside = f"pyinit-{version}.data/data/"
        return {
            name.removeprefix(beside): archive.read(name) for name in archive.namelist() if name.startswith(("pyinit/", beside))
        }


def contents(archive: tarfile.TarFile) -> dict[str, bytes]:
    """The files of a tar archive, by name."""
    files = {member.name.removeprefix("./"): archive.extractfile(member) for member in archive if member.isfile()}
    return {name: file.read() for name, file in files.items() if file is not None}


def verify_deb(path: Path, version: str, architecture: str, binary: bytes) -> dict[str, bytes]:
    """A package for Debian, of this version and with this binary; its files are returned, by name."""
    words = ["dpkg-deb", "--show", "--showformat", "${Package} ${Version} ${Architecture}", str(path)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    demand(told == f"pyinit {version} {architecture}", f"{path.name} says that it is {told}")
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        demand(all((member.uid, member.gid) == (0, 0) for member in archive), f"not all of {path.name} is root's")
        found = contents(archive)
    demand(found["usr/bin/pyinit"] == binary, f"{path.name} has another binary")
    return found


def streams(data: bytes) -> list[bytes]:
    """The gzip streams that stand one behind the other, still compressed."""
    found = []
    while data:
        one = zlib.decompressobj(zlib.MAX_WBITS | 16)
        one.decompress(data)
        found.append(data[: len(data) - len(one.unused_data)])
        data = one.unused_data
    return found


def verify_apk(path: Path, version: str, architecture: str, binary: bytes) -> dict[str, bytes]:
    """A package for Alpine, of this version and with this binary; its files are returned, by name."""
    control, data = streams(path.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(control) + bytes(1024))) as archive:
        [(name, information)] = contents(archive).items()
    fields = dict(line.split(" = ", 1) for line in information.decode().splitlines())
    told = f"{name} {fields['pkgname']} {fields['pkgver']} {fields['arch']}"
    demand(told == f".PKGINFO pyinit {version}-r0 {architecture}", f"{path.name} says that it is {told}")
    demand(fields["datahash"] == hashlib.sha256(data).hexdigest(), f"{path.name} does not have the data of which it tells")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            digest = None if file is None else hashlib.sha1(file.read(), usedforsecurity=False).hexdigest()
            demand(member.pax_headers.get("APK-TOOLS.checksum.SHA1") == digest, f"{member.name} in {path.name} has no SHA-1")
        found = contents(archive)
    demand(found["usr/bin/pyinit"] == binary, f"{path.name} has another binary")
    return found


def verify_source(path: Path, version: str) -> dict[str, bytes]:
    """The source distribution, of this version; its files are returned, by name."""
    with tarfile.open(path) as archive:
        found = {name.partition("/")[2]: content for name, content in contents(archive).items()}
    metadata = BytesParser().parsebytes(found["PKG-INFO"])
    demand(metadata["Version"] == version, f"{path.name} is of version {metadata['Version']}")
    return found


def main() -> None:
    """Verify the folder that is named."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: verify.py FOLDER VERSION")
    folder, version = Path(sys.argv[1]), sys.argv[2]
    digests = verify_sums(folder)

    binaries = {f"pyinit-linux-{architecture}": ours for architecture, ours in ARCHITECTURES.items()}
    wheels = {ours: wheel_name(version, ours) for ours in binaries.values()}
    bills = {f"{name}.cdx.json" for name in binaries}
    debs = {ours: f"pyinit_{version}_{debian}.deb" for debian, ours in ARCHITECTURES.items()}
    apks = {ours: f"pyinit-{version}-r0.{ours}.apk" for ours in ARCHITECTURES.values()}
    source, pure = f"pyinit-{version}.tar.gz", wheel_name(version, None)
    expected = {source, pure, *binaries, *bills, *wheels.values(), *debs.values(), *apks.values(), "pyinit-linux-licences.txt"}
    demand(set(digests) == expected, f"missing or too many: {sorted(set(digests) ^ expected)}")

    of_archive = verify_source(folder / source, version)
    packages = [verify_wheel(folder / pure, version, of_archive["pyinit/launcher.sh"])]
    beside = []
    for name, ours in binaries.items():
        binary = (folder / name).read_bytes()
        verify_binary(folder / name, version, ours)
        verify_bill(folder / f"{name}.cdx.json", version, digests[name])
        packages.append(verify_wheel(folder / wheels[ours], version, binary))
        beside.append(verify_deb(folder / debs[ours], version, name.rpartition("-")[2], binary))
        beside.append(verify_apk(folder / apks[ours], version, ours, binary))
    manuals = {gzip.decompress(found["usr/share/man/man1/pyinit.1.gz"]) for found in beside}
    demand(manuals == {packages[0]["share/man/man1/pyinit.1"]}, "there are manual pages that differ")
    demand(all(package == packages[0] for package in packages), "the wheels differ in their package")
    package = {name: content for name, content in packages[0].items() if name.startswith("pyinit/")}
    of_source = {name: content for name, content in of_archive.items() if name in package}
    demand(of_source == package, "the wheels and the source distribution differ in the package")

    for name in sorted(digests):
        print(f"{digests[name]}  {(folder / name).stat().st_size / 1024:7.0f} KiB  {name}")


if __name__ == "__main__":
    main()
