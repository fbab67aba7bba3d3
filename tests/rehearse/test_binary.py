"""The static binary is the right file for the image's architecture, or there is one line that says what to do."""

import struct
from pathlib import Path
from typing import Any, cast

import pytest
from docker import DockerClient

from pyinit.rehearse.binary import MACHINES, find, machine
from pyinit.rehearse.command import OWNER
from pyinit.rehearse.faults import NoVerdict, UsageError

NOBODY = cast("DockerClient", None)


def elf(number: int) -> bytes:
    """The beginning of an ELF file for this machine."""
    return b"\x7fELF\x02\x01" + bytes(12) + struct.pack("<H", number) + bytes(44)


@pytest.mark.parametrize(
    ("content", "number"), [(elf(62), 62), (elf(183), 183), (b"#!/bin/sh\n", None), (b"\x7fELF\x02\x01", None)]
)
def test_the_machine_of_a_file_is_read(content: bytes, number: int | None) -> None:
    assert machine(content) == number


@pytest.mark.parametrize("architecture", MACHINES)
def test_a_file_that_is_given_is_taken_where_it_is_for_the_image(tmp_path: Path, architecture: str) -> None:
    file = tmp_path / "pyinit"
    file.write_bytes(elf(MACHINES[architecture]))
    assert find(NOBODY, OWNER, architecture, str(file)) == file.read_bytes()
    (other,) = set(MACHINES) - {architecture}
    with pytest.raises(UsageError, match=f"no ELF file for {other}"):
        find(NOBODY, OWNER, other, str(file))


def test_a_file_that_is_not_there_and_an_architecture_without_a_binary_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        find(NOBODY, OWNER, "amd64", str(tmp_path / "none"))
    with pytest.raises(NoVerdict, match="the image is for riscv64, and there is no static pyinit for that: only amd64, arm64"):
        find(NOBODY, OWNER, "riscv64", None)


def test_without_a_file_the_one_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pyinit"
    file.write_bytes(elf(62))
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "elsewhere" / "python"))
    assert find(NOBODY, OWNER, "amd64", None) == elf(62)


def test_a_script_on_the_path_is_passed_over_and_what_to_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pyinit"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("pyinit.rehearse.binary.__file__", str(tmp_path / "a" / "b" / "c" / "binary.py"))

    def no_image(*_: Any) -> bytes:
        return b""

    monkeypatch.setattr("pyinit.rehearse.binary._from_image", no_image)
    with pytest.raises(NoVerdict, match="`make image`, or give --pyinit FILE"):
        find(NOBODY, OWNER, "amd64", None)
