"""PURE. Mends: edits applied to texts, none of them over another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pyinit.check.model import Edit, Finding


def edits_of(findings: Iterable[Finding], *, unsafe: bool) -> list[Edit]:
    """The edits that are wanted, without those that overlap one before them."""
    chosen: list[Edit] = []
    for finding in findings:
        if not finding.edits or not (finding.is_safe or unsafe):
            continue
        if all(edit in chosen or not any(_overlap(edit, other) for other in chosen) for edit in finding.edits):
            chosen += [edit for edit in finding.edits if edit not in chosen]
    return chosen


def _overlap(one: Edit, other: Edit) -> bool:
    if one.path != other.path:
        return False
    return (one.start < other.end and other.start < one.end) or (one.start == other.start and one != other)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text with its edits made, from the end."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def diff(path: str, before: str, after: str) -> str:
    """What changes, as `diff -u` shows it."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), path, path)
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)
