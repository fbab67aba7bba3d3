"""Verify that a folder holds one complete release, all of one version, and print what there is.

    python verify.py FOLDER VERSION

Nothing is taken from the build: this looks at the files as somebody does who has downloaded them.
"""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
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
    """An intact wheel of this version with this script; its package is returned, by name."""
    with zipfile.ZipFile(path) as archive:
        demand(archive.testzip() is None, f"{path.name} is damaged")
        metadata = BytesParser().parsebytes(archive.read(f"pyinit-{version}.dist-info/METADATA"))
        demand(metadata["Version"] == version, f"{path.name} is of version {metadata['Version']}")
        place = f"pyinit-{version}.data/scripts/pyinit"
        demand(archive.read(place) == script, f"{path.name} has another script")
        demand(archive.getinfo(place).external_attr >> 16 & 0o777 == 0o755, f"the script of {path.name} is not executable")
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("pyinit/")}


def verify_source(path: Path, version: str) -> dict[str, bytes]:
    """The source distribution, of this version; its files are returned, by name."""
    with tarfile.open(path) as archive:
        files = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive if member.isfile()}
        contents = {name: file.read() for name, file in files.items() if file is not None}
    metadata = BytesParser().parsebytes(contents["PKG-INFO"])
    demand(metadata["Version"] == version, f"{path.name} is of version {metadata['Version']}")
    return contents


def main() -> None:
    """Verify the folder that is named."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: verify.py FOLDER VERSION")
    folder, version = Path(sys.argv[1]), sys.argv[2]
    digests = verify_sums(folder)

    binaries = {f"pyinit-linux-{architecture}": ours for architecture, ours in ARCHITECTURES.items()}
    wheels = {ours: wheel_name(version, ours) for ours in binaries.values()}
    bills = {f"{name}.cdx.json" for name in binaries}
    source, pure = f"pyinit-{version}.tar.gz", wheel_name(version, None)
    expected = {source, pure, *binaries, *bills, *wheels.values(), "pyinit-linux-licences.txt"}
    demand(set(digests) == expected, f"missing or too many: {sorted(set(digests) ^ expected)}")

    contents = verify_source(folder / source, version)
    packages = [verify_wheel(folder / pure, version, contents["pyinit/launcher.sh"])]
    for name, ours in binaries.items():
        verify_binary(folder / name, version, ours)
        verify_bill(folder / f"{name}.cdx.json", version, digests[name])
        packages.append(verify_wheel(folder / wheels[ours], version, (folder / name).read_bytes()))
    demand(all(package == packages[0] for package in packages), "the wheels differ in their package")
    of_source = {name: content for name, content in contents.items() if name in packages[0]}
    demand(of_source == packages[0], "the wheels and the source distribution differ in the package")

    for name in sorted(digests):
        print(f"{digests[name]}  {(folder / name).stat().st_size / 1024:7.0f} KiB  {name}")


if __name__ == "__main__":
    main()
