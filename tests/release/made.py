"""A release, made by the script that makes them: once for a test run, whoever of its processes comes first."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from pyinit import __version__
from tests.namespace import ROOT
from tests.shared import turn

STATIC = ROOT / "docker" / "static"

#: The architectures by Debian's names, as the binaries have them, and by pip's.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}

#: For the tests that may be the ones to make it, in seconds; compilers may have to be installed.
PATIENCE = 600


#: The one file of sums.
SUMS = "SHA256SUMS"

Done: TypeAlias = "subprocess.CompletedProcess[str]"


class Release(NamedTuple):
    """A folder with all artefacts, and what the script has said."""

    folder: Path
    said: str

    @property
    def names(self) -> list[str]:
        """The names of all artefacts."""
        return sorted(path.name for path in self.folder.iterdir())

    @property
    def pure(self) -> Path:
        """The wheel for all."""
        return self.folder / f"pyinit-{__version__}-py3-none-any.whl"

    def binary(self, architecture: str) -> Path:
        """The static binary for an architecture, by Debian's name of it."""
        return self.folder / f"pyinit-linux-{architecture}"

    def bill(self, architecture: str) -> Path:
        """Its bill of materials."""
        return self.folder / f"pyinit-linux-{architecture}.cdx.json"

    def deb(self, architecture: str) -> Path:
        """The package for Debian with this binary."""
        return self.folder / f"pyinit_{__version__}_{architecture}.deb"

    def apk(self, architecture: str) -> Path:
        """The package for Alpine with this binary."""
        return self.folder / f"pyinit-{__version__}-r0.{ARCHITECTURES[architecture]}.apk"

    def wheel(self, architecture: str) -> Path:
        """The wheel with this binary."""
        [wheel] = self.folder.glob(f"*_{ARCHITECTURES[architecture]}.whl")
        return wheel


def our_architecture() -> str:
    """Debian's name of this machine's architecture. Where there is no binary for it the test is skipped."""
    for debian, ours in ARCHITECTURES.items():
        if platform.machine() == ours:
            return debian
    pytest.skip(f"there is no static binary for {platform.machine()}")


def need_builder() -> None:
    """Skip the test where binaries cannot be built. In CI that is a failure."""
    if platform.freedesktop_os_release().get("VERSION_CODENAME") != "bookworm":
        reason = "releases are made on Debian 12"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def run(*words: str | Path, cwd: Path | None = None, **environment: str) -> Done:
    """Run a program to its end, with more variables in its environment; its status and what it has written."""
    return subprocess.run(
        list(map(str, words)), check=False, capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment}
    )


def make(folder: Path, **environment: str) -> str:
    """Make a release, with more variables in its environment; return what the script has said."""
    done = run(STATIC / "release.sh", folder, cwd=None, PYTHON=sys.executable, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_once(shared: Path) -> Release:
    """The release of this run, in a folder that all of its processes share."""
    folder, said = shared / "release", shared / "release-said"
    with turn(shared / "release.lock"):
        if not said.exists():
            said.write_text(make(folder))
    return Release(folder, said.read_text())
