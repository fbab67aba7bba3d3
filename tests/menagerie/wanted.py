"""Prints the packages that are missing for the table, for prepare.sh.

usage: python3 -m tests.menagerie.wanted apt|pypi|npm third|all

Runs before anything is installed, so it needs the standard library alone.
"""

import shutil
import sys

from tests.menagerie.programs import all_rows, third
from tests.menagerie.row import NPM, PATH, PIP, Form, Program


def place(need: str) -> str:
    """A program's name or path, with our folders in it."""
    return need.replace("@PIP@", str(PIP)).replace("@NPM@", str(NPM))


def missing(needs: tuple[str, ...]) -> list[str]:
    """Those of these programs that are not there."""
    return [place(need) for need in needs if shutil.which(place(need), path=PATH) is None]


def source_of(need: str) -> str:
    """Where a program comes from, as its place tells."""
    return "pypi" if need.startswith("@PIP@") else "npm" if need.startswith("@NPM@") else "apt"


def wanted(source: str, which: str) -> list[str]:
    """The packages of a source for all that lacks a program from there, sorted."""
    rows = all_rows() if which == "all" else third()
    parts: set[Program | Form] = {part for row in rows for part in (row.program, row.form)}
    if source == "apt" and missing(("npm",)) and any(part.packages.npm for part in parts):
        return sorted({"npm", *wanted_by(parts, source)})
    return sorted(wanted_by(parts, source))


def wanted_by(parts: set[Program | Form], source: str) -> set[str]:
    """The packages of a source for those of these parts that lack a program from there."""
    lacking = (part for part in parts if missing(tuple(need for need in part.needs if source_of(need) == source)))
    return {name for part in lacking for name in getattr(part.packages, source)}


if __name__ == "__main__":
    print(" ".join(wanted(*sys.argv[1:3])))
