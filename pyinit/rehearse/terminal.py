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


#: Characters that a terminal obeys, and what is shown in their place. Names, commands and logs are those of a stranger.
_OBEYED = {number: f"^{chr(number ^ 64)}" for number in (*range(32), 127) if chr(number) not in "\t\n"}
_OBEYED |= {number: f"\\x{number:02x}" for number in range(128, 160)}


def plain(text: str) -> str:
    """The text, without anything that a terminal obeys."""
    return text.translate(_OBEYED)


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
            yield lambda line: self.err.print(f"rehearse: {escape(plain(line))}")
            return
        with self.err.status("") as status:
            yield lambda line: status.update(escape(plain(line)))

    def say(self, line: str) -> None:
        """A line on stderr."""
        self.err.print(plain(f"pyinit-rehearse: {line}"), markup=False, soft_wrap=True)

    def say_log(self, log: str) -> None:
        """The last lines of a container's log, each marked as such: GitHub Actions obeys lines that begin with two colons."""
        self.say("the last lines of its log:")
        for line in log.splitlines():
            self.err.print(plain(f"| {line}").replace("##[", "## ["), markup=False, soft_wrap=True)

    def show(self, document: Mapping[str, Any]) -> None:
        """The result."""
        load, orchestrator = document["load"], document["orchestrator"]

        def put(text: str, style: str | None = None, soft_wrap: bool = False) -> None:
            self.out.print(plain(text), style=style, markup=False, soft_wrap=soft_wrap)

        arms = arms_of(document)
        where = f"{table.protocol(load)} on port {load['port']}, {load['rate']:.0f} requests/s" if load["port"] else "no port"
        put(
            f"{document['subject']['image']}, stopped as by {orchestrator['name']}: {orchestrator['signal']}, "
            f"SIGKILL after {orchestrator['grace']:g} s; {where}"
        )
        for note in document["subject"]["notes"]:
            put(f"note: {note}")
        shown = Table()
        shown.add_column("")
        for arm in arms:
            title = arm["name"] if not arm["replaced"] else f"{arm['name']} (instead of {arm['replaced']})"
            shown.add_column(escape(plain(title)), justify="right")
        for title, cells in table.rows(document):
            style = "bold red" if title == "lost" and any(cell != "0" for cell in cells) else ""
            shown.add_row(escape(title), *(Text(plain(cell), style=style if cell != "0" else "") for cell in cells))
        self.out.print(shown)
        for arm in others_than_pyinit(document):
            if arm["faults"]:
                put(f"\nWhat is wrong, {arm['name']}:", style="bold")
            for fault in arm["faults"]:
                put(f"  {fault['name']}: {fault['says']} {fault['proof']}")
        for number, change in enumerate(document["changes"], 1):
            rule = f"{change['rule']}: " if change["rule"] else ""
            put(f"\nChange {number}. {rule}{change['says']}", style="bold")
            for line in change["diff"]:
                put(f"    {line}", style=COLOURS.get(line[:1]), soft_wrap=True)
            if change["link"]:
                put(f"    {change['link']}", soft_wrap=True)
        if document["not_cured"]:
            put("\nWhat pyinit does not cure:", style="bold")
            for fault in document["not_cured"]:
                put(f"  {fault['name']}: {fault['says']} {fault['proof']}")
        for doubt in document["doubts"]:
            put(f"\ndoubt: {doubt}")
        for said in document["disagreements"]:
            put(f"\ncross-check: {said}")
        verdict = document["verdict"]
        style = {0: "bold green", 1: "bold red"}.get(verdict["exit_status"], "bold yellow")
        put(f"\n{verdict['says']}", style=style)
