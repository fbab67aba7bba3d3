"""A signal is never lost, whenever it comes: before the command, while it starts, during each wait, and in a storm."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.namespace import ROOT, WITH_PROC, Namespace
from tests.waiting import PATIENCE, wait_until

RECORDER = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "recorder.py")]
FAULTY = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "faulty.py")]

#: PID 1 that blocks SIGTERM, has one pending, and becomes pyinit.
PENDING = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
sender = os.fork()
if sender == 0:
    os.kill(os.getppid(), signal.SIGTERM)
    os._exit(0)
os.waitpid(sender, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

#: The ways to start a command: posix_spawn(), and fork() for what it cannot do.
SPAWNED: dict[str, str] = {}
FORKED = {"LISTEN_PID": "1"}

#: A signal that glibc keeps for itself (nptl/pthreadP.h), and musl likewise.
SIGCANCEL = 32

#: How many stops are tried at a random moment of the start, and how long after it the latest comes, in seconds.
STARTS, LATEST = 200, 0.015


def test_a_stop_request_pending_before_the_start_stops_the_command(start: Start) -> None:
    namespace = start("--", *APP_WORDS.split(), unshare=(*WITH_PROC, sys.executable, "-c", PENDING))
    assert namespace.wait() == 7
    assert namespace.stdout.splitlines().count("app got SIGTERM") == 1


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _holds_signals(pid: int) -> bool:
    """Whether PID 1 is pyinit and has blocked its signals.

    SIGTERM and SIGINT would not tell, for unshare blocks those. glibc blocks all signals for moments (in fork(), since 2.41 in
    the first getrandom() too), but then also the two that it keeps for itself, which no program can block by sigprocmask(). The
    kernel unblocks all of them while pyinit waits for them (do_sigtimedwait() in kernel/signal.c), but then there is a command.
    """
    blocked = int(Path(f"/proc/{pid}/status").read_text().partition("SigBlk:")[2].split()[0], 16)
    has_blocked = bool(blocked >> (signal.SIGUSR1 - 1) & 1) and not blocked >> (SIGCANCEL - 1) & 1
    return has_blocked or bool(_children(pid))


def _start_of_pyinit(unshare: "subprocess.Popen[bytes]") -> int:
    """The PID of PID 1, as soon as it holds the signals that it is sent."""

    def find() -> int | None:
        children = _children(unshare.pid)
        return children[0] if children and _holds_signals(children[0]) else None

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:  # no pause: every moment of the start shall be hit
        found = find()
        if found:
            return found
    raise AssertionError("pyinit has not blocked its signals")


@pytest.mark.parametrize("environment", [SPAWNED, FORKED], ids=["spawned", "forked"])
def test_no_stop_request_is_lost_between_the_start_of_pyinit_and_the_exec_of_the_command(
    pyinit: list[str], environment: dict[str, str]
) -> None:
    moments = random.Random(1)  # noqa: S311 - no secret
    for _ in range(STARTS):
        unshare = subprocess.Popen(
            [*WITH_PROC, *pyinit, "--log-level", "error", "--", "sleep", "1000"],
            env={"PATH": os.environ["PATH"], **environment},
        )
        try:
            init = _start_of_pyinit(unshare)
            moment = time.monotonic() + moments.choice((0.0, moments.uniform(0, LATEST)))
            while time.monotonic() < moment:
                pass  # a sleep would not be that exact
            os.kill(init, signal.SIGTERM)
            assert unshare.wait(PATIENCE) == 143
        finally:
            unshare.kill()
            unshare.wait()


def test_a_signal_during_the_pre_stop_delay_is_forwarded_and_the_delay_goes_on(start: Start) -> None:
    namespace = start("--pre-stop-delay", "0.5", "--", *APP_WORDS.split(), "--on", "TERM,USR1")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("stop requested")
    namespace.signal(signal.SIGUSR1)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGUSR1\napp got SIGTERM\napp done\n"


def test_a_second_stop_request_during_the_pre_stop_delay_ends_it(start: Start) -> None:
    namespace = start("--pre-stop-delay", "1h", "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("stop requested")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


def test_a_stop_request_during_the_sweep_reaches_what_is_left(
    start: Start, script: Callable[[str], str], tmp_path: Path
) -> None:
    left = tmp_path / "left"
    start_script = script(f"APP --on TERM,INT --drain 0.6 >{left} &\nuntil grep -q ready {left}; do sleep 0.02; done\nexit 3")
    namespace = start("--", start_script)
    wait_until(lambda: left.exists() and "got SIGTERM" in left.read_text(), "the sweep")
    namespace.signal(signal.SIGINT)
    assert namespace.wait() == 3
    assert left.read_text() == "app ready\napp got SIGTERM\napp got SIGINT\napp done\n"


def test_two_stop_requests_at_once_are_both_passed_on(start: Start) -> None:
    namespace = start("--", *APP_WORDS.split(), "--on", "TERM,INT")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGSTOP)  # from outside, PID 1 can be stopped: both are pending when it goes on
    namespace.signal(signal.SIGTERM)
    namespace.signal(signal.SIGINT)
    namespace.signal(signal.SIGCONT)
    assert namespace.wait() == 7
    assert sorted(namespace.stdout.splitlines()) == ["app done", "app got SIGINT", "app got SIGTERM", "app ready"]


def test_a_stop_request_that_meets_the_exit_of_the_command_keeps_its_status(start: Start) -> None:
    namespace = start("--", "sh", "-c", "read line; exit 5", stdin=(pipe := os.pipe())[0])
    wait_until(lambda: namespace.named("sh"), "the command")
    namespace.signal(signal.SIGSTOP)
    os.close(pipe[0])
    os.close(pipe[1])
    wait_until(lambda: not namespace.named("sh"), "the end of the command")
    namespace.signal(signal.SIGTERM)
    namespace.signal(signal.SIGCONT)
    assert namespace.wait() == 5


@pytest.mark.parametrize("signum", [signal.SIGRTMIN + 1, signal.SIGRTMAX])
def test_of_ten_thousand_real_time_signals_none_is_lost(start: Start, signum: int) -> None:
    namespace = start("--", *RECORDER)
    namespace.wait_for_output("ready")
    for _ in range(10_000):
        namespace.signal(signum)
    namespace.wait_for_output(f"got {signum}\n", times=10_000, timeout=60)
    namespace.signal(signal.SIGUSR1)
    namespace.wait_for_output(f"got {int(signal.SIGUSR1)}\n")
    assert namespace.stdout.count("got") == 10_001


def test_a_storm_of_ten_thousand_signals_of_all_kinds_leaves_the_stop_as_it_is(start: Start) -> None:
    namespace = start("--", *APP_WORDS.split(), "--on", "TERM,HUP,USR1")
    namespace.wait_for_output("app ready")
    storm = [signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG, signal.SIGCONT]
    for count in range(10_000):
        namespace.signal(storm[count % len(storm)])
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    lines = namespace.stdout.splitlines()
    assert lines.count("app got SIGTERM") == 1
    assert {"app got SIGHUP", "app got SIGUSR1", "app done"} <= set(lines)


def test_a_storm_of_stop_requests_ends_with_the_status_of_the_application(start: Start) -> None:
    namespace = start("--log-level", "error", "--", *APP_WORDS.split(), "--on", "TERM,INT,QUIT")
    namespace.wait_for_output("app ready")
    for count in range(1_000):
        namespace.signal((signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)[count % 3])
    assert namespace.wait() == 7


def test_every_signal_that_can_be_taken_is_forwarded_as_itself(start: Start) -> None:
    namespace = start("--", *RECORDER)
    namespace.wait_for_output("ready")
    sent = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD})
    for signum in sent:
        namespace.signal(signum)
        namespace.wait_for_output(f"got {int(signum)}\n")
    assert namespace.stdout == "ready\n" + "".join(f"got {int(signum)}\n" for signum in sent)


#: Children that send these signals to PID 1 without a pause, and a command that asks for its own stop once it has been told
#: 20 times of the first one. It counts how often it is told of that until the stop request comes back to it as a signal.
STORM = """
import os, signal, sys
storm, stop = [int(word) for word in sys.argv[1].split(",")], int(sys.argv[2])
told = {storm[0]: 0, stop: None}

def on_storm(signum, frame):
    told[signum] += 1
    if told[signum] == 20:
        os.kill(1, stop)

def on_stop(signum, frame):
    print("copies", told[storm[0]] - 20, flush=True)
    os._exit(7)

signal.signal(stop, on_stop)
for signum in storm[1:]:
    signal.signal(signum, lambda *_: None)
signal.signal(storm[0], on_storm)
for signum in storm:
    if os.fork() == 0:
        for one in storm:
            signal.signal(one, signal.SIG_IGN)
        signal.signal(stop, signal.SIG_DFL)
        while True:
            os.kill(1, signum)
while True:
    signal.pause()
"""

#: What may come between: the copy whose turn it is when the stop request is sent, and the one that is taken before we look.
AHEAD = 2

#: Real-time signals are not merged, so here come those that were in the command's own queue when it asked. Without an order of
#: ours they never end.
AHEAD_QUEUED = 20

#: Signals that come without end, and a stop request behind them in the order of the kernel.
STORMS = {
    "HUP": ([signal.SIGHUP], signal.SIGTERM),
    "USR1 and HUP": ([signal.SIGUSR1, signal.SIGHUP], signal.SIGTERM),
    "SYS": ([signal.SIGSYS], signal.SIGTERM),
    "WINCH before RTMIN+3": ([signal.SIGWINCH], signal.SIGRTMIN + 3),
    "RTMIN before RTMIN+3": ([signal.SIGRTMIN], signal.SIGRTMIN + 3),
}


def ahead(storm: str) -> int:
    """How many copies may come between."""
    return AHEAD_QUEUED if STORMS[storm][0][0] >= signal.SIGRTMIN else AHEAD


def told_after_copies(namespace: Namespace) -> int:
    """How many copies of the storm's signal the command got between its stop request and the stop."""
    namespace.wait_for_output("copies ")
    assert namespace.wait() == 7
    return int(namespace.stdout.split("copies ")[1].split()[0])


def storm_words(storm: str) -> list[str]:
    """Options that make its stop request one, and the command."""
    signums, stop = STORMS[storm]
    options = ["--stop-on", f"TERM,{int(stop)}", "--log-level", "error", "--"]
    return [*options, sys.executable, "-IS", "-c", STORM, ",".join(str(int(signum)) for signum in signums), str(int(stop))]


@pytest.mark.parametrize("storm", STORMS)
def test_a_stop_request_is_told_before_what_comes_again_and_again(start: Start, storm: str) -> None:
    assert told_after_copies(start(*storm_words(storm))) <= ahead(storm)


@pytest.mark.parametrize("storm", STORMS)
def test_in_the_last_resort_too_a_stop_request_is_told_before_what_comes_again_and_again(tmp_path: Path, storm: str) -> None:
    fault = ["_signal.sigwaitinfo", "MemoryError", "start:1"]
    with Namespace([*FAULTY, *fault, *storm_words(storm)], tmp_path) as namespace:
        assert told_after_copies(namespace) <= ahead(storm)
        assert "less care" in namespace.stderr


def test_a_storm_of_one_signal_keeps_no_other_from_being_forwarded(start: Start, tmp_path: Path) -> None:
    go = tmp_path / "go"
    storm = "import os; [os.kill(1, 1) for _ in iter(int, 1)]"
    line = f"(until [ -e {go} ]; do sleep 0.02; done; exec {sys.executable} -IS -c '{storm}') & exec \"$@\""
    namespace = start("--forward", "command", "--", "sh", "-c", line, "sh", *RECORDER)
    namespace.wait_for_output("ready")
    go.touch()
    namespace.wait_for_output("got 1\n", times=20)
    for signum in (signal.SIGUSR1, signal.SIGWINCH, signal.SIGRTMAX):
        namespace.signal(signum)
        namespace.wait_for_output(f"got {int(signum)}\n")
