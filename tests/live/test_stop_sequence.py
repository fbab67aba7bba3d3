"""The stop sequence: what happens between a stop request and the exit of PID 1, and when."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.namespace import Namespace
from tests.waiting import wait_until

Script = Callable[..., str]

APP = APP_WORDS.split()

#: What the application says when it was told once and finished.
TOLD_ONCE = "app ready\napp got SIGTERM\napp done\n"

#: Seconds within which "at once" must happen, on a busy machine; what must not be waited for takes far longer.
AT_ONCE = 5.0

FOR_EVER = "1000"


@pytest.fixture
def started(start: Start) -> Callable[..., Namespace]:
    """A function that starts pyinit with these options and the application, with words of its own, and waits for it."""

    def start_app(*options: str, app: str = "") -> Namespace:
        namespace = start(*options, "--", *APP, *app.split())
        namespace.wait_for_output("app ready")
        return namespace

    return start_app


@pytest.fixture
def hook(script: Script, tmp_path: Path) -> Callable[[str], str]:
    """A function that writes a pre-stop command with these lines; in them, OUT is a file that can be read as tmp_path/hook."""

    def write(lines: str) -> str:
        return script(lines.replace("OUT", str(tmp_path / "hook")), name="hook.sh")

    return write


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A fifo: a command that reads from it goes on when the test writes to it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


Started = Callable[..., Namespace]
Hook = Callable[[str], str]


def timed_stop(namespace: Namespace, signum: int = signal.SIGTERM) -> tuple[int, float]:
    """Ask PID 1 to stop; return its exit status, and the seconds that it took."""
    begun = time.monotonic()
    namespace.signal(signum)
    status = namespace.wait()
    return status, time.monotonic() - begun


def is_past(moment: float) -> bool:
    """Whether the monotonic clock has reached a moment."""
    return time.monotonic() >= moment


# --- the pre-stop delay ----------------------------------------------------------------------------------------------------


def test_the_command_serves_on_during_the_delay_and_is_told_after_it(started: Started) -> None:
    namespace = started("--pre-stop-delay", "600ms")
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("keeps serving for 0.6s")
    namespace.wait_for_output("app got SIGTERM")
    assert time.monotonic() - begun >= 0.6
    assert namespace.wait() == 7
    assert namespace.stdout == TOLD_ONCE


def test_other_signals_reach_the_command_during_the_delay_and_do_not_end_it(started: Started) -> None:
    namespace = started("--pre-stop-delay", "700ms", app="--on TERM,HUP")
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("keeps serving")
    namespace.signal(signal.SIGHUP)
    namespace.wait_for_output("app got SIGTERM")
    assert time.monotonic() - begun >= 0.7
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGHUP\napp got SIGTERM\napp done\n"


def test_a_second_stop_request_ends_the_delay_at_once(started: Started) -> None:
    namespace = started("--pre-stop-delay", FOR_EVER)
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("keeps serving")
    status, seconds = timed_stop(namespace)
    assert (status, seconds < AT_ONCE) == (7, True)
    assert namespace.stdout == TOLD_ONCE


def test_a_command_that_exits_during_the_delay_ends_it(start: Start, gate: Path) -> None:
    namespace = start("--pre-stop-delay", FOR_EVER, "--", "sh", "-c", f"echo ready; read line <{gate}; exit 4")
    namespace.wait_for_output("ready")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("keeps serving")
    gate.write_text("go\n")
    assert namespace.wait(AT_ONCE) == 4


def test_the_delay_is_for_stop_requests_only_and_costs_a_command_that_exits_by_itself_nothing(start: Start) -> None:
    namespace = start("--pre-stop-delay", FOR_EVER, "--", "sh", "-c", "exit 5")
    assert namespace.wait(AT_ONCE) == 5


# --- the pre-stop command --------------------------------------------------------------------------------------------------


def test_the_stop_signal_waits_for_the_pre_stop_command(started: Started, hook: Hook, tmp_path: Path) -> None:
    namespace = started("--pre-stop", hook("echo $PYINIT_SIGNAL $PYINIT_COMMAND_PID >OUT; sleep 0.5"))
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    assert time.monotonic() - begun >= 0.5
    assert namespace.wait() == 7
    assert namespace.stdout == TOLD_ONCE
    found = re.search(r"SIGTERM to (\d+) \(python", namespace.stderr)
    assert found
    assert (tmp_path / "hook").read_text() == f"SIGTERM {found[1]}\n"


def test_a_simple_pre_stop_command_is_executed_without_a_shell(started: Started, hook: Hook, tmp_path: Path) -> None:
    path = hook('echo "$#-$1-$PPID" >OUT')
    namespace = started("--pre-stop", f"{path} 'for $PYINIT_SIGNAL'")
    assert timed_stop(namespace)[0] == 7
    assert (tmp_path / "hook").read_text() == "1-for $PYINIT_SIGNAL-1\n"


def test_the_variables_can_be_arguments_of_a_simple_pre_stop_command(started: Started, hook: Hook, tmp_path: Path) -> None:
    path = hook('echo "$#-$1" >OUT')
    namespace = started("--pre-stop", f"{path} $PYINIT_SIGNAL", app="--on INT")
    assert timed_stop(namespace, signal.SIGINT)[0] == 7
    assert (tmp_path / "hook").read_text() == "1-SIGINT\n"


def test_a_pre_stop_command_may_be_a_shell_string(started: Started, hook: Hook, tmp_path: Path) -> None:
    path = hook('echo "$1" >>OUT')
    namespace = started("--pre-stop", f"{path} one && {path} two; false || {path} $((1 + 2))")
    assert timed_stop(namespace)[0] == 7
    assert (tmp_path / "hook").read_text() == "one\ntwo\n3\n"


def test_a_pre_stop_command_that_takes_too_long_is_killed_with_all_it_started(started: Started, hook: Hook) -> None:
    path = hook("trap '' TERM\nsleep 999 &\nsleep 1000")
    namespace = started("--pre-stop", path, "--pre-stop-timeout", "500ms", app="--drain 1")
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    wait_until(lambda: len(namespace.named("sleep")) == 2, "the pre-stop command")
    namespace.wait_for_output("app got SIGTERM")
    assert time.monotonic() - begun >= 0.5
    wait_until(lambda: not namespace.named("sleep"), "the pre-stop command is gone while the application works")
    assert namespace.wait() == 7
    assert namespace.stdout == TOLD_ONCE
    assert "warning: the pre-stop command did not exit within 0.5s and is killed (--pre-stop-timeout)" in namespace.stderr


def test_a_pre_stop_command_that_is_missing_is_warned_of_and_the_container_stops(started: Started) -> None:
    namespace = started("--pre-stop", "/no/such/hook --fast")
    status, seconds = timed_stop(namespace)
    assert (status, seconds < AT_ONCE) == (7, True)
    assert namespace.stdout == TOLD_ONCE
    assert "warning: the pre-stop command is skipped: cannot execute /no/such/hook: no such file" in namespace.stderr


def test_a_pre_stop_command_that_fails_is_warned_of_and_the_container_stops(started: Started) -> None:
    namespace = started("--pre-stop", "exit 9")
    assert timed_stop(namespace)[0] == 7
    assert namespace.stdout == TOLD_ONCE
    assert "warning: the pre-stop command exited with status 9" in namespace.stderr


def test_what_a_pre_stop_command_says_goes_to_the_log_and_not_among_the_output_of_the_command(started: Started) -> None:
    namespace = started("--pre-stop", "echo closing the gates")
    assert timed_stop(namespace)[0] == 7
    assert namespace.stdout == TOLD_ONCE
    assert "\nclosing the gates\n" in namespace.stderr


@pytest.mark.parametrize(("delay", "sleep"), [("700ms", "0.1"), ("100ms", "0.7")])
def test_the_command_is_told_when_both_the_delay_and_the_pre_stop_command_are_over(
    started: Started, delay: str, sleep: str
) -> None:
    namespace = started("--pre-stop-delay", delay, "--pre-stop", f"sleep {sleep}")
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    assert 0.7 <= time.monotonic() - begun < AT_ONCE
    assert namespace.wait() == 7
    assert namespace.stdout == TOLD_ONCE


def test_a_second_stop_request_does_not_wait_for_the_pre_stop_command(started: Started) -> None:
    namespace = started("--pre-stop-delay", FOR_EVER, "--pre-stop", f"sleep {FOR_EVER}", "--pre-stop-timeout", FOR_EVER)
    namespace.signal(signal.SIGTERM)
    wait_until(lambda: namespace.named("sleep"), "the pre-stop command")
    status, seconds = timed_stop(namespace)
    assert (status, seconds < AT_ONCE) == (7, True)
    assert namespace.stdout == TOLD_ONCE


# --- the grace period ------------------------------------------------------------------------------------------------------


def test_a_command_that_takes_longer_than_the_grace_period_is_killed(started: Started) -> None:
    namespace = started("--grace-period", "0.5", app=f"--drain {FOR_EVER}")
    status, seconds = timed_stop(namespace)
    assert status == 128 + signal.SIGKILL
    assert 0.5 <= seconds < AT_ONCE
    assert namespace.stdout == "app ready\napp got SIGTERM\n"
    assert "warning: the time is over (--grace-period): SIGKILL for all that is left" in namespace.stderr
    assert "warning: SIGKILL to 2 (" in namespace.stderr


def test_a_command_that_ignores_the_stop_signal_is_killed_at_the_end_of_the_grace_period(start: Start) -> None:
    namespace = start("--grace-period", "0.4", "--", "sh", "-c", f"trap '' TERM; echo ready; exec sleep {FOR_EVER}")
    wait_until(lambda: namespace.named("sleep"), "sleep")
    status, seconds = timed_stop(namespace)
    assert status == 128 + signal.SIGKILL
    assert 0.4 <= seconds < AT_ONCE
    assert "ignored by 2 (sleep)" in namespace.stderr


def test_without_a_grace_period_a_command_has_all_the_time_that_it_needs(started: Started) -> None:
    namespace = started("--sweep-timeout", "0.2", "--settle", "0.1", app="--drain 1.5")
    status, seconds = timed_stop(namespace)
    assert (status, seconds >= 1.5) == (7, True)
    assert namespace.stdout == TOLD_ONCE


def test_the_grace_period_begins_after_the_pre_stop_delay(started: Started) -> None:
    namespace = started("--pre-stop-delay", "0.6", "--grace-period", "0.4", app=f"--drain {FOR_EVER}")
    status, seconds = timed_stop(namespace)
    assert status == 128 + signal.SIGKILL
    assert 1.0 <= seconds < AT_ONCE


def test_the_sweep_has_the_rest_of_the_grace_period_and_not_another_one(start: Start) -> None:
    worker = f"{APP_WORDS} --name worker --drain {FOR_EVER}"
    namespace = start("--grace-period", "1", "--", "sh", "-c", f"{worker} & exec {APP_WORDS} --drain 0.7")
    namespace.wait_for_output("ready", times=2)
    status, seconds = timed_stop(namespace)
    assert status == 7
    assert 1.0 <= seconds < AT_ONCE
    assert "worker done" not in namespace.stdout


def test_further_stop_requests_do_not_extend_the_grace_period(started: Started) -> None:
    namespace = started("--grace-period", "1", app=f"--drain {FOR_EVER}")
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    for times in range(1, 4):
        namespace.wait_for_output("got SIGTERM", times)
        wait_until(partial(is_past, begun + times * 0.25), "a quarter of the grace period")
        namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 128 + signal.SIGKILL
    assert 1.0 <= time.monotonic() - begun < AT_ONCE


# --- the sweep -------------------------------------------------------------------------------------------------------------


def test_a_daemon_is_told_waited_for_and_reaped_when_the_command_exits_by_itself(start: Start, gate: Path) -> None:
    daemon = f"setsid {APP_WORDS} --name daemon --drain 0.6"
    namespace = start("--", "sh", "-c", f"{daemon} & read line <{gate}; exit 4")
    namespace.wait_for_output("daemon ready")
    gate.write_text("go\n")
    assert namespace.wait() == 4
    assert namespace.stdout == "daemon ready\ndaemon got SIGTERM\ndaemon done\n"


def test_what_a_command_leaves_behind_is_killed_after_the_sweep_timeout(start: Start, gate: Path) -> None:
    namespace = start(
        *("--sweep-timeout", "0.5", "--", "sh", "-c"),
        f"setsid {APP_WORDS} --drain {FOR_EVER} & (trap '' TERM; sleep {FOR_EVER}) & read line <{gate}; exit 4",
    )
    namespace.wait_for_output("app ready")
    wait_until(lambda: namespace.named("sleep"), "the process that ignores the signal")
    begun = time.monotonic()
    gate.write_text("go\n")
    assert namespace.wait() == 4
    assert 0.5 <= time.monotonic() - begun < AT_ONCE
    assert namespace.stdout == "app ready\napp got SIGTERM\n"
    assert "warning: the time is over (--sweep-timeout): SIGKILL for all that is left" in namespace.stderr


def test_those_left_behind_that_would_die_do_so_at_once(start: Start) -> None:
    namespace = start("--sweep-timeout", FOR_EVER, "--", "sh", "-c", f"setsid sleep {FOR_EVER} & sleep {FOR_EVER} & exit 4")
    assert namespace.wait(AT_ONCE) == 4


def test_a_worker_that_was_told_with_the_command_is_not_told_again_in_the_sweep(start: Start) -> None:
    worker = f"{APP_WORDS} --name worker --drain 1.2 --status 9"
    namespace = start("--sweep-timeout", "0.2", "--", "sh", "-c", f"{worker} & exec {APP_WORDS} --drain 0.1")
    namespace.wait_for_output("ready", times=2)
    status, seconds = timed_stop(namespace)
    assert (status, seconds >= 1.2) == (7, True)
    assert namespace.stdout.count("worker got SIGTERM") == 1
    assert namespace.stdout.endswith("worker done\n")


def test_handlers_come_first_in_the_sweep_too(start: Start, script: Script, tmp_path: Path, gate: Path) -> None:
    # A daemon that is itself a script: it must not be told before its application has finished.
    daemon = script(f"APP\necho last line, $? >{tmp_path / 'last'}", name="daemon.sh")
    namespace = start("--", "sh", "-c", f"setsid {daemon} & read line <{gate}; exit 4")
    namespace.wait_for_output("app ready")
    gate.write_text("go\n")
    assert namespace.wait() == 4
    assert namespace.stdout == TOLD_ONCE
    assert (tmp_path / "last").read_text() == "last line, 7\n"


def test_a_stop_request_during_the_sweep_reaches_the_handlers_that_are_left(start: Start, gate: Path) -> None:
    daemon = f"setsid {APP_WORDS} --name daemon --drain 1"
    namespace = start("--sweep-timeout", FOR_EVER, "--", "sh", "-c", f"{daemon} & read line <{gate}; exit 4")
    namespace.wait_for_output("daemon ready")
    gate.write_text("go\n")
    namespace.wait_for_output("daemon got SIGTERM")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("daemon got SIGTERM", times=2)
    assert namespace.wait() == 4
    assert namespace.stdout.endswith("daemon done\n")


def test_the_sweep_ends_as_soon_as_no_child_is_left(start: Start) -> None:
    namespace = start("--sweep-timeout", FOR_EVER, "--grace-period", FOR_EVER, "--", "sh", "-c", "exit 4")
    assert namespace.wait(AT_ONCE) == 4


# --- the settling time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settle", ["0", "0.8"])
def test_those_held_back_are_told_when_the_settling_time_is_over(start: Start, settle: str) -> None:
    namespace = start("--settle", settle, "--", "sh", "-c", f"{APP_WORDS} --drain 0.3 & exec sleep {FOR_EVER}")
    namespace.wait_for_output("app ready")
    wait_until(lambda: namespace.named("sleep"), "sleep")
    status, seconds = timed_stop(namespace)
    assert status == 128 + signal.SIGTERM
    assert 0.3 + float(settle) <= seconds < AT_ONCE
    assert namespace.stdout == TOLD_ONCE


def test_nobody_waits_for_the_settling_time_where_those_held_back_end_by_themselves(start: Start) -> None:
    namespace = start("--settle", FOR_EVER, "--", "sh", "-c", f"{APP_WORDS}; exit 3")
    namespace.wait_for_output("app ready")
    status, seconds = timed_stop(namespace)
    assert (status, seconds < AT_ONCE) == (3, True)


# --- which signals, and which instead --------------------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_two_signals_are_stop_requests_unless_told_otherwise(started: Started, signum: signal.Signals) -> None:
    namespace = started("--pre-stop-delay", "0.1", app="--on TERM,INT,QUIT")
    assert timed_stop(namespace, signum)[0] == 7
    assert f"stop requested: {signum.name}" in namespace.stderr
    assert namespace.stdout == f"app ready\napp got {signum.name}\napp done\n"


def test_stop_on_names_the_signals_that_are_stop_requests(started: Started) -> None:
    namespace = started("--stop-on", "WINCH,RTMIN+3", "--stop-signal", "TERM", "--pre-stop-delay", "0.1", app="--on TERM,INT")
    assert timed_stop(namespace, signal.SIGRTMIN + 3)[0] == 7
    assert "stop requested: SIGRTMIN+3" in namespace.stderr
    assert namespace.stdout == TOLD_ONCE


def test_a_signal_that_is_no_stop_request_is_forwarded_at_once(started: Started) -> None:
    namespace = started("--stop-on", "USR2", "--pre-stop-delay", FOR_EVER)
    status, seconds = timed_stop(namespace)
    assert (status, seconds < AT_ONCE) == (7, True)
    assert namespace.stdout == TOLD_ONCE
    assert "stop requested" not in namespace.stderr


def test_the_command_gets_the_stop_signal_that_it_understands(started: Started) -> None:
    namespace = started("--stop-signal", "QUIT", app="--on TERM,QUIT")
    assert timed_stop(namespace)[0] == 7
    assert namespace.stdout == "app ready\napp got SIGQUIT\napp done\n"
    assert "stop requested: SIGTERM" in namespace.stderr


def test_the_sweep_uses_the_stop_signal_too(start: Start, gate: Path) -> None:
    daemon = f"setsid {APP_WORDS} --name daemon --on TERM,USR2 --drain 0.2"
    namespace = start("--stop-signal", "USR2", "--", "sh", "-c", f"{daemon} & read line <{gate}; exit 4")
    namespace.wait_for_output("daemon ready")
    gate.write_text("go\n")
    assert namespace.wait() == 4
    assert namespace.stdout == "daemon ready\ndaemon got SIGUSR2\ndaemon done\n"


def test_a_stop_request_can_be_rewritten_and_stays_one(started: Started) -> None:
    namespace = started("--rewrite", "TERM:INT", "--pre-stop-delay", "0.1", app="--on TERM,INT")
    assert timed_stop(namespace)[0] == 7
    assert namespace.stdout == "app ready\napp got SIGINT\napp done\n"
    assert "keeps serving" in namespace.stderr


def test_a_rewrite_may_drop_one_signal_and_exchange_others(started: Started) -> None:
    options = ("--rewrite", "USR1:0", "--rewrite", "RTMIN+2:HUP,34:USR1", "--rewrite", "SIGUSR2:SIGTERM")
    namespace = started(*options, app="--on TERM,HUP,USR1")
    namespace.signal(signal.SIGUSR1)
    namespace.signal(signal.SIGRTMIN + 2)
    namespace.wait_for_output("app got SIGHUP")
    namespace.signal(34)
    namespace.wait_for_output("app got SIGUSR1")
    assert timed_stop(namespace, signal.SIGUSR2)[0] == 7
    assert namespace.stdout == "app ready\napp got SIGHUP\napp got SIGUSR1\napp got SIGTERM\napp done\n"


def test_a_stop_request_that_is_dropped_stops_nothing(started: Started) -> None:
    namespace = started("--rewrite", "TERM:0", app="--on TERM,INT,HUP")
    namespace.signal(signal.SIGTERM)
    namespace.signal(signal.SIGHUP)
    namespace.wait_for_output("app got SIGHUP")
    assert timed_stop(namespace, signal.SIGINT)[0] == 7
    assert namespace.stdout == "app ready\napp got SIGHUP\napp got SIGINT\napp done\n"


def test_real_time_signals_reach_the_command_under_their_own_number(start: Start) -> None:
    code = (
        "import os, signal; taken = {40, 64}; signal.pthread_sigmask(signal.SIG_BLOCK, taken); os.write(1, b'ready')\n"
        "while True: print(signal.sigwait(taken), flush=True)"
    )
    namespace = start("--", sys.executable, "-IS", "-c", code)
    namespace.wait_for_output("ready")
    for signum in (40, 64):
        namespace.signal(signum)
        namespace.wait_for_output(f"{signum}\n")


# --- what is started late ---------------------------------------------------------------------------------------------------


def test_what_is_started_during_the_sweep_is_told_too(start: Start) -> None:
    forks = (
        "import os, signal, sys\n"
        "def stop(*_):\n"
        "    if os.fork() == 0:\n"
        "        signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "        os.setsid()\n"
        "        os.execvp('sleep', ['sleep', '1000'])\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "reader, writer = os.pipe()\n"
        "os.set_blocking(writer, False)\n"
        "signal.set_wakeup_fd(writer)\n"  # in pause() it would sleep on where the signal came just before
        "print('daemon ready', flush=True)\n"
        "while True: os.read(reader, 1)\n"
    )
    namespace = start("--settle", "0.2", "--", "sh", "-c", f'(setsid {sys.executable} -c "$0" &); exec {APP_WORDS}', forks)
    namespace.wait_for_output("daemon ready")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_what_a_pre_stop_command_leaves_behind_is_told_when_it_has_ended(start: Start) -> None:
    hook = "sleep 1000 & kill -TERM $PYINIT_COMMAND_PID; sleep 0.6"
    namespace = start("--settle", "0.2", "--pre-stop", hook, "--", *APP_WORDS.split(), "--drain", "0.1")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert "the pre-stop command exited with status 0" in namespace.stderr


def test_a_pre_stop_command_runs_in_the_folder_of_the_command(start: Start, tmp_path: Path) -> None:
    hook = tmp_path / "hook.sh"
    hook.write_text("#!/bin/sh\npwd\n")
    hook.chmod(0o755)
    namespace = start("--pre-stop", "./hook.sh", "--termination-log", "summary", "--", *APP_WORDS.split(), cwd=tmp_path)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert f"{tmp_path}\n" in namespace.stderr  # PID 1 has let go of the command's stdout
    assert "exit status 7" in (tmp_path / "summary").read_text()


@pytest.mark.parametrize("options", [("--pre-stop-delay=0.6",), ("--pre-stop-delay=0.6", "--grace-period=1000")])
def test_a_pid_1_that_was_frozen_until_after_the_end_of_the_delay_goes_on(start: Start, options: tuple[str, ...]) -> None:
    namespace = start(*options, "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("stop requested")
    namespace.wait_until_at_rest()
    namespace.signal(signal.SIGSTOP)
    wait_until(lambda: namespace.init.status() == psutil.STATUS_STOPPED, "PID 1 is frozen")
    over_at = time.monotonic() + 0.8  # no event tells that a time is over
    wait_until(lambda: time.monotonic() > over_at, "the delay is over")
    namespace.signal(signal.SIGCONT)
    namespace.wait_for_output("app got SIGTERM")
    assert namespace.wait() == 7
    assert "fault" not in namespace.stderr
