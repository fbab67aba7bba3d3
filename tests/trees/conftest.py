"""The program of leaf.c, compiled once for a test run."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tests.namespace import need
from tests.trees.run import compile_leaf

#: What the trees are made of, beside the shells.
PROGRAMS = ("gcc", "dash", "bash", "busybox", "tini", "dumb-init", "setsid", "timeout")


@pytest.fixture(scope="session")
def leaf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program at the leaves of the trees."""
    for program in PROGRAMS:
        need(program)
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # the one that all workers of this run share
    with (folder / "leaf.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder / "leaf" if shutil.which(folder / "leaf") else compile_leaf(folder)
