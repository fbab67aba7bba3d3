"""Containers with fewer rights, and with a PID namespace that is not their own."""

from typing import Any

import pytest

from tests.docker.conftest import Start
from tests.waiting import wait_until

NO_CAPABILITIES: dict[str, Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
CONFINEMENTS: dict[str, dict[str, Any]] = {
    "read-only root": {"read_only": True},
    "no capabilities": NO_CAPABILITIES,
    "another user": {"user": "12345:12345"},  # whom /etc/passwd does not know
    "all of it": {"read_only": True, "user": "12345:12345", "pids_limit": 10, **NO_CAPABILITIES},
}


@pytest.mark.parametrize("confinement", CONFINEMENTS)
def test_a_stop_needs_no_right_that_a_container_can_be_denied(start: Start, confinement: str) -> None:
    container = start("start-script", **CONFINEMENTS[confinement])
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"


def test_pyinit_runs_as_the_user_of_the_image(start: Start) -> None:
    container = start("non-root")
    container.wait_for_output("app ready")
    assert container.run("stat", "--format", "%U", "/proc/1") == "nobody\n"
    container.stop()
    assert container.wait() == 7
    assert container.stdout == "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"


def test_in_a_shared_pid_namespace_daemons_are_adopted_and_waited_for(start: Start) -> None:
    owner = start("exec-form", ["sleep", "1000"])
    container = start("shared-pid", pid_mode=f"container:{owner.container.id}")
    container.wait_for_output("app ready")
    container.wait_for_output("daemon ready")
    assert container.run("cat", "/proc/1/cmdline").endswith("sleep\0001000\0"), "the namespace is that of the other container"
    supervisor = container.parent_of("app.py --name daemon")
    assert "pyinit" in supervisor
    assert "sleep" not in supervisor
    container.stop()
    assert container.wait() == 7
    assert container.stdout.endswith("daemon done\n")
    assert owner.is_running


def test_in_a_shared_pid_namespace_a_python_without_ctypes_says_that_it_adopts_nobody(start: Start) -> None:
    owner = start("exec-form", ["sleep", "1000"])
    container = start("start-script", pid_mode=f"container:{owner.container.id}")
    container.wait_for_output("app ready")
    wait_until(lambda: "no subreaper" in container.stderr, "a warning")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"


def test_a_stop_leaves_the_others_of_a_shared_pid_namespace_alone(start: Start) -> None:
    owner = start("exec-form")
    owner.wait_for_output("app ready")
    container = start("shared-pid", pid_mode=f"container:{owner.container.id}")
    container.wait_for_output("daemon ready")
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert owner.stdout == "app ready\n"
    owner.stop()
    assert owner.wait() == 7
    assert owner.stdout == "app ready\napp got SIGTERM\napp done\n"
