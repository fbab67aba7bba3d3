"""Fixtures of the release tests: a release, and an image into whose containers its wheels are installed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.docker.engine import IMAGE_LABEL, build, image, need_engine, remove_stale
from tests.release import made
from tests.shared import folder_of, turn

#: The image of pip.Dockerfile.
PIP = "pip"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    return folder_of(tmp_path_factory)


@pytest.fixture(scope="session")
def release(shared: Path) -> made.Release:
    """A release of this checkout."""
    made.need_builder()
    return made.make_once(shared)


@pytest.fixture(scope="session")
def debian(shared: Path) -> Iterator[DockerClient]:
    """A client of the engine, which has the image with Debian's pip; skipped, or under CI failed, where none answers."""
    with contextlib.closing(need_engine()) as engine:
        with turn(shared / "pip-image.lock"):
            remove_stale(engine)
            dockerfile = "tests/release/pip.Dockerfile"
            build(engine, dockerfile, image(PIP), {IMAGE_LABEL: PIP}, ["*", f"!{dockerfile}"])
        yield engine
