"""Images as users write them, docker/examples/, built and stopped by `docker stop`; and the same commands by hand."""

from pathlib import Path

import pytest

from tests.docker.conftest import Start
from tests.docker.engine import FORMS
from tests.namespace import ROOT
from tests.waiting import wait_until

STOPPED = "app ready\napp got SIGTERM\napp done\n"


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> list[str]:
    """The entry point that is pyinit, in each of its forms."""
    return [FORMS[request.param], "--"]


def test_the_example_of_a_start_script_is_not_told_and_its_last_lines_run(start: Start) -> None:
    container = start("start-script")
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED + "start.sh cleans up after 7\n"


def test_the_example_of_a_shell_form_keeps_the_status_of_the_application(start: Start) -> None:
    container = start("shell-form", environment={"STATUS": "4"})
    container.wait_for_output("app ready")
    assert any(words.startswith("/bin/sh -c") for words in container.processes())
    container.stop()
    assert container.wait() == 4
    assert container.stdout == STOPPED


def test_the_example_of_an_exec_form_has_its_variables_expanded_without_a_shell(start: Start) -> None:
    container = start("exec-form", environment={"STATUS": "4"})
    container.wait_for_output("app ready")
    assert container.processes()[1:] == ["python3 /app/app.py --status 4 --drain 0.4"]
    container.stop()
    assert container.wait() == 4
    assert container.stdout == STOPPED


def test_an_entrypoint_in_shell_form_is_warned_of_with_the_exec_form_to_write(start: Start) -> None:
    line = "/usr/local/bin/pyinit -- /app/start.sh"
    container = start("start-script", [], entrypoint=["/bin/sh", "-c", line])  # what Docker makes of ENTRYPOINT line
    container.wait_for_output("app ready")
    wait_until(lambda: container.stderr.endswith("\n"), "a line of the log")
    (warning,) = container.stderr.splitlines()
    assert warning.startswith("pyinit: warning: PID 1 is a shell (sh), which does not pass the stop request on: ")
    assert 'write ENTRYPOINT ["pyinit", "--", "/app/start.sh"], ' in warning
    inside = container.container.exec_run(["/usr/local/bin/pyinit", "--", "true"])
    assert (inside.exit_code, inside.output) == (0, b""), "there it is nobody's fault"
    container.kill("SIGKILL")


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


@pytest.mark.parametrize(
    "entrypoint",
    [
        None,  # /usr/bin/tini, which the image itself has
        ["/tini", "-v", "--"],
        ["tini", "-g", "--"],
        ["dumb-init"],
        ["/usr/bin/dumb-init", "--single-child", "--"],
    ],
    ids=str,
)
def test_an_image_with_tini_in_it_changes_nothing_when_its_base_image_has_replaced_that(
    start: Start, entrypoint: list[str] | None
) -> None:
    container = start("on-tini-base", ["/app/start.sh"], entrypoint=entrypoint)
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED + "start.sh cleans up after 7\n"
    assert ("stop requested" in container.stderr) == (entrypoint == ["/tini", "-v", "--"]), "as quiet as the original"


def test_a_mistake_in_tinis_options_has_tinis_status_and_one_line_that_names_it(start: Start) -> None:
    container = start("on-tini-base", ["/app/start.sh"], entrypoint=["tini", "-x", "--"])
    assert container.wait() == 1
    assert container.stderr.count("\n") == 1
    assert "-x" in container.stderr


def test_the_example_with_the_images_own_python_does_the_same(start: Start) -> None:
    container = start("python3-minimal")
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED + "start.sh cleans up after 7\n"


def test_the_example_with_the_images_own_python_has_no_tool_that_cannot_run_in_it_and_all_else_compiled(start: Start) -> None:
    names = ("(", "-name", "*.py", "-o", "-name", "*.pyc", ")")
    container = start("python3-minimal", ["find", "/usr/local/lib/pyinit", *names, "-printf", "%P\n"])
    assert container.wait() == 0
    files = set(container.stdout.splitlines())
    found = {Path(file) for file in files if file.endswith(".py")}
    every = {path.relative_to(ROOT / "pyinit") for path in (ROOT / "pyinit").rglob("*.py")}
    assert every - found == {path for path in every if path.parts[0] in ("check", "rehearse")}
    compiled = {Path(file).parents[1] / f"{Path(file).name.partition('.')[0]}.py" for file in files if file.endswith(".pyc")}
    assert compiled == found
    assert len(found) > 50


def test_a_start_script_is_not_told_and_its_last_lines_run(start: Start, form: list[str]) -> None:
    container = start("app", ["/app/start.sh"], entrypoint=form)
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED + "start.sh cleans up after 7\n"


def test_an_application_in_exec_form_is_told_once_and_its_status_is_kept(start: Start, form: list[str]) -> None:
    container = start("app", ["python3", "/app/app.py"], entrypoint=form)
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED


def test_the_last_line_of_an_application_passes_through_its_pipeline(start: Start, form: list[str]) -> None:
    container = start("app", ["/bin/sh", "-c", "python3 /app/app.py | tee /tmp/app.log"], entrypoint=form)
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 0
    assert container.stdout == STOPPED


@pytest.mark.parametrize("forward", ["group", "handlers", "command"])
def test_an_application_finishes_below_a_script_that_passes_on_the_signal(start: Start, form: list[str], forward: str) -> None:
    container = start("app", ["/app/trap.sh"], entrypoint=form, environment={"PYINIT_FORWARD": forward})
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert "app done" in container.stdout
    if forward != "handlers":  # which tells the application too
        assert container.stdout == STOPPED


def test_a_daemon_is_told_when_the_application_has_finished_and_is_waited_for(start: Start, form: list[str]) -> None:
    container = start("app", ["/app/daemon.sh"], entrypoint=form)
    container.wait_for_output("app ready")
    container.wait_for_output("daemon ready")
    container.stop()
    assert container.wait() == 7
    lines = container.stdout.splitlines()
    assert sorted(lines[2:]) == ["app done", "app got SIGTERM", "daemon done", "daemon got SIGTERM"]
    assert lines[-1] == "daemon done"


def test_a_stop_signal_of_the_image_is_a_stop_request_and_can_be_another_for_the_command(start: Start) -> None:
    environment = {"PYINIT_STOP_ON": "WINCH", "PYINIT_STOP_SIGNAL": "TERM"}
    container = start("start-script", stop_signal="SIGWINCH", environment=environment)
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == STOPPED + "start.sh cleans up after 7\n"


def test_a_command_that_ends_by_itself_leaves_nothing_in_the_log(start: Start, form: list[str]) -> None:
    container = start("app", ["sh", "-c", "echo out; exit 3"], entrypoint=form)
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
