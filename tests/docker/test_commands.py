"""What `docker kill`, `restart`, `exec` and a short `stop --time` do to a container under pyinit."""

import pytest

from tests.docker.conftest import Start
from tests.waiting import wait_until

STOPPED = "app got SIGTERM\napp done\nstart.sh cleans up after 7\n"


@pytest.mark.parametrize("signum", ["HUP", "USR1"])
def test_a_reload_reaches_the_application_and_leaves_its_script_alone(start: Start, signum: str) -> None:
    container = start("app", ["/app/start.sh", "--on", f"TERM,{signum}"])
    container.wait_for_output("app ready")
    container.kill(signum)
    container.wait_for_output(f"app got SIG{signum}")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == f"app ready\napp got SIG{signum}\n{STOPPED}"


def test_a_restart_lets_the_application_finish_and_starts_it_anew(start: Start) -> None:
    container = start("app")
    container.wait_for_output("app ready")
    container.container.restart(timeout=10)
    container.wait_for_output("app ready", times=2)
    container.stop()
    assert container.wait() == 7
    assert container.stdout == f"app ready\n{STOPPED}" * 2


def test_a_docker_exec_works_during_a_stop_and_holds_nothing_up(start: Start) -> None:
    container = start("app", ["/app/start.sh", "--drain", "1.5"])
    container.wait_for_output("app ready")
    container.container.exec_run(["sleep", "1000"], detach=True)
    wait_until(lambda: "sleep 1000" in container.processes(), "the exec has started")
    container.kill("TERM")
    container.wait_for_output("app got SIGTERM")
    assert container.run("echo", "still here") == "still here\n"
    assert "sleep 1000" in container.processes()
    assert container.wait(timeout=5) == 7
    assert container.stdout == f"app ready\n{STOPPED}"


def test_an_application_that_needs_longer_than_docker_grants_is_killed(start: Start) -> None:
    container = start("app", ["/app/start.sh", "--drain", "1000"])
    container.wait_for_output("app ready")
    assert container.stop(timeout=1) >= 1
    assert container.wait() == 137
    assert container.stdout == "app ready\napp got SIGTERM\n"


def test_a_grace_period_shorter_than_dockers_tells_what_was_killed(start: Start) -> None:
    container = start("app", ["/app/start.sh", "--drain", "1000"], environment={"PYINIT_GRACE_PERIOD": "0.5"})
    container.wait_for_output("app ready")
    assert 0.5 <= container.stop(timeout=10) < 5
    assert container.wait() == 137
    assert "SIGKILL for all that is left" in container.stderr
