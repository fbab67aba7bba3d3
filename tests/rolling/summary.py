"""The short table of the README, from the results of a run: `python -m tests.rolling.summary [FOLDER]`. Pure, but for that."""

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.rolling.plans import PLAIN
from tests.rolling.report import RESULTS
from tests.rolling.results import RolloutResult, from_json
from tests.rolling.variants import HAPROXY, REMOVALS

#: Of these the stop time is told: the endpoint leaves when it usually does.
USUAL = REMOVALS["1.5"].name


def summary(results: Sequence[RolloutResult]) -> str:
    """A row for each init and form; how many requests were lost in how many rollouts, by when the endpoint was removed.

    Of the plain server behind HAProxy only.
    """
    removals = [removal.name for removal in REMOVALS.values()]
    shown = [result for result in results if result.server == PLAIN.name and result.router == HAPROXY]
    rows = dict.fromkeys((result.init, result.form) for result in shown)
    lines = [
        f"| init | form | {' | '.join(removals)} | stop time at {USUAL}, median | exit |",
        f"|---|---|{'---:|' * len(removals)}---:|---:|",
    ]
    for init, form in sorted(rows, key=lambda row: (row[0].startswith("pyinit"), list(rows).index(row))):
        own = [result for result in shown if (result.init, result.form) == (init, form)]
        lost = [_lost([result for result in own if result.removal == removal]) for removal in removals]
        usual = [result for result in own if result.removal == USUAL]
        times = [seconds for result in usual for seconds in result.stop_times]
        statuses = sorted({status for result in usual for status in result.statuses})
        cells = [init, form, *lost, f"{median(times):.1f} s" if times else "", ", ".join(map(str, statuses))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _lost(rollouts: Sequence[RolloutResult]) -> str:
    lost = sum(rollout.lost_in_all for rollout in rollouts)
    return f"{f'**{lost}**' if lost else '0'} in {len(rollouts)}" if rollouts else ""


def main() -> None:
    """Print the table of a run."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/rolling/results")
    print(summary([from_json(line) for line in (folder / RESULTS).read_text(encoding="utf-8").splitlines()]))


if __name__ == "__main__":
    main()
