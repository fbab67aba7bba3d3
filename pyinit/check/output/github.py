"""PURE. Annotations of GitHub Actions, the worst first, for only ten of each step are shown.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from pyinit.check.check import severity, worst_first
from pyinit.check.model import ERROR, WARNING, Finding
from pyinit.check.output import Result

LEVELS = {ERROR: "error", WARNING: "warning"}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _line(finding: Finding) -> str:
    place = finding.place
    fields = {"file": place.path, "line": str(place.line), "col": str(place.column), "title": finding.rule}
    if place.end > place.column:
        fields["endColumn"] = str(place.end)
    said = finding.message + (f" ({finding.sum})" if finding.sum else "") + (f". Mend: {finding.mend}" if finding.mend else "")
    level = LEVELS.get(severity(finding), "notice")
    return f"::{level} {','.join(f'{key}={_property(value)}' for key, value in fields.items())}::{_data(said)}\n"


def render(result: Result) -> str:
    """One line for each finding."""
    return "".join(_line(finding) for finding in worst_first(list(result.findings)))
