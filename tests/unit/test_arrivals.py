"""The order in which signals are taken, with real signals; and the system calls that it costs."""

import signal
import threading
from collections.abc import Iterator

import pytest

from pyinit.kernel import arrivals, signals, system
from pyinit.kernel.arrivals import Arrivals

STOPS = frozenset({int(signal.SIGTERM), int(signal.SIGINT), int(signal.SIGQUIT)})
HUP, USR1, TERM, CHLD, WINCH = map(int, (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD, signal.SIGWINCH))
USED = (HUP, USR1, TERM, CHLD, WINCH)


@pytest.fixture(autouse=True)
def blocked() -> Iterator[None]:
    """Keep the signals that these tests send to this thread, and get rid of them at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, USED)
    yield
    while signal.sigtimedwait(USED, 0):
        pass
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The system calls that are made for signals, by name."""
    made = []
    wait, look = system.wait_signal, system.look_for_signal

    def note_wait(seconds: float | None) -> system.Received | None:
        made.append("wait")
        return wait(seconds)

    def note_look(among: frozenset[int]) -> system.Received | None:
        made.append("look")
        return look(among)

    monkeypatch.setattr(system, "wait_signal", note_wait)
    monkeypatch.setattr(system, "look_for_signal", note_look)
    return made


def send(*signums: int) -> None:
    """Make signals pending for this thread."""
    for signum in signums:
        signal.pthread_kill(threading.get_ident(), signum)


def taken(waiting: Arrivals) -> int:
    """The number of the next signal; 0 where none is pending."""
    received = waiting.take(0)
    return 0 if received is None else received.signum


def test_a_stop_request_is_second_at_the_latest_whatever_comes_again() -> None:
    waiting = Arrivals(STOPS)
    for _ in range(20):
        send(HUP, USR1, TERM)
        first = taken(waiting)
        send(HUP, USR1)
        assert TERM in (first, taken(waiting))


def test_of_two_that_come_again_and_again_none_holds_up_a_third() -> None:
    waiting = Arrivals(STOPS)
    send(WINCH)
    order = []
    while WINCH not in order:
        send(HUP, TERM)
        order.append(taken(waiting))
    assert len(order) == arrivals.PATIENCE + 1


def test_what_is_pending_is_taken_once() -> None:
    waiting = Arrivals(STOPS)
    send(*USED, *USED)
    assert sorted(taken(waiting) for _ in USED) == sorted(USED)
    assert taken(waiting) == 0


@pytest.mark.parametrize(
    ("signum", "looks"),
    [(CHLD, 1), (WINCH, 1), (TERM, 1), (HUP, arrivals.PATIENCE)],
    ids=["SIGCHLD", "SIGWINCH", "SIGTERM", "SIGHUP"],
)
def test_eight_signals_at_rest_cost_these_looks_and_no_other_call(calls: list[str], signum: int, looks: int) -> None:
    waiting = Arrivals(STOPS)
    for _ in range(arrivals.PATIENCE):
        send(signum)
        assert taken(waiting) == signum
    assert taken(waiting) == 0
    assert calls.count("wait") == arrivals.PATIENCE + 1
    assert calls.count("look") <= looks + 1


def test_a_look_that_fails_has_found_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Arrivals(STOPS)
    send(HUP)
    assert taken(waiting) == HUP
    monkeypatch.setattr(signals.signal, "sigtimedwait", lambda *_: (_ for _ in ()).throw(InterruptedError))
    assert system.look_for_signal(STOPS) is None
