"""Random process trees under a real PID 1: whoever is told is told once, everybody finishes, and the status is the tree's own.

TREES is how many there are in all, TREES_SEED where they begin, and TREES_INIT the words of another init than pyinit from this checkout.
"""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.trees.run import init_words, run
from tests.trees.strategies import Scenario, scenarios

#: Into how many tests the trees are split, for several processes to share them.
SHARDS = 16

TREES = int(os.environ.get("TREES", "240"))
SEED = int(os.environ.get("TREES_SEED", "1"))

#: Seconds for making a failing tree smaller.
SHRINKING = 40.0


@pytest.mark.timeout(max(120, TREES))
@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_a_tree_is_made_of_each_is_told_once_and_finishes_and_the_status_is_kept(
    shard: int, leaf: Path, tmp_path: Path
) -> None:
    verdicts: dict[Scenario, str] = {}  # so that a tree that fails now and then has failed
    until: float | None = None

    @seed(SEED * SHARDS + shard)
    @settings(
        max_examples=max(1, TREES // SHARDS),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios())
    def hold(scenario: Scenario) -> None:
        nonlocal until
        if scenario not in verdicts and (until is None or time.monotonic() < until):
            outcome = run(scenario, init_words(), leaf, tmp_path)
            verdicts[scenario] = outcome.shown(scenario) if outcome.faults else ""
            if outcome.faults and until is None:
                until = time.monotonic() + SHRINKING
        if verdicts.get(scenario):
            pytest.fail(f"{verdicts[scenario]}\nTREES={TREES} TREES_SEED={SEED}, shard {shard}", pytrace=False)

    hold()
