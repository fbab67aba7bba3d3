"""PURE. JSON: one object with all findings."""

from __future__ import annotations

import json

from pyinit.check.check import severity
from pyinit.check.model import Finding, Place
from pyinit.check.output import Result


def render(result: Result) -> str:
    """The findings, with places as objects of path, line, column and end."""
    return (
        json.dumps(
            {"findings": [_finding(one) for one in result.findings], "ignored": result.ignored}, indent=2, ensure_ascii=False
        )
        + "\n"
    )


def _place(place: Place) -> dict[str, object]:
    return {"path": place.path, "line": place.line, "column": place.column, **({"end_column": place.end} if place.end else {})}


def _finding(one: Finding) -> dict[str, object]:
    return {
        "rule": one.rule,
        "severity": severity(one),
        "message": one.message,
        **_place(one.place),
        "chain": [_place(place) for place in one.chain],
        "sum": one.sum or None,
        "mend": one.mend or None,
        "fix": ("safe" if one.is_safe else "unsafe") if one.edits else None,
    }
