"""A cluster for all the tests, and for each test a namespace in it."""

import os
from collections.abc import Iterator

import pytest

from tests.kubernetes.cluster import NoCluster, cluster
from tests.kubernetes.deployment import namespace
from tests.kubernetes.observer import Observer
from tests.kubernetes.rollout import observed
from tests.kubernetes.stage import Stage

#: Set by `make kubernetes`. A cluster is no part of the usual tests, neither here nor in CI.
WANTED = "KUBERNETES"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a cluster none of these tests runs, and the reason says how to have one."""
    wanted = os.environ.get(WANTED) == "1"
    for item in items:
        if "tests/kubernetes/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(600))
            if not wanted:
                item.add_marker(pytest.mark.skip(reason="a cluster is wanted: make kubernetes makes one"))


@pytest.fixture(scope="session")
def observer() -> Iterator[Observer]:
    """A cluster that has the images, and is watched."""
    try:
        with cluster() as one, observed(one) as watching:
            yield watching
    except NoCluster as error:
        pytest.fail(str(error))


@pytest.fixture
def stage(observer: Observer, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A namespace for one test."""
    name = request.node.name.replace("_", "-")[5:40].strip("-").lower()
    with namespace(observer.cluster, "".join(letter for letter in name if letter.isalnum() or letter == "-")) as unique:
        yield Stage(observer, unique)
