"""The OCI runtime under Podman: `podman --runtime .../pyinit-runtime`, rootful, with images that have no init."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.docker.engine import image
from tests.docker.podman import Podman, podman
from tests.namespace import need

FINISHED = "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"


@pytest.fixture(scope="module")
def store(client: DockerClient, binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """A store with the image, whose containers are run by pyinit-runtime."""
    need("podman")
    if os.geteuid() != 0:
        pytest.skip("in a store of its own Podman is run as root")
    settings = tmp_path_factory.mktemp("settings") / "runtime.conf"
    settings.write_text("runtime=runc\n")
    with podman(binaries) as started:
        started.use_runtime(binaries / "pyinit-runtime", f"pyinit-config={settings}")
        started("load", data=b"".join(client.images.get(image("small")).save(named=True)))
        yield started


@pytest.fixture(autouse=True)
def remove_all(store: Podman) -> Iterator[None]:
    """Remove what a test has started."""
    yield
    store.remove_all()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"],
        ["--read-only", "--cap-drop", "all", "--user", "65534", "--security-opt", "no-new-privileges"],
        ["--tty"],
    ],
    ids=["as it is", "in a user namespace", "confined", "with a terminal"],
)
def test_a_plain_start_script_finishes(store: Podman, options: list[str]) -> None:
    store("run", "--detach", "--name", "it", "--network", "none", *options, image("small"))
    store.wait_for_output("it", "app ready")
    assert store.command_line_of_pid_1("it") == ["/dev/pyinit", "--", "/start.sh"]
    store("stop", "it")
    assert store.status("it") == 7
    assert "app done" in store("logs", "it")
    assert "start.sh cleans up after 7" in store("logs", "it")


def test_it_is_started_again_as_well(store: Podman) -> None:
    store("run", "--detach", "--name", "it", "--network", "none", image("small"))
    store.wait_for_output("it", "app ready")
    store("restart", "it")
    store.wait_for_output("it", "app done")
    assert store.command_line_of_pid_1("it") == ["/dev/pyinit", "--", "/start.sh"]
    store("stop", "it")
    assert store.status("it") == 7


def test_annotations_set_options(store: Podman) -> None:
    words = ["--annotation", "pyinit/map-status=7:0", "--annotation", "pyinit/log-level=error"]
    store("run", "--detach", "--name", "it", "--network", "none", *words, image("small"))
    store.wait_for_output("it", "app ready")
    store("stop", "it")
    assert store.status("it") == 0
    assert store("logs", "it") == FINISHED


def test_an_annotation_leaves_a_container_as_it_is(store: Podman) -> None:
    store("run", "--detach", "--name", "it", "--network", "none", "--annotation", "pyinit/exclude=*", image("small"))
    store.wait_for_output("it", "app ready")
    assert "/dev/pyinit" not in store.command_line_of_pid_1("it")
    store("stop", "--time", "1", "it")
    assert store.status("it") == 137


def test_podman_run_init_is_replaced(store: Podman) -> None:
    store("run", "--detach", "--name", "it", "--network", "none", "--init", image("small"))
    store.wait_for_output("it", "app ready")
    assert store.command_line_of_pid_1("it") == ["/dev/podman-init", "--", "/start.sh"]
    store("stop", "it")
    assert store.status("it") == 7
    assert store("logs", "it") == FINISHED


def test_of_a_pod_the_infra_container_is_left_alone_and_the_others_finish(store: Podman) -> None:
    store("pod", "create", "--name", "pod", "--network", "none", "--share", "net,ipc,uts")
    store("run", "--detach", "--name", "it", "--pod", "pod", image("small"))
    store.wait_for_output("it", "app ready")
    infra = store("pod", "inspect", "--format", "{{.InfraContainerID}}", "pod").strip()
    assert store.command_line_of_pid_1(infra) == ["/catatonit", "-P"]
    assert store.command_line_of_pid_1("it") == ["/dev/pyinit", "--", "/start.sh"]
    store("pod", "stop", "pod")
    assert store.status("it") == 7


@pytest.mark.usefixtures("store")  # for what it asks for: the programs, and root, who becomes somebody else
def test_a_plain_start_script_finishes_in_a_rootless_container(client: DockerClient, binaries: Path) -> None:
    with podman(binaries, 65534) as rootless:
        runtime = rootless.folder / "pyinit-runtime"  # pytest's folders are root's alone
        runtime.write_bytes((binaries / "pyinit").read_bytes())
        runtime.chmod(0o755)
        (rootless.folder / "runtime.conf").write_text("runtime=runc\n")
        rootless.use_runtime(runtime, f"pyinit-config={rootless.folder / 'runtime.conf'}")
        rootless("load", data=b"".join(client.images.get(image("small")).save(named=True)))
        rootless("run", "--detach", "--name", "it", "--network", "none", "--ulimit", "host", image("small"))
        rootless.wait_for_output("it", "app ready")
        rootless("stop", "it")
        assert rootless.status("it") == 7
        assert "start.sh cleans up after 7\n" in rootless("logs", "it")
