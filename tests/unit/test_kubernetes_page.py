"""The printed parts of docs/kubernetes.md, from made-up results; and what is asked of a cluster, without one."""

from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from pyinit.rehearse.moments import Stop
from pyinit.rehearse.outcome import OK, REFUSED, Outcome
from tests.kubernetes import arms, page, settings
from tests.rolling.results import RolloutResult


def rollout(arm: str, kind: str, lost: int, requests: int = 1000, number: int = 1) -> RolloutResult:
    """A rollout of the server that keeps connections; three stops of 1, 2 and 6 s, of which the last was killed."""
    server, form, init, router, strategy = arms.variant(arm, "0").names
    stops = tuple(Stop(f"pod-{took}", 10.0, 10.1, 10.0 + took, 137 if took > 5 else 0) for took in (1, 2, 6))
    counts = {REFUSED: lost} if lost else {}
    return RolloutResult(server, form, init, f"{router}, {kind}", strategy, number, 5.0, 30.0, requests, counts, stops)


def test_new_and_kept_connections_have_columns_of_their_own_and_rollouts_are_added_up() -> None:
    results = [
        rollout("tini", "new", 3),
        rollout("tini", "kept", 0),
        rollout("tini", "new", 4, number=2),
        rollout("tini", "kept", 1),
    ]
    *_, row = page.table(results, "gunicorn-gthread").splitlines()
    assert row == (
        "| tini | start.sh | maxUnavailable 0 | 2 | **7** of 2,000 | **1** of 2,000 | 2.0 / 6.0 | 0 ×4, 137 ×2 |"  # noqa: RUF001
    )


def test_rows_stand_in_the_order_of_the_arms_and_those_that_were_not_measured_are_left_out() -> None:
    results = [rollout(arm, kind, 0) for arm in ("runtime", "none", "ready") for kind in ("new", "kept")]
    rows = page.table(results, "gunicorn-gthread").splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [
        "| none",
        "| pyinit, delay auto, ready",
        "| none, runtimeClassName: pyinit",
    ]


def test_a_printed_part_takes_the_place_of_the_one_before_and_nothing_else() -> None:
    mark = page.MARK.format(page.COMMAND, "one")
    text = f"# Title\n\n{mark}\n| old |\n| older |\n\nAfter it.\n"
    assert page.write_part(text, "one", "| new |\n") == f"# Title\n\n{mark}\n| new |\n\nAfter it.\n"
    with pytest.raises(ValueError, match="has no mark"):
        page.write_part("# Title\n", "one", "| new |\n")


def test_the_page_has_a_mark_for_each_part_that_is_printed() -> None:
    text = page.PAGE.read_text()
    for server in page.SERVERS:
        assert page.MARK.format(page.COMMAND, server) in text
    assert page.MARK.format("python -m tests.kubernetes.glance", "describe") in text


def test_of_what_was_kept_in_several_runs_the_worst_is_drawn(tmp_path: Path) -> None:
    for name, lost in (("a", 1), ("b", 2), ("c", 0)):
        (tmp_path / name).mkdir()
        requests = [Outcome(float(at), 0.1, REFUSED if at < lost else OK, False, 200, None) for at in range(5)]
        page.keep(tmp_path / name, rollout("tini", "new", lost), requests)
    found = page.kept([tmp_path / name for name in "abc"], rollout("tini", "new", 0).variant)
    assert found
    assert sum(one.is_lost for one in found[0]) == 2
    assert {mark.kind for mark in found[1]} == {"stop", "removal", "end"}
    assert page.kept([tmp_path / "c"], ("nothing", "of", "this", "was", "kept")) is None


@pytest.mark.parametrize("strategy", list(arms.STRATEGIES))
@pytest.mark.parametrize("arm", list(arms.ARMS))
def test_what_is_updated_is_a_deployment_by_the_schemas_of_kubernetes(arm: str, strategy: str) -> None:
    kubernetes_validate.validate(arms.manifest(arms.variant(arm, strategy), arms.STRATEGIES[strategy]), "1.35", strict=True)


def test_only_the_arm_of_the_runtime_class_has_one_and_no_init_of_its_own() -> None:
    pods = {arm: arms.manifest(arms.variant(arm, "0"), arms.STRATEGIES["0"])["spec"]["template"]["spec"] for arm in arms.ARMS}
    assert [arm for arm, pod in pods.items() if "runtimeClassName" in pod] == ["runtime"]
    assert "command" not in pods["runtime"]["containers"][0]
    assert [arm for arm, pod in pods.items() if "lifecycle" in pod["containers"][0]] == ["sleep"]


def test_nothing_of_a_node_is_written_outside_of_its_folder_but_where_that_is_covered() -> None:
    from tests.kubernetes.node import COVERED

    folder = Path("/tmp/pyinit-kubernetes-x")  # noqa: S108 - never made
    names = [name for name in settings.files(folder) if name.startswith("/")]
    assert names
    assert all(name.lstrip("/").startswith(tuple(f"{place}/" for place in COVERED)) for name in names)
    words = [word for _, words in settings.parts(folder, "10.209.0.2") for word in words]
    places = [word.partition("=")[2] for word in words if "dir=" in word]
    assert len(places) > 4
    assert all(place.startswith(f"{folder}/") for place in places)
