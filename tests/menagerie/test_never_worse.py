"""With pyinit as PID 1 no program is worse off than with another init, or with none: cell by cell, with real programs.

A third of the table, chosen for variety, unless MENAGERIE=all.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.menagerie.programs import all_rows, third
from tests.menagerie.row import Row
from tests.menagerie.table import Table
from tests.menagerie.wanted import missing
from tests.namespace import need_another_user


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    """Where rows are run, each once; pytest's own folders are closed to the other users that some programs become."""
    with tempfile.TemporaryDirectory(prefix="menagerie") as folder:
        Path(folder).chmod(0o755)
        yield Table(Path(folder))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.name) for row in (all_rows() if os.environ.get("MENAGERIE") == "all" else third())]
)
def test_no_init_serves_a_program_better(table: Table, row: Row) -> None:
    need_another_user()
    if lacking := missing(row.needs):
        reason = f"not installed: {', '.join(lacking)} (tests/menagerie/prepare.sh does that on Debian)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    report = table.report(row)
    if report.faults:
        pytest.fail(str(report), pytrace=False)  # the table, and not how it was made
