"""Jobs in a log."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.rehearse.faults import NoVerdict
from pyinit.rehearse.result import Units
from pyinit.rehearse.worker import lines, units


def test_jobs_that_have_names_are_counted_once_each() -> None:
    log = "job 1 begins\njob 1 begins\njob 2 begins\njob 1 ends\njob 9 ends\n"
    assert units(log.splitlines(), r"job (\d) begins", r"job (\d) ends") == Units(2, 1)


def test_jobs_without_a_name_are_counted_by_lines() -> None:
    assert units(["begin", "begin", "end"], "begin", "end") == Units(2, 1)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_lines_of_a_log_come_whole_however_the_engine_cuts_it(size: int) -> None:
    text = b"first\n\nsecond \xff\nwithout an end"
    container: Any = SimpleNamespace(logs=lambda **_: (text[at : at + size] for at in range(0, len(text), size)))
    assert list(lines(container)) == ["first", "", "second \N{REPLACEMENT CHARACTER}", "without an end"]


def test_more_ends_than_begins_are_no_verdict() -> None:
    with pytest.raises(NoVerdict, match="2 lines of the log match --unit-end, but only 1 match --unit-begin"):
        units(["begin", "end", "end"], "begin", "end")


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans())))
def test_no_more_jobs_are_finished_than_were_begun(events: list[tuple[int, bool]]) -> None:
    log = [f"job {number} {'ends' if is_end else 'begins'}" for number, is_end in events]
    found = units(log, r"job (\d+) begins", r"job (\d+) ends")
    begun = {number for number, is_end in events if not is_end}
    assert found == Units(len(begun), len(begun & {number for number, is_end in events if is_end}))
