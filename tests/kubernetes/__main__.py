"""Rolling updates in a real Kubernetes under load, with every init: `python -m tests.kubernetes`.

Prints the table of docs/kubernetes.md. The cluster is one of our own (tests/kubernetes/build.sh), or that of KUBECONFIG.
"""

import argparse
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from pyinit.rehearse.outcome import Outcome
from tests.kubernetes import arms
from tests.kubernetes.cluster import NoCluster, cluster
from tests.kubernetes.page import SERVERS as MEASURED
from tests.kubernetes.page import keep
from tests.kubernetes.rollout import Cell, observed, run
from tests.namespace import ROOT
from tests.rolling.report import Report
from tests.rolling.results import RolloutResult
from tests.rolling.servers import SERVERS
from tests.rolling.side_by_side import run_all

WORK = ROOT / "build" / "kubernetes"


class Kept(Report):
    """A report that keeps the requests of each variant's worst rollout in a file at once, for a run takes long."""

    def __init__(self, folder: Path, rollouts: int) -> None:
        super().__init__(folder, rollouts)
        self._kept: dict[tuple[str, ...], int] = {}

    def tell(self, result: RolloutResult, outcomes: Sequence[Outcome]) -> None:
        """As in Report."""
        super().tell(result, outcomes)
        if result.lost_in_all > self._kept.get(result.variant, -1):
            self._kept[result.variant] = result.lost_in_all
            keep(self._folder, result, outcomes)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.kubernetes", description=__doc__)
    words = {"arm": tuple(arms.ARMS), "strategy": tuple(arms.STRATEGIES), "server": tuple(SERVERS)}
    parser.add_argument("--arm", default=",".join(words["arm"]), metavar="NAME[,...]", help=", ".join(words["arm"]))
    parser.add_argument(
        "--strategy", default=",".join(words["strategy"]), metavar="NAME[,...]", help=", ".join(words["strategy"])
    )
    parser.add_argument("--server", default=",".join(MEASURED), metavar="NAME[,...]", help=", ".join(words["server"]))
    parser.add_argument(
        "--rollouts", type=int, metavar="N", help="of each cell (default: 10 of what claims to lose nothing, else 3)"
    )
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="so many deployments side by side (default 4)")
    parser.add_argument("--out", type=Path, default=WORK / "results", metavar="FOLDER", help="default: %(default)s")
    options = parser.parse_args()
    plan = []
    for server in options.server.split(","):
        for strategy in options.strategy.split(","):
            for arm in options.arm.split(","):
                cell = Cell(arms.variant(arm, strategy, SERVERS[server]), arms.STRATEGIES[strategy])
                plan.append((cell, options.rollouts or (10 if arm in arms.CLAIMED else 3)))
    report = Kept(options.out, 2 * sum(rollouts for _, rollouts in plan))
    try:
        with cluster() as one, observed(one) as observer:
            results = run_all(plan, options.jobs, functools.partial(run, one, observer), report.tell)
    except NoCluster as error:
        sys.exit(f"tests.kubernetes: {error}")
    print(report.write(results))


if __name__ == "__main__":
    main()
