"""Fixtures of the Docker tests: an engine with all images built, and containers that are removed after each test."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from tests.docker.engine import Contained, build_images, files_of, need_engine, remove_stale
from tests.shared import folder_of, turn

Start = Callable[..., Contained]


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerClient]:
    """A client of the engine, after all images have been built; the test is skipped, or under CI fails, where none answers."""
    engine = need_engine()
    with contextlib.closing(engine):
        folder = folder_of(tmp_path_factory)
        built = folder / "images-are-built"
        with turn(folder / "images.lock"):
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


@pytest.fixture(scope="session")
def binaries(client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the static binary, as `pyinit`, as an OCI runtime, and as the init that engines look for."""
    folder = tmp_path_factory.mktemp("binaries")
    (folder / "pyinit").write_bytes(files_of(client, "pyinit")["pyinit"])
    (folder / "pyinit").chmod(0o755)
    for name in ("docker-init", "catatonit", "pyinit-runtime"):
        (folder / name).symlink_to("pyinit")
    return folder
