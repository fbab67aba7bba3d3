"""How often the traffic is looked at, from what a look has cost."""

import pytest

from pyinit.kernel import system
from pyinit.traffic import view


@pytest.mark.parametrize("cost", [0.0, 0.001, 0.01, 0.04, 0.2, 3.0])
def test_looks_cost_a_twentieth_of_a_cpu_at_most_and_cheap_ones_have_their_period(
    cost: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, used = 1000.0, 7.0
    monkeypatch.setattr(system, "monotonic", lambda: clock)
    monkeypatch.setattr(system, "cpu_time", lambda: used)
    look = view.Look()
    clock, used = clock + 2 * cost, used + cost  # on a machine that is busy
    until_next = look.next_at(0.25) - 1000.0
    assert until_next >= 0.25
    assert cost <= 0.05 * until_next
    assert until_next == 0.25 or cost > 0.25 * view.SHARE
