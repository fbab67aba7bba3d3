"""Prints docs/programs.md: what each program does under pyinit and beside it, as it was run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from tests.menagerie.cell import Cell
from tests.menagerie.forms import EXEC
from tests.menagerie.inits import INITS, PYINIT
from tests.menagerie.programs import FAMILIES
from tests.menagerie.row import APPS, LIMIT, WORK, Form, Program
from tests.menagerie.table import Report
from tests.menagerie.wanted import place

#: A vertical bar in a cell of a Markdown table.
BAR = "\\|"

HEAD = f"""\
# Programs under pyinit

`make menagerie` runs the programs and prints this page. Each program runs as PID 1, or below it, in a PID namespace
of its own. It has work in flight: a slow request, a job, a transaction. The work takes {WORK:g} seconds. Then PID 1 gets the
stop signal.

A cell says four things: told, work, status, time.

* **told**: how often the application was told, as its log or the application itself says. `?`: nobody can know.
* **work**: finished, or cut.
* **status**: the exit status of PID 1. The application's own status is what one wants to see there.
* **time**: the seconds from the signal to the end of PID 1.
* **killed**: PID 1 had not ended when the orchestrator lost its patience ({LIMIT:g} seconds, a few programs get more).
* **alive**: the program got a signal that asks for a dump, and lives on.

`none` is the command itself as PID 1. "Worse" stands where pyinit does worse than another init, or than the
same program in exec form. The tests do not allow that.
"""


def version(command: str) -> str:
    """The version in the first line of what a command says that has one; empty where there is none."""
    if not command:
        return ""
    line = place(command).replace("@PYTHON@", sys.executable).replace("@APPS@", str(APPS))
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    found = re.search(r"\d+(\.\d+)+[-+~.\w]*|\b\d{6,}\b", re.sub(r"\[\d+;.*?m", "", said.stdout + said.stderr))
    return found[0] if found else ""


def cell_text(cell: Cell | None) -> str:
    """One cell of the table."""
    if cell is None:
        return "cannot start"
    told = "?" if cell.told is None else str(cell.told)
    work = "finished" if cell.finished else "cut"
    if cell.alive:
        return f"{told}, {work}, alive"
    if cell.killed:
        return f"{told}, {work}, killed"
    return f"{told}, {work}, {cell.status}, {cell.seconds:.1f} s"


def outcome(report: Report | None) -> str:
    """What a signal to the exec form does under pyinit, in two or three words."""
    if report is None:
        return ""
    cell = report.cells[PYINIT]
    if cell.alive:
        return "dumps, lives on"
    if cell.killed:
        return "finished, does not end" if cell.finished else "does not end"
    return f"{'finished' if cell.finished else 'cut'}, {cell.status}"


def of_program(reports: Iterable[Report]) -> dict[str, Report]:
    """The reports of a program's exec form, by signal."""
    return {report.row.signal: report for report in reports if report.row.form is EXEC}


def family_table(programs: Iterable[Program], reports: Mapping[Program, list[Report]]) -> Iterator[str]:
    """One line for each program of a family: what the signals do, and what there is to set."""
    yield "| program | version | TERM | INT | its own signal | what to set | what nobody can cure |"
    yield "|---|---|---|---|---|---|---|"
    for program in programs:
        by_signal = of_program(reports[program])
        own = "; ".join(f"{name}: {outcome(report)}" for name, report in by_signal.items() if name not in ("TERM", "INT"))
        term, interrupt = outcome(by_signal.get("TERM")), outcome(by_signal.get("INT"))
        words = (program.name, version(program.version), term, interrupt, own, program.advice, program.limits)
        yield f"| {' | '.join(words)} |"


def program_table(program: Program, reports: list[Report]) -> Iterator[str]:
    """All cells of a program."""
    yield f"### {program.name}"
    yield ""
    yield "| form | signal | " + " | ".join(INITS) + " | |"
    yield "|---|---|" + "---|" * (len(INITS) + 1)
    order = list(program.forms)
    for report in sorted(reports, key=lambda report: order.index(report.row.form)):
        cells = " | ".join(cell_text(report.cells.get(init)) for init in INITS)
        worse = "**Worse**: " + "; ".join(report.faults) + "." if report.faults else ""
        yield f"| {report.row.form.name} | {report.row.signal} | {cells} | {worse} |"
    yield ""


def forms_table(reports: Iterable[Report]) -> Iterator[str]:
    """The forms, with the versions of the wrappers."""
    yield "## The forms"
    yield ""
    yield "| form | command | version | |"
    yield "|---|---|---|---|"
    seen: dict[Form, None] = dict.fromkeys(report.row.form for report in reports)
    for form in seen:
        command = re.sub(r"@(DIR|PIP|NPM)@/", "", form.command).replace("@DIR@", ".").replace("@COMMAND@", "COMMAND")
        words = (form.name, f"`{command}`", version(form.version), f"{form.note} {form.not_as_pid_1}".strip())
        yield f"| {' | '.join(word.replace('|', BAR) for word in words)} |"
    yield ""


def page(reports: list[Report]) -> str:
    """The whole page."""
    lines = [HEAD]
    reports = sorted(reports, key=lambda report: report.row.program.name)
    grouped = {program: list(rows) for program, rows in groupby(reports, key=lambda report: report.row.program)}
    lines += [
        "## In short",
        "",
        "The exec form of each program, under pyinit: what becomes of the work, and the exit status.",
        "",
    ]
    families = {family: there for family, programs in FAMILIES.items() if (there := [p for p in programs if p in grouped])}
    for family, programs in families.items():
        lines += [f"**{family}**", "", *family_table(programs, grouped), ""]
    lines += forms_table([report for program in grouped for report in grouped[program]])
    for family, programs in families.items():
        lines += [f"## {family}", ""]
        for program in programs:
            lines += program_table(program, grouped[program])
    return "\n".join(lines).rstrip() + "\n"
