"""What is told, and by what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pyinit.check.model import Finding


@dataclass(frozen=True)
class Result:
    """What is told: findings in order, the number of those that are ignored, and the texts of the files."""

    findings: tuple[Finding, ...]
    ignored: int = 0
    checked: int = 0
    texts: dict[str, str] = field(default_factory=dict)


Format = Callable[[Result], str]
