"""Processes: what /proc/PID/stat says, and what follows for a signal."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.kernel import processes, system
from pyinit.kernel.processes import Look, Process, TimeIsOver
from tests.namespace import ROOT
from tests.waiting import wait_until

#: /proc/PID/stat, up to the field that tells which processor it ran on last (proc(5)).
STAT = (
    b"%(pid)d (%(name)s) %(state)s 7 41 40 0 -1 4194560 120 0 0 0 1 2 0 0 20 0 %(threads)d 0 9876 2674688 391 "
    b"18446744073709551615 93824992231424 93824992251584 140737488347872 0 0 0 %(blocked)d %(ignored)d %(caught)d 1 0 0 17 3\n"
)

#: What of /proc/PID/status is looked at for a real-time signal.
STATUS = b"Name:\tapp\nSigPnd:\t0\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\nCapInh:\t0\n"

#: Numbers of fields behind the name, without the last of which nothing can be said.
LAST = processes.CAUGHT


def stat(
    name: bytes = b"app", state: bytes = b"S", threads: int = 1, blocked: int = 0, ignored: int = 0, caught: int = 0
) -> bytes:
    """A /proc/PID/stat."""
    fields = {
        "name": name,
        "state": state,
        "pid": 42,
        "threads": threads,
        "blocked": blocked,
        "ignored": ignored,
        "caught": caught,
    }
    return STAT % {key.encode(): value for key, value in fields.items()}


def test_the_fields_are_read() -> None:
    found = processes.parse(stat(blocked=1, ignored=2, caught=4))
    image = 93824992231424 ^ 140737488347872
    assert found == Process(42, 7, 41, 40, "app", "S", 1, 2, 4, 9876, image)


def test_for_real_time_signals_the_masks_are_those_of_the_stat() -> None:
    found = processes.parse(stat(blocked=1, ignored=2, caught=4), STATUS % (1 << 34, 1 << 35, 1 << 36))
    assert found is not None
    assert (found.blocked, found.ignored, found.caught) == (1 << 34, 1 << 35, 1 << 36)


@pytest.mark.parametrize("state", [b"Z", b"X"])
def test_a_zombie_is_nobody(state: bytes) -> None:
    assert processes.parse(stat(state=state)) is None
    assert processes.parse(stat(state=state, threads=0)) is None


def test_a_zombie_with_other_threads_is_alive() -> None:
    process = processes.parse(stat(state=b"Z", threads=2))
    assert process is not None
    assert not process.is_stopped


@pytest.mark.parametrize(
    ("state", "is_stopped"),
    [(b"T", True), (b"t", False), (b"R", False), (b"D", False)],
)
def test_who_is_stopped_is_known(state: bytes, is_stopped: bool) -> None:
    process = processes.parse(stat(state=state))
    assert process is not None
    assert process.is_stopped is is_stopped


@pytest.mark.parametrize(
    "name",
    [
        *("a b", ") Z 1", "Z", "(sd-pam)", "a:b", "a) S 1 2 (", "\u00e9", "a\tb", "42 (app) Z"),
        *("a\n1 (b) Z 1 2 3", "\\"),
    ],
)
def test_odd_names_change_nothing(name: str) -> None:
    process = processes.parse(stat(name.encode()))
    assert process is not None
    assert (process.pid, process.parent, process.name, process.is_stopped) == (42, 7, name, False)


def test_a_name_that_is_no_text_is_still_a_name() -> None:
    process = processes.parse(stat(b"\xff\xfe"))
    assert process is not None
    assert process.name == "\ufffd\ufffd"
    process = processes.parse(stat(b""))
    assert process is not None
    assert process.name == ""


@given(st.integers(0, len(stat())))
def test_a_text_cut_short_is_an_error_or_complete(length: int) -> None:
    try:
        process = processes.parse(stat(caught=0xF0F0)[:length])
    except (ValueError, IndexError):
        return
    assert process is not None
    assert process.pid == 42
    assert stat(caught=0xF0F0)[:length].count(b" ") >= LAST


@given(st.binary() | st.lists(st.sampled_from(stat().split(b" "))).map(b" ".join))
def test_whatever_the_file_holds_it_is_a_process_or_nobody_or_an_error(data: bytes) -> None:
    try:
        process = processes.parse(data)
    except (ValueError, IndexError):
        return
    assert process is None or process.pid >= 0


MASKS = st.integers(0, 2**31 - 1)


@given(MASKS, MASKS, MASKS, st.integers(1, 31))
def test_what_a_process_does_about_a_signal_follows_from_its_masks(
    blocked: int, ignored: int, caught: int, signum: int
) -> None:
    process = processes.parse(stat(blocked=blocked, ignored=ignored, caught=caught))
    assert process is not None
    bit = 1 << (signum - 1)
    assert process.ignores(signum) == bool(ignored & bit)
    assert process.catches(signum) == bool(caught & bit)
    assert process.blocks(signum) == bool(blocked & bit and not ignored & bit)


OURSELVES = """
import os, signal
from pathlib import Path
from pyinit.kernel import processes
process = processes.parse(Path("/proc/self/stat").read_bytes())
assert (process.pid, process.parent) == (os.getpid(), os.getppid())
assert (process.group, process.session) == (os.getpgrp(), os.getsid(0))
assert process.catches(signal.SIGINT) == callable(signal.getsignal(signal.SIGINT))
assert process.ignores(signal.SIGPIPE) == (signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN)
"""


def test_our_own_process_reads_right() -> None:
    """A new one: what other tests have loaded may have changed what this one does about signals."""
    subprocess.run([sys.executable, "-c", OURSELVES], check=True, cwd=ROOT)


# --- looking around ---------------------------------------------------------------------------------------------------------


def test_a_look_at_all_ends_when_its_time_is_over() -> None:
    assert processes.snapshot(None, until=system.monotonic() + 1000)
    with pytest.raises(TimeIsOver):
        processes.snapshot(None, until=system.monotonic())


def test_a_closer_look_ends_when_its_time_is_over_but_what_is_known_is_known() -> None:
    clock = system.monotonic() + 1000
    look = Look(clock)
    words = look.words(os.getpid())
    assert words
    look._until = 0.0  # noqa: SLF001 - time passes
    assert look.words(os.getpid()) == words
    with pytest.raises(TimeIsOver):
        look.sleeps_in(os.getpid())


def test_a_process_that_does_not_move_is_looked_at_once_and_not_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    read = processes.read

    def counted(pid: int) -> Process | None:
        looks.append(pid)
        return read(pid)

    monkeypatch.setattr(processes, "read", counted)
    with subprocess.Popen(["sleep", "1000"]) as sleeper:
        try:
            wchan = Path(f"/proc/{sleeper.pid}/wchan")
            wait_until(lambda: "nanosleep" in wchan.read_text(), "it sleeps")
            assert not Look().blocks(sleeper.pid, signal.SIGTERM)
        finally:
            sleeper.kill()
    assert looks == [sleeper.pid]


WAITS_FOR_SIGNALS = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
while True:
    signal.sigwait({signal.SIGHUP, signal.SIGTERM})
"""


@contextlib.contextmanager
def crowded_out(code: str) -> Iterator[int]:
    """Run Python code on a CPU that another has nearly all of; gives its PID."""
    cpu = {max(os.sched_getaffinity(0))}
    with (
        subprocess.Popen([sys.executable, "-ISc", "while True: pass"]) as crowding,
        subprocess.Popen([sys.executable, "-ISc", code]) as crowded,
    ):
        try:
            for each in (crowding, crowded):
                os.sched_setaffinity(each.pid, cpu)
            os.sched_setscheduler(crowded.pid, os.SCHED_IDLE, os.sched_param(0))
            yield crowded.pid
        finally:
            crowding.kill()
            crowded.kill()


def test_of_one_that_was_woken_in_sigwait_and_has_no_cpu_yet_it_is_not_said_that_it_does_not_wait() -> None:
    def is_woken_and_was_not_seen() -> bool:
        os.kill(pid, signal.SIGHUP)
        at_first = processes._turns(pid)  # noqa: SLF001 - what is to stay the same
        answer = Look().blocks(pid, signal.SIGTERM)
        assert answer is not False
        return answer is None and at_first == processes._turns(pid)  # noqa: SLF001 - as above

    with crowded_out(WAITS_FOR_SIGNALS) as pid:
        wchan = Path(f"/proc/{pid}/wchan")
        wait_until(lambda: "sigtimedwait" in wchan.read_text(), "it waits")
        wait_until(is_woken_and_was_not_seen, "a look that falls between its waking and its running")


def test_of_one_that_runs_all_the_while_it_is_known_once_it_has_run_since_the_last_look() -> None:
    with subprocess.Popen([sys.executable, "-ISc", "print('runs', flush=True)\nwhile True: pass"], stdout=-1) as runner:
        try:
            assert runner.stdout is not None
            runner.stdout.readline()
            ran = Look().ran(runner.pid)
            wait_until(lambda: Look().ran(runner.pid) != ran, "it to run")
            assert Look().blocks(runner.pid, signal.SIGTERM, ran) is False
        finally:
            runner.kill()


def test_our_own_children_outside_of_a_group_are_left_out_of_a_look() -> None:
    children = [subprocess.Popen(["sleep", "1000"], start_new_session=is_outside) for is_outside in (False, True)]
    try:
        inside, outside = (child.pid for child in children)
        left_out = processes.own_children_outside(os.getpgrp())
        assert inside not in left_out
        assert outside in left_out
        found = processes.snapshot(None, left_out=left_out)
        assert found is not None
        assert inside in found
        assert outside not in found
    finally:
        for child in children:
            child.kill()
            child.wait()
