"""The table: one file for each family of programs."""

from collections.abc import Iterator

from tests.menagerie.programs import applications, daemons, databases, languages, python, servers
from tests.menagerie.row import Program, Row, rows

FAMILIES = {
    "Wrappers": applications.PROGRAMS,
    "Python": python.PROGRAMS,
    "Web servers and proxies": servers.PROGRAMS,
    "Databases and brokers": databases.PROGRAMS,
    "Node, Ruby, Perl and the JVM": languages.PROGRAMS,
    "Jobs and sessions": daemons.PROGRAMS,
}


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
