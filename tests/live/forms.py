"""The forms in which pyinit comes, each as the words that run it: from source, from the installed wheel, as the static binary.

Wheel and binary are built once for a test run, whoever of its processes comes first.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.namespace import ROOT, pyinit_from_source
from tests.shared import turn

SOURCE, WHEEL, STATIC, ARM64 = "source", "wheel", "static", "arm64"

#: Those that every test of the live suite runs against, unless it says otherwise.
FORMS = (SOURCE, WHEEL, STATIC)

#: Debian's names of architectures, by uname's.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

#: What runs programs for arm64 on other machines.
QEMU = "qemu-aarch64-static"


class Forms:
    """Builds and finds them, below a folder that all processes of a test run share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def words(self, form: str) -> list[str]:
        """The words that run pyinit in this form. Where it cannot be had the test is skipped, and in CI fails."""
        if form == SOURCE:
            return pyinit_from_source()
        if form == WHEEL:
            return [str(self._made("wheel", install_wheel) / "venv" / "bin" / "pyinit")]
        if form == STATIC:
            return [str(self.binary(ARCHITECTURES.get(platform.machine(), "none")))]
        if shutil.which(QEMU) is None:
            missing(f"{QEMU} is not installed")
        return [str(shutil.which(QEMU)), str(self.binary("arm64"))]

    def binary(self, architecture: str) -> Path:
        """The static binary for an architecture, by Debian's name of it; called as it is where it is installed."""
        return self._made(architecture, lambda folder: build_binary(architecture, folder)) / "pyinit"

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        """The folder with what `make` has made, by us or by another process of this run."""
        folder = self._folder / name
        done, failure = folder / "done", folder / "failure"
        folder.mkdir(exist_ok=True)
        with turn(folder / "lock"):
            if not done.exists() and not failure.exists():
                try:
                    make(folder)
                    done.touch()
                except subprocess.CalledProcessError as error:
                    failure.write_text(f"{name} cannot be built: {error.stderr.strip()}")
        if failure.exists():
            missing(failure.read_text())
        return folder


def missing(reason: str) -> None:
    """Skip the test for want of something; in CI that is a failure."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def install_wheel(folder: Path) -> None:
    """Build the wheel, and install it into an environment of its own."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(folder / "venv" / "bin" / "python"),
        "install",
        "--no-index",
        "--no-deps",
    ]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, text=True, env=environment)


def build_binary(architecture: str, folder: Path) -> None:
    """Build the static binary."""
    build = [str(ROOT / "docker" / "static" / "build.sh"), architecture, str(folder)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (folder / f"pyinit-linux-{architecture}").rename(folder / "pyinit")
