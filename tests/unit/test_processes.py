"""Processes: what /proc/PID/status says, and what follows for a signal."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit import processes
from pyinit.processes import Process

STATUS = b"""\
Name:\t%(name)s
Umask:\t0022
State:\t%(state)s
Tgid:\t%(pid)d
Ngid:\t0
Pid:\t%(pid)d
PPid:\t7
TracerPid:\t0
Uid:\t0\t0\t0\t0
Gid:\t0\t0\t0\t0
FDSize:\t64
Groups:\t0 1 2
NStgid:\t%(pid)d\t3
NSpid:\t%(pid)d\t3
NSpgid:\t41\t2
NSsid:\t40\t1
Kthread:\t0
VmPeak:\t    2596 kB
Threads:\t%(threads)d
SigQ:\t0/31433
SigPnd:\t0000000000000000
ShdPnd:\t0000000000000000
SigBlk:\t%(blocked)016x
SigIgn:\t%(ignored)016x
SigCgt:\t%(caught)016x
CapInh:\t0000000000000000
Seccomp:\t0
"""

NEEDED = ("Name", "State", "Pid", "PPid", "NSpgid", "NSsid", "SigBlk", "SigIgn", "SigCgt")


def status(
    name: bytes = b"app", state: bytes = b"S (sleeping)", threads: int = 1, blocked: int = 0, ignored: int = 0, caught: int = 0
) -> bytes:
    """A /proc/PID/status."""
    fields = {
        "name": name,
        "state": state,
        "pid": 42,
        "threads": threads,
        "blocked": blocked,
        "ignored": ignored,
        "caught": caught,
    }
    return STATUS % {key.encode(): value for key, value in fields.items()}


def test_the_fields_are_read() -> None:
    assert processes.parse(status(blocked=1, ignored=2, caught=4)) == Process(42, 7, 41, 40, "app", False, 1, 2, 4)


@pytest.mark.parametrize("state", [b"Z (zombie)", b"X (dead)"])
def test_a_zombie_is_nobody(state: bytes) -> None:
    assert processes.parse(status(state=state)) is None
    assert processes.parse(status(state=state, threads=0)) is None


def test_a_zombie_with_other_threads_is_alive() -> None:
    process = processes.parse(status(state=b"Z (zombie)", threads=2))
    assert process is not None
    assert not process.is_stopped


@pytest.mark.parametrize(
    ("state", "is_stopped"),
    [(b"T (stopped)", True), (b"t (tracing stop)", False), (b"R (running)", False), (b"D (disk sleep)", False)],
)
def test_who_is_stopped_is_known(state: bytes, is_stopped: bool) -> None:
    process = processes.parse(status(state=state))
    assert process is not None
    assert process.is_stopped is is_stopped


@pytest.mark.parametrize(
    "name",
    [
        *("a b", "State:", "Z", "(sd-pam)", "a:b", "Pid: 1", "\u00e9", "Name:\tx", "SigCgt:\tffff"),
        *(r"a\nState:\tZ (zombie)", "\\"),  # as the kernel escapes a line end (proc(5), Name)
    ],
)
def test_odd_names_change_nothing(name: str) -> None:
    process = processes.parse(status(name.encode()))
    assert process is not None
    assert (process.pid, process.parent, process.name, process.is_stopped) == (42, 7, name, False)


def test_a_name_that_is_no_text_is_still_a_name() -> None:
    process = processes.parse(status(b"\xff\xfe"))
    assert process is not None
    assert process.name == "\ufffd\ufffd"
    process = processes.parse(status(b""))
    assert process is not None
    assert process.name == ""


@pytest.mark.parametrize("field", NEEDED)
def test_a_missing_field_is_an_error(field: str) -> None:
    lines = status().decode().splitlines(keepends=True)
    without = "".join(line for line in lines if not line.startswith(field + ":"))
    assert without != status().decode()
    with pytest.raises(ValueError):  # noqa: PT011 - its text is of no use to anybody
        processes.parse(without.encode())


@pytest.mark.parametrize("field", [name for name in NEEDED if name not in ("Name", "State")])
def test_an_empty_field_is_an_error_like_a_missing_one(field: str) -> None:
    lines = status().decode().splitlines(keepends=True)
    emptied = "".join(f"{field}:\t\n" if line.startswith(field + ":") else line for line in lines)
    with pytest.raises(ValueError):  # noqa: PT011
        processes.parse(emptied.encode())


@given(st.integers(0, len(status())))
def test_a_text_cut_short_is_an_error_or_complete(length: int) -> None:
    try:
        process = processes.parse(status(caught=0xF0F0)[:length])
    except ValueError:
        return
    assert process == processes.parse(status(caught=0xF0F0))


@given(st.binary() | st.lists(st.sampled_from(status().splitlines(keepends=True))).map(b"".join))
def test_whatever_the_file_holds_it_is_a_process_or_nobody_or_an_error(data: bytes) -> None:
    try:
        process = processes.parse(data)
    except ValueError:
        return
    assert process is None or process.pid == 42


MASKS = st.integers(0, 2**64 - 1)


@given(MASKS, MASKS, MASKS, st.integers(1, 64))
def test_what_a_process_does_about_a_signal_follows_from_its_masks(
    blocked: int, ignored: int, caught: int, signum: int
) -> None:
    process = processes.parse(status(blocked=blocked, ignored=ignored, caught=caught))
    assert process is not None
    bit = 1 << (signum - 1)
    assert process.ignores(signum) == bool(ignored & bit)
    assert process.handles(signum) == bool(caught & bit or (blocked & bit and not ignored & bit))


def test_who_waits_for_signals_takes_all_but_those_that_it_ignores() -> None:
    process = processes.parse(status(ignored=1 << (signal.SIGHUP - 1)), sleeps_in="do_sigtimedwait.isra.0")
    assert process is not None
    assert process.handles(signal.SIGTERM)
    assert not process.handles(signal.SIGHUP)


def test_our_own_process_reads_right() -> None:
    process = processes.parse(Path("/proc/self/status").read_bytes())
    assert process is not None
    assert (process.pid, process.parent) == (os.getpid(), os.getppid())
    assert (process.group, process.session) == (os.getpgrp(), os.getsid(0))
    assert process.handles(signal.SIGINT) == callable(signal.getsignal(signal.SIGINT))
    assert process.ignores(signal.SIGPIPE) == (signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN)
