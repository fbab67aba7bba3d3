"""What the script that makes releases makes, and what it says of it."""

import json
import os
import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from pyinit import __version__
from tests.namespace import ROOT
from tests.release import made

pytestmark = pytest.mark.timeout(made.PATIENCE)


def names(wheel: Path) -> set[str]:
    """What a wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def verify(folder: Path) -> made.Done:
    """Verify a folder, as the script does before it hands a release over."""
    return made.run(sys.executable, made.STATIC / "verify.py", folder, __version__)


@pytest.fixture
def copied(release: made.Release, tmp_path: Path) -> made.Release:
    """A release of which a test may change files."""
    shutil.copytree(release.folder, tmp_path / "copied")
    return made.Release(tmp_path / "copied", "")


def test_made_again_under_other_circumstances_it_has_the_same_bytes(release: made.Release, tmp_path: Path) -> None:
    again = made.Release(tmp_path / "again", "")
    old = os.umask(0o077)
    try:
        made.make(again.folder, TMPDIR=str(tmp_path), TZ="Pacific/Kiritimati", PYTHONHASHSEED="1")
    finally:
        os.umask(old)
    assert again.names == release.names
    other = [name for name in again.names if (again.folder / name).read_bytes() != (release.folder / name).read_bytes()]
    assert other == []


def test_it_holds_binaries_bills_wheels_packages_the_source_and_one_file_of_sums(release: made.Release) -> None:
    assert release.names == [
        "SHA256SUMS",
        f"pyinit-{__version__}-py3-none-any.whl",
        f"pyinit-{__version__}-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        f"pyinit-{__version__}-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64.whl",
        f"pyinit-{__version__}-r0.aarch64.apk",
        f"pyinit-{__version__}-r0.x86_64.apk",
        f"pyinit-{__version__}.tar.gz",
        "pyinit-linux-amd64",
        "pyinit-linux-amd64.cdx.json",
        "pyinit-linux-arm64",
        "pyinit-linux-arm64.cdx.json",
        "pyinit-linux-licences.txt",
        f"pyinit_{__version__}_amd64.deb",
        f"pyinit_{__version__}_arm64.deb",
    ]


def test_sha256sum_finds_it_intact(release: made.Release) -> None:
    done = made.run("sha256sum", "--check", "--strict", "--quiet", made.SUMS, cwd=release.folder)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_prints_a_line_for_each_file_and_whether_this_is_a_release(release: made.Release) -> None:
    *table, state = release.said.splitlines()
    assert [made.SUMS, *(line.split()[-1] for line in table)] == release.names
    assert re.match(r"release v\S+, commit \w+$|no release: \w+", state)


def test_every_wheel_has_the_same_package_and_the_platform_wheels_their_bill_and_licences(release: made.Release) -> None:
    pure = names(release.pure)
    folders = {f"pyinit-{__version__}.data", f"pyinit-{__version__}.dist-info", "pyinit"}
    assert {name.partition("/")[0] for name in pure} == folders
    assert "pyinit/launcher.sh" not in pure
    for architecture in made.ARCHITECTURES:
        bill = f"pyinit-{__version__}.dist-info/sboms/pyinit-linux-{architecture}.cdx.json"
        licences = f"pyinit-{__version__}.dist-info/extra_metadata/pyinit-linux-licences.txt"
        assert names(release.wheel(architecture)) - pure == {bill, licences}
        with zipfile.ZipFile(release.wheel(architecture)) as archive:
            assert archive.read(bill) == release.bill(architecture).read_bytes()
            assert "Root-Is-Purelib: false" in archive.read(f"pyinit-{__version__}.dist-info/WHEEL").decode()


def test_the_licences_are_those_of_all_that_the_bills_name(release: made.Release) -> None:
    licences = (release.folder / "pyinit-linux-licences.txt").read_text()
    bills = [json.loads(release.bill(architecture).read_text()) for architecture in made.ARCHITECTURES]
    linked = {component["name"] for bill in bills for component in bill["components"]} - {"CPython"}
    parts = dict(re.findall(r"^==== (\S+)\n\n(.+?)\n(?===== |\Z)", licences, re.MULTILINE | re.DOTALL))
    texts = {f"/usr/share/common-licenses/{name}" for name in ("LGPL-2.1", "GPL-3")}
    assert set(parts) == linked | texts
    assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in parts["libpython3.13-dev"]
    assert all(len(part) > 1000 for part in parts.values())


def test_the_script_of_a_platform_wheel_is_the_binary_and_of_the_pure_one_the_launcher(release: made.Release) -> None:
    expected = {release.wheel(architecture): release.binary(architecture) for architecture in made.ARCHITECTURES}
    for wheel, script in {**expected, release.pure: ROOT / "pyinit" / "launcher.sh"}.items():
        with zipfile.ZipFile(wheel) as archive:
            assert archive.read(f"pyinit-{__version__}.data/scripts/pyinit") == script.read_bytes()


def test_the_source_distribution_has_what_builds_the_binaries(release: made.Release) -> None:
    with tarfile.open(release.folder / f"pyinit-{__version__}.tar.gz") as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    static = {f"docker/static/{path.name}" for path in made.STATIC.iterdir() if path.is_file()}
    static |= {f"docker/packages/{path.name}" for path in (ROOT / "docker" / "packages").iterdir() if path.is_file()}
    assert static | {"pyproject.toml", "Makefile", "tests/release/test_release.py"} <= found


@pytest.mark.parametrize("name", ["pyinit-linux-arm64", "one-more", made.SUMS])
def test_a_folder_that_is_not_as_it_was_made_is_refused(copied: made.Release, name: str) -> None:
    (copied.folder / name).write_bytes(b"")
    done = verify(copied.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{made.SUMS} differs from the files" in done.stderr


def test_files_that_fit_their_sums_but_not_one_another_are_refused(copied: made.Release) -> None:
    shutil.copyfile(copied.binary("amd64"), copied.binary("arm64"))
    others = [name for name in copied.names if name != made.SUMS]
    (copied.folder / made.SUMS).write_text(made.run("sha256sum", *others, cwd=copied.folder).stdout)
    assert "pyinit-linux-arm64 is not for aarch64" in verify(copied.folder).stderr
