"""The static binary as the init of an engine: `dockerd --init-path`, and `docker run --init`.

Every container of the host is put right then, and no image is changed. The one here has a plain start script and no init.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

import pyinit
from tests.docker.daemon import Daemon, copy_image, daemon
from tests.docker.engine import Contained, image
from tests.namespace import need

FINISHED = "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"
CUT_SHORT = "app ready\n"


@pytest.fixture(scope="module")
def engine(client: DockerClient, binaries: Path) -> Iterator[Daemon]:
    """A daemon whose init is pyinit, with the image."""
    need("dockerd")
    if os.geteuid() != 0:
        pytest.skip("a daemon must be run as root")
    with daemon("--init-path", str(binaries / "docker-init")) as started:
        copy_image(client, started.client, image("small"))
        yield started


def test_a_plain_start_script_finishes_under_docker_run_init(engine: Daemon) -> None:
    with Contained(engine.client, "small", init=True) as container:
        container.wait_for_output("app ready")
        assert container.processes()[0] == "/sbin/docker-init -- /start.sh"
        container.stop()
        assert container.wait() == 7
        assert container.stdout == FINISHED
        assert container.stderr == "", "as quiet as the original"


def test_without_init_the_same_daemon_runs_the_same_script_into_its_sigkill(engine: Daemon) -> None:
    """Or the test above would prove nothing."""
    with Contained(engine.client, "small") as container:
        container.wait_for_output("app ready")
        container.stop(timeout=1)
        assert container.wait() == 137
        assert container.stdout == CUT_SHORT


def test_its_variables_come_with_docker_run(engine: Daemon) -> None:
    environment = {"PYINIT_LOG_LEVEL": "info", "PYINIT_MAP_STATUS": "7:0"}
    with Contained(engine.client, "small", init=True, environment=environment) as container:
        container.wait_for_output("app ready")
        container.stop()
        assert container.wait() == 0
        assert container.stdout == FINISHED
        assert "(start.sh), until" in container.stderr


def test_a_command_that_is_not_there_has_the_status_of_tini(engine: Daemon) -> None:
    with Contained(engine.client, "small", ["/nosuch"], init=True) as container:
        assert container.wait() == 127
        assert container.stderr.startswith("pyinit: error: ")


def test_an_image_whose_command_is_pyinit_has_one_of_it(client: DockerClient, engine: Daemon) -> None:
    copy_image(client, engine.client, image("bare"))
    with Contained(engine.client, "bare", init=True) as container:
        container.wait_for_output("app ready")
        assert [words.split()[-1] for words in container.processes()] == ["/app", "/app"], "the init and the application"
        container.stop()
        assert container.wait() == 7


def test_docker_info_names_it_and_the_daemon_has_nothing_to_complain_of(engine: Daemon) -> None:
    told = subprocess.run(
        ["docker", "--host", engine.host, "info", "--format", "{{json .InitCommit}} {{.InitBinary}}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    commit, _, binary = told.partition("} ")
    assert json.loads(commit + "}")["ID"].startswith("pyinit-" + pyinit.__version__.replace(".", "-"))
    assert binary.strip().endswith("docker-init")
    assert [line for line in engine.log.read_text().splitlines() if "init" in line and "level=warning" in line] == []
