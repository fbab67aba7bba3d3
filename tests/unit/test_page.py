"""The state page: what is written is read, and what is half written is not."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.page import FALLEN, LONGEST_TEXT, READY, SIZE, WAITING, Page, State, to_bytes
from pyinit.probe.state import from_bytes, read
from pyinit.settings.config import Config
from pyinit.settings.options import parse

TIMES = st.none() | st.floats(0, 1e9)
NUMBERS = st.integers(0, 1 << 40)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.text("\\n\n\t end1", max_size=80)

TIME = st.floats(0, 1e9)

STATES = st.builds(
    State, TEXTS, TIME, TIME, TIMES, NUMBERS, st.none() | NUMBERS, TEXTS, NUMBERS, TEXTS, TIMES, TIMES, TEXTS, TEXTS, NUMBERS,
    NUMBERS, TEXTS, st.integers(0, 1),
)  # fmt: skip


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of our own."""
    descriptor = os.memfd_create("pyinit")
    yield Page(descriptor, State("running", 100.0, 100.0, command=7))
    os.close(descriptor)


def shown(page: Page) -> State:
    """What a reader finds."""
    assert page.descriptor is not None
    state = read(page.descriptor)
    assert state is not None
    return state


@given(STATES, NUMBERS)
def test_what_is_written_is_read(state: State, sequence: int) -> None:
    assert from_bytes(to_bytes(state, sequence)) == state


@given(STATES, STATES, st.integers(0, SIZE), NUMBERS)
def test_a_page_that_is_half_of_one_and_half_of_another_is_not_believed(
    state: State, other: State, cut: int, sequence: int
) -> None:
    new, old = to_bytes(state, sequence + 1), to_bytes(other, sequence)
    assert from_bytes(new[:cut] + old[cut:]) in (None, state, other)


@given(st.text(max_size=3000), st.text(max_size=3000))
def test_a_page_is_never_longer_than_it_may_be(reason: str, status: str) -> None:
    data = to_bytes(State(reason=reason, notify_status=status), 1)
    assert len(data) == SIZE
    found = from_bytes(data)
    assert found is not None
    assert len(found.reason.encode()) <= LONGEST_TEXT


@given(st.binary(max_size=200))
def test_anything_else_is_no_page(data: bytes) -> None:
    assert from_bytes(data) is None


@given(st.lists(st.sampled_from([b"pyinit 1 3\n", b"end 3\n", b"command\t", b"7\n", b"x\n", b"status\t\n", b"\n"]), max_size=9))
def test_what_looks_like_a_page_is_one_or_none(parts: list[bytes]) -> None:
    found = from_bytes(b"".join(parts))
    assert found is None or isinstance(found, State)


@pytest.mark.parametrize("value", ["x", "", "1e", "0x10"])
def test_a_number_that_is_none_spoils_the_page(value: str) -> None:
    assert from_bytes(b"pyinit 1 1\ncommand\t%s\nend 1\n" % value.encode()) is None


def test_a_key_that_is_not_known_is_left_out() -> None:
    assert from_bytes(b"pyinit 1 1\ncommand\t7\nnews\t1\nend 1\n") == State(command=7)


def test_another_version_of_the_format_is_not_understood() -> None:
    assert from_bytes(b"pyinit 2 1\ncommand\t7\nend 1\n") is None


def test_a_page_that_is_never_written_is_waited_for_and_given_up() -> None:
    descriptor = os.memfd_create("empty")
    try:
        assert read(descriptor) is None
    finally:
        os.close(descriptor)


def test_a_phase_lasts_since_it_began(page: Page) -> None:
    page.on_phase("running", 105.0)
    assert shown(page).phase_since == 100.0
    page.on_phase("stopping", 110.0, requested_at=109.0)
    page.on_phase("stopping", 115.0, status=3)
    state = shown(page)
    assert (state.phase, state.phase_since, state.requested_at, state.status) == ("stopping", 110.0, 109.0, 3)


def test_readiness_lasts_since_it_began_and_its_reason_may_change(page: Page) -> None:
    page.on_readiness(WAITING, "refused", 101.0)
    page.on_readiness(WAITING, "status 503", 102.0)
    state = shown(page)
    assert (state.readiness, state.readiness_since, state.reason, state.first_ready_at) == (WAITING, 101.0, "status 503", None)
    page.on_readiness(READY, "", 103.0)
    page.on_readiness(FALLEN, "stopping", 104.0)
    page.on_readiness(READY, "", 105.0)
    state = shown(page)
    assert (state.readiness, state.readiness_since, state.reason, state.first_ready_at) == (READY, 105.0, "", 103.0)


def test_orphans_are_not_written_each_time(page: Page) -> None:
    page.on_orphans(1, 100.5)
    assert shown(page).orphans == 0
    page.on_orphans(2, 101.0)
    page.on_orphans(3, 101.5)
    assert shown(page).orphans == 2
    page.on_orphans(4, 102.5)
    assert shown(page).orphans == 4


def test_a_shorter_page_leaves_nothing_of_a_longer_one(page: Page) -> None:
    page.update(reason="x" * 500)
    page.update(reason="")
    assert shown(page).reason == ""


@pytest.mark.parametrize("descriptor", [None, 9999])
def test_without_a_page_all_else_works(descriptor: int | None) -> None:
    page = Page(descriptor, State("running"))
    page.on_readiness(READY, "", 1.0)
    assert page.state.readiness == READY


def config(*words: str) -> Config:
    """What these options say."""
    return parse([*words, "app"], {}).config


@pytest.mark.parametrize(
    ("words", "signum"),
    [
        ((), 15),
        (("--stop-signal", "QUIT"), 3),
        (("--rewrite", "TERM:QUIT"), 3),
        (("--rewrite", "TERM:QUIT", "--stop-signal", "INT"), 2),
        (("--stop-on", "WINCH"), 28),
        (("--rewrite", "TERM:0"), 2),
        (("--rewrite", "TERM:0", "--stop-on", "TERM"), 15),
    ],
)
def test_the_usual_stop_signal_is_that_of_sigterm_or_of_what_stops_instead(words: tuple[str, ...], signum: int) -> None:
    assert config(*words).usual_stop_signal == signum
