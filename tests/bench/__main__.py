"""Measure pyinit beside other inits, all in one run: `python -m tests.bench [--quick] [--json FILE]`.

Every init is a real PID 1 in a PID namespace of its own; root or user namespaces are needed. Prints one Markdown table.
"""

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.bench import measures
from tests.bench.contenders import PYINIT, Contender, find
from tests.bench.measures import Values
from tests.bench.table import markdown, rows

#: How much of everything: in full, and with --quick.
SIZES = {
    "start": (300, 60),
    "memory": (5, 2),
    "idle": (30.0, 5.0),
    "latency": (2000, 400),
    "first_stop": (30, 8),
    "early": (150, 40),
    "members": (2000, 2000),
    "crowd": (3, 1),
    "backlog_orphans": (5000, 2000),
    "backlog": (9, 3),
    "storm_orphans": (100_000, 20_000),
    "storm": (10, 5),
}

MEASURES = ("size", "start", "memory", "idle", "latency", "first-stop", "early", "crowd", "backlog", "storm")


def measure(
    contenders: Sequence[Contender], python: str, size: Mapping[str, float], only: Sequence[str], tell: Callable[[str], object]
) -> dict[str, Values]:
    """All values, by row of the table and name of the contender."""

    def count(name: str) -> int:
        return int(size[name])

    steps: dict[str, tuple[tuple[str, ...], Callable[[], Sequence[Values]]]] = {
        "size": (("size",), lambda: [measures.size(contenders)]),
        "start": (("start",), lambda: [measures.start(contenders, python, count("start"))]),
        "memory": (("rss", "private"), lambda: measures.memory(contenders, python, count("memory"))),
        "idle": (("idle",), lambda: [measures.idle(contenders, python, size["idle"])]),
        "latency": (("latency_p50", "latency_p99"), lambda: measures.latency(contenders, python, count("latency"))),
        "first-stop": (("first_stop",), lambda: [measures.first_stop(contenders, python, count("first_stop"))]),
        "early": (("early",), lambda: [measures.early(contenders, count("early"))]),
        "crowd": (("crowd",), lambda: [measures.crowd(contenders, python, count("members"), count("crowd"))]),
        "backlog": (("reaping",), lambda: [measures.backlog(contenders, python, count("backlog_orphans"), count("backlog"))]),
        "storm": (
            ("storm", "zombies", "growth"),
            lambda: measures.storm(contenders, python, count("storm_orphans"), count("storm")),
        ),
    }
    found: dict[str, Values] = {}
    for name, (keys, take) in steps.items():
        if name in only:
            tell(f"measuring: {name} ...")
            found |= dict(zip(keys, take(), strict=True))
    return found


def main() -> None:
    """Measure, print, and write the values to a file where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: below a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the values there, too")
    parser.add_argument("--python", default=sys.executable, help="for pyinit and for the bare interpreter (default: this one)")
    parser.add_argument("--pyinit", type=shlex.split, metavar="WORDS", help="measure this pyinit instead of this checkout's")
    parser.add_argument("--static", type=Path, metavar="FILE", help="measure this static binary, by its own targets")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=MEASURES, metavar="NAME[,...]", help=", ".join(MEASURES)
    )
    options = parser.parse_args()
    unknown = set(options.only) - set(MEASURES)
    if unknown:
        parser.error(f"--only: {', '.join(sorted(unknown))}: not one of {', '.join(MEASURES)}")

    with tempfile.TemporaryDirectory() as folder:
        if options.static:
            called = Path(folder) / "pyinit"  # as it is where it is installed: by that name C starts the command
            called.symlink_to(options.static.resolve())
            options.pyinit = [str(called)]
        report(options)


def report(options: argparse.Namespace) -> None:
    """Measure, and print."""
    before = os.getloadavg()[0]  # other work on the machine spoils the times
    ours = options.pyinit
    contenders = find(options.python, ours, options.static is not None)
    size = {name: sizes[options.quick] for name, sizes in SIZES.items()}
    values = measure(contenders, options.python, size, options.only, lambda text: print(text, file=sys.stderr))
    values = {key: found for key, found in values.items() if PYINIT in found}  # the package is not one file, as others are
    versions = {contender.name: contender.version for contender in contenders}
    machine = f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs"
    machine += f", load {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    table = rows(options.static is not None)
    print(markdown(table, values, versions, machine, size))
    if options.json is not None:
        reached = {row.key: row.is_reached(values[row.key]) for row in table if row.key in values and row.target}
        document = {"machine": machine, "versions": versions, "sizes": size, "values": values, "reached": reached}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
