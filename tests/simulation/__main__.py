"""What a pre-stop delay costs and saves: `python -m tests.simulation [--runs N] [--seed S] [--markdown] [--all | --sweep]`.

Monte Carlo, without real time: routers send requests to one container, hear of its stop sooner or later, and send no more.
Every policy meets the same stops. Says the same again for the same seed.
"""

import argparse
import os
from itertools import product

from pyinit.traffic.quiet import Policy
from tests.simulation.measure import measure_all
from tests.simulation.policies import DEFAULTS, POLICIES, Auto
from tests.simulation.scenarios import COSTS, MAIN, RISKS, every
from tests.simulation.table import LEGEND, SWEEP_LEGEND, main_table, sweep_table


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def main() -> None:
    """Simulate, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=_positive, default=500, help="stops of each scenario (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="other stops (default: %(default)s)")
    parser.add_argument("--markdown", action="store_true", help="print just the table")
    parser.add_argument("--jobs", type=_positive, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="all scenarios; takes minutes")
    which.add_argument("--sweep", action="store_true", help="other constants for `auto`; takes a minute")
    options = parser.parse_args()
    if options.sweep:
        choices = [
            Auto(Policy(DEFAULTS.minimum, DEFAULTS.maximum, quiet), events)
            for quiet, events in product((3, 5, 6, 7, 8), (10, 20, 30, 40, 60))
        ]
        found = measure_all((*RISKS, *COSTS), choices, options.runs, options.seed, options.jobs)
        table, legend = sweep_table(choices, found), SWEEP_LEGEND
    else:
        scenarios = every() if options.all else MAIN
        found = measure_all(scenarios, POLICIES, options.runs, options.seed, options.jobs)
        table, legend = main_table(scenarios, POLICIES, found), LEGEND
    print(table)
    if not options.markdown:
        print("\n" + legend.format(runs=options.runs))


if __name__ == "__main__":
    main()
