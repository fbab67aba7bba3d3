"""The state page of a real PID 1: there from the start to the end, and nobody else's."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pyinit.page import UNASKED
from pyinit.probe import state as page_reader
from tests.live.conftest import APP_WORDS, Start
from tests.live.health import page_of, shown
from tests.namespace import ROOT, Namespace
from tests.waiting import wait_until


def test_it_tells_of_the_phases_of_a_life(start: Start) -> None:
    before = time.monotonic()
    # Each phase lasts until it has been seen.
    namespace = start(
        "--forward", "handlers", "--pre-stop-delay=1000", "--", *APP_WORDS.split(), "--on=TERM,INT", "--drain=1000"
    )
    namespace.wait_for_output("app ready")
    state = shown(namespace)
    assert (state.phase, state.readiness, state.forward, state.stop_signal) == ("running", UNASKED, "handlers", signal.SIGTERM)
    assert state.command == 2
    assert before < state.started_at == state.phase_since < time.monotonic()
    namespace.signal(signal.SIGINT)
    wait_until(lambda: shown(namespace).phase == "pre-stop", "the pre-stop delay")
    state = shown(namespace)
    assert state.stop_signal == signal.SIGINT
    assert state.requested_at is not None
    assert state.requested_at >= state.started_at
    namespace.signal(signal.SIGINT)
    wait_until(lambda: shown(namespace).phase == "stopping", "the stop signal")


def test_it_tells_of_the_status_of_a_command_that_is_gone(start: Start, tmp_path: Path) -> None:
    said = tmp_path / "said"
    left = f"setsid {APP_WORDS} --drain 1000 >{said} & until grep -q ready {said}; do sleep 0.02; done; exit 3"
    namespace = start("--sweep-timeout=100", "--", "sh", "-c", left)
    wait_until(lambda: shown(namespace).phase == "sweeping", "the sweep")
    assert shown(namespace).status == 3


def test_it_counts_orphans(start: Start) -> None:
    namespace = start("--", "sh", "-c", "sleep 1.2; for i in 1 2 3; do (setsid sleep 0.01 &); sleep 1.2; done; sleep 1000")
    wait_until(lambda: shown(namespace).orphans >= 2, "orphans")


@pytest.mark.parametrize("environment", [{}, {"LISTEN_PID": "1"}], ids=["spawned", "forked"])
def test_the_command_has_no_part_in_it(start: Start, environment: dict[str, str]) -> None:
    namespace = start("--", "sleep", "1000", env={"PATH": os.environ["PATH"], **environment})
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    assert page_reader.open_of(command.pid) is None


def test_a_pre_stop_command_has_no_part_in_it(start: Start, tmp_path: Path) -> None:
    namespace = start("--pre-stop", f"ls -l /proc/self/fd >{tmp_path}/held", "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert "memfd" not in (tmp_path / "held").read_text()


def test_a_pyinit_that_is_not_pid_1_has_one_too(tmp_path: Path) -> None:
    inner = f"{sys.executable} -IS {ROOT}/pyinit/__main__.py"
    with Namespace(["sh", "-c", f"{inner} -- sleep 1000; :"], tmp_path) as namespace:
        wait_until(lambda: namespace.named("sleep"), "the command")
        pyinit = namespace.init.children()[0].pid
        assert page_of(pyinit).phase == "running"  # it comes after the command
        with pytest.raises(page_reader.NotFoundError):
            page_reader.find(namespace.init.pid)


FAULTY = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "faulty.py")]


@pytest.mark.parametrize("call", ["posix.memfd_create", "posix.pwrite"])
def test_without_it_all_else_works(call: str, tmp_path: Path) -> None:
    with Namespace([*FAULTY, call, "ENOSYS", "start:always", "--", *APP_WORDS.split()], tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        namespace.wait_until_at_rest()
        with pytest.raises(page_reader.NotFoundError):
            page_reader.find(namespace.init.pid)
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7
