"""Record: it must be what a frozen dataclass is."""

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.delivery import Request
from pyinit.kernel.system import Reaped
from pyinit.life.actions import Exit, KillAll, WatchExit


@dataclasses.dataclass(frozen=True)
class Model:
    """What Reaped would be with `dataclasses`."""

    pid: int
    status: int
    killed_by: int = 0
    stopped_by: int = 0


#: How to give the fields: how many by place, and whether those with a default are left out when they can be.
NUMBERS = st.integers(0, 2)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_fields_are_given_by_place_or_by_name_and_compare_by_value(
    pid: int, status: int, killed_by: int, other_pid: int, other_status: int, other_killed_by: int
) -> None:
    one = Reaped(pid, status, killed_by)
    other = Reaped(killed_by=other_killed_by, status=other_status, pid=other_pid)
    model = Model(pid, status, killed_by)
    other_model = Model(killed_by=other_killed_by, status=other_status, pid=other_pid)
    assert (one == other) == (model == other_model)
    if one == other:
        assert hash(one) == hash(other)
    assert (one.pid, one.status, one.killed_by, one.stopped_by) == (pid, status, killed_by, 0)


def test_a_default_is_the_same_whether_it_is_given_or_left_out() -> None:
    assert Reaped(1, 0) == Reaped(1, 0, 0, 0)
    assert hash(Reaped(1, 0)) == hash(Reaped(1, 0, 0, 0))
    assert Request(15, "group", True) == Request(15, "group", True, False, {}, {}, None)


def test_records_of_other_types_are_never_equal() -> None:
    assert WatchExit(1) != Exit(1, "")
    assert KillAll() == KillAll()
    assert WatchExit(1) != 1


def test_it_matches_by_place() -> None:
    match Reaped(1, 2, 3):
        case Reaped(pid, status, killed_by, stopped_by):
            assert (pid, status, killed_by, stopped_by) == (1, 2, 3, 0)


def test_it_is_frozen() -> None:
    record = Reaped(1, 2)
    with pytest.raises(AttributeError, match="Reaped is frozen: pid cannot be set"):
        record.pid = 3  # type: ignore[misc]  # what a type checker forbids, too
    assert record.pid == 1


def test_it_shows_its_fields() -> None:
    assert repr(Reaped(1, 2, stopped_by=3)).startswith("Reaped(pid=1, status=2, ")
    assert repr(KillAll()) == "KillAll()"


def test_it_survives_being_copied() -> None:
    record = Reaped(1, 2, 3)
    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301 - our own
