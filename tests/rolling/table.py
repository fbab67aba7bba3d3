"""The table of a run of the laboratory: a row per variant, and below it what each server does of itself at a stop. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from pyinit.rehearse.outcome import LOSSES
from tests.rolling.results import RolloutResult, by_variant
from tests.rolling.servers import SERVERS, Server

#: Column titles, and whether the column is one of numbers.
COLUMNS = (
    ("server", False),
    ("form", False),
    ("init", False),
    ("router", False),
    ("endpoint removed after", False),
    ("rollouts", True),
    ("requests", True),
    ("lost", True),
    ("by kind", False),
    ("stop time, median / max, s", True),
    ("rollout, median, s", True),
    ("exit statuses", False),
)


def markdown(results: Iterable[RolloutResult]) -> str:
    """The table, with one row for all the rollouts of a variant, in the order of the first of each."""
    rows = by_variant(results)
    lines = [
        _joined(title for title, _ in COLUMNS),
        "|" + "|".join("---:" if numbers else "---" for _, numbers in COLUMNS) + "|",
    ]
    lines += [_joined(_cells(rollouts)) for rollouts in rows.values()]
    servers = dict.fromkeys(rollouts[0].server for rollouts in rows.values())
    notes = [_note(SERVERS[name]) for name in servers if name in SERVERS]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _note(server: Server) -> str:
    return f"* {server.name}, at SIG{server.stop_signal}: {server.graceful}"


def _joined(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(rollouts: Sequence[RolloutResult]) -> list[str]:
    lost: Counter[str] = Counter()
    for rollout in rollouts:
        lost.update(rollout.lost)
    stop_times = [seconds for rollout in rollouts for seconds in rollout.stop_times]
    return [
        *rollouts[0].variant,
        str(len(rollouts)),
        f"{sum(rollout.requests for rollout in rollouts):,}",
        f"**{lost.total()}**" if lost.total() else "0",
        ", ".join(f"{kind} {lost[kind]}" for kind in LOSSES if lost[kind]),
        f"{median(stop_times):.1f} / {max(stop_times):.1f}" if stop_times else "",
        f"{median(rollout.seconds for rollout in rollouts):.1f}",
        _statuses(status for rollout in rollouts for status in rollout.statuses),
    ]


def _statuses(statuses: Iterable[int]) -> str:
    """Each exit status and how often it occurred, the most frequent first."""
    return ", ".join(f"{status} ×{times}" for status, times in Counter(statuses).most_common())  # noqa: RUF001 - a sign of times
