"""PURE: whether a cell of pyinit is worse than the cells of the others, and how.

The references of a cell are the other inits in the same form, and, as though every wrapper had used `exec`, the same program
in exec form under no init and under tini. A reference is a good one if it ended by itself with its work finished.

* **told**: not more often than in exec form, or in any good reference, that was told at all. Once is always allowed: where the
  others tell nobody, somebody must be told.
* **finished**: what is finished in a good reference. Work that outlives a signal that never arrived is no merit, so a reference
  that was killed at the limit is none.
* **status**: that of a good reference, or the form's own, where there is one of these. (That of dumb-init counts only where
  there is no other: it tells the wrappers as well, and theirs is not the application's.)
* **end**: it ends where a reference of the same form ends. Where the program in exec form ends under nobody (PostgreSQL waits
  for its clients), only a good reference is one: to cut everything short is no merit either.
* **a dump**: the program lives on where it does so in a reference, and dumps once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.menagerie.cell import Cell
from tests.menagerie.inits import DUMB_INIT, NONE, PYINIT, REFERENCES, TINI
from tests.menagerie.row import Row

#: The inits whose cell in exec form is a reference for every other form.
IN_EXEC_FORM = (NONE, TINI)


def is_good(cell: Cell) -> bool:
    """Whether a reference shows how it should be."""
    return cell.finished and not cell.killed


def references(cells: Mapping[str, Cell], in_exec_form: Mapping[str, Cell]) -> dict[str, Cell]:
    """The references of a row's cell, by what a person calls them."""
    found = {init: cells[init] for init in REFERENCES if init in cells}
    found.update({f"{init} in exec form": in_exec_form[init] for init in IN_EXEC_FORM if init in in_exec_form})
    return found


def faults(row: Row, cells: Mapping[str, Cell], in_exec_form: Mapping[str, Cell]) -> list[str]:
    """How pyinit is worse in this row than somebody else, a sentence each; none: never worse."""
    judged = cells[PYINIT]
    others = references(cells, in_exec_form)
    if row.is_dump:
        return list(faults_of_a_dump(judged, others))
    good = {name: cell for name, cell in others.items() if is_good(cell)}
    in_its_place = {name: others[name] for name in others if name not in cells} or {
        init: cells[init] for init in IN_EXEC_FORM if init in cells
    }
    found = list(told_too_often(judged, {**in_its_place, **good}))
    if not judged.finished and good:
        found.append(f"its work is unfinished, and finished under {', '.join(good)}")
    in_vain = bool(in_exec_form) and all(in_exec_form[init].killed for init in IN_EXEC_FORM if init in in_exec_form)
    ended = [init for init in REFERENCES if init in cells and not cells[init].killed and not (in_vain and init not in good)]
    if judged.killed and ended:
        found.append(f"it does not end, and does under {', '.join(ended)}")
    if not judged.killed and good:
        found.extend(falsified(row, judged, good))
    return found


def told_too_often(judged: Cell, others: Mapping[str, Cell]) -> Iterator[str]:
    """A sentence where the application is told more often than by somebody else who tells it."""
    counts = {name: cell.told for name, cell in others.items() if cell.told}
    if judged.told is None or not counts:
        return
    least = min(counts, key=lambda name: counts[name])
    if judged.told > counts[least]:
        yield f"the application is told {judged.told} times, and {counts[least]} under {least}"


def falsified(row: Row, judged: Cell, good: Mapping[str, Cell]) -> Iterator[str]:
    """A sentence where the status is nobody's."""
    statuses = {name: cell.status for name, cell in good.items() if len(good) == 1 or name != DUMB_INIT}
    if judged.status not in {*statuses.values(), *row.form.statuses}:
        yield f"its status is {judged.status}, and " + ", ".join(f"{status} under {name}" for name, status in statuses.items())


def faults_of_a_dump(judged: Cell, others: Mapping[str, Cell]) -> Iterator[str]:
    """Sentences where a question was taken for a stop, or got no answer."""
    dumped = {name: cell for name, cell in others.items() if cell.told and cell.alive}
    if not dumped:
        return
    names = ", ".join(dumped)
    if not judged.told:
        yield f"there is no dump, and there is one under {names}"
    elif judged.told > min(cell.told or 1 for cell in dumped.values()):
        yield f"there are {judged.told} dumps, and fewer under {names}"
    if not judged.alive:
        yield f"PID 1 has gone, and has not under {names}"
    if not judged.finished and any(cell.finished for cell in dumped.values()):
        yield f"its work is unfinished, and finished under {names}"


def describe(cell: Cell) -> str:
    """A cell in a few words, for a table."""
    told = "told ?" if cell.told is None else f"told {cell.told}"
    end = (
        "alive"
        if cell.alive
        else f"killed after {cell.seconds:.0f} s"
        if cell.killed
        else f"{cell.status}, {cell.seconds:.1f} s"
    )
    return f"{told}, {'finished' if cell.finished else 'CUT'}, {end}"
