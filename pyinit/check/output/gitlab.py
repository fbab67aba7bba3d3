"""PURE. GitLab's code quality report.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json

from pyinit.check.check import severity
from pyinit.check.model import ERROR, WARNING
from pyinit.check.output import Result
from pyinit.check.output.sarif import fingerprint

SEVERITIES = {ERROR: "major", WARNING: "minor"}


def render(result: Result) -> str:
    """A list of issues. GitLab shows only one of several with the same fingerprint, so a second one has a number."""
    seen: dict[str, int] = {}
    issues = []
    for finding in result.findings:
        mark = fingerprint(finding, result.texts)
        seen[mark] = seen.get(mark, 0) + 1
        issues.append(
            {
                "description": finding.message + (f" ({finding.sum})" if finding.sum else ""),
                "check_name": finding.rule,
                "fingerprint": mark if seen[mark] == 1 else f"{mark}-{seen[mark]}",
                "severity": SEVERITIES.get(severity(finding), "info"),
                "location": {"path": finding.place.path, "lines": {"begin": finding.place.line}},
            }
        )
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"
