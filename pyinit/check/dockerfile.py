"""PURE. Dockerfiles as BuildKit reads them: flags, JSON and shell form, heredocs, ONBUILD, the escape directive.

Follows https://docs.docker.com/reference/dockerfile/ and BuildKit's frontend/dockerfile/parser; what it refuses is read as
well as it can be, for a check says what is known.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyinit.check.model import Place

DIRECTIVE = re.compile(r"^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$")
FLAG = re.compile(r"--[a-z][a-z.-]*(?:=(?:\"[^\"]*\"|[^\s\"]*)*)?(?=\s|$)")
HEREDOC = re.compile(r"(?<![<\w])\d*<<(-?)(\"[^\"\s<>]+\"|'[^'\s<>]+'|[^\s<>|&;()\"'\\]+)")
NAME = re.compile(r"\s*([A-Za-z]+)(?=\s|$)")
VARIABLE = re.compile(r"\\\$|\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^{}]*))?\})|\$")

WITH_HEREDOCS = ("RUN", "COPY", "ADD")

INSTRUCTIONS = frozenset(
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME "
    "WORKDIR".split()
)


@dataclass(frozen=True)
class Heredoc:
    """A here-document: its body, the line of the file on which that begins, and whether variables in it are expanded."""

    name: str
    body: str
    line: int
    expands: bool


@dataclass(frozen=True)
class Instruction:
    """An instruction.

    `text` is what follows the name and the flags, lines joined; `words` is it as a JSON array of strings, if it is one.
    `offsets` has for each character of `text` where it stands in the file, and one more for the end.
    """

    name: str
    flags: Mapping[str, str]
    text: str
    offsets: tuple[int, ...]
    place: Place
    start: int
    end: int
    words: tuple[str, ...] | None = None
    heredocs: tuple[Heredoc, ...] = ()
    inner: Instruction | None = None


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile: its path, its text, and its instructions in their order."""

    path: str
    text: str
    escape: str
    instructions: tuple[Instruction, ...]
    line_starts: tuple[int, ...]

    def place(self, start: int, end: int) -> Place:
        """The place from one offset to another; up to the end of the line where it goes on to the next."""
        return place_of(self.path, self.text, self.line_starts, start, end)

    def place_in(self, instruction: Instruction, start: int = 0, end: int | None = None) -> Place:
        """The place of a part of an instruction's text."""
        end = len(instruction.text) if end is None else end
        last = instruction.offsets[max(start, end - 1)] + 1 if instruction.text else instruction.end
        return self.place(instruction.offsets[start], last)


def line_starts(text: str) -> tuple[int, ...]:
    """The offset of the first character of each line."""
    return (0, *(found.end() for found in re.finditer("\n", text)))


def place_of(path: str, text: str, starts: tuple[int, ...], start: int, end: int) -> Place:
    """The place of a part of a text; up to the end of its first line."""
    line = bisect.bisect_right(starts, start)
    begin = starts[line - 1]
    stop = text.find("\n", start)
    end = min(end, stop if stop >= 0 else len(text))
    return Place(path, line, start - begin + 1, max(end, start) - begin + 1)


def parse(path: str, text: str) -> Dockerfile:
    """Read a Dockerfile. Never fails: a line that is no instruction is none."""
    starts = line_starts(text)
    escape = _escape(text)
    return Dockerfile(path, text, escape, tuple(_Reader(path, text, starts, escape).instructions()), starts)


def _escape(text: str) -> str:
    """The escape character, by the directive in front of everything else."""
    seen: set[str] = set()
    for line in text.splitlines():
        found = DIRECTIVE.match(line)
        if not found or found[1].lower() in seen:
            break
        seen.add(found[1].lower())
        if found[1].lower() == "escape":
            return "`" if found[2] == "`" else "\\"
    return "\\"


class _Reader:
    """Goes through the lines."""

    def __init__(self, path: str, text: str, starts: tuple[int, ...], escape: str):
        self.path, self.text, self.starts = path, text, starts
        self.continues = re.compile(re.escape(escape) + r"[ \t]*$")
        self.escape = escape
        self.at = 0  # the number of the next line, from 0

    def line(self, at: int) -> tuple[str, int]:
        """A line without its end, and its offset."""
        start = self.starts[at]
        end = self.starts[at + 1] if at + 1 < len(self.starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n"), start

    def instructions(self) -> Iterator[Instruction]:
        while self.at < len(self.starts):
            line, _ = self.line(self.at)
            if not line.strip() or line.lstrip().startswith("#"):
                self.at += 1
                continue
            first_line = self.at
            letters, offsets, end = self.logical_line()
            found = NAME.match(letters)
            if not found:
                continue
            instruction = self.instruction(letters, offsets, found.end(1), found.start(1), first_line, end)
            if instruction:
                yield instruction

    def logical_line(self) -> tuple[str, list[int], int]:
        """Lines joined where they are continued: the characters, the offset of each, and where the last line ends."""
        letters: list[str] = []
        offsets: list[int] = []
        end = 0
        is_first = True
        while self.at < len(self.starts):
            line, start = self.line(self.at)
            self.at += 1
            is_comment = line.lstrip().startswith("#")
            if not is_first and (is_comment or not line.strip()):
                continue  # both are left out of a continued line
            is_first = False
            more = self.continues.search(line)
            kept = line[: more.start()] if more else line
            letters.append(kept)
            offsets += range(start, start + len(kept))
            end = start + len(line)
            if not more:
                break
        offsets.append(end)
        return "".join(letters), offsets, end

    def instruction(
        self, letters: str, offsets: list[int], at: int, name_at: int, first_line: int, end: int, *, is_inner: bool = False
    ) -> Instruction | None:
        name = letters[name_at:at].upper()
        if name not in INSTRUCTIONS:
            return None
        start = offsets[name_at]
        flags: dict[str, str] = {}
        while True:
            at += len(letters[at:]) - len(letters[at:].lstrip())
            flag = FLAG.match(letters, at) if name in ("RUN", "COPY", "ADD", "FROM", "HEALTHCHECK") else None
            if not flag:
                break
            key, _, value = flag[0][2:].partition("=")
            flags[key] = value.replace('"', "")
            at = flag.end()
        stop = len(letters.rstrip())
        text = letters[at:stop]
        place = place_of(self.path, self.text, self.starts, start, offsets[max(stop - 1, 0)] + 1)
        here = (*offsets[at:stop], offsets[stop] if stop < len(offsets) else end)
        inner = None
        heredocs: tuple[Heredoc, ...] = ()
        if name == "ONBUILD" and not is_inner:
            found = NAME.match(letters, at)
            if found:
                inner = self.instruction(letters, offsets, found.end(1), found.start(1), first_line, end, is_inner=True)
                heredocs = inner.heredocs if inner else ()
        elif name in WITH_HEREDOCS and "<<" in text:
            heredocs = tuple(self.heredocs(text))
        return Instruction(name, flags, text, here, place, start, end, _json(text), heredocs, inner)

    def heredocs(self, text: str) -> Iterator[Heredoc]:
        """The bodies that follow the line, one for each `<<NAME` of it."""
        for found in HEREDOC.finditer(_without_quoted(text)):
            word = text[found.start(2) : found.end(2)]
            name = word.strip("\"'")
            body: list[str] = []
            first = self.at
            is_closed = False
            while self.at < len(self.starts):
                line, _ = self.line(self.at)
                self.at += 1
                kept = line.lstrip("\t") if found[1] else line
                if kept == name:
                    is_closed = True
                    break
                body.append(kept + "\n")
            if not is_closed:
                self.at = first  # it was none
                return
            yield Heredoc(name, "".join(body), first + 1, word == name)


def _without_quoted(text: str) -> str:
    """The text with what is in quotes blanked, except a quoted word that directly follows `<<`."""

    def blank(found: re.Match[str]) -> str:
        before = text[: found.start()]
        return found[0] if re.search(r"<<-?$", before) else " " * len(found[0])

    return re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", blank, text)


def _json(text: str) -> tuple[str, ...] | None:
    """The words of a JSON array of strings, or None."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and all(isinstance(word, str) for word in found):
        return tuple(found)
    return None


def expand(text: str, values: Mapping[str, str | None]) -> str | None:
    """A text with its variables replaced, or None where one of them is unknown. A variable that was never set is empty."""
    is_known = True

    def value(found: re.Match[str]) -> str:
        nonlocal is_known
        name = found[1] or found[2]
        if name is None:
            return "$"
        known = values.get(name, "")
        if known is None:
            is_known = False
            return ""
        operator, word = found[3], found[4]
        if operator and operator.endswith("-"):
            return known if (known if ":" in operator else name in values) else (expand(word, values) or "")
        if operator:
            return (expand(word, values) or "") if (known if ":" in operator else name in values) else ""
        return known

    if re.search(r"\$\{\w+[^\w}:+-]|\$\{\w+:[^-+]", text):
        return None  # ${NAME#pattern} and its kin
    done = VARIABLE.sub(value, text)
    return done if is_known else None
