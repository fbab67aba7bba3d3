"""The main scenarios under every supported CPython that this machine has."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.live.interpreters import INTERPRETERS, name_of
from tests.live.terminals import Terminal
from tests.namespace import ROOT, Namespace, pyinit_from_source
from tests.waiting import wait_until

pytestmark = pytest.mark.forms("source")


@pytest.fixture(params=INTERPRETERS, ids=name_of)
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter for PID 1; the applications run under the one of the tests."""
    return str(request.param)


def test_the_interpreter_of_the_tests_is_among_them() -> None:
    assert os.path.realpath(sys.executable) in INTERPRETERS


def test_a_start_script_finishes_its_work_and_its_status_is_kept(
    start: Start, script: Callable[[str], str], python: str
) -> None:
    namespace = start("--", script("APP\necho last line, $?\nexit 3"), python=python)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 3
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nlast line, 7\n"


@pytest.mark.parametrize("environment", [{}, {"LISTEN_PID": "1"}], ids=["spawned", "forked"])
def test_statuses_are_those_of_a_shell(start: Start, python: str, environment: dict[str, str]) -> None:
    for words, status in {
        ("sh", "-c", "exit 42"): 42,
        ("sh", "-c", "kill -9 $$"): 137,
        ("no-such-command",): 127,
        ("/",): 126,
    }.items():
        env = {"PATH": os.environ["PATH"], **environment}
        assert start("--", *words, python=python, env=env).wait() == status


def test_orphans_are_reaped(start: Start, python: str) -> None:
    orphans = "for i in 1 2 3 4 5 6 7 8; do (sleep 0.01 & ) ; done; echo left; exec sleep 1000"
    namespace = start("--", "sh", "-c", orphans, python=python)
    namespace.wait_for_output("left")
    wait_until(lambda: len(namespace.processes()) == 1, "one is left, the command")
    assert [one.name() for one in namespace.processes()] == ["sleep"]


@pytest.mark.parametrize("way", ["watched", "looked at now and then"])
def test_a_reader_that_would_never_end_is_ended_after_the_settling_time(
    tmp_path: Path, script: Callable[[str], str], python: str, way: str
) -> None:
    without_pidfd = [python, "-IS", str(ROOT / "tests" / "live" / "faulty.py"), "posix.pidfd_open", "ENOSYS", "start:always"]
    init = pyinit_from_source(python) if way == "watched" else without_pidfd
    with Namespace([*init, "--settle", "0.3", "--", script("APP &\nexec tail -f /dev/null")], tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        wait_until(lambda: namespace.named("tail"), "the reader")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 143
        assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


def test_a_pid_1_that_was_frozen_until_after_the_end_of_the_delay_makes_up_no_signal(tmp_path: Path, python: str) -> None:
    init = [python, "-IS", str(ROOT / "tests" / "live" / "leftover.py")]
    with Namespace([*init, "--pre-stop-delay=3", "--", *APP_WORDS.split(), "--on", "TERM,HUP"], tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        over_at = time.monotonic() + 3
        namespace.wait_for_log("stop requested")
        namespace.signal(signal.SIGHUP)
        namespace.wait_for_output("app got SIGHUP")
        namespace.wait_until_at_rest()
        namespace.signal(signal.SIGSTOP)
        wait_until(lambda: namespace.init.status() == psutil.STATUS_STOPPED, "PID 1 is frozen")
        assert time.monotonic() < over_at
        wait_until(lambda: time.monotonic() > over_at + 0.1, "the delay is over")
        namespace.signal(signal.SIGCONT)
        assert namespace.wait() == 7
        assert namespace.stdout == "app ready\napp got SIGHUP\napp got SIGTERM\napp done\n"


def test_a_command_on_a_terminal_has_its_foreground(start: Start, python: str) -> None:
    with Terminal() as terminal:
        namespace = terminal.run(start, "--", *APP_WORDS.split(), "--on", "INT", python=python)
        terminal.wait_for("app ready")
        terminal.press("C")
        assert namespace.wait() == 7
        assert "app got SIGINT" in terminal.shown
