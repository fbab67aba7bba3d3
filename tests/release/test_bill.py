"""The bill of materials of a binary, from what the build has told of it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from pyinit import __version__
from tests.release import made

NATIVE = """\
libpython3.13.a libpython3.13-dev 3.13.5-2+deb13u5
crt1.o libc6-dev 2.41-12+deb13u5
libc.a libc6-dev 2.41-12+deb13u5
libgcc.a libgcc-14-dev 14.2.0-19
"""


def run(folder: Path, inside: str, architecture: str = "amd64", content: bytes = b"binary") -> made.Done:
    """Run the program on a binary with this inside."""
    binary = folder / f"pyinit-linux-{architecture}"
    binary.write_bytes(content)
    binary.with_name(f"{binary.name}.inside").write_text(inside)
    return made.run(sys.executable, made.STATIC / "sbom.py", binary, SOURCE_DATE_EPOCH="1700000000")


def bill(*given: Any, **keywords: Any) -> dict[str, Any]:
    """The bill that it writes."""
    done = run(*given, **keywords)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def components(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The components, by name."""
    return {component["name"]: component for component in told["components"]}


def test_it_names_the_debian_packages_with_their_files_and_cpython_by_its_own_name(tmp_path: Path) -> None:
    found = components(bill(tmp_path, NATIVE))
    assert {name: component["version"] for name, component in found.items()} == {
        "CPython": "3.13.5",
        "libc6-dev": "2.41-12+deb13u5",
        "libgcc-14-dev": "14.2.0-19",
        "libpython3.13-dev": "3.13.5-2+deb13u5",
    }
    assert [file["name"] for file in found["libc6-dev"]["components"]] == ["crt1.o", "libc.a"]


def test_a_package_is_named_so_that_scanners_find_the_source_package_of_which_faults_are_told(tmp_path: Path) -> None:
    native = PackageURL.from_string(components(bill(tmp_path, NATIVE))["libc6-dev"]["purl"])
    assert native == PackageURL(
        "deb", "debian", "libc6-dev", "2.41-12+deb13u5", {"arch": "amd64", "distro": "debian-13", "upstream": "glibc"}
    )
    other = components(bill(tmp_path, NATIVE, "arm64"))
    assert dict(PackageURL.from_string(other["libc6-dev"]["purl"]).qualifiers)["arch"] == "arm64"


def test_every_component_has_a_licence(tmp_path: Path) -> None:
    told = bill(tmp_path, NATIVE)
    found = {**components(told), "pyinit": told["metadata"]["component"]}
    assert {name: component["licenses"] for name, component in found.items()} == {
        "CPython": [{"expression": "Python-2.0.1"}],
        "libc6-dev": [{"expression": "LGPL-2.1-or-later"}],
        "libgcc-14-dev": [{"expression": "GPL-3.0-or-later WITH GCC-exception-3.1"}],
        "libpython3.13-dev": [{"expression": "Python-2.0.1"}],
        "pyinit": [{"expression": "Apache-2.0"}],
    }


def test_a_package_of_unknown_licence_is_no_part_of_a_bill(tmp_path: Path) -> None:
    done = run(tmp_path, f"{NATIVE}libssl.a libssl-dev 3.0.15-1\n")
    assert done.returncode == 1
    assert "libssl-dev was linked in" in done.stderr


def test_the_same_binary_has_the_same_bill_and_another_one_another_serial_number(tmp_path: Path) -> None:
    first = run(tmp_path, NATIVE).stdout
    assert run(tmp_path, NATIVE).stdout == first
    other = bill(tmp_path, NATIVE, content=b"another")
    assert other["serialNumber"] != json.loads(first)["serialNumber"]
    assert other["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


@pytest.mark.timeout(made.PATIENCE)
@pytest.mark.parametrize("architecture", made.ARCHITECTURES)
def test_the_bill_of_a_release_is_valid_and_tells_of_its_binary(release: made.Release, architecture: str) -> None:
    text = release.bill(architecture).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    told = json.loads(text)
    root = told["metadata"]["component"]
    assert (told["specVersion"], root["version"]) == ("1.6", __version__)
    sums = (release.folder / "SHA256SUMS").read_text()
    [digest] = root["hashes"]
    assert f"{digest['content']}  pyinit-linux-{architecture}\n" in sums
    linked = {file["name"] for component in told["components"] for file in component.get("components", [])}
    assert {"libpython3.13.a", "libc.a", "libm.a", "libgcc.a", "crt1.o"} <= linked
