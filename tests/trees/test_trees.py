"""Random process trees under a real PID 1: whoever is told is told once, everybody finishes, and the status is the tree's own.

TREES is how many there are in all, TREES_SEED where they begin, TREES_LIMIT the seconds after which a run counts as one that
never ends, and TREES_INIT the words of another init than pyinit from this
checkout.
"""

import os
from pathlib import Path

import pytest

from tests.trees.holding import hold
from tests.trees.run import init_words

#: Into how many tests the trees are split, for several processes to share them.
SHARDS = 16

TREES = int(os.environ.get("TREES", "240"))
SEED = int(os.environ.get("TREES_SEED", "1"))


@pytest.mark.timeout(120 + TREES)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_a_tree_is_made_of_each_is_told_once_and_finishes_and_the_status_is_kept(
    shard: int, leaf: Path, tmp_path: Path
) -> None:
    print(f"to run these again: TREES={TREES} TREES_SEED={SEED}, shard {shard}")
    hold(init_words(), max(1, TREES // SHARDS), SEED * SHARDS + shard, leaf, tmp_path)
