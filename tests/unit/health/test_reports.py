"""Reports: what is written is read, and nothing else is anything."""

from hypothesis import given
from hypothesis import strategies as st

from pyinit.health.readiness import Verdict
from pyinit.health.reports import (
    LATEST,
    LONGEST,
    LONGEST_TEXT,
    Described,
    Extended,
    Line,
    Notified,
    Report,
    Stopping,
    from_bytes,
    to_bytes,
)
from pyinit.log import LEVELS

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n"), max_size=LONGEST_TEXT)
REPORTS: st.SearchStrategy[Report] = st.one_of(
    st.builds(Verdict, st.booleans(), TEXTS),
    st.just(Notified()),
    st.just(Stopping()),
    st.builds(Described, TEXTS),
    st.builds(Extended, st.floats(0, LATEST)),
    st.builds(Line, st.sampled_from(LEVELS), st.just("event"), TEXTS),
)


@given(REPORTS)
def test_what_is_written_is_read(report: Report) -> None:
    line = to_bytes(report)
    assert line.count(b"\n") == 1
    assert len(line) <= LONGEST
    assert from_bytes(line[:-1]) == report


def test_a_text_cannot_make_a_line_of_its_own() -> None:
    assert to_bytes(Described("a\nnotified\nb\tc")) == b"described\ta notified b c\n"


def test_a_long_text_is_cut() -> None:
    report = from_bytes(to_bytes(Verdict(False, "\u20ac" * 5000))[:-1])
    assert report == Verdict(False, "\u20ac" * LONGEST_TEXT)


@given(st.binary() | st.text("verdictysno\textended0123456789.e+-nailfq", max_size=60).map(str.encode))
def test_whatever_is_read_is_a_report_or_nothing(line: bytes) -> None:
    report = from_bytes(line)
    if isinstance(report, Extended):
        assert 0 <= report.until <= LATEST
    if isinstance(report, Line):
        assert report.level in LEVELS


def test_what_is_no_report_is_nothing() -> None:
    for line in (
        b"",
        b"verdict",
        b"verdict\tmaybe\tx",
        b"notified\tx",
        b"extended\tnan",
        b"extended\tinf",
        b"extended\t-1",
        b"line\tshout\ta\tb",
        b"exit\t0",
    ):
        assert from_bytes(line) is None
