"""What several test processes share: the folder of a test run, and turns."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def folder_of(factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of this test run share."""
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@contextlib.contextmanager
def turn(lock: Path) -> Iterator[None]:
    """Have a turn alone: whoever names the same file, which is made, waits for its end, or for that of our process."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
