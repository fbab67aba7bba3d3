"""The measured parts of docs/kubernetes.md: `python -m tests.kubernetes.page [FOLDER...]` writes them between their marks.

The folders are those of runs (`python -m tests.kubernetes --out FOLDER`); what several have measured is added up.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from pyinit.rehearse.load import read as read_outcomes
from pyinit.rehearse.moments import Mark
from pyinit.rehearse.outcome import Outcome
from pyinit.rehearse.timeline import Variant, strip
from tests.kubernetes import arms
from tests.namespace import ROOT
from tests.printed import put
from tests.rolling.report import RESULTS, slug
from tests.rolling.results import RolloutResult, read
from tests.rolling.variants import Init

PAGE = ROOT / "docs" / "kubernetes.md"
PICTURES = ROOT / "docs" / "kubernetes"

#: What stands before a printed part: the command, and what the part is called.
MARK = "<!-- printed by: {}: {} -->"
COMMAND = "make kubernetes; python -m tests.kubernetes.page"

#: Of each part: the server, and the kinds of connections that are told apart in its columns.
SERVERS = {"gunicorn-sync": ("new",), "gunicorn-gthread": ("new", "kept")}


def keep(folder: Path, result: RolloutResult, outcomes: Sequence[Outcome]) -> None:
    """Keep the requests of a rollout, and its moments, for a picture."""
    name = slug(*result.variant)
    (folder / f"{name}.outcomes").write_text("".join(f"{one.as_json()}\n" for one in outcomes), encoding="ascii")
    (folder / f"{name}.marks").write_text(json.dumps([asdict(mark) for mark in result.marks]), encoding="ascii")


def kept(folders: Iterable[Path], variant: tuple[str, ...]) -> tuple[list[Outcome], list[Mark]] | None:
    """The worst of the rollouts that were kept of a variant."""
    found = []
    for folder in folders:
        name = folder / f"{slug(*variant)}.outcomes"
        if name.exists():
            marks = [Mark(**mark) for mark in json.loads(name.with_suffix(".marks").read_text())]
            found.append((read_outcomes(name), marks))
    return max(found, key=lambda one: sum(outcome.is_lost for outcome in one[0]), default=None)


def table(results: Sequence[RolloutResult], server: str) -> str:
    """A row for each arm and strategy: what was lost over each kind of connection, and how long the stops took."""
    kinds = SERVERS[server]
    titles = [f"lost, {kind} connections" if len(kinds) > 1 else "lost" for kind in kinds]
    lines = [
        f"| init | form | update | rollouts | {' | '.join(titles)} | stop time, median / max, s | exit statuses |",
        f"|---|---|---|---:|{'---:|' * len(kinds)}---:|---|",
    ]
    for init, form in arms.ARMS.values():
        for strategy in arms.STRATEGIES.values():
            rows = {
                kind: [one for one in results if one.variant == _variant(server, form, init, kind, strategy)]
                for kind in ("new", "kept")
            }
            if not rows["new"]:
                continue
            # Where a server closes every connection, all clients open new ones.
            columns = [[*rows["new"], *rows["kept"]]] if len(kinds) == 1 else [rows[kind] for kind in kinds]
            times = [seconds for one in rows["new"] for seconds in one.stop_times]
            statuses = Counter(status for one in rows["new"] for status in one.statuses)
            cells = [
                init.name,
                form,
                strategy.name,
                str(len(rows["new"])),
                *(_lost(column) for column in columns),
                f"{median(times):.1f} / {max(times):.1f}",
                ", ".join(f"{status} ×{count}" for status, count in statuses.most_common()),  # noqa: RUF001 - a sign of times
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _variant(server: str, form: str, init: Init, kind: str, strategy: arms.Strategy) -> tuple[str, ...]:
    return (server, form, init.name, f"{arms.IPTABLES}, {kind}", strategy.name)


def _lost(results: Sequence[RolloutResult]) -> str:
    lost, requests = sum(one.lost_in_all for one in results), sum(one.requests for one in results)
    return f"{f'**{lost}**' if lost else '0'} of {requests:,}"


def picture(folders: Sequence[Path], server: str, kind: str, strategy: str) -> str:
    """The worst rollout of each arm, one below the other; empty where nothing was kept."""
    variants = []
    for init, form in arms.ARMS.values():
        found = kept(folders, _variant(server, form, init, kind, arms.STRATEGIES[strategy]))
        if found:
            title = "runtimeClassName: pyinit" if init is arms.BY_RUNTIME else init.name
            variants.append(Variant(title, *found, subtitle=form))
    return strip(variants) if variants else ""


def write_part(text: str, name: str, part: str, command: str = COMMAND) -> str:
    """A page with a printed part behind its mark, as put() does it."""
    return put(text, MARK.format(command, name), part)


def main() -> None:
    """Write the page and its pictures; what was not measured stays as it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.kubernetes.page", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "build" / "kubernetes" / "results"], metavar="FOLDER")
    parser.add_argument("--overload", type=Path, metavar="FOLDER", help="of a run on a machine that had too much to do")
    options = parser.parse_args()
    folders: list[Path] = options.folders
    results = [one for folder in folders for one in read(folder / RESULTS)]
    text = PAGE.read_text(encoding="utf-8")
    for server in {one.server for one in results} & {*SERVERS}:
        text = write_part(text, server, table(results, server))
    if options.overload:
        overloaded = [*read(options.overload / RESULTS)]
        for server in {one.server for one in overloaded} & {*SERVERS}:
            text = write_part(text, f"{server}, overload", table(overloaded, server), f"{COMMAND} --overload")
    PAGE.write_text(text, encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    for server, kinds in SERVERS.items():
        for kind in kinds:
            if drawn := picture(folders, server, kind, "0"):
                (PICTURES / f"{server}-{kind}.svg").write_text(drawn, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(results)} results", file=sys.stderr)


if __name__ == "__main__":
    main()
