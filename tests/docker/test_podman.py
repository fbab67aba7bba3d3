"""The static binary as Podman's init: `podman run --init --init-path`, and catatonit in the infra container of pods."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.docker.engine import image
from tests.docker.podman import Podman, podman
from tests.namespace import need

FINISHED = "app ready\napp got SIGTERM\napp done\n"


@pytest.fixture(scope="module")
def store(client: DockerClient, binaries: Path) -> Iterator[Podman]:
    """A store with the images, and with pyinit as catatonit."""
    need("podman")
    if os.geteuid() != 0:
        pytest.skip("in a store of its own Podman is run as root")
    with podman(binaries) as started:
        for name in ("small", "bare"):
            started("load", data=b"".join(client.images.get(image(name)).save(named=True)))
        yield started


@pytest.fixture(autouse=True)
def remove_all(store: Podman) -> Iterator[None]:
    """Remove what a test has started."""
    yield
    store.remove_all()


@pytest.mark.parametrize(
    "options",
    [[], ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"], ["--read-only", "--cap-drop", "all", "--user", "65534"]],
    ids=["as it is", "in a user namespace", "confined"],
)
def test_a_plain_start_script_finishes_under_podman_run_init(store: Podman, binaries: Path, options: list[str]) -> None:
    words = ["--init", "--init-path", str(binaries / "catatonit"), *options]
    store("run", "--detach", "--name", "it", "--network", "none", *words, image("small"))
    store.wait_for_output("it", "app ready")
    assert store.command_line_of_pid_1("it") == ["/run/podman-init", "--", "/start.sh"]
    store("stop", "it")
    assert store.status("it") == 7
    assert store("logs", "it") == FINISHED + "start.sh cleans up after 7\n"


def test_the_init_of_the_configuration_is_taken_where_none_is_named(store: Podman) -> None:
    store("run", "--detach", "--name", "it", "--network", "none", "--init", "--env", "PYINIT_LOG_LEVEL=info", image("small"))
    store.wait_for_output("it", "app ready")
    store("stop", "it")
    assert store.status("it") == 7
    assert "pyinit: stop requested" in store("logs", "it")


def test_without_init_the_same_script_is_killed(store: Podman) -> None:
    """Or the tests above would prove nothing."""
    store("run", "--detach", "--name", "it", "--network", "none", image("small"))
    store.wait_for_output("it", "app ready")
    store("stop", "--time", "1", "it")
    assert store.status("it") == 137
    assert store("logs", "it") == "app ready\n"


@pytest.mark.parametrize("shared", ["net,ipc,uts", "net,ipc,uts,pid"])
def test_all_of_a_pod_finish_when_it_is_stopped(store: Podman, shared: str) -> None:
    """Where they share a PID namespace, its PID 1 is the infra container's, and is told to stop together with the others."""
    store("pod", "create", "--name", "pod", "--network", "none", "--share", shared)
    store("run", "--detach", "--name", "it", "--pod", "pod", image("bare"))
    store.wait_for_output("it", "app ready")
    infra = store("pod", "inspect", "--format", "{{.InfraContainerID}}", "pod").strip()
    assert store.command_line_of_pid_1(infra) == ["/catatonit", "-P"]
    store("pod", "stop", "pod")
    assert store.status("it") == 7
    assert store.status(infra) == 0
    assert store("logs", "it").startswith(FINISHED)
