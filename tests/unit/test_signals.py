"""Signals: names to numbers and back."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.kernel import signals

EVERY = sorted(signals.ALL | {signal.SIGKILL, signal.SIGSTOP})


@pytest.mark.parametrize("signum", EVERY)
def test_a_name_gives_its_number_again(signum: int) -> None:
    name = signals.name(signum)
    assert signals.number(name) == signum
    assert signals.number(name.lower().removeprefix("sig")) == signum
    assert signals.number(f" {signum} ") == signum


@pytest.mark.parametrize(
    ("text", "signum"),
    [
        ("TERM", 15),
        ("sigterm", 15),
        ("15", 15),
        ("015", 15),
        ("RTMIN", signal.SIGRTMIN),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("RTMAX-1", signal.SIGRTMAX - 1),
        ("RTMAX", signal.SIGRTMAX),
        ("CLD", signal.SIGCHLD),
        ("IOT", signal.SIGABRT),
        ("POLL", signal.SIGIO),
        ("KILL", 9),
    ],
)
def test_names_and_numbers_are_understood(text: str, signum: int) -> None:
    assert signals.number(text) == signum


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "SIG",
            "0",
            "-1",
            "65",
            "32",
            "99999",
            "TERM+1",
            "TERM+0",
            "15+1",
            "RTMIN-1",
            "RTMAX+1",
            "RTMIN+99",
            "RTMIN+",
        ),
        *("RTMIN+-1", "RTMIN++1", "SIGSIGTERM", "TERM INT", "TERM,INT", "\u0661\u0665", "T\u00cbRM"),
        *("SIG_IGN", "_IGN", "SIG_DFL", "SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"),
    ],
)
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a signal: give a name"):
        signals.number(text)


@given(st.text() | st.from_regex(r"\A(SIG)?(RT(MIN|MAX)|TERM|_)?[+-]?[0-9]*\Z"))
def test_any_text_gives_a_signal_or_one_line(text: str) -> None:
    try:
        answer: object = signals.number(text)
    except ValueError as error:
        answer = str(error).splitlines()
    assert answer in EVERY if isinstance(answer, int) else len(answer) == 1  # type: ignore[arg-type]  # a list, then


def test_a_number_of_five_thousand_digits_is_refused_like_any_other() -> None:
    with pytest.raises(ValueError, match="is not a signal: give a name"):
        signals.number("1" * 5000)


@pytest.mark.parametrize("signum", [0, 32, 65, -1])
def test_a_number_without_a_name_can_still_be_told(signum: int) -> None:
    assert signals.name(signum) == f"signal {signum}"


def test_all_is_what_can_be_blocked() -> None:
    assert signal.SIGKILL not in signals.ALL
    assert signal.SIGSTOP not in signals.ALL
    assert {signal.SIGTERM, signal.SIGCHLD, signal.SIGSEGV, signal.SIGRTMIN, signal.SIGRTMAX} <= signals.ALL
