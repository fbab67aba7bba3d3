"""How findings are told: for people, and for the programs of several houses. Each is a function from findings to a text."""

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

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")


def formatter(name: str) -> Format:
    """The function of a format; text is not among them, for it is written with colours."""
    if name == "json":
        from pyinit.check.output import as_json

        return as_json.render
    if name == "sarif":
        from pyinit.check.output import sarif

        return sarif.render
    if name == "github":
        from pyinit.check.output import github

        return github.render
    if name == "gitlab":
        from pyinit.check.output import gitlab

        return gitlab.render
    from pyinit.check.output import junit

    return junit.render
