"""Many random trees under one init; the first that fails is made smaller, and told of."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.trees.run import run
from tests.trees.strategies import Scenario, scenarios

#: Seconds for making a failing tree smaller.
SHRINKING = 25.0


def hold(init: Sequence[str], trees: int, first: int, leaf: Path, folder: Path) -> None:
    """Stop so many trees under an init; `first` is hypothesis' seed. Fails with all that is known of one that goes wrong."""
    verdicts: dict[Scenario, str] = {}  # so that a tree that fails now and then has failed
    until: float | None = None

    @seed(first)
    @settings(
        max_examples=trees,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios())
    def holds(scenario: Scenario) -> None:
        nonlocal until
        if scenario not in verdicts and (until is None or time.monotonic() < until):
            outcome = run(scenario, init, leaf, folder)
            verdicts[scenario] = outcome.shown(scenario) if outcome.faults else ""
            if outcome.faults and until is None:
                until = time.monotonic() + SHRINKING
        if verdicts.get(scenario):
            pytest.fail(verdicts[scenario], pytrace=False)

    holds()
