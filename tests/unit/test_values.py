"""Values of options: what is understood, what is refused, and how the refusal reads."""

import math
import signal
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.settings import values

PARSERS: list[Callable[[str], object]] = [
    values.duration,
    values.optional_duration,
    values.received_signal,
    values.optional_signal,
    values.signal_set,
    values.rewrites,
    values.status_map,
    values.one_of("one", "two"),
    values.switch,
    values.optional_text,
]

#: Texts that look like something.
LIKELY = st.text("0123456789.hms:,+-_ \n\ttTERMNKILLRTMINSIGnoneyes\u0661", max_size=12)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("5", 5),
        ("2.5", 2.5),
        (".5", 0.5),
        ("5.", 5),
        (" 5 ", 5),
        ("500ms", 0.5),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h1m1s1ms", 3661.001),
        ("1.5h", 5400),
        ("31536000", 31536000),
    ],
)
def test_times_are_understood(text: str, seconds: float) -> None:
    assert values.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-1",
        "+1",
        "1e3",
        "nan",
        "inf",
        "1 s",
        "1d",
        "s",
        "1ss",
        "1..5",
        "1_0",
        "1,5",
        "\u0661",
        "31536001",
        "9" * 400,
        "1m 30s",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: give seconds"):
        values.duration(text)


@given(st.floats(0, values.LONGEST))
def test_any_time_written_plainly_is_understood(seconds: float) -> None:
    assert values.duration(f"{seconds:.6f}") == pytest.approx(seconds, abs=1e-6)


@given(st.sampled_from(PARSERS), LIKELY | st.text())
@example(values.status_map, "1" * 5000 + ":0")
@example(values.rewrites, "TERM:" + "1" * 5000)
def test_every_parser_gives_a_value_or_one_line_about_the_text(parser: Callable[[str], object], text: str) -> None:
    try:
        value = parser(text)
    except ValueError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert "sys." not in message, "a message for users, not for programmers of Python"
    else:
        if isinstance(value, float):
            assert math.isfinite(value)
            assert 0 <= value <= values.LONGEST


def test_none_is_no_value() -> None:
    assert values.optional_duration("none") is None
    assert values.optional_signal("none") is None
    assert values.optional_text("none") is None
    assert values.optional_duration("1") == 1.0
    assert values.optional_signal("TERM") == signal.SIGTERM
    assert values.optional_text("a b") == "a b"


@pytest.mark.parametrize(
    ("text", "names"), [("TERM", "TERM"), ("TERM,INT", "TERM INT"), (" TERM , 2,", "TERM INT"), ("HUP,1", "HUP")]
)
def test_lists_of_signals_are_understood(text: str, names: str) -> None:
    assert values.signal_set(text) == {signal.Signals["SIG" + name] for name in names.split()}


@pytest.mark.parametrize("text", ["KILL", "TERM,STOP", "TERM;INT", "TERM INT"])
def test_a_list_holds_signals_that_can_be_received(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be received|is not a signal"):
        values.signal_set(text)


def test_rewrites_are_pairs_and_zero_drops() -> None:
    assert values.rewrites("") == {}
    assert values.rewrites("TERM:QUIT, USR1:0,10:HUP") == {15: 3, 10: 1}
    assert values.rewrites("RTMIN+1:KILL") == {signal.SIGRTMIN + 1: 9}


@pytest.mark.parametrize(
    "text", ["TERM", "TERM:", ":TERM", "TERM:QUIT:INT", "KILL:TERM", "0:TERM", "USR1:SIG_IGN", "TERM=QUIT"]
)
def test_what_is_no_rewrite_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a signal|is not FROM:TO|cannot be received"):
        values.rewrites(text)


def test_statuses_are_mapped() -> None:
    assert values.status_map("143:0, 1:255") == {143: 0, 1: 255}
    assert values.status_map("") == {}


@pytest.mark.parametrize("text", ["143", "143:", "256:0", "0:-1", "a:0", "1:2:3", "\u0661:0", "1.0:0"])
def test_what_is_no_status_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an exit status|is not FROM:TO"):
        values.status_map(text)


@pytest.mark.parametrize(
    ("text", "is_on"), [("yes", True), ("On", True), ("1", True), ("TRUE", True), ("no", False), ("off", False), ("0", False)]
)
def test_switches_are_understood(text: str, is_on: bool) -> None:
    assert values.switch(text) is is_on


def test_a_word_of_a_choice_is_itself_and_others_are_refused() -> None:
    parse = values.one_of("one", "two")
    assert parse("two") == "two"
    with pytest.raises(ValueError, match="'three' is not one of one, two"):
        parse("three")
