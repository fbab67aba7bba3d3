"""The delays of the simulated routers, and the table of the orchestrators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.rehearse.faults import UsageError
from pyinit.rehearse.orchestrators import MOST_ROUTERS, ORCHESTRATORS, parse_removal


def test_one_delay_is_that_of_all_routers() -> None:
    assert parse_removal("1.5").delays == (1.5, 1.5, 1.5, 1.5)


def test_a_share_of_the_routers_can_be_late() -> None:
    found = parse_removal("1.5,12@25%")
    assert found.delays == (1.5, 1.5, 1.5, 12.0)
    assert found.last == 12.0


@given(st.integers(1, 19).map(lambda n: 5 * n), st.floats(0, 60), st.floats(0, 60))
def test_the_share_of_late_routers_is_exactly_the_one_that_was_given(percent: int, usual: float, late: float) -> None:
    found = parse_removal(f"{usual!r},{late!r}@{percent}%").delays
    assert len(found) <= MOST_ROUTERS
    late_ones = len(found) - list(found).count(usual) if usual != late else percent * len(found) // 100
    assert late_ones * 100 == percent * len(found)


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1,2", "12@25%", "1,12@25", "1,12@0%", "1,12@100%", "1,2@60%,3@60%", "1,2@33%", "inf"]
)
def test_a_removal_that_makes_no_sense_is_told_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_removal(text)
    assert str(raised.value).startswith("--removal ")
    assert "\n" not in str(raised.value)


def test_every_orchestrator_has_a_removal_that_can_be_read_and_a_source() -> None:
    for row in ORCHESTRATORS.values():
        assert parse_removal(row.removal).last >= 0
        assert row.source.startswith("https://")
        assert row.grace > 0
