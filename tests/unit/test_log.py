"""The log: every line is one line, short enough, and JSON where it was asked for."""

import json
import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.log import LEVELS, LONGEST, Log, json_value, printable

#: Any text that os.fsdecode() or a careless program may make, lone surrogates too.
TEXT = st.text(st.characters(exclude_categories=()))

#: What json_value() takes; floats are times.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4),
)


def as_json_has_it(value: object) -> object:
    """A value as any JSON library gives it back: with surrogates paired, and times rounded to milliseconds."""
    if isinstance(value, float):
        return pytest.approx(value, abs=0.0005)
    if isinstance(value, list):
        return [as_json_has_it(item) for item in value]
    return json.loads(json.dumps(value))


@given(VALUES)
def test_json_values_come_back_as_they_were(value: object) -> None:
    text = json_value(value)
    assert json.loads(text) == as_json_has_it(value)
    assert text.isascii()
    assert text.isprintable()


@given(TEXT)
def test_printable_text_is_one_line_of_visible_characters(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text


def written(lay: str, level: str, event: str, message: str, fields: dict[str, object]) -> bytes:
    """What a Log writes to a pipe that is our stderr for a moment."""
    reader, writer = os.pipe()
    saved = os.dup(2)
    try:
        os.dup2(writer, 2)
        os.close(writer)
        log = Log("debug", lay)
        log.say(level, event, message, **fields)
        lost = log.lost
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    with open(reader, "rb") as stream:
        data = stream.read()
    assert lost == 0
    return data


FIELDS = st.dictionaries(st.sampled_from(["pid", "status", "held", "signal", "seconds"]), VALUES, max_size=5)
LONG = st.builds(
    lambda text, times: text * times,
    st.text(st.characters(exclude_categories=()), min_size=1, max_size=8),
    st.integers(1, 5000),
)


@given(st.sampled_from(["text", "json"]), st.sampled_from(LEVELS), TEXT | LONG, FIELDS)
@example("json", "error", "\U0001f600" * 5000, {})
@example("json", "error", "\U0010ffff" * 5000, {})
@example("json", "info", "held", {"held": list(range(5000))})
@example("text", "info", "\u20ac" * 5000, {})
@example("json", "warning", '"\\' * 3000, {})
def test_a_line_is_one_line_and_no_longer_than_a_pipe_takes_at_once(
    lay: str, level: str, message: str, fields: dict[str, object]
) -> None:
    data = written(lay, level, "event", message, fields)
    assert len(data) <= LONGEST
    assert data.endswith(b"\n")
    assert len(data.splitlines()) == 1
    if lay == "json":
        line = json.loads(data)
        assert {"time", "level", "event", "message"} <= line.keys()
        assert (line["level"], line["event"]) == (level, "event")
        assert line.get("truncated") or line["message"] == printable(message)
    else:
        assert data.startswith(b"pyinit: ")


@pytest.mark.parametrize(
    ("level", "shown"), [("info", "pyinit: hello"), ("debug", "pyinit: hello"), ("warning", "pyinit: warning: hello")]
)
def test_text_names_the_level_where_it_matters(level: str, shown: str) -> None:
    assert written("text", level, "event", "hello", {"pid": 1}).decode() == shown + "\n"


@pytest.mark.parametrize("chosen", LEVELS)
def test_lines_below_the_level_are_not_written(chosen: str, capfd: pytest.CaptureFixture[str]) -> None:
    log = Log(chosen, "text")
    for level in LEVELS:
        log.say(level, "event", f"a line of {level}")
    shown = capfd.readouterr().err
    assert [level for level in LEVELS if f"a line of {level}" in shown] == list(LEVELS[: LEVELS.index(chosen) + 1])


def test_lines_that_nobody_takes_are_counted_and_told_later() -> None:
    reader, writer = os.pipe()
    saved = os.dup(2)
    try:
        os.dup2(writer, 2)
        os.set_blocking(writer, False)
        while True:
            try:
                os.write(writer, b"x" * 4096)
            except BlockingIOError:
                break
        os.set_blocking(writer, True)
        log = Log("info", "text")
        log.say("info", "event", "lost one")
        log.say("info", "event", "lost two")
        assert log.lost == 2
        os.read(reader, 1 << 20)
        log.say("info", "event", "heard")
        assert log.lost == 0
        heard = os.read(reader, 1 << 16).decode()
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(writer)
        os.close(reader)
    assert heard == "pyinit: warning: 2 log lines were lost here\npyinit: heard\n"


def test_a_closed_stderr_is_no_failure() -> None:
    saved = os.dup(2)
    os.close(2)
    try:
        log = Log("info", "text")
        log.say("info", "event", "nobody hears")
        lost = log.lost
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    assert lost == 1
