"""Waiting for a signal for some time: what comes is what was sent, and nothing comes of a time that is over."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pyinit.kernel import libc, signals, system
from tests.namespace import ROOT
from tests.waiting import PATIENCE, wait_until

#: Those that these tests send.
USED = frozenset({int(signal.SIGHUP), int(signal.SIGUSR1), int(signal.SIGCHLD)})

#: Takes two signals, and waits some seconds for another.
WAITER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pyinit.kernel import signals, system
from tests.live import leftover
signals.block_all()
leftover.replace()
for signum in (signals.signal.SIGHUP, signals.signal.SIGUSR1):
    os.kill(os.getpid(), signum)
    system.wait_signal(1000)
print("waits", flush=True)
system.prepare_to_wait()
received = system.wait_signal(float(sys.argv[2]))
print("none" if received is None else received.signum, flush=True)
"""

#: Sends a signal of one kind twice, and takes it: by CPython's call, which fails in no way here, and by ours.
SENDER = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from pyinit.kernel import libc, signals, system
signals.block_all()
def send():
    if sys.argv[2] == "exit":
        child = os.fork()
        if child == 0:
            os._exit(5)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        return child
    if sys.argv[2] == "timer":
        signals.signal.setitimer(signals.signal.ITIMER_REAL, 0.001)
    elif sys.argv[2] == "thread":
        signals.signal.pthread_kill(threading.get_ident(), signals.signal.SIGRTMAX)
    else:
        os.kill(os.getpid(), signals.signal.SIGUSR1)
    return os.getpid()
sender = send()
info = signals.signal.sigtimedwait(signals.ALL, 1000)
print(info.si_signo, info.si_pid == sender, info.si_uid, info.si_code)
sender = send()
signum, pid, uid, code = libc.wait_signal(signals.ALL, 1000)
print(signum, pid == sender, uid, code)
"""


@pytest.fixture(autouse=True)
def blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the signals that these tests send to this thread, wait for those alone, and get rid of them at the end."""
    monkeypatch.setattr(signals, "ALL", USED)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, USED)
    yield
    while signal.sigtimedwait(USED, 0):
        pass
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("way", ["kill", "thread", "timer", "exit"])
def test_it_is_taken_with_its_sender_as_cpython_takes_it(way: str) -> None:
    words = [sys.executable, "-IS", "-c", SENDER, str(ROOT), way]
    theirs, ours = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE).stdout.splitlines()
    assert theirs == ours


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_nothing_comes_of_a_time_in_which_nothing_was_sent(seconds: float) -> None:
    assert libc.wait_signal(USED, seconds) is None
    assert system.wait_signal(seconds) is None


def test_no_time_is_waited_for_by_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("interrupted until the time is over, it returns what it has never filled in")

    monkeypatch.setattr(signals.signal, "sigtimedwait", fail)
    system.prepare_to_wait()
    assert system.wait_signal(0.01) is None


def test_those_that_are_not_waited_for_stay_pending() -> None:
    signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
    assert libc.wait_signal(USED - {signal.SIGHUP}, 0.01) is None
    received = system.wait_signal(PATIENCE)
    assert received is not None
    assert received.signum == signal.SIGHUP


def test_a_wait_that_fails_is_no_time_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(22, "no")

    monkeypatch.setattr(libc, "_call", fail)
    with pytest.raises(OSError, match="no"):
        system.wait_signal(0.01)


def test_without_ctypes_signals_are_waited_for_by_cpython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pyinit.kernel.libc")
    monkeypatch.setitem(sys.modules, "pyinit.kernel.libc", None)
    system.prepare_to_wait()
    assert system.wait_signal(0.01) is None
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    received = system.wait_signal(PATIENCE)
    assert received is not None
    assert (received.signum, received.sender_pid) == (signal.SIGUSR1, os.getpid())


def test_who_was_stopped_until_the_time_was_over_takes_no_signal_that_nobody_has_sent() -> None:
    words = [sys.executable, "-IS", "-c", WAITER, str(ROOT), "0.5"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == "waits\n"
        wchan = Path(f"/proc/{waiter.pid}/wchan")
        wait_until(lambda: "sigtimedwait" in wchan.read_text(), "it waits")
        waiter.send_signal(signal.SIGSTOP)
        stopped = psutil.Process(waiter.pid)
        wait_until(lambda: stopped.status() == psutil.STATUS_STOPPED, "it is stopped")
        with pytest.raises(subprocess.TimeoutExpired):  # no event tells that a time is over
            waiter.wait(0.6)
        waiter.send_signal(signal.SIGCONT)
        assert waiter.stdout.readline() in ("none\n", f"{int(signal.SIGCONT)}\n")
