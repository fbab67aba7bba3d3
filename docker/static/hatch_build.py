"""What hatchling asks before it builds a wheel: which file is to be the script `pyinit`, and what is installed beside it.

By default that is pyinit/launcher.sh, and the wheel is for every machine that has a Python. Where PYINIT_BINARY names a static
binary, that is the script, and the wheel is for the binary's architecture. The package is the same in all of them, and so
`python3 -m pyinit` is too. The manual page and the completions of the shells are made here from the table of options.
"""

import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: ELF's e_machine, and what pip calls it. See elf(5).
MACHINES = {62: "x86_64", 183: "aarch64"}

#: A static binary asks for no C library, so each of these promises is kept; they are the oldest that pip knows of for both.
#: The kernel may be as old as what glibc 2.36 runs on, 3.2; the distributions of manylinux_2_17 have 3.10 or later.
PLATFORMS = ("manylinux_2_17", "manylinux2014", "musllinux_1_1")

INTERPRETER, DYNAMIC = 3, 2  # PT_INTERP, PT_DYNAMIC


def machine(binary: bytes) -> str:
    """The architecture of a static binary, as pip calls it. Raises ValueError for anything else."""
    if binary[:6] != b"\x7fELF\x02\x01":
        raise ValueError("this is no ELF file of 64 bits, little-endian")
    (number,) = struct.unpack_from("<H", binary, 18)
    if number not in MACHINES:
        raise ValueError(f"there are no wheels for the ELF machine {number}")
    (headers,) = struct.unpack_from("<Q", binary, 32)
    size, count = struct.unpack_from("<HH", binary, 54)
    kinds = {struct.unpack_from("<I", binary, headers + at * size)[0] for at in range(count)}
    if kinds & {INTERPRETER, DYNAMIC}:
        raise ValueError("this binary is not static, so it needs a C library")
    return MACHINES[number]


#: Writes what is installed beside the script.
BESIDE = Path(__file__).resolve().parents[1] / "packages" / "beside.py"


class ScriptHook(BuildHookInterface[Any]):
    """Chooses the script, and adds what is installed beside it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each wheel; `version` is its kind, "standard" or "editable"."""
        self._made = tempfile.TemporaryDirectory()
        made = Path(self._made.name)
        subprocess.run([sys.executable, BESIDE, made], check=True)  # a process of its own, which leaves no modules behind
        for path in made.rglob("*"):
            if path.is_file():
                build_data["shared_data"][str(path)] = str(path.relative_to(made))
        given = os.environ.get("PYINIT_BINARY")
        if not given or version == "editable":
            build_data["shared_scripts"]["pyinit/launcher.sh"] = "pyinit"
            return
        binary = Path(given).resolve()
        try:
            architecture = machine(binary.read_bytes())
        except (OSError, ValueError) as error:
            raise SystemExit(f"PYINIT_BINARY={given}: {error}") from None
        build_data["shared_scripts"][str(binary)] = "pyinit"
        build_data["tag"] = "py3-none-" + ".".join(f"{platform}_{architecture}" for platform in PLATFORMS)
        build_data["pure_python"] = False
        # What release.sh puts beside the binaries, for those who see the wheel and not the release.
        bill = binary.with_name(f"{binary.name}.cdx.json")
        if bill.exists():
            build_data["sbom_files"].append(str(bill))  # as PEP 770 has it
        licences = binary.with_name("pyinit-linux-licences.txt")
        if licences.exists():
            build_data["extra_metadata"][str(licences)] = licences.name

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's names
        """Called by hatchling after each wheel."""
        self._made.cleanup()
