"""What counts as worse: the rules of the table, and that it finds out an init that is."""

from pathlib import Path

import pytest

from tests.menagerie import forms
from tests.menagerie.cell import Cell
from tests.menagerie.inits import DUMB_INIT, NONE, PYINIT, TINI
from tests.menagerie.judge import faults
from tests.menagerie.programs import all_rows, third
from tests.menagerie.row import Program, Row
from tests.menagerie.table import Table
from tests.namespace import need

APP = Program("app", "app", forms={forms.EXEC: ("TERM",), forms.START_SH: ("TERM",)})
EXEC, START_SH = Row(APP, forms.EXEC, "TERM", in_third=False), Row(APP, forms.START_SH, "TERM", in_third=False)


def cell(told: int | None = 1, finished: bool = True, status: int = 7, killed: bool = False, alive: bool = False) -> Cell:
    """A cell in which all is well, but for what is said."""
    return Cell(told, finished, 137 if killed else status, seconds=2.5, killed=killed, alive=alive, text="")


DEAF = cell(told=0, killed=True)
CUT = cell(told=0, finished=False, status=143)


def test_the_same_as_the_others_is_not_worse() -> None:
    assert faults(EXEC, {NONE: cell(), TINI: cell(), PYINIT: cell()}, {}) == []


def test_to_tell_somebody_whom_the_others_leave_alone_is_not_worse() -> None:
    assert faults(START_SH, {NONE: DEAF, TINI: CUT, PYINIT: cell()}, {NONE: cell(), TINI: cell()}) == []


def test_to_tell_twice_is_worse_even_where_nobody_finishes() -> None:
    once, twice = cell(told=1, finished=False), cell(told=2, finished=False)
    assert faults(EXEC, {NONE: once, TINI: once, PYINIT: twice}, {}) == ["the application is told 2 times, and 1 under none"]


def test_to_cut_work_that_is_finished_in_exec_form_is_worse_in_every_form() -> None:
    found = faults(START_SH, {NONE: DEAF, TINI: CUT, PYINIT: CUT}, {NONE: cell()})
    assert "its work is unfinished, and finished under none in exec form" in found


def test_work_that_outlives_a_signal_that_nobody_heard_is_no_merit() -> None:
    assert faults(EXEC, {NONE: DEAF, TINI: CUT, PYINIT: CUT}, {}) == []


def test_another_status_than_that_of_the_application_is_worse() -> None:
    assert faults(EXEC, {NONE: cell(), PYINIT: cell(status=143)}, {}) == ["its status is 143, and 7 under none"]


def test_not_to_end_is_worse_where_another_ends() -> None:
    assert "it does not end, and does under tini" in faults(START_SH, {NONE: DEAF, TINI: CUT, PYINIT: DEAF}, {})


def test_not_to_end_is_not_worse_where_the_program_itself_does_not_end_and_the_others_cut_it_short() -> None:
    waits = cell(killed=True)
    assert faults(START_SH, {NONE: DEAF, TINI: CUT, PYINIT: waits}, {NONE: waits, TINI: waits}) == []


def test_a_dump_that_ends_the_program_is_worse() -> None:
    program = Program("app", "app", forms={forms.EXEC: ("QUIT",)}, dump=("QUIT", "dump"))
    row = Row(program, forms.EXEC, "QUIT", in_third=False)
    assert faults(row, {NONE: cell(alive=True), PYINIT: cell(alive=True)}, {}) == []
    assert faults(row, {NONE: cell(alive=True), PYINIT: cell()}, {}) == ["PID 1 has gone, and has not under none"]


def test_every_row_has_a_name_of_its_own_and_a_third_of_them_run_in_ci() -> None:
    rows = all_rows()
    assert len({row.name for row in rows}) == len(rows)
    assert 0.25 < len(third()) / len(rows) < 0.4


def test_an_init_that_tells_everybody_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(DUMB_INIT)
    need(TINI)
    monkeypatch.setenv("MENAGERIE_INIT", DUMB_INIT)
    row = next(row for row in third() if row.name == "fragile-app-start.sh-TERM")
    report = Table(tmp_path).report(row)
    assert any("its work is unfinished" in fault for fault in report.faults), str(report)
