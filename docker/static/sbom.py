"""Write the bill of materials of a static binary: CycloneDX 1.6, as JSON.

    python sbom.py pyinit-linux-amd64 > pyinit-linux-amd64.cdx.json

What is inside is read from the .inside that build.sh has left beside the binary, so it is what the linker took and not what
somebody believed. The same binary, SOURCE_DATE_EPOCH and version of the library give the same bytes.
"""

import hashlib
import os
import re
import sys
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
INIT = Path(__file__).parents[2] / "pyinit" / "__init__.py"


class Origin(NamedTuple):
    """What a binary package is made from: Debian's source package, by which faults are tracked, and its licence."""

    source: str
    licence: str


#: By binary package. Whoever links another one says here where it comes from.
ORIGINS = {
    "libpython3.13-dev": Origin("python3.13", "Python-2.0.1"),
    "libc6-dev": Origin("glibc", "LGPL-2.1-or-later"),
    "libgcc-14-dev": Origin("gcc-14", "GPL-3.0-or-later WITH GCC-exception-3.1"),
}


def debian_package(name: str, version: str, architecture: str, files: list[str]) -> Component:
    """A Debian package, with those of its files that were linked in."""
    origin = ORIGINS.get(name)
    if origin is None:
        raise SystemExit(f"sbom: {name} was linked in, and ORIGINS in {Path(__file__).name} does not tell of its licence")
    qualifiers = {"arch": architecture, "distro": "debian-13", "upstream": origin.source}
    purl = PackageURL("deb", "debian", name, version, qualifiers)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseExpression(origin.licence)],
        components=[Component(name=file, type=ComponentType.FILE, bom_ref=f"{purl}#{file}") for file in files],
    )


def cpython(package: Component) -> Component:
    """CPython by its own name, for those who look for that and not for Debian's."""
    version = str(package.version).partition("-")[0]
    purl = PackageURL("github", "python", "cpython", f"v{version}")
    return Component(
        name="CPython",
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[LicenseExpression("Python-2.0.1")],
    )


def packages(inside: str, architecture: str) -> list[Component]:
    """The packages of which a .inside tells: lines of "file package version"."""
    files = defaultdict(list)
    for line in inside.splitlines():
        file, name, version = line.split()
        files[name, version].append(file)
    return [debian_package(name, version, architecture, linked) for (name, version), linked in sorted(files.items())]


def bill(binary: Path) -> Bom:
    """The bill of materials of a binary, with a serial number that stands for its content."""
    [version] = VERSION.findall(INIT.read_text())
    architecture = binary.name.rpartition("-")[2]
    purl = PackageURL("generic", name="pyinit", version=version)
    root = Component(
        name="pyinit",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=binary.name,
        purl=purl,
        licenses=[LicenseExpression("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(binary.read_bytes()).hexdigest())],
        description=f"The static binary {binary.name}",
    )
    inside = packages(binary.with_name(f"{binary.name}.inside").read_text(), architecture)
    [libpython] = (package for package in inside if package.name.startswith("libpython"))
    upstream = cpython(libpython)
    built = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    bom = Bom(
        components=[*inside, upstream],
        metadata=BomMetaData(component=root, timestamp=built, tools=ToolRepository(components=[this_component()])),
        serial_number=UUID(int=0),
    )
    bom.register_dependency(root, inside)
    bom.register_dependency(libpython, [upstream])
    bom.serial_number = uuid5(NAMESPACE_URL, JsonV1Dot6(bom).output_as_string())
    return bom


def main() -> None:
    """Write the bill of the binary that is named."""
    if len(sys.argv) != 2 or "SOURCE_DATE_EPOCH" not in os.environ:
        raise SystemExit("usage: SOURCE_DATE_EPOCH=SECONDS sbom.py BINARY, beside which its .inside is")
    print(JsonV1Dot6(bill(Path(sys.argv[1]))).output_as_string(indent=2))


if __name__ == "__main__":
    main()
