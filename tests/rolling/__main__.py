"""Rolling updates of three replicas under load, with every init: what is lost, and how long it takes.

`python -m tests.rolling [--quick]` measures what docs/rolling tells of, and needs a Docker engine. With --server, --form,
--init, --router or --removal (each a list, with commas): every combination of these.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.rolling import plans
from tests.rolling.build import WORK
from tests.rolling.report import Report
from tests.rolling.rollout import engine, run
from tests.rolling.servers import SERVERS
from tests.rolling.side_by_side import run_all
from tests.rolling.variants import BY_CHECKS, DNS_REMOVALS, FORMS, HAPROXY, INITS, REMOVALS, ROUTERS, select

CHOICES = {
    "server": tuple(SERVERS),
    "form": tuple(FORMS),
    "init": tuple(INITS),
    "router": ROUTERS,
    "removal": tuple({**REMOVALS, **BY_CHECKS, **DNS_REMOVALS}),
}

#: Where just some of these are given.
DEFAULTS = {"server": "gunicorn-sync", "form": "start.sh", "init": "auto", "router": HAPROXY, "removal": "1.5"}


def words(name: str) -> Callable[[str], Sequence[str]]:
    """A parser of a list of choices."""

    def parse(text: str) -> Sequence[str]:
        found = text.split(",")
        if set(found) - set(CHOICES[name]):
            raise argparse.ArgumentTypeError(f"one or more of {','.join(CHOICES[name])}")
        return found

    return parse


def plan_of(options: argparse.Namespace) -> plans.Plan:
    """What is to be measured."""
    given = vars(options)
    if any(given[name] for name in CHOICES):
        chosen = {name: given[name] or [DEFAULTS[name]] for name in CHOICES}
        servers = [SERVERS[name] for name in chosen["server"]]
        variants = select(servers, chosen["form"], chosen["init"], chosen["router"], chosen["removal"])
        return [(variant, options.rollouts or 1) for variant in variants]
    plan = plans.quick() if options.quick else plans.starts() if options.starts else plans.full()
    return [(variant, options.rollouts or rollouts) for variant, rollouts in plan]


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.rolling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few variants, once each: below three minutes")
    parser.add_argument("--starts", action="store_true", help="the part about starts and health checks alone")
    for name, choices in CHOICES.items():
        parser.add_argument(f"--{name}", type=words(name), metavar="NAME[,...]", help=", ".join(choices))
    parser.add_argument("--rollouts", type=int, metavar="N", help="of each variant (default: 20, 10, 5 or 3, with --quick 1)")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="so many deployments side by side (default 4)")
    parser.add_argument("--out", type=Path, default=WORK / "results", metavar="FOLDER", help="default: %(default)s")
    options = parser.parse_args()
    plan = plan_of(options)
    if not plan:
        parser.error(
            "no such combination (a straggler needs haproxy, removals of swarm are 1 and 5, of one that checks: checks)"
        )
    report = Report(options.out, sum(rollouts for _, rollouts in plan))
    with engine([variant for variant, _ in plan]):
        results = run_all(plan, options.jobs, run, report.tell)
    print(report.write(results))


if __name__ == "__main__":
    main()
