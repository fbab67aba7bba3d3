"""Readiness: from verdicts about single targets to one about all, and to a word that others go by."""

from hypothesis import given
from hypothesis import strategies as st

from pyinit.health.readiness import NOT_NOTIFIED, NOTIFIED, Verdict, after, first, is_news, is_ready, together
from pyinit.page import FALLEN, READY, UNASKED, UNREADY, WAITING
from pyinit.settings.config import NOTIFY

ONE, OTHER = "tcp:1", "tcp:2"
GOOD, BAD = Verdict(True, "tcp:1: connected"), Verdict(False, "tcp:2: connection refused")

WORDS = st.sampled_from([FALLEN, READY, UNASKED, UNREADY, WAITING])
VERDICTS = st.builds(Verdict, st.booleans(), st.sampled_from(["a", "b"]))


def test_all_must_hold_and_one_that_does_not_is_the_reason() -> None:
    assert together([ONE, OTHER], {ONE: GOOD, OTHER: BAD}, False) == BAD
    assert together([ONE, OTHER], {OTHER: BAD}, False) == BAD, "whatever is not known yet"
    assert together([ONE], {ONE: GOOD}, False) == GOOD


def test_what_is_not_known_yet_is_no_verdict() -> None:
    assert together([ONE, OTHER], {ONE: GOOD}, False) is None


def test_the_command_has_its_say_where_it_is_asked() -> None:
    assert together([NOTIFY], {}, False) == NOT_NOTIFIED
    assert together([NOTIFY], {}, True) == NOTIFIED
    assert together([NOTIFY, ONE], {ONE: GOOD}, True) == Verdict(True, f"{NOTIFIED.reason}; {GOOD.reason}")
    assert together([ONE], {ONE: BAD}, True) == BAD


def test_another_reason_to_be_ready_is_no_news_and_another_not_to_be_is() -> None:
    assert is_news(GOOD, None)
    assert not is_news(Verdict(True, "in 3 ms"), Verdict(True, "in 4 ms"))
    assert is_news(BAD, Verdict(False, "another"))
    assert is_news(BAD, GOOD)
    assert is_news(GOOD, BAD)
    assert not is_news(None, GOOD)


def test_it_waits_until_it_is_ready_for_the_first_time() -> None:
    assert after(first([ONE]), False) == WAITING
    assert after(WAITING, True) == READY
    assert after(READY, False) == UNREADY
    assert after(UNREADY, False) == UNREADY
    assert after(UNREADY, True) == READY


@given(WORDS, st.lists(st.booleans()))
def test_nothing_leads_back_from_a_fall_nor_to_one(readiness: str, verdicts: list[bool]) -> None:
    now = readiness
    for holds in verdicts:
        now = after(now, holds)
        assert (now == FALLEN) == (readiness == FALLEN)
        assert (now == UNASKED) == (readiness == UNASKED)


def test_who_has_not_said_what_ready_is_gets_traffic() -> None:
    assert [word for word in (UNASKED, WAITING, READY, UNREADY, FALLEN) if is_ready(word)] == [UNASKED, READY]
    assert first([]) == UNASKED


@given(
    st.lists(st.sampled_from([ONE, OTHER, NOTIFY]), unique=True),
    st.dictionaries(st.sampled_from([ONE, OTHER]), VERDICTS),
    st.booleans(),
)
def test_the_whole_holds_if_and_only_if_every_part_does(targets: list[str], found: dict[str, Verdict], notified: bool) -> None:
    parts = [
        (notified if target == NOTIFY else found[target].holds) if target == NOTIFY or target in found else None
        for target in targets
    ]
    whole = together(targets, found, notified)
    if False in parts:
        assert whole is not None
        assert not whole.holds
    elif None in parts:
        assert whole is None
    else:
        assert whole is not None
        assert whole.holds
