"""Runs the table and prints it.

usage: python -m tests.menagerie [-k WORD] [-j JOBS] [--third] [--page FILE] [INIT ...]

INIT are the words that run another build of pyinit; without them its source is run. Exits with 1 where a cell of pyinit is
worse than somebody else's.
"""

import argparse
import os
import shlex
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.menagerie.page import page
from tests.menagerie.programs import all_rows, third
from tests.menagerie.table import Report, Table
from tests.menagerie.wanted import missing


def main() -> None:
    """Run what is asked for; print each row as it comes."""
    parser = argparse.ArgumentParser(prog="python -m tests.menagerie", description=__doc__)
    parser.add_argument("-k", metavar="WORD", action="append", help="only rows whose name has this in it (may be repeated)")
    parser.add_argument("-j", metavar="JOBS", type=int, default=2, help="rows at a time (each is several cells)")
    parser.add_argument("--third", action="store_true", help="what CI runs")
    parser.add_argument("--text", action="store_true", help="print what was said in each cell")
    parser.add_argument("--page", metavar="FILE", type=Path, help="write the page for users, docs/programs.md")
    parser.add_argument("init", nargs="*", help="the words that run pyinit")
    options = parser.parse_args()
    if options.init:
        os.environ["MENAGERIE_INIT"] = shlex.join(options.init)
    rows = [row for row in (third() if options.third else all_rows()) if not options.k or any(k in row.name for k in options.k)]
    began = time.monotonic()
    reports: list[Report] = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="menagerie-") as folder, ThreadPoolExecutor(options.j) as pool:
        Path(folder).chmod(0o755)
        table = Table(Path(folder))
        there = []
        for row in rows:
            if lacking := missing(row.needs):
                print(f"{row.name}\n  NOT RUN: not installed: {', '.join(lacking)}", flush=True)
            else:
                there.append(row)
        futures = {pool.submit(table.report, row): row for row in there}
        for future in as_completed(futures):
            try:
                report = future.result()
            except AssertionError as error:
                failed += 1
                print(f"{futures[future].name}\n  FAILED: {error}", flush=True)
                continue
            reports.append(report)
            print(report, flush=True)
            if options.text:
                for init, cell in report.cells.items():
                    print(f"--- {init}\n{cell.text}")
    if options.page:
        options.page.write_text(page(reports))
    worse = sum(bool(report.faults) for report in reports)
    print(f"{len(reports)} rows in {time.monotonic() - began:.0f} s: {worse} worse, {failed} failed to start")
    sys.exit(bool(worse or failed))


if __name__ == "__main__":
    main()
