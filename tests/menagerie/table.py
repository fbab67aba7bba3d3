"""The table as it is run: a row's cells, its references in exec form, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from tests.menagerie import forms, judge
from tests.menagerie.cell import Cell, run_row
from tests.menagerie.inits import INITS, PYINIT
from tests.menagerie.row import Program, Row


@dataclass(frozen=True)
class Report:
    """What became of a row."""

    row: Row
    cells: Mapping[str, Cell]
    in_exec_form: Mapping[str, Cell]
    faults: list[str]

    def __str__(self) -> str:
        """The cells, and what is wrong, for a person."""
        lines = [self.row.name, *(f"  {init:10} {judge.describe(cell)}" for init, cell in self.cells.items())]
        lines += [
            f"  {init:10} {judge.describe(cell)} (exec form)"
            for init, cell in self.in_exec_form.items()
            if init in judge.IN_EXEC_FORM
        ]
        if self.faults:
            lines += [f"  WORSE: pyinit: {fault}" for fault in self.faults]
            lines += [f"    {line}" for line in self.cells[PYINIT].text.splitlines() if line.startswith("pyinit:")]
        return "\n".join(lines)


class Table:
    """Runs rows, and keeps the references in exec form, so that none is run twice. May be used by several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_exec_form: dict[tuple[str, str], dict[str, Cell]] = {}
        self._locks: dict[tuple[str, str], Lock] = {}
        self._lock = Lock()

    def report(self, row: Row) -> Report:
        """Run a row and judge it."""
        if row.form is forms.EXEC:
            cells = self._exec_form(row.program, row.signal, INITS)
            return Report(row, cells, {}, judge.faults(row, cells, {}))
        with ThreadPoolExecutor() as pool:
            in_exec_form = pool.submit(self._exec_form, row.program, row.signal, judge.IN_EXEC_FORM)
            cells = run_row(row, INITS if not row.form.not_as_pid_1 else INITS[1:], self._folder)
        return Report(row, cells, in_exec_form.result(), judge.faults(row, cells, in_exec_form.result()))

    def _exec_form(self, program: Program, signal: str, inits: tuple[str, ...]) -> Mapping[str, Cell]:
        """The cells of a program in exec form, at least those of `inits`. Each is run once."""
        key = (program.name, signal)
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            found = self._in_exec_form.setdefault(key, {})
            left = tuple(init for init in inits if init not in found)
            if left:
                found.update(run_row(Row(program, forms.EXEC, signal, False), left, self._folder))
            return found
