"""For people: the source line with a caret, the chain, the sum, and the mend; in colours where that is a terminal."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.text import Text

from pyinit.check.check import severity
from pyinit.check.model import ERROR, WARNING, Finding
from pyinit.check.output import Result
from pyinit.check.pages import BY_ID
from pyinit.check.pages.rule import SAFE, UNSAFE

COLOURS = {ERROR: "bold red", WARNING: "bold yellow"}

#: Characters of a source line that are shown.
WIDTH = 120


def write(result: Result, stream: TextIO, *, colour: bool | None = None) -> None:
    """Write all findings and a last line that counts them."""
    console = Console(
        file=stream, force_terminal=colour, no_color=colour is False, highlight=False, soft_wrap=True, emoji=False, markup=False
    )
    for finding in result.findings:
        for line in lines(finding, result.texts):
            console.print(line)
        console.print()
    console.print(Text(last_line(result)))


def lines(finding: Finding, texts: dict[str, str]) -> list[Text]:
    """The lines of a finding."""
    style = COLOURS.get(severity(finding), "bold cyan")
    place = finding.place
    head = Text(f"{place.path}:{place.line}:{place.column}: ")
    head.append(f"{finding.rule} {severity(finding)}", style).append(f": {finding.message}")
    made = [head]
    source = _source(finding, texts)
    if source:
        made += source
    if finding.sum:
        made.append(Text(f"  sum:   {finding.sum}"))
    if len(finding.chain) > 1:
        made.append(Text("  chain: " + " -> ".join(dict.fromkeys(map(str, finding.chain)))))
    if finding.mend:
        made.append(Text(f"  mend:  {finding.mend}{_fixable(finding)}"))
    return made


def _fixable(finding: Finding) -> str:
    if not finding.edits:
        return ""
    kind = BY_ID[finding.rule].fix
    return {SAFE: " [--fix]", UNSAFE: " [--unsafe-fixes]"}.get(kind, "")


def _source(finding: Finding, texts: dict[str, str]) -> list[Text]:
    all_lines = texts.get(finding.place.path, "").splitlines()
    if not 0 < finding.place.line <= len(all_lines):
        return []
    line = all_lines[finding.place.line - 1].replace("\t", " ")
    number = str(finding.place.line)
    start = finding.place.column - 1
    end = min(max(finding.place.end - 1, start + 1), len(line.rstrip()), WIDTH)
    caret = "^" + "~" * (end - start - 1) if end > start else "^"
    return [Text(f"  {number} | {line[:WIDTH]}"), Text(f"  {' ' * len(number)} | {' ' * min(start, WIDTH)}{caret}")]


def last_line(result: Result) -> str:
    """How many there are of each severity, in how many files."""
    counts = {name: sum(severity(one) == name for one in result.findings) for name in ("error", "warning", "info")}
    said = ", ".join(f"{count} {name}{'s' if count > 1 and name != 'info' else ''}" for name, count in counts.items() if count)
    ignored = f"; {result.ignored} ignored" if result.ignored else ""
    return f"{said or 'nothing found'}{ignored} ({result.checked} file{'' if result.checked == 1 else 's'} checked)"
