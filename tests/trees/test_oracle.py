"""The oracle itself: it finds no fault with what is right, and finds the faults of what is not."""

import sys
from pathlib import Path

import pytest

from tests.trees import tree as t
from tests.trees.holding import hold
from tests.trees.run import run
from tests.trees.strategies import Scenario
from tests.trees.tree import App, Node

#: It knows what each process of a tree is; see there.
KNOWING = [sys.executable, "-IS", str(Path(__file__).with_name("knowing_init.py"))]

#: Trees without a wrapper, which tini does not harm.
EXEC_FORM: list[Node] = [
    App(),
    App(way="sigwait", extra="spawns"),
    App(way="signalfd", second="dies"),
    t.Master(),
    t.Forward(App(second="dies")),
    t.Forward(t.Master()),
    t.TrapForward("bash", App()),
    t.TrapForward("dash", t.Master()),
    t.TrapWord("busybox"),
    t.Timeout(App(second="dies")),
    t.DumbInit(App()),
    t.Env(t.Tini(App())),
    t.Mortal(),
]

#: What is told twice or not at all, or cut off, by an init that tells everybody, or the first process only.
WRONG: list[tuple[str, Node]] = [
    ("tini --", t.Script("dash", App())),
    ("tini --", t.Pipeline("bash", App())),
    ("tini -g --", t.Master()),
    ("tini -g --", t.TrapWord("dash")),
    ("tini -g --", t.Script("bash", App())),
    ("dumb-init --", t.Pipeline("dash", App(), reader=0)),
]


@pytest.mark.parametrize("shard", range(2))
def test_an_init_that_knows_the_trees_does_all_that_is_asked_for(shard: int, leaf: Path, tmp_path: Path) -> None:
    hold(KNOWING, 30, shard, leaf, tmp_path)


@pytest.mark.parametrize("node", EXEC_FORM, ids=t.typed)
def test_tini_is_right_about_a_tree_without_a_wrapper(node: Node, leaf: Path, tmp_path: Path) -> None:
    outcome = run(Scenario(node), ["tini", "--"], leaf, tmp_path)
    assert not outcome.faults, outcome.shown(Scenario(node))


@pytest.mark.parametrize(("init", "node"), WRONG, ids=t.typed)
def test_an_init_that_tells_the_wrong_ones_is_found_out(init: str, node: Node, leaf: Path, tmp_path: Path) -> None:
    assert run(Scenario(node), init.split(), leaf, tmp_path).faults
