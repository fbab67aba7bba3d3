"""`docker run --runtime=pyinit`: the static binary as an OCI runtime, which puts itself in front of what an image runs.

No image is changed, and none here has an init of its own, unless a test says so.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import APIError

from tests.docker.daemon import Daemon, copy_image, daemon
from tests.docker.engine import Contained, image
from tests.docker.test_hostile import NO_RIGHTS, STRICT
from tests.namespace import need

FINISHED = "app ready\napp got SIGTERM\napp done\n"
SCRIPT_FINISHED = FINISHED + "start.sh cleans up after 7\n"

#: What `CMD app; echo ...` in a Dockerfile makes, and so the engine runs.
SHELL_FORM = ["/bin/sh", "-c", 'app; status=$?; echo "start.sh cleans up after $status"; exit $status']

#: Settings of a node by the name of the runtime that has them.
SETTINGS = {
    "pyinit": "",
    "quiet": "# of the node\nPYINIT_LOG_LEVEL=warning\nPYINIT_MAP_STATUS=7:0\n",
    "left": "inits=leave\n",
    "wrong": "PYINIT_PRE_STOP_DELAY=soon\n",
    "wrong-but-started": "PYINIT_PRE_STOP_DELAY=soon\non-failure=start\n",
    "misspelt": "PYINIT_PRE_STOP_DELLAY=1\n",
}

Start = Callable[..., Contained]


@pytest.fixture(scope="module")
def engine(client: DockerClient, binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that has the runtime under a name for each of SETTINGS, and the images."""
    need("dockerd")
    if os.geteuid() != 0:
        pytest.skip("a daemon must be run as root")
    folder = tmp_path_factory.mktemp("settings")
    runtimes = {}
    for name, text in SETTINGS.items():
        (folder / f"{name}.conf").write_text(text)
        runtimes[name] = {
            "path": str(binaries / "pyinit-runtime"),
            "runtimeArgs": [f"--pyinit-config={folder / f'{name}.conf'}"],
        }
    (folder / "daemon.json").write_text(json.dumps({"runtimes": runtimes}))
    init = subprocess.run(["which", "docker-init"], check=True, capture_output=True, text=True).stdout.strip()
    with daemon("--config-file", str(folder / "daemon.json"), "--init-path", init) as started:
        for name in ("small", "small-pyinit"):
            copy_image(client, started.client, image(name))
        yield started


@pytest.fixture
def start(engine: Daemon) -> Iterator[Start]:
    """A function that starts a container, by default with the runtime and from the small image."""
    containers = []

    def start_one(command: list[str] | None = None, name: str = "small", runtime: str = "pyinit", **keywords: Any) -> Contained:
        containers.append(Contained(engine.client, name, command, runtime=runtime, **keywords))
        return containers[-1]

    yield start_one
    for container in containers:
        container.__exit__(None, None, None)


def stop(container: Contained) -> int:
    """Stop it when the application is ready; return the exit status."""
    container.wait_for_output("app ready")
    container.stop()
    return container.wait()


# --- an untouched image ---


@pytest.mark.parametrize("command", [None, SHELL_FORM], ids=["start.sh", "shell form"])
def test_an_untouched_image_finishes_its_work_and_its_status_is_kept(start: Start, command: list[str] | None) -> None:
    container = start(command)
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert "start.sh" in container.stderr or "(sh), until" in container.stderr


@pytest.mark.parametrize("command", [None, SHELL_FORM], ids=["start.sh", "shell form"])
def test_without_it_the_same_image_is_killed_with_its_work(start: Start, command: list[str] | None) -> None:
    """Or the test above would prove nothing."""
    container = start(command, runtime="runc")
    container.wait_for_output("app ready")
    container.stop(timeout=1)
    assert container.wait() == 137
    assert container.stdout == "app ready\n"


PLACES: dict[str, dict[str, Any]] = {
    "a read-only root": {"read_only": True},
    "no capabilities and no new privileges": NO_RIGHTS,
    "another user": {"user": "65534:65534"},
    "a strict seccomp profile": STRICT,
    "a user, a read-only root and no rights": {"read_only": True, "user": "65534:65534", **NO_RIGHTS},
    "a terminal": {"tty": True},
    "16 MB of memory": {"mem_limit": "16m", "memswap_limit": "16m"},
}


@pytest.mark.parametrize("place", PLACES)
def test_it_finishes_in_every_place(start: Start, place: str) -> None:
    container = start(**PLACES[place])
    assert stop(container) == 7
    assert "app done" in container.stdout
    assert "start.sh cleans up after 7" in container.stdout


def test_the_host_s_own_dev_gets_no_file(start: Start) -> None:
    container = start(volumes=["/dev:/dev"])
    container.wait_for_output("app ready")
    assert "/.pyinit -- /start.sh" in container.processes()
    assert not Path("/dev/pyinit").exists()
    assert stop(container) == 7


@pytest.mark.parametrize(
    ("command", "folder"),
    [(["start.sh"], "/"), (["./start.sh"], "/"), (["../start.sh"], "/bin"), (["app"], "/bin")],
    ids=" ".join,
)
def test_a_relative_command_is_found_as_before(start: Start, command: list[str], folder: str) -> None:
    container = start(command, working_dir=folder, environment={"PATH": "/bin:/"})
    assert stop(container) == 7


def test_a_command_that_is_not_there_has_the_status_of_a_shell_and_a_line_that_says_so(start: Start) -> None:
    container = start(["nosuch"])
    assert container.wait() == 127
    assert container.stderr == "pyinit: error: cannot execute nosuch: not found in PATH; is it in this image, is PATH right?\n"


# --- what others see ---


def test_the_engine_shows_the_container_as_it_was(start: Start, engine: Daemon) -> None:
    container = start()
    container.wait_for_output("app ready")
    attributes = engine.client.api.inspect_container(str(container.container.id))
    assert (attributes["Path"], attributes["Args"], attributes["Mounts"]) == ("/start.sh", [], [])
    assert not [entry for entry in attributes["Config"]["Env"] or [] if entry.startswith("PYINIT")]
    assert container.container.diff() in (None, []), "nothing of it is in the container's layer"


def test_what_is_executed_in_a_container_is_left_alone(start: Start) -> None:
    container = start()
    container.wait_for_output("app ready")
    assert container.run("busybox", "cat", "/proc/self/cmdline") == "busybox\0cat\0/proc/self/cmdline\0"


def test_its_binary_is_there_to_look_inside(start: Start) -> None:
    container = start()
    container.wait_for_output("app ready")
    assert "start.sh" in container.run("/dev/pyinit", "--status")
    assert container.run("/dev/pyinit", "--probe", "pyinit").startswith("ok: pyinit: running")


def test_no_process_of_it_stays_on_the_host(start: Start) -> None:
    container = start()
    container.wait_for_output("app ready")
    names = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            names.append(path.read_bytes().split(b"\0")[0])
        except OSError:
            continue  # it has ended since
    assert [name for name in names if b"pyinit-runtime" in name] == []


def test_a_container_can_be_started_again(start: Start) -> None:
    container = start()
    assert stop(container) == 7
    container.container.start()
    container.wait_for_output("app ready", times=2)
    assert "/dev/pyinit -- /start.sh" in container.processes()
    assert stop(container) == 7


def test_docker_info_tells_the_version_of_the_real_runtime(engine: Daemon) -> None:
    words = ["docker", "--host", engine.host, "info", "--format", "{{json .Runtimes}}"]
    assert json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["pyinit"]
    assert not re.search(r"level=(warning|error).*pyinit-runtime", engine.log.read_text())


# --- where another init is, or none is wanted ---


def test_the_init_of_docker_run_init_is_replaced(start: Start) -> None:
    container = start(init=True)
    container.wait_for_output("app ready")
    assert "/dev/docker-init -- /start.sh" in container.processes()
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert container.stderr == "", "as quiet as the original"


def test_or_it_is_left_where_the_node_wants_that(start: Start) -> None:
    container = start(init=True, runtime="left")
    container.wait_for_output("app ready")
    assert "/sbin/docker-init -- /start.sh" in container.processes()
    assert stop(container) == 143


def test_an_image_that_has_pyinit_keeps_its_own_and_gets_the_variables(start: Start) -> None:
    container = start(name="small-pyinit", runtime="quiet")
    container.wait_for_output("app ready")
    assert "/pyinit -- /start.sh" in container.processes()
    assert stop(container) == 0, "mapped"
    assert container.stderr == ""


def test_in_the_host_s_pid_namespace_it_is_left_out(start: Start) -> None:
    container = start(pid_mode="host")
    container.wait_for_output("app ready")
    assert container.run("sh", "-c", "ls /dev/pyinit || true") == "ls: /dev/pyinit: No such file or directory\n"


def test_in_the_pid_namespace_of_another_container_it_is_no_pid_1_and_does_the_same(start: Start) -> None:
    first = start(["sleep", "1000"])
    container = start(pid_mode=f"container:{first.container.id}")
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert first.is_running


# --- what the node says, and the container ---


def test_the_node_s_variables_hold_where_the_container_has_none(start: Start) -> None:
    container = start(runtime="quiet")
    assert stop(container) == 0
    assert container.stderr == ""


def test_the_container_s_own_variables_win(start: Start) -> None:
    container = start(runtime="quiet", environment={"PYINIT_MAP_STATUS": "7:5", "PYINIT_LOG_LEVEL": ""})
    assert stop(container) == 5
    assert "pyinit: stop requested" in container.stderr, "an empty one is the default"


@pytest.mark.parametrize(
    ("runtime", "complaint"),
    [
        ("wrong", "pyinit-runtime: .*config.json: PYINIT_PRE_STOP_DELAY: 'soon'"),
        ("misspelt", "pyinit-runtime: .*misspelt.conf: line 1: .*did you mean PYINIT_PRE_STOP_DELAY"),
    ],
)
def test_a_setting_that_is_no_good_fails_the_start_and_the_engine_says_why(start: Start, runtime: str, complaint: str) -> None:
    with pytest.raises(APIError) as caught:
        start(runtime=runtime)
    assert re.search(complaint, str(caught.value.explanation))


def test_or_the_container_is_started_as_it_was_and_its_log_says_so(start: Start) -> None:
    container = start(runtime="wrong-but-started")
    container.wait_for_output("app ready")
    assert not any("pyinit" in words for words in container.processes())
    assert container.stderr.startswith("pyinit-runtime: ")
    assert "'soon'" in container.stderr
    assert "is started without pyinit" in container.stderr
