"""What the trials mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.rehearse import judge, outcome
from pyinit.rehearse.faults import LOST, WELL
from pyinit.rehearse.judge import Tally
from pyinit.rehearse.result import NEW, Units, with_early_ones
from tests.rehearse.made import REQUESTED, asked, trial


def test_the_warm_up_does_not_count_and_what_was_under_way_is_at_risk() -> None:
    under_way = asked(REQUESTED - 1, outcome.CUT, took=2.0)
    tally = Tally("as-is", (trial([outcome.REFUSED], answered=10, further=[under_way]),))
    assert tally.at_risk == 10 + 1 + 1 + 1, "answered, refused, under way, and the first one of the new replica"
    assert tally.requests == 10 + 1 + 1 + 40
    assert tally.lost == {outcome.REFUSED: 1, outcome.CUT: 1}


def test_where_nothing_was_lost_the_bound_is_three_in_n() -> None:
    assert Tally("x", (trial(answered=149),)).bound == pytest.approx(3 / 150)
    assert Tally("x", (trial([outcome.CUT]),)).bound is None
    assert Tally("x", (trial(answered=0),)).bound == 1.0


@given(st.integers(3, 100_000))
def test_three_in_n_is_no_less_than_the_exact_bound(count: int) -> None:
    assert 1 - 0.05 ** (1 / count) <= judge.RULE_OF_THREE / count


def test_what_fails_at_rest_is_a_doubt_and_named_by_kind() -> None:
    base = [asked(90.0), asked(91.0, outcome.RESET_AFTER)]
    (doubt,) = judge.doubts([Tally("as-is", (trial(baseline=base),))])
    assert "1 of 2 requests were lost while nothing was stopped (1 reset-after)" in doubt


def test_a_late_generator_is_a_doubt() -> None:
    late = [asked(REQUESTED + n / 100 + 0.2, due=REQUESTED + n / 100) for n in range(50)]
    tally = Tally("as-is", (trial(further=late),))
    assert tally.late == pytest.approx(0.2)
    (doubt,) = judge.doubts([tally])
    assert "within 200 ms, and 50 ms are allowed" in doubt
    assert judge.doubts([tally], most_late=0.3) == []
    assert judge.doubts([Tally("as-is", (trial(),))]) == []


@given(st.lists(st.floats(0, 10), min_size=1, max_size=300))
def test_a_percentile_is_one_of_the_values_and_one_in_a_hundred_is_above_it_at_most(values: list[float]) -> None:
    found = judge.percentile(values, 99)
    assert found in values
    assert sum(value > found for value in values) <= len(values) / 100


def test_the_judged_arm_may_lose_what_is_allowed() -> None:
    tally = Tally("pyinit", (trial([outcome.CUT, outcome.CUT]),))
    assert judge.exit_status(tally, 2) == WELL
    assert judge.exit_status(tally, 1) == LOST


def test_jobs_that_were_not_finished_are_losses() -> None:
    tally = Tally("as-is", (trial(units=Units(10, 7)), trial(units=Units(5, 5))))
    assert (tally.at_risk, tally.lost, tally.lost_in_all) == (15, {"unfinished": 3}, 3)


def test_what_the_new_replica_lost_before_it_had_answered_came_too_early() -> None:
    first, later = asked(1.0, outcome.REFUSED, NEW), asked(3.0, outcome.SERVER_ERROR, NEW)
    kinds = [one.kind for one in with_early_ones([first, asked(2.0, replica=NEW), later, asked(1.0, outcome.REFUSED)])]
    assert kinds == [outcome.EARLY, outcome.OK, outcome.SERVER_ERROR, outcome.REFUSED]
