"""The project of docker/compose.yaml, run by Docker Compose: it waits until the container is ready, and lets it finish."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.models.containers import Container

from tests.namespace import ROOT
from tests.waiting import wait_until

FILE = ROOT / "docker" / "compose.yaml"

#: Seconds that Compose may take; the machine may be busy.
LONG = 90.0


def compose(project: str, *words: str) -> str:
    """Run Docker Compose; what it has said."""
    program = str(Path(sys.executable).with_name("docker-compose"))
    command = [program, "--project-name", project, "--file", str(FILE), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextlib.contextmanager
def up(client: DockerClient) -> Iterator[tuple[str, Container]]:
    """The project, when Compose says that all is healthy: its name, and its container."""
    project = f"pyinit-test-{os.getpid()}"
    try:
        compose(project, "up", "--wait", "--pull", "never", "--no-build")
        (container,) = client.containers.list(all=True, filters={"label": f"com.docker.compose.project={project}"})
        yield project, container
    finally:
        compose(project, "down", "--timeout", "0", "--volumes")


@pytest.mark.timeout(4 * LONG)
def test_compose_waits_until_it_is_ready_and_lets_it_finish(client: DockerClient) -> None:
    with up(client) as (project, container):
        assert "after the start: file:/tmp/ready" in container.logs().decode(), "it said that it was ready"
        compose(project, "stop")
        container.reload()
        logs = container.logs().decode()
        assert "app got SIGTERM\n" in logs
        assert "app done\n" in logs
        assert container.attrs["State"]["ExitCode"] == 7
        wait_until(lambda: "exit status 7" in container.logs().decode(), "the log tells of the end")
