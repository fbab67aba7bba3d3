"""Fixtures of the release tests: a release, and an image into whose containers its wheels are installed."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.docker.engine import IMAGE_LABEL, build, image, need_engine, remove_stale
from tests.release import made

#: The image of pip.Dockerfile.
PIP = "pip"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def release(shared: Path) -> made.Release:
    """A release of this checkout."""
    made.need_builder()
    return made.make_once(shared)


@pytest.fixture(scope="session")
def debian(shared: Path) -> Iterator[DockerClient]:
    """A client of the engine, which has the image with Debian's pip; skipped, or under CI failed, where none answers."""
    with contextlib.closing(need_engine()) as engine:
        with (shared / "pip-image.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            remove_stale(engine)
            dockerfile = "tests/release/pip.Dockerfile"
            build(engine, dockerfile, image(PIP), {IMAGE_LABEL: PIP}, ["*", f"!{dockerfile}"])
        yield engine
