"""Storms of signals in every phase of a stop, and a PID 1 that is stopped from outside: nobody is lost or told twice."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.hostile.cgroups import Cgroup, hierarchy
from tests.hostile.conftest import IS_LONG
from tests.hostile.pid1 import (
    assert_asleep,
    assert_not_larger,
    phase,
    private,
    release,
    used,
    wait_for_phase,
)
from tests.hostile.stages import PATIENT, PHASES, STORM, Stages, storm
from tests.live.conftest import Start
from tests.namespace import ROOT, Namespace
from tests.waiting import wait_until

RECORDER = (sys.executable, "-IS", str(ROOT / "tests" / "live" / "recorder.py"))

#: Times that PID 1 has given up the CPU, which a storm goes on for: it is woken by each burst that it gets.
BLOWS = 20_000 if IS_LONG else 400


def blow(namespace: Namespace) -> None:
    """Let a storm go on until PID 1 has been woken many times, or has worked all the time for some seconds of CPU."""
    before = used(namespace.init.pid)

    def is_enough() -> bool:
        now = used(namespace.init.pid)
        return now.switches >= before.switches + BLOWS or now.ticks >= before.ticks + BLOWS

    wait_until(is_enough, f"PID 1 takes notice: {used(namespace.init.pid)}, {before}", timeout=60)


@pytest.mark.parametrize("held", PHASES)
def test_a_storm_of_signals_in_a_phase_ends_no_phase_and_costs_nobody_anything(start: Start, tmp_path: Path, held: str) -> None:
    stages = Stages(start, tmp_path)
    namespace = stages.namespace
    stages.enter(held)
    with storm(namespace, *STORM):
        blow(namespace)
    assert_asleep(namespace)
    before = private(namespace)
    with storm(namespace, *STORM):
        blow(namespace)
        assert phase(namespace) == held
    assert_asleep(namespace)
    assert_not_larger(namespace, before)
    assert phase(namespace) == held
    assert stages.finish() == 7
    stages.assert_finished()


def test_a_storm_from_the_beginning_to_the_end_of_a_stop_changes_nothing_of_it(start: Start, tmp_path: Path) -> None:
    stages = Stages(start, tmp_path)
    with storm(stages.namespace, *STORM):
        assert stages.finish() == 7
    stages.assert_finished()


@pytest.mark.parametrize("held", PHASES[2:])
def test_a_storm_of_stop_requests_is_passed_on_and_cuts_no_work(start: Start, tmp_path: Path, held: str) -> None:
    """Who asks again is told again: but nobody is killed for it, and the exit status is the application's."""
    stages = Stages(start, tmp_path)
    namespace = stages.namespace
    stages.enter(held)
    with storm(namespace, signal.SIGTERM):
        blow(namespace)
    assert_asleep(namespace)
    before = private(namespace)
    with storm(namespace, signal.SIGTERM):
        blow(namespace)
    assert_asleep(namespace)
    assert_not_larger(namespace, before)
    assert phase(namespace) == held
    assert stages.finish() == 7
    assert "app done\n" in namespace.stdout
    assert "daemon done\n" in namespace.stdout


def test_a_storm_of_stop_requests_in_pre_stop_ends_it_once(start: Start, tmp_path: Path) -> None:
    stages = Stages(start, tmp_path)
    stages.enter("pre-stop")
    with storm(stages.namespace, signal.SIGTERM):
        wait_for_phase(stages.namespace, "stopping")
        stages.namespace.wait_for_output("app got SIGTERM")
    assert stages.finish() == 7
    assert "app done\n" in stages.namespace.stdout
    assert "daemon done\n" in stages.namespace.stdout


def test_a_storm_while_everybody_is_killed_delays_nothing(start: Start) -> None:
    """One is frozen, so that not even SIGKILL ends it: as one in an uninterruptible sleep is, and the phase lasts."""
    if (found := hierarchy("freezer")) is None or found[1] != 1:
        pytest.skip(
            "no freezer of cgroup v1, by which a process outlives SIGKILL; test_crowds has a storm over many who do not"
        )
    with Cgroup("freezer", 0, "killing") as group:
        namespace = start("--grace-period", "0.2", "--", *PATIENT, "--deaf", "--daemon", "/never", "/never")
        namespace.wait_for_output("app ready")
        namespace.wait_for_output("daemon ready")
        [daemon] = namespace.named("daemon")
        group.add(daemon.pid)
        (group.path / "freezer.state").write_text("FROZEN")
        wait_until(lambda: group.read("freezer.state") == "FROZEN\n", "it is frozen")
        try:
            with storm(namespace, *STORM):
                namespace.signal(signal.SIGTERM)
                wait_for_phase(namespace, "killing")
                namespace.wait_for_log("leaving without them")
        finally:
            (group.path / "freezer.state").write_text("THAWED")
        assert namespace.wait() == 137
    assert "daemon done" not in namespace.stdout


# --- PID 1 is stopped ---


def stop_pid_1(namespace: Namespace) -> Callable[[], None]:
    """SIGSTOP from outside of the namespace, which PID 1 obeys; returns what takes that back."""
    namespace.signal(signal.SIGSTOP)
    wait_until(lambda: namespace.init.status() == psutil.STATUS_STOPPED, "PID 1 is stopped")
    return lambda: namespace.signal(signal.SIGCONT)


@pytest.mark.parametrize("held", PHASES)
def test_what_happens_while_pid_1_is_stopped_is_dealt_with_when_it_goes_on(start: Start, tmp_path: Path, held: str) -> None:
    stages = Stages(start, tmp_path)
    stages.enter(held)
    go_on = stop_pid_1(stages.namespace)
    stages.leave(held)
    if held == "running":
        stages.namespace.signal(signal.SIGUSR1)
    if held == "stopping":
        stages.namespace.wait_for_output("app done")
    if held == "sweeping":
        stages.namespace.wait_for_output("daemon done")
    go_on()
    if held != "sweeping":
        wait_for_phase(stages.namespace, PHASES[PHASES.index(held) + 1])
        assert stages.finish() == 7
    assert stages.namespace.wait() == 7
    stages.assert_finished()


@pytest.mark.parametrize("held", PHASES)
def test_a_storm_of_stopping_and_going_on_ends_no_phase_and_costs_nobody_anything(
    start: Start, tmp_path: Path, held: str
) -> None:
    """A checkpoint, a debugger, `docker pause` on an engine without a freezer: hundreds of times."""
    stages = Stages(start, tmp_path)
    stages.enter(held)
    with storm(stages.namespace, signal.SIGSTOP, signal.SIGCONT):
        blow(stages.namespace)
    stages.namespace.signal(signal.SIGCONT)  # the last of the storm may have been another
    assert_asleep(stages.namespace)
    assert phase(stages.namespace) == held
    assert stages.finish() == 7
    stages.assert_finished()


def test_a_stop_request_comes_before_thousands_of_other_signals_that_were_there_first(start: Start) -> None:
    """Real-time signals are queued, not merged. PID 1 is stopped while they come, so that all of them wait."""
    namespace = start("--", *RECORDER)
    namespace.wait_for_output("ready")
    namespace.wait_until_at_rest()
    go_on = stop_pid_1(namespace)
    number = 20_000 if IS_LONG else 2_000
    for _ in range(number):
        namespace.signal(signal.SIGHUP)
        namespace.signal(signal.SIGRTMIN + 1)
    namespace.signal(signal.SIGTERM)
    go_on()
    namespace.wait_for_output(f"got {signal.SIGRTMIN + 1}\n", times=number, timeout=60)
    taken = namespace.stdout.split("\n")
    assert taken.index("got 15") < 8, taken[:20]
    assert_asleep(namespace)


def test_who_forks_again_and_exits_at_each_signal_is_outlived(start: Start, tmp_path: Path) -> None:
    """There is always a new one that was not told yet: the grace period puts an end to it, and PID 1 spins for none of them."""
    reforker = (sys.executable, "-IS", str(ROOT / "tests" / "hostile" / "reforker.py"))
    go = tmp_path / "go"
    line = f"{' '.join(reforker)} 20 & {' '.join(PATIENT)} {go}; exit $?"
    namespace = start("--grace-period=3", "--settle=0.1", "--", "sh", "-c", line)
    namespace.wait_for_output("app ready")
    namespace.wait_for_output("reforker ready", times=20)
    before = private(namespace)
    with storm(namespace, signal.SIGUSR1):
        blow(namespace)
    assert_asleep(namespace)
    assert_not_larger(namespace, before, slack=1024)  # with the first signal comes what delivers it
    before = private(namespace)
    with storm(namespace, signal.SIGUSR1):
        blow(namespace)
    assert_asleep(namespace)
    assert_not_larger(namespace, before)
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    release(go)
    assert namespace.wait() == 7
    assert namespace.stdout.count("app got SIGTERM\n") == 1
    assert "app done\n" in namespace.stdout
    assert "SIGKILL to" in namespace.stderr
