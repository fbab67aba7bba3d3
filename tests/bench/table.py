"""The table: one row per value, with the ratio of pyinit to each other init, the target, and whether it is reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.bench.contenders import BARE, PYINIT, TINI, TINI_STATIC

Values = Mapping[str, float]


@dataclass(frozen=True)
class Target:
    """`at_most` so many times the value of `other`, or `at_least`; without `other` the bare number."""

    other: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    def __str__(self) -> str:
        bound = f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"
        return bound if self.other is None else f"{bound} times {self.other}"


@dataclass(frozen=True)
class Row:
    """A row: the key of its values, what it says, the format of a value, and the target if there is one."""

    key: str
    title: str
    layout: str
    target: Target | None = None

    def is_reached(self, values: Values) -> bool | None:
        """Whether pyinit reaches the target; None where that cannot be told."""
        if self.target is None or (self.target.other is not None and self.target.other not in values):
            return None
        unit = 1.0 if self.target.other is None else values[self.target.other]
        if self.target.at_most is not None:
            return values[PYINIT] <= self.target.at_most * unit
        return self.target.at_least is not None and values[PYINIT] >= self.target.at_least * unit


ROWS = (
    Row("size", "size of the file, KiB", "{:.0f}"),
    Row("start", "start to the command's first byte, ms", "{:.2f}", Target(BARE, at_most=1.4)),
    Row("rss", "resident at rest, KiB", "{:.0f}"),
    Row("private", "private of that, KiB", "{:.0f}", Target(BARE, at_most=1.2)),
    Row("idle", "context switches in {idle:g} idle seconds", "{:.0f}", Target(at_most=0)),
    Row("latency_p50", "SIGUSR1: kill() to the command's handler, p50, µs", "{:.0f}", Target(TINI, at_most=2)),
    Row("latency_p99", "the same, p99, µs", "{:.0f}"),
    Row("first_stop", "SIGTERM, the first signal of a life, p50, µs", "{:.0f}"),
    Row("early", "SIGTERM lost, of {early} within 10 ms of the exec", "{:.0f}"),
    Row("crowd", "SIGUSR1 to the last of {members:,} group members, ms", "{:.0f}"),
    Row("reaping", "orphans reaped per second, from a heap of {backlog_orphans:,}", "{:,.0f}", Target(TINI, at_least=0.8)),
    Row("storm", "orphans per second, while they are made, {storm_orphans:,} of them", "{:,.0f}", Target(TINI, at_least=0.8)),
    Row("zombies", "zombies seen at most, meanwhile", "{:,.0f}"),
    Row("growth", "growth of private memory meanwhile, KiB", "{:.0f}", Target(at_most=0)),
)

#: Where it is the static binary that is measured. 7 MiB are 7,168 KiB.
STATIC_TARGETS = {
    "size": Target(at_most=7168),
    "start": Target(BARE, at_most=0.75),
    "start_once_more": Target(TINI_STATIC, at_most=1.15),
    "rss": Target(at_most=6656),
    "private": Target(at_most=700),
}


def rows(is_static: bool) -> tuple[Row, ...]:
    """The rows of the table, with the targets for the static binary or for the package."""
    if not is_static:
        return ROWS
    found = []
    for row in ROWS:
        found.append(replace(row, target=STATIC_TARGETS.get(row.key, row.target)))
        if row.key == "start":
            found.append(replace(row, title="the same, beside tini-static", target=STATIC_TARGETS["start_once_more"]))
    return tuple(found)


def _cell(row: Row, values: Values, name: str) -> str:
    if name not in values:
        return ""
    text = row.layout.format(values[name])
    if name == PYINIT or not values[name]:
        return text
    return f"{text} ({values[PYINIT] / values[name]:.2f})"


#: What the table of tests.bench says of one of its columns.
OF_BARE = "bare: `python3 -IS` that sleeps, or executes the command, or is the shortest init that one can write in Python."


def markdown(
    table: Sequence[Row],
    values: Mapping[str, Values],
    versions: Mapping[str, str],
    machine: str,
    sizes: Mapping[str, float],
    of_others: str = OF_BARE,
) -> str:
    """The table, and below it what was measured on what; `of_others` says what else one must know of the columns."""
    names = list(versions)
    heads = ["", *(f"{name} {version}" for name, version in versions.items()), "target", "reached"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * len(names) + "|---|---|"]
    for row in table:
        if row.key in values:
            verdict = {True: "yes", False: "**no**", None: ""}[row.is_reached(values[row.key])]
            cells = [_cell(row, values[row.key], name) for name in names]
            title = row.title.format(**sizes)
            lines.append("| " + " | ".join([title, *cells, str(row.target or ""), verdict]) + " |")
    missing = [name for name in (TINI, "dumb-init", "catatonit") if name not in names and BARE in names]
    lines += [
        "",
        f"In brackets: pyinit's value divided by this one. {machine}; medians, all in one run and in turns.",
        of_others,
        *([f"Not installed here: {', '.join(missing)}."] if missing else []),
    ]
    return "\n".join(lines)
