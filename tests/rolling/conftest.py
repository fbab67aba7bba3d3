"""The engine of the rolling updates, with its images."""

import contextlib
from collections.abc import Iterator

import pytest
from docker import DockerClient

from tests.docker.engine import need_engine
from tests.rolling.rollout import prepare


@pytest.fixture(scope="module")
def images() -> Iterator[DockerClient]:
    """An engine that has the images; the test is skipped, or under CI fails, where none answers."""
    client = need_engine()
    with contextlib.closing(client):
        prepare(client)
        yield client
