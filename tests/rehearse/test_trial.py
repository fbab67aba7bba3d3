"""When a warm-up is over, and whose container is a leftover."""

import os
import subprocess

import pytest

from pyinit.rehearse import outcome, ready
from pyinit.rehearse.engine import Owner
from pyinit.rehearse.trial import agree
from tests.rehearse.made import asked

OWNER = Owner("pyinit.test.owner", "pyinit-test")


@pytest.mark.parametrize(
    ("before", "now", "is_over"),
    [
        ([0.05] * 9, [0.05] * 9, True),
        ([0.05] * 9, [0.06] * 9, True),
        ([0.001] * 9, [0.004] * 9, True),
        ([0.05] * 9, [0.2] * 9, False),
        ([0.2] * 9, [0.05] * 9, False),
        ([], [0.05], False),
        ([0.05], [], False),
    ],
)
def test_the_warm_up_is_over_when_two_windows_are_about_as_fast(before: list[float], now: list[float], is_over: bool) -> None:
    first, second = ([asked(1.0, took=took) for took in window] for window in (before, now))
    assert agree(first, second) is is_over


def test_two_windows_of_which_one_has_a_loss_do_not_agree() -> None:
    assert not agree([asked(1.0)], [asked(2.0), asked(2.1, outcome.CUT)])


def test_long_lines_of_a_log_are_cut_and_what_is_no_text_is_no_error() -> None:
    text = ready.readable(b"first\n" + b"y" * 200_000 + b"\nlast \xff\n")
    first, second, last = text.splitlines()
    assert (first, last) == ("first", "last \N{REPLACEMENT CHARACTER}")
    assert second.endswith("y... (200000 characters)")
    assert len(second) < 600


def test_what_a_living_process_has_made_is_no_leftover() -> None:
    assert not OWNER.is_stale(OWNER.labels())


def test_what_a_dead_process_has_made_is_one_also_where_its_pid_is_somebody_elses_by_now() -> None:
    done = subprocess.Popen(["true"])
    done.wait()
    assert OWNER.is_stale({**OWNER.labels(), OWNER.label: str(done.pid), f"{OWNER.label}.since": ""})
    assert OWNER.is_stale({**OWNER.labels(), f"{OWNER.label}.since": "1"})


def test_what_somebody_on_another_machine_has_made_is_none_of_ours() -> None:
    assert not OWNER.is_stale({OWNER.label: "4194305", f"{OWNER.label}.since": "1", f"{OWNER.label}.host": "elsewhere"})


def test_labels_name_this_process() -> None:
    assert OWNER.labels()[OWNER.label] == str(os.getpid())
    assert OWNER.unique("x") != OWNER.unique("x")
