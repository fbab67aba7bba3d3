"""Jobs in a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.rehearse.faults import NoVerdict
from pyinit.rehearse.result import Units
from pyinit.rehearse.worker import units


def test_jobs_that_have_names_are_counted_once_each() -> None:
    log = "job 1 begins\njob 1 begins\njob 2 begins\njob 1 ends\njob 9 ends\n"
    assert units(log, r"job (\d) begins", r"job (\d) ends") == Units(2, 1)


def test_jobs_without_a_name_are_counted_by_lines() -> None:
    assert units("begin\nbegin\nend\n", "begin", "end") == Units(2, 1)


def test_more_ends_than_begins_are_no_verdict() -> None:
    with pytest.raises(NoVerdict, match="2 lines of the log match --unit-end, but only 1 match --unit-begin"):
        units("begin\nend\nend\n", "begin", "end")


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans())))
def test_no_more_jobs_are_finished_than_were_begun(events: list[tuple[int, bool]]) -> None:
    log = "".join(f"job {number} {'ends' if is_end else 'begins'}\n" for number, is_end in events)
    found = units(log, r"job (\d+) begins", r"job (\d+) ends")
    begun = {number for number, is_end in events if not is_end}
    assert found == Units(len(begun), len(begun & {number for number, is_end in events if is_end}))
