"""Who is measured: pyinit, the bare interpreter, and the inits written in C that this machine has."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"

PYINIT, BARE, TINI, TINI_STATIC = "pyinit", "bare", "tini", "tini-static"


@dataclass(frozen=True)
class Contender:
    """An init: the words before a command, those for a whole process group, and the version that was measured."""

    name: str
    words: tuple[str, ...]
    group_words: tuple[str, ...]
    version: str

    @property
    def is_one_file(self) -> bool:
        """Whether it needs no interpreter."""
        return "-IS" not in self.words


def _version(*words: str) -> str:
    """The first line that a program says about its version, to stdout or stderr."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0].partition(" - ")[0].split()[-1].removeprefix("v") if lines else "of unknown version"


def find(python: str, pyinit: Sequence[str] | None, is_static: bool) -> list[Contender]:
    """All that can be measured here. `pyinit` are the words to run another pyinit than that of this checkout.

    If that `is_static`, tini-static is of interest as well.
    """
    ours = tuple(pyinit or (python, "-IS", str(ROOT / "pyinit" / "__main__.py")))
    shortest = (python, "-IS", str(PROGRAMS / "shortest_init.py"))
    found = [
        Contender(PYINIT, (*ours, "--"), (*ours, "--forward", "handlers", "--"), _version(*ours, "--version")),
        Contender(BARE, shortest, shortest, _version(python, "-IS", "--version")),
    ]
    for name, words, group_words in (
        (TINI, ("-s", "--"), ("-s", "-g", "--")),  # -s: no word about being PID 1 or not
        *([(TINI_STATIC, ("-s", "--"), ("-s", "-g", "--"))] if is_static else []),
        ("dumb-init", ("--",), ("--",)),
        ("catatonit", ("--",), ("-g", "--")),
    ):
        path = shutil.which(name)
        if path is not None:
            found.append(Contender(name, (path, *words), (path, *group_words), _version(path, "--version")))
    return found
