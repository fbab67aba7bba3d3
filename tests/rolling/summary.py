"""The short tables of docs/delay.md and docs/readiness.md, from a run's results: `python -m tests.rolling.summary [FOLDER]`.

Pure, but for reading these.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from pyinit.rehearse.outcome import EARLY
from tests.rolling.plans import LOADING, PLAIN
from tests.rolling.report import RESULTS
from tests.rolling.results import RolloutResult, by_variant, read
from tests.rolling.variants import (
    DNS_REMOVALS,
    HAPROXY,
    HEALTHZ,
    READYZ,
    REMOVALS,
    START_SCRIPT,
    SWARM_BLIND,
    SWARM_HEALTHZ,
    SWARM_PYINIT,
    SWARMS,
    TCP,
)

#: On Swarm: the router asks rarely enough to learn late that a replica has gone.
LATE = DNS_REMOVALS["5"].name

#: What decides whether a replica gets traffic, for readers.
DECIDES = {
    TCP: "HAProxy, `check`: connects",
    HEALTHZ: "HAProxy, `httpchk`: the application's `/healthz`",
    READYZ: "HAProxy, `httpchk`: pyinit's `/readyz`",
    SWARM_BLIND: "Swarm, no HEALTHCHECK",
    SWARM_HEALTHZ: "Swarm, HEALTHCHECK: the application's `/healthz`",
    SWARM_PYINIT: "Swarm, HEALTHCHECK: `pyinit --probe pyinit`",
}

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


def starts(results: Sequence[RolloutResult]) -> str:
    """A row for each variant of the server that opens its port before it can serve; on Swarm those with a late router."""
    routers = [*DECIDES]
    shown = by_variant(
        result
        for result in sorted(results, key=lambda one: (routers.index(one.router), one.init.startswith("pyinit"), one.init))
        if result.router not in SWARMS or result.removal == LATE
    )
    lines = [
        "| who gets traffic, says | init | rollouts | requests | lost too early | lost otherwise | stop time, median |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for (_, form, init, router, _), rollouts in shown.items():
        lost = sum(rollout.lost_in_all for rollout in rollouts)
        early = sum(rollout.lost.get(EARLY, 0) for rollout in rollouts)
        cells = [
            DECIDES[router],
            f"{init}{'' if form == START_SCRIPT else f', {form}'}",
            str(len(rollouts)),
            f"{sum(rollout.requests for rollout in rollouts):,}",
            *(f"**{number}**" if number else "0" for number in (early, lost - early)),
            f"{median(seconds for rollout in rollouts for seconds in rollout.stop_times):.1f} s",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _lost(rollouts: Sequence[RolloutResult]) -> str:
    lost = sum(rollout.lost_in_all for rollout in rollouts)
    return f"{f'**{lost}**' if lost else '0'} in {len(rollouts)}" if rollouts else ""


class Missing(Exception):
    """There is nothing to make the tables of; its message is a line that says what to do."""


def tables(folder: Path) -> str:
    """The tables of a run, of those that it has results for. Raises Missing."""
    how = "`python -m tests.rolling` measures, and leaves them in build/rolling/results"
    if not folder.is_dir():
        raise Missing(f"there is no folder {folder}; {how}")
    try:
        results = list(read(folder / RESULTS))
    except FileNotFoundError:
        raise Missing(f"there are no results ({RESULTS}) in {folder}; {how}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Missing(f"{folder / RESULTS} cannot be read as results of rolling updates: {error!r}; {how}") from None
    servers = {result.server for result in results}
    found = [
        table([result for result in results if result.server == server.name])
        for server, table in ((PLAIN, summary), (LOADING, starts))
        if server.name in servers
    ]
    if not found:
        raise Missing(f"{folder / RESULTS} has no results of {PLAIN.name} or {LOADING.name}, which the tables are of; {how}")
    return "\n\n".join(found)


def main() -> None:
    """Print the tables of a run."""
    parser = argparse.ArgumentParser(prog="python -m tests.rolling.summary", description="Print the short tables of a run.")
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("build/rolling/results"),
        metavar="FOLDER",
        help="where python -m tests.rolling has left its results (default: %(default)s)",
    )
    try:
        print(tables(parser.parse_args().folder))
    except Missing as missing:
        parser.exit(1, f"{parser.prog}: {missing}\n")


if __name__ == "__main__":
    main()
