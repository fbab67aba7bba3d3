"""The program of leaf.c, compiled once for a test run."""

import shutil
from pathlib import Path

import pytest

from tests.namespace import need
from tests.shared import folder_of, turn
from tests.trees.run import compile_leaf

#: What the trees are made of, beside the shells.
PROGRAMS = ("gcc", "dash", "bash", "busybox", "tini", "dumb-init", "setsid", "timeout")


@pytest.fixture(scope="session")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program at the leaves of the trees."""
    for program in PROGRAMS:
        need(program)
    folder = folder_of(tmp_path_factory)
    with turn(folder / "leaf.lock"):
        return folder / "leaf" if shutil.which(folder / "leaf") else compile_leaf(folder)
