"""Images as users write them, stopped by `docker stop`: see docker/ for each."""

import pytest

from tests.docker.conftest import Start
from tests.waiting import wait_until

STOPPED = "app ready\napp got SIGTERM\napp done\n"


def test_an_application_in_exec_form_is_told_once_and_its_status_is_kept(start: Start) -> None:
    container = start("exec-form")
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED


def test_a_start_script_is_not_told_and_its_last_lines_run(start: Start) -> None:
    container = start("start-script")
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED + "start.sh cleans up after 7\n"


def test_a_shell_form_keeps_the_status_of_the_application(start: Start) -> None:
    container = start("shell-form")
    container.wait_for_output("app ready")
    assert any(words.startswith("/bin/sh -c") for words in container.processes())
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED


def test_the_last_line_of_an_application_passes_through_its_pipeline(start: Start) -> None:
    container = start("pipeline")
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 0
    assert container.stdout == STOPPED


@pytest.mark.parametrize("forward", ["group", "topmost", "command"])
def test_an_application_finishes_below_a_script_that_passes_on_the_signal(start: Start, forward: str) -> None:
    container = start("trap-script", environment={"PYINIT_FORWARD": forward})
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert "app done" in container.stdout
    if forward != "group":
        assert container.stdout == STOPPED


def test_a_daemon_is_told_when_the_application_has_finished_and_is_waited_for(start: Start) -> None:
    container = start("daemon")
    container.wait_for_output("app ready")
    container.wait_for_output("daemon ready")
    container.stop()
    assert container.wait() == 7
    lines = container.stdout.splitlines()
    assert sorted(lines[2:]) == ["app done", "app got SIGTERM", "daemon done", "daemon got SIGTERM"]
    assert lines[-1] == "daemon done"


def test_an_image_that_knows_nothing_of_pyinit_runs_under_that_of_its_base_image(start: Start) -> None:
    container = start("on-base")
    container.wait_for_output("app ready")
    supervisor, *others = container.processes()
    assert "pyinit" in supervisor
    assert others == ["python3 /app/app.py --status 5"], (
        "the variable is expanded, and neither a shell nor a second pyinit stays"
    )
    assert container.run("cat", "/app/built") == "a RUN goes through SHELL too\n"
    container.stop()
    assert container.wait() == 5
    assert container.stdout == STOPPED


def test_a_stop_signal_of_the_image_is_a_stop_request_and_can_be_another_for_the_command(start: Start) -> None:
    environment = {"PYINIT_STOP_ON": "WINCH", "PYINIT_STOP_SIGNAL": "TERM"}
    container = start("start-script", stop_signal="SIGWINCH", environment=environment)
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED + "start.sh cleans up after 7\n"


def test_a_command_that_ends_by_itself_leaves_nothing_in_the_log(start: Start) -> None:
    container = start("exec-form", ["sh", "-c", "echo out; exit 3"])
    assert container.wait() == 3
    assert (container.stdout, container.stderr) == ("out\n", "")


def test_a_health_check_without_curl_sees_when_the_application_can_serve(start: Start) -> None:
    container = start("healthcheck")

    def health() -> str:
        container.container.reload()
        return str(container.container.attrs["State"]["Health"]["Status"])

    assert health() == "starting"
    wait_until(lambda: health() == "healthy", "it is healthy", timeout=30)
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED
