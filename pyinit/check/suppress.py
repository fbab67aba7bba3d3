"""PURE. Comments by which findings are ignored: `# pyinit: ignore=PI301 # reason`, for the next statement, or for the file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinit.check.model import Finding, Place

COMMENT = re.compile(
    r"(?:#|//|;)[ \t]*pyinit:[ \t]*(global[ \t]+)?ignore=([A-Z0-9, \t]*?[A-Z0-9])[ \t]*(?=$|#|//|[ \t][^A-Z,])", re.MULTILINE
)


@dataclass(frozen=True)
class Ignore:
    """A comment: the rules, the lines that it is for (None for the whole file), and where it stands."""

    rules: tuple[str, ...]
    lines: range | None
    place: Place
    start: int
    end: int


def ignores(path: str, text: str) -> list[Ignore]:
    """The comments of a file."""
    if "pyinit:" not in text:
        return []
    lines = text.splitlines(keepends=True)
    found = []
    offset = 0
    for number, line in enumerate(lines, 1):
        comment = COMMENT.search(line)
        if comment:
            rules = tuple(word.strip() for word in comment[2].split(",") if word.strip())
            is_alone = not line[: comment.start()].strip()
            covered = None if comment[1] else _statement(lines, number + 1 if is_alone else number)
            place = Place(path, number, comment.start() + 1, len(line.rstrip()) + 1)
            begin = offset if is_alone else offset + len(line[: comment.start()].rstrip())
            end = offset + len(line) if is_alone else offset + len(line.rstrip("\r\n"))
            found.append(Ignore(rules, covered, place, begin, end))
        offset += len(line)
    return found


def _statement(lines: list[str], first: int) -> range:
    """The lines of a statement: comments and empty lines before it, what is continued, and what is indented below it."""
    at = first
    while at <= len(lines) and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith(("#", ";"))):
        at += 1
    if at > len(lines):
        return range(first, first)
    head = lines[at - 1]
    indent = len(head) - len(head.lstrip())
    last = at
    while last < len(lines):
        line = lines[last - 1].rstrip()
        following = lines[last]
        is_continued = line.endswith(("\\", "`"))
        is_below = head.rstrip().endswith((":", "{", "[", "(")) and (
            not following.strip() or len(following) - len(following.lstrip()) > indent
        )
        if not (is_continued or is_below):
            break
        last += 1
    return range(at, last + 1)


def apply(
    findings: list[Finding], texts: dict[str, str], checked: frozenset[str]
) -> tuple[list[Finding], list[Finding], list[Ignore]]:
    """Findings that stand, those that are ignored, and the comments that ignored nothing of the rules that were checked."""
    comments = {path: ignores(path, text) for path, text in texts.items()}
    used: set[tuple[Ignore, str]] = set()
    standing: list[Finding] = []
    ignored: list[Finding] = []
    for finding in findings:
        hit = False
        for comment in comments.get(finding.place.path, ()):
            if finding.rule in comment.rules and (comment.lines is None or finding.place.line in comment.lines):
                used.add((comment, finding.rule))
                hit = True
        (ignored if hit else standing).append(finding)
    unused = []
    for several in comments.values():
        for comment in several:
            idle = tuple(rule for rule in comment.rules if (comment, rule) not in used and rule in checked)
            if idle:
                unused.append(Ignore(idle, comment.lines, comment.place, comment.start, comment.end))
    return standing, ignored, unused
