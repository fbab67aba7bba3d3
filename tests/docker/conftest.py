"""Fixtures of the Docker tests: an engine with all images built, and containers that are removed after each test."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker import DockerClient

from tests.docker.engine import Contained, build_images, need_engine, remove_stale

Start = Callable[..., Contained]


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerClient]:
    """A client of the engine, after all images have been built; the test is skipped, or under CI fails, where none answers."""
    engine = need_engine()
    with contextlib.closing(engine):
        folder = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:
            folder = folder.parent  # the one that all workers of this run share
        built = folder / "images-are-built"
        with (folder / "images.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not built.exists():
                remove_stale(engine)
                build_images(engine)
                built.touch()
        yield engine


@pytest.fixture
def start(client: DockerClient) -> Iterator[Start]:
    """A function that starts a container from an image of docker/; see Contained."""
    with contextlib.ExitStack() as stack:

        def start_one(name: str, command: list[str] | None = None, **keywords: Any) -> Contained:
            return stack.enter_context(Contained(client, name, command, **keywords))

        yield start_one
