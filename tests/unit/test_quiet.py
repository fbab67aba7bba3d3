"""The end of the pre-stop delay: example by example, and for any traffic at all."""

from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyinit.traffic.quiet import (
    ENOUGH,
    EVENTS,
    FIRST,
    MAXIMUM,
    OLDEST,
    QUIET,
    Before,
    Policy,
    Seen,
    needed,
    over_at,
    rate,
    saw,
    verdict,
)

POLICY = Policy(5.0, 20.0, 5.0)  # other than the defaults
LATER = FIRST + 1


def seen_of(*looks: tuple[float, int] | tuple[float, int, float], before: Before | None = None) -> Seen:
    """What looks have brought: each a time, a number of events, and the age of the last one if it is known."""
    seen = Seen(before or Before(100.0, 0, None))
    for look in looks:
        seen = saw(seen, *look)
    return seen


# --- when it is over -----------------------------------------------------------------------------------------------


def test_without_any_traffic_the_minimum_is_enough() -> None:
    assert over_at(POLICY, seen_of()) == 5
    assert verdict(POLICY, seen_of((4.9, 0))) is None
    assert verdict(POLICY, seen_of((5.0, 0))) == QUIET


def test_the_silence_begins_at_the_last_event() -> None:
    assert over_at(POLICY, seen_of((1.5, 4))) == 6.5


def test_an_event_goes_as_far_back_as_is_known() -> None:
    assert seen_of((2.0, 0), (3.0, 1, 0.25)).last_at == 2.75
    assert seen_of((2.0, 0), (3.0, 1)).last_at == 3.0


def test_an_event_is_never_older_than_the_look_before() -> None:
    assert seen_of((2.0, 0), (3.0, 1, 60.0)).last_at == 2.0


def test_few_requests_ask_for_more_silence() -> None:
    slow = Before(EVENTS / 8, 0, None)
    assert over_at(POLICY, seen_of((1.5, 1), before=slow)) == 9.5


def test_where_silence_proves_nothing_it_takes_the_maximum() -> None:
    rare = Before(EVENTS / 60, 0, None)
    assert over_at(POLICY, seen_of(before=rare)) == 20
    assert verdict(POLICY, seen_of((19.9, 0), before=rare)) is None
    assert verdict(POLICY, seen_of((20.0, 0), before=rare)) == MAXIMUM


def test_a_rate_of_zero_takes_the_maximum() -> None:
    assert over_at(POLICY, seen_of(before=Before(0.0, 0, None))) == 20


def test_where_it_is_known_that_nobody_has_ever_come_the_silence_began_at_the_start() -> None:
    assert over_at(POLICY, seen_of(before=Before(0.0, 0, None, life=3.0))) == 17
    assert over_at(POLICY, seen_of(before=Before(0.0, 0, None, life=3600.0))) == 5


def test_one_who_has_come_after_all_ends_that() -> None:
    assert over_at(POLICY, seen_of((2.0, 1), before=Before(0.0, 0, None, life=3600.0))) == 20
    assert over_at(POLICY, seen_of(before=Before(0.01, 0, None, life=3600.0))) == 20


def test_traffic_that_never_ends_takes_the_maximum() -> None:
    looks = [(at / 4, 3) for at in range(1, 80)]
    assert verdict(POLICY, seen_of(*looks)) is None
    assert verdict(POLICY, seen_of(*looks, (20.0, 3))) == MAXIMUM


# --- the rate ------------------------------------------------------------------------------------------------------


def test_the_first_second_tells_more_than_the_average() -> None:
    assert rate(seen_of((FIRST / 2, 30), (FIRST, 10), (LATER, 7), before=Before(1.0, 0, None))) == 40 / FIRST
    assert rate(seen_of((FIRST / 2, 30), (FIRST, 10), before=Before(1000.0, 0, None))) == 40 / FIRST


def test_connections_that_were_busy_just_before_tell_the_same() -> None:
    assert rate(seen_of(before=Before(1.0, 40, 0.1))) == 40


def test_a_look_that_comes_late_counts_for_as_long_as_it_took() -> None:
    assert rate(seen_of((0.25, 10), (1.25, 40), (1.5, 10), before=Before(1.0, 0, None))) == 50 / 1.25


def test_a_deviation_by_chance_leaves_it_to_the_average() -> None:
    assert rate(seen_of((FIRST, 5), before=Before(10.0, 0, None))) == 10, "2 standard deviations are 6.3 events"
    assert rate(seen_of((FIRST, 3), before=Before(10.0, 0, None))) == 3


def test_more_than_the_average_is_believed_for_that_knows_little_of_connections_that_have_ended() -> None:
    assert rate(seen_of((FIRST, 11), before=Before(10.0, 0, None))) == 11


def test_few_events_are_chance() -> None:
    assert rate(seen_of((FIRST, ENOUGH - 1), before=Before(50.0, ENOUGH - 1, 0.1))) == 50


def test_enough_events_are_none() -> None:
    assert rate(seen_of((FIRST, ENOUGH), before=Before(50.0, 0, None))) == ENOUGH / FIRST
    assert rate(seen_of(before=Before(50.0, ENOUGH, 0.1))) == ENOUGH


def test_those_who_came_lately_tell_more_than_a_life_that_began_with_loading() -> None:
    assert rate(seen_of((FIRST, ENOUGH), before=Before(2.5, 0, None, lately=20.0))) == 20
    assert rate(seen_of((FIRST, 25), before=Before(2.5, 0, None, lately=20.0))) == 25


def test_the_first_second_is_not_the_rate_where_more_is_known_to_have_come_lately() -> None:
    assert rate(seen_of((FIRST, ENOUGH), before=Before(12.0, 0, None, lately=11.0))) == 12
    assert rate(seen_of((FIRST, ENOUGH), before=Before(50.0, 0, None, lately=11.0))) == 11


def test_fewer_lately_than_on_average_say_nothing_for_kept_connections_are_not_among_them() -> None:
    assert rate(seen_of(before=Before(50.0, 0, None, lately=1.0))) == 50


def test_a_long_silence_before_the_request_refutes_the_average() -> None:
    assert rate(seen_of(before=Before(50.0, 0, 30.0))) == OLDEST / 30
    assert rate(seen_of(before=Before(0.01, 0, 30.0))) == 0.01


def test_a_silence_that_is_over_does_not() -> None:
    assert rate(seen_of((FIRST, 1), before=Before(50.0, 0, 30.0))) == 50


# --- for any traffic -----------------------------------------------------------------------------------------------

TIMES = st.floats(0, 100)
COUNTS = st.integers(0, 1000)
AGES = st.none() | TIMES
BEFORES = st.builds(Before, st.floats(0, 1e5), COUNTS, AGES, st.just(0.0) | st.floats(0.3, 1e5), AGES)
#: Also such that make no sense: minimum above maximum.
POLICIES = st.builds(Policy, st.floats(0, 60), st.floats(0, 60), st.floats(0, 60))
#: Looks: how long after the one before, by a clock that does not tell less than a microsecond, and what was seen.
GAPS = st.integers(0, 10_000_000).map(lambda microseconds: microseconds / 1e6)
LOOKS = st.lists(st.tuples(GAPS, COUNTS, AGES), max_size=12)


def history(before: Before, looks: Sequence[tuple[float, int, float | None]]) -> Seen:
    """What these looks have brought."""
    seen = Seen(before)
    for gap, events, idle in looks:
        seen = saw(seen, seen.looked_at + gap, events, idle)
    return seen


SEEN = st.builds(history, BEFORES, LOOKS)


@given(POLICIES, SEEN)
def test_it_is_never_over_before_the_minimum_nor_after_the_maximum(policy: Policy, seen: Seen) -> None:
    assert min(policy.minimum, policy.maximum) <= over_at(policy, seen) <= policy.maximum


@given(POLICIES, SEEN)
def test_the_verdict_is_that_the_time_has_come(policy: Policy, seen: Seen) -> None:
    found = verdict(policy, seen)
    assert (found is None) is (seen.looked_at < over_at(policy, seen))
    is_quiet = seen.looked_at >= max(policy.minimum, seen.last_at + needed(policy, seen))
    assert (found == QUIET) is is_quiet
    assert (found == MAXIMUM) is (not is_quiet and seen.looked_at >= policy.maximum)


@given(POLICIES, BEFORES, LOOKS)
def test_whatever_comes_it_is_over_at_the_maximum(
    policy: Policy, before: Before, looks: list[tuple[float, int, float | None]]
) -> None:
    seen = history(before, looks)
    assert verdict(policy, saw(seen, max(seen.looked_at, policy.maximum), 1000)) is not None


@given(POLICIES, SEEN, TIMES)
def test_silence_never_delays_the_end(policy: Policy, seen: Seen, more: float) -> None:
    assume(seen.looked_at >= FIRST)  # in the first second the rate is counted, and silence is a part of that
    later = saw(seen, seen.looked_at + more, 0)
    assert over_at(policy, later) == over_at(policy, seen)
    assert verdict(policy, seen) is None or verdict(policy, later) is not None


@given(POLICIES, SEEN, TIMES, COUNTS, AGES)
def test_after_the_first_second_an_event_never_makes_the_end_earlier(
    policy: Policy, seen: Seen, more: float, events: int, idle: float | None
) -> None:
    at = seen.looked_at + more
    assume(at > FIRST)  # before, it also tells of the rate
    assert over_at(policy, saw(seen, at, events, idle)) >= over_at(policy, seen)


@given(POLICIES, SEEN, TIMES, st.integers(1, 1000), TIMES, TIMES)
def test_the_later_the_last_event_the_later_the_end(
    policy: Policy, seen: Seen, more: float, events: int, idle: float, older: float
) -> None:
    at = seen.looked_at + more
    ends = [over_at(policy, saw(seen, at, events, age)) for age in (None, idle, idle + older)]
    assert ends == sorted(ends, reverse=True)


@given(POLICIES, SEEN, TIMES, TIMES, TIMES)
def test_who_asks_for_more_never_gets_less(policy: Policy, seen: Seen, quiet: float, minimum: float, maximum: float) -> None:
    more = Policy(policy.minimum + minimum, policy.maximum + maximum, policy.quiet + quiet)
    assert over_at(more, seen) >= over_at(policy, seen)
    assert over_at(Policy(policy.minimum, policy.maximum, more.quiet), seen) >= over_at(policy, seen)


#: Where nothing is known but the average, and the silence before the request.
AVERAGES = st.builds(Before, st.floats(1e-5, 1e5), st.integers(0, ENOUGH - 1), AGES, st.just(0.0), AGES)


@given(POLICIES, AVERAGES, st.floats(0, 1e5), st.integers(0, ENOUGH - 1), TIMES)
def test_where_the_average_decides_a_higher_one_never_asks_for_more_silence(
    policy: Policy, before: Before, more: float, events: int, later: float
) -> None:
    busier = Before(before.average + more, before.just_now, before.idle, before.lately, before.life)
    looks = (FIRST, 0), (FIRST + later, events)
    assert needed(policy, seen_of(*looks, before=busier)) <= needed(policy, seen_of(*looks, before=before))


@given(SEEN, st.lists(st.floats(0, 1), max_size=5), st.floats(0, 10), COUNTS, st.floats(0, 1))
def test_looks_in_between_that_find_nothing_change_nothing(
    seen: Seen, parts: list[float], more: float, events: int, back: float
) -> None:
    at = seen.looked_at + more
    between = seen
    for part in sorted(parts):
        between = saw(between, seen.looked_at + part * more, 0)
    assume(seen.looked_at >= FIRST)  # in the first second the rate is counted, and the time of a look matters
    assert saw(between, at, events) == saw(seen, at, events)
    idle = back * (at - between.looked_at)  # not before the last look that found nothing
    one, other = saw(between, at, events, idle), saw(seen, at, events, idle)
    assert one.last_at == pytest.approx(other.last_at)
    assert (one.first, one.events) == (other.first, other.events)


@given(SEEN)
def test_times_and_counts_make_sense(seen: Seen) -> None:
    assert 0 <= seen.last_at <= seen.looked_at
    assert 0 <= seen.first_until <= seen.looked_at
    assert 0 <= seen.first <= seen.events
    assert 0 <= rate(seen) < inf


@given(POLICIES, st.integers(0, ENOUGH - 1), AGES, LOOKS)
def test_without_a_rate_no_silence_is_enough(
    policy: Policy, just_now: int, idle: float | None, looks: list[tuple[float, int, float | None]]
) -> None:
    seen = history(Before(0.0, just_now, idle), looks)
    assume(not rate(seen))
    assert needed(policy, seen) == inf
    assert over_at(policy, seen) == policy.maximum
