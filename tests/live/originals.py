"""tini, dumb-init and catatonit, and pyinit by their names."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.namespace import ROOT, Namespace, need

#: The program that each of our names stands for, as Debian calls it.
REAL = {
    "tini": "tini",
    "tini-static": "tini",
    "docker-init": "tini",
    "dumb-init": "dumb-init",
    "catatonit": "catatonit",
    "podman-init": "catatonit",
}
ORIGINALS = ("tini", "dumb-init", "catatonit")

OURS, THEIRS = "ours", "theirs"
BOTH = pytest.mark.parametrize("whose", [OURS, THEIRS])

RunCalled = Callable[..., Namespace]


def pyinit_called(name: str, folder: Path) -> list[str]:
    """The words that run pyinit by another name; nothing else here knows how that is done."""
    link = folder / name
    if not link.is_symlink():
        link.symlink_to(ROOT / "pyinit" / "launcher.sh")
    return [str(link)]


def init_called(name: str, whose: str, folder: Path) -> list[str]:
    """The words that run this program: ours by its name, or the real one."""
    if whose == OURS:
        return pyinit_called(name, folder)
    need(REAL[name])
    return [REAL[name]]
