"""Programs that `python -m` runs, of which /proc tells no name but the module's: each finishes as its row has it."""

import dataclasses
import os
import tempfile
from pathlib import Path

import pytest

from pyinit.delivery.programs import BY_NAME
from tests.menagerie import forms
from tests.menagerie.cell import Cell, run_cell
from tests.menagerie.inits import PYINIT
from tests.menagerie.programs.python import PROGRAMS
from tests.menagerie.row import Form, Row
from tests.menagerie.wanted import missing
from tests.namespace import need_another_user

#: The program, what its command begins with, the module that is run instead, the signal of the stop, and the name of its row.
MODULES = [
    ("waitress", "@PIP@/waitress-serve", "waitress", "TERM", "waitress-serve"),
    ("gunicorn sync", "@PIP@/gunicorn", "gunicorn", "INT", "gunicorn"),
    ("gunicorn sync", "@PIP@/gunicorn", "gunicorn.app.wsgiapp", "INT", "gunicorn"),
    ("Huey", "@PIP@/python -m huey.bin.huey_consumer", "huey.bin.huey_consumer", "TERM", "huey_consumer"),
    # Those that need no row: their SIGTERM is the right one, and what is below them is their own business.
    ("Celery", "@PIP@/celery", "celery", "TERM", ""),
    ("uvicorn with workers", "@PIP@/uvicorn", "uvicorn", "TERM", ""),
    ("hypercorn", "@PIP@/hypercorn", "hypercorn", "TERM", ""),
    ("RQ", "@PIP@/rq", "rq.cli", "TERM", ""),
    ("Dramatiq", "@PIP@/dramatiq", "dramatiq", "TERM", ""),
]


def run(row: Row) -> Cell:
    """The cell of a row under pyinit; the test is skipped, or under CI fails, where something is not installed."""
    need_another_user()
    if lacking := missing(row.needs):
        reason = f"not installed: {', '.join(lacking)} (tests/menagerie/prepare.sh does that on Debian)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with tempfile.TemporaryDirectory(prefix="menagerie") as folder:
        Path(folder).chmod(0o755)  # pytest's own folders are closed to other users
        return run_cell(row, PYINIT, Path(folder) / "cell")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("name", "command", "module", "signum", "row"), MODULES, ids=[module for _, _, module, _, _ in MODULES]
)
def test_a_program_that_python_runs_as_a_module_finishes_its_work(
    name: str, command: str, module: str, signum: str, row: str
) -> None:
    program = next(one for one in PROGRAMS if one.name == name)
    assert program.command.startswith(f"{command} ")
    asked = dataclasses.replace(program, command=f"@PIP@/python -m {module}{program.command.removeprefix(command)}")
    cell = run(Row(asked, forms.START_SH, signum, in_third=False))
    assert cell.finished, cell.text
    assert cell.told in (1, None), cell.text
    assert not cell.killed
    if row:
        right = BY_NAME[row].graceful[0]
        assert f"SIG{right} to 3 (python), which is how {row} finishes its work" in cell.text, cell.text
    else:
        assert f"SIG{signum} to 3 (python); held back: 2 (start.sh), until 3 (python) has gone" in cell.text, cell.text


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("form", "command", "module"),
    [
        (forms.SUPERVISOR, "@PIP@/supervisord", "supervisor.supervisord"),
        (forms.HONCHO, "@PIP@/honcho", "honcho"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_manager_that_python_runs_as_a_module_passes_the_signal_on(form: Form, command: str, module: str) -> None:
    assert command in form.command
    program = next(one for one in PROGRAMS if one.name == "gunicorn sync")
    asked = dataclasses.replace(form, command=form.command.replace(command, f"@PIP@/python -m {module}"))
    cell = run(Row(program, asked, "TERM", in_third=False))
    assert cell.finished, cell.text
    assert cell.told == 1, cell.text
    assert "SIGTERM to 2 (python)" in cell.text, cell.text
