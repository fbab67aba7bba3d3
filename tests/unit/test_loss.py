"""Losses: from the kernel's counters to a line for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.traffic import loss
from pyinit.traffic.counters import Counters
from pyinit.traffic.loss import Losses, Story

BEGAN = Counters(opened=1000, resets=70, overflows=5, drops=6, unread=7)
DELAYS = tuple(loss.HINTS)

COUNTERS = st.builds(Counters, *(st.integers(0, 50) for _ in range(5)))
TIMES = st.none() | st.floats(0, 1000)
STORIES = st.builds(Story, st.sampled_from(DELAYS), COUNTERS, COUNTERS, COUNTERS, TIMES, TIMES, st.integers(0, 50))


def later(resets: int = 0, overflows: int = 0, drops: int = 0, unread: int = 0) -> Counters:
    """The counters when so much more has been counted."""
    return Counters(
        BEGAN.opened, BEGAN.resets + resets, BEGAN.overflows + overflows, BEGAN.drops + drops, BEGAN.unread + unread
    )


def told(
    ended: Counters,
    signalled: Counters = BEGAN,
    *,
    delay: str = loss.FIXED,
    last_event: float | None = None,
    last_reset: float | None = None,
    open_at_kill: int = 0,
) -> Losses:
    """The report of a stop."""
    return loss.report(Story(delay, BEGAN, signalled, ended, last_event, last_reset, open_at_kill))


def test_nothing_counted_is_nothing_lost() -> None:
    report = told(BEGAN)
    assert (report.level, report.message) == ("info", "no request was refused or reset")
    assert report.fields["hint"] is None


def test_when_the_traffic_was_last_seen_is_told_in_any_case() -> None:
    assert told(BEGAN, last_event=2.04).message.endswith("; traffic was last seen 2.0s after the stop request")
    assert "; traffic was last seen 2.0s after the stop request (" in told(later(resets=3), last_event=2.04).message


def test_resets_after_the_ports_were_last_open_are_lost_requests() -> None:
    report = told(later(resets=12), later(resets=4), last_reset=6.23)
    assert report.level == "warning"
    assert report.message.startswith("requests refused or reset: up to 8, the last 6.2s after the stop request (")
    assert report.fields["refused_or_reset"] == 8


def test_resets_while_the_ports_were_open_are_no_loss_of_the_stop() -> None:
    assert told(later(resets=4), later(resets=4)).level == "info"


def test_overflows_count_from_the_stop_request_on() -> None:
    report = told(later(overflows=3, drops=3), later(overflows=3, drops=3))
    assert report.level == "warning"
    assert report.message.startswith("connection requests dropped: 3 (")
    assert loss.FULL in report.message


@pytest.mark.parametrize(("overflows", "drops"), [(5, 5), (2, 5), (5, 2), (0, 5)])
def test_an_overflow_is_a_drop_as_well_and_counts_once(overflows: int, drops: int) -> None:
    assert told(later(overflows=overflows, drops=drops)).message.startswith("connection requests dropped: 5 (")


def test_connections_open_at_the_kill_are_told_with_what_would_have_helped() -> None:
    report = told(BEGAN, open_at_kill=3)
    assert (report.level, report.message) == ("warning", f"connections open at SIGKILL: 3 ({loss.KILLED})")


@pytest.mark.parametrize("delay", DELAYS)
def test_who_came_too_late_gets_the_hint_for_the_way_in_which_the_delay_ended(delay: str) -> None:
    assert told(later(resets=2), delay=delay).fields["hint"] == loss.HINTS[delay]


def test_requests_that_a_server_has_thrown_away_unread_get_a_hint_of_their_own() -> None:
    assert told(later(resets=2, unread=2)).fields["hint"] == loss.KEEP_ALIVE
    both = told(later(resets=3, unread=2)).fields["hint"]
    assert both == f"{loss.KEEP_ALIVE}; {loss.HINTS[loss.FIXED]}"


def test_what_was_unread_without_a_reset_is_no_loss() -> None:
    report = told(later(unread=5))
    assert (report.level, report.fields["unread"]) == ("info", 0)


@given(STORIES)
def test_a_warning_is_given_when_something_was_lost_and_only_then(story: Story) -> None:
    report = loss.report(story)
    lost = [report.fields[name] for name in ("refused_or_reset", "drops", "open_at_kill")]
    assert (report.level == "warning") == any(lost)
    assert (report.fields["hint"] is not None) == any(lost)
    assert report.message.startswith("no request was refused or reset") != any(lost)


@given(STORIES)
def test_no_figure_is_ever_negative_and_each_that_is_not_0_is_in_the_line(story: Story) -> None:
    report = loss.report(story)
    for name in ("refused_or_reset", "drops", "open_at_kill", "overflows", "unread"):
        figure = report.fields[name]
        assert isinstance(figure, int)
        assert figure >= 0
        if figure and name not in ("overflows", "unread"):
            assert f": {figure}" in report.message or f"up to {figure}" in report.message
    assert "\n" not in report.message
