"""Who hears of a signal, as far as it can be proved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.rehearse.crew import COLUMNS, HANDLES, IGNORES, NOTHING, WAITS, Process, number, parse
from tests.rehearse.made import ALONE, IN_DUMB_INIT, IN_SCRIPT, IN_TINI, TERM, crew, process


def names(processes: "tuple[Process, ...] | None") -> list[str] | None:
    return None if processes is None else [one.name for one in processes]


def test_the_kernel_drops_what_pid_1_has_no_handler_for_so_nobody_is_told() -> None:
    assert names(IN_SCRIPT.told(TERM)) == []
    assert names(IN_SCRIPT.deaf(TERM)) == ["gunicorn"]


def test_tini_tells_its_child_alone_and_what_is_below_a_shell_never_hears() -> None:
    assert names(IN_TINI.told(TERM)) == ["sh"]
    assert names(IN_TINI.deaf(TERM)) == ["gunicorn"]


def test_what_an_application_passes_on_cannot_be_proved() -> None:
    assert ALONE.told(TERM) is None
    assert ALONE.deaf(TERM) == ()


def test_an_init_that_tells_its_group_leaves_nobody_out() -> None:
    assert IN_DUMB_INIT.told(TERM) is None
    assert IN_DUMB_INIT.deaf(TERM) == ()
    assert IN_DUMB_INIT.tells_all


def test_a_shell_with_a_trap_may_pass_it_on_so_nothing_is_claimed_of_those_below() -> None:
    trap = crew(
        process(40, 1, "tini -- sh run.sh", sleeps_in="do_sigtimedwait"),
        process(50, 40, "sh run.sh", handles=True),
        process(60, 50, "gunicorn", handles=True),
    )
    assert trap.deaf(TERM) == ()
    assert crew(*trap.all[1:]).told(TERM) is None


@pytest.mark.parametrize(
    ("ignored", "caught", "blocked", "sleeps_in", "does"),
    [
        (0, 1 << 14, 0, "", HANDLES),
        (1 << 14, 0, 0, "", IGNORES),
        (0, 0, 1 << 14, "", WAITS),
        (0, 0, 0, "do_sigtimedwait.isra.0", WAITS),
        (0, 1 << 13, 1 << 15, "do_wait", NOTHING),
    ],
)
def test_the_masks_tell_what_a_process_does(ignored: int, caught: int, blocked: int, sleeps_in: str, does: str) -> None:
    assert Process(1, 0, ignored, caught, blocked, sleeps_in, "x", "x").about(TERM) == does


def test_rows_of_ps_are_read() -> None:
    rows = [
        ["77", "70", "0", "0000000000004000", "0", "do_wait", "sh", "sh -c run"],
        ["78", "77", *"000", "-", "app", "app --on"],
    ]
    assert all(len(row) == len(COLUMNS) for row in rows)
    found = parse(rows, 77)
    assert found is not None
    assert (found.first.name, found.first.about(TERM), names(found.others)) == ("sh", HANDLES, ["app"])
    assert parse(rows, 5) is None


@given(st.lists(st.tuples(st.integers(2, 30), st.integers(2, 30)), max_size=20))
def test_however_the_parents_are_entangled_an_answer_comes(pairs: list[tuple[int, int]]) -> None:
    first = process(1, 0, "tini -- x", sleeps_in="do_sigtimedwait")
    others = [process(pid, parent, "app", handles=True) for pid, parent in pairs]
    assert set(crew(first, *others).deaf(TERM)) <= set(others)


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "term", "15"])
def test_a_signal_has_many_names(text: str) -> None:
    assert number(text) == TERM


@pytest.mark.parametrize("text", ["", "SIGNOTHING", "99", "-3"])
def test_what_is_no_signal_is_told(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is of the one who asks
        number(text)
