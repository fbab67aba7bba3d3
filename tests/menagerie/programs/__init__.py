"""The table: one file for each family of programs."""

from collections.abc import Iterator

from tests.menagerie.programs import applications, python
from tests.menagerie.row import Program, Row, rows

FAMILIES = {"Applications behind wrappers": applications.PROGRAMS, "Python": python.PROGRAMS}


def all_programs() -> Iterator[Program]:
    """All programs, family by family."""
    for programs in FAMILIES.values():
        yield from programs


def all_rows() -> list[Row]:
    """All rows of the table."""
    return list(rows(all_programs()))


def third() -> list[Row]:
    """The rows that run in CI: chosen for variety, and to need few large packages."""
    return [row for row in all_rows() if row.in_third]
