"""The short table: what it counts, and what it leaves out."""

from tests.rolling.results import RolloutResult, Stop
from tests.rolling.summary import summary


def result(init: str, removal: str, lost: int, took: float, server: str = "gunicorn-sync") -> RolloutResult:
    """One rollout of one replica."""
    stop = Stop("replica", requested=1.0, removed=2.5, ended=1.0 + took, status=0 if init.startswith("pyinit") else 143)
    losses = {"refused": lost} if lost else {}
    return RolloutResult(server, "start.sh", init, "haproxy", removal, 1, 0.0, 9.0, 100, losses, (stop,))


def test_losses_are_counted_by_removal_and_the_stop_time_is_that_of_the_usual_one() -> None:
    table = summary(
        [
            result("pyinit, delay auto", "1.5 s", 0, 8.0),
            result("tini", "1.5 s", 30, 0.2),
            result("tini", "1.5 s", 5, 0.4),
            result("tini", "5 s", 90, 9.9),
            result("tini", "1.5 s", 1000, 99.0, server="nginx"),
        ]
    )
    assert table.splitlines()[2:] == [
        "| tini | start.sh |  | **35** in 2 | **90** in 1 |  | 0.3 s | 143 |",
        "| pyinit, delay auto | start.sh |  | 0 in 1 |  |  | 8.0 s | 0 |",
    ]
