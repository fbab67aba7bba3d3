"""What a person sees: progress while it runs, and the result."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pyinit.rehearse import table
from pyinit.rehearse.document import arms_of, others_than_pyinit

#: Columns, where there is no terminal: of a job's log.
WIDTH = 120

#: The colours of the lines of a diff.
COLOURS = {"+": "green", "-": "red"}


class Terminal:
    """Progress goes to stderr, the result to stdout."""

    def __init__(self) -> None:
        self.out, self.err = Console(highlight=False), Console(stderr=True, highlight=False)
        for console in (self.out, self.err):
            if not console.is_terminal and "COLUMNS" not in os.environ:
                console.width = WIDTH

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """Tell what is going on: one line that changes, or, where there is no terminal, a line each."""
        if not self.err.is_terminal:
            yield lambda line: self.err.print(f"rehearse: {escape(line)}")
            return
        with self.err.status("") as status:
            yield lambda line: status.update(escape(line))

    def say(self, line: str) -> None:
        """A line on stderr."""
        self.err.print(f"pyinit-rehearse: {line}", markup=False, soft_wrap=True)

    def show(self, document: Mapping[str, Any]) -> None:
        """The result."""
        out, load, orchestrator = self.out, document["load"], document["orchestrator"]
        arms = arms_of(document)
        where = f"{table.protocol(load)} on port {load['port']}, {load['rate']:.0f} requests/s" if load["port"] else "no port"
        out.print(
            f"{document['subject']['image']}, stopped as by {orchestrator['name']}: {orchestrator['signal']}, "
            f"SIGKILL after {orchestrator['grace']:g} s; {where}",
            markup=False,
        )
        for note in document["subject"]["notes"]:
            out.print(f"note: {note}", markup=False)
        shown = Table()
        shown.add_column("")
        for arm in arms:
            title = arm["name"] if not arm["replaced"] else f"{arm['name']} (instead of {arm['replaced']})"
            shown.add_column(escape(title), justify="right")
        for title, cells in table.rows(document):
            style = "bold red" if title == "lost" and any(cell != "0" for cell in cells) else ""
            shown.add_row(escape(title), *(Text(cell, style=style if cell != "0" else "") for cell in cells))
        out.print(shown)
        for arm in others_than_pyinit(document):
            if arm["faults"]:
                out.print(f"\nWhat is wrong, {arm['name']}:", style="bold", markup=False)
            for fault in arm["faults"]:
                out.print(f"  {fault['name']}: {fault['says']} {fault['proof']}", markup=False)
        for number, change in enumerate(document["changes"], 1):
            out.print(f"\nChange {number}. {change['says']}", style="bold", markup=False)
            for line in change["diff"]:
                out.print(f"    {line}", style=COLOURS.get(line[:1]), markup=False, soft_wrap=True)
        if document["not_cured"]:
            out.print("\nWhat pyinit does not cure:", style="bold")
            for fault in document["not_cured"]:
                out.print(f"  {fault['name']}: {fault['says']} {fault['proof']}", markup=False)
        for doubt in document["doubts"]:
            out.print(f"\ndoubt: {doubt}", markup=False)
        for said in document["disagreements"]:
            out.print(f"\ncross-check: {said}", markup=False)
        verdict = document["verdict"]
        style = {0: "bold green", 1: "bold red"}.get(verdict["exit_status"], "bold yellow")
        out.print(f"\n{verdict['says']}", style=style, markup=False)
