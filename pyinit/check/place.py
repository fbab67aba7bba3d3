"""A place in a file: what every finding points at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file: lines and columns count from 1; `end` is the column behind the last character, or 0."""

    path: str
    line: int = 1
    column: int = 1
    end: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"
