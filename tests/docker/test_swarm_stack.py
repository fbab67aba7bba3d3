"""The stack of docker/swarm.yaml: whether its numbers add up, and whether Swarm does with it what its comments say."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from docker import DockerClient
from docker.errors import NotFound

from pyinit.rehearse.engine import remove
from pyinit.settings import options, values
from tests.docker.engine import image
from tests.namespace import ROOT
from tests.rolling.swarm import swarm
from tests.waiting import wait_until

FILE = ROOT / "docker" / "swarm.yaml"

#: Seconds for tasks to be started or stopped; the machine may be busy.
LONG = 90.0


def web() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]["web"]
    return found


def stack(*words: str) -> None:
    subprocess.run(["docker", "stack", *words], check=True, stdout=subprocess.DEVNULL, timeout=LONG)


@contextlib.contextmanager
def deployed(client: DockerClient) -> Iterator[Any]:
    """The service of the stack."""
    name = f"pyinit-test-{os.getpid()}"
    stack("deploy", "--resolve-image=never", "--compose-file", str(FILE), name)
    try:
        services: Any = client.services
        (service,) = services.list(filters={"name": f"{name}_web"})
        yield service
    finally:
        stack("rm", name)
        wait_until(lambda: not left_of(client, name), "nothing is left of the stack", LONG)


def left_of(client: DockerClient, name: str) -> int:
    """Remove what the stack has left behind; return how much there was."""
    label: dict[str, str | list[str] | bool] = {"label": f"com.docker.stack.namespace={name}"}
    containers = client.containers.list(all=True, filters=label, ignore_removed=True)
    for container in containers:
        remove(client, str(container.id))
    return len(containers) + len(client.networks.list(filters=label))


def healthy(client: DockerClient, service: Any) -> set[str]:
    """The containers of the service that are healthy, as the engine sees it."""
    found = set()
    for task in service.tasks({"desired-state": "running"}):
        with contextlib.suppress(KeyError, NotFound):  # it has no container yet, or none any more
            container = task["Status"]["ContainerStatus"]["ContainerID"]
            if client.containers.get(container).attrs["State"]["Health"]["Status"] == "healthy":
                found.add(str(container))
    return found


@pytest.mark.timeout(4 * LONG)
def test_an_update_of_the_stack_never_leaves_fewer_healthy_than_there_are_to_be(client: DockerClient) -> None:
    with swarm(client), deployed(client) as service:
        wait_until(lambda: len(healthy(client, service)) == 2, "both are healthy", LONG)
        old = healthy(client, service)
        service.reload()
        service.force_update()
        fewest = 2

        def is_updated() -> bool:
            nonlocal fewest
            found = healthy(client, service)
            fewest = min(fewest, len(found))
            return len(found) == 2 and not found & old

        wait_until(is_updated, "all are new and healthy", LONG)
        assert fewest == 2


def test_the_variables_of_the_stack_are_good_and_its_times_are_in_the_right_order() -> None:
    service = web()
    of_the_image = {"PYINIT_READY": "file:/tmp/ready"}
    config = options.parse(["--", "command"], {**of_the_image, **service["environment"]}).config
    assert config.stop_timeout == values.duration(service["stop_grace_period"])
    assert config.start_timeout is not None
    check = service["healthcheck"]
    assert values.duration(check["interval"]) < config.start_timeout < values.duration(check["start_period"])
    assert check["test"] == ["CMD", "pyinit", "--probe", "pyinit"]


def test_the_stack_runs_the_image_with_the_health_check() -> None:
    assert web()["image"] == image("healthcheck")
