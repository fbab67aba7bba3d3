"""PURE. JUnit's XML, as Jenkins' schema has it: one suite for each file, one failed case for each finding."""

from __future__ import annotations

import re
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from pyinit.check.check import severity
from pyinit.check.model import Finding
from pyinit.check.output import Result

#: Characters that XML 1.0 has not.
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _clean(text: str) -> str:
    return NOT_IN_XML.sub("?", text)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _case(finding: Finding) -> str:
    name = f"{finding.rule} line {finding.place.line}"
    body = "\n".join(part for part in (finding.message, finding.sum, finding.mend) if part)
    return (
        f'    <testcase name={_attribute(name)} classname={_attribute(finding.place.path)} time="0">\n'
        f"      <failure message={_attribute(finding.message)} "
        f"type={_attribute(severity(finding))}>{escape(_clean(body))}</failure>\n"
        f"    </testcase>\n"
    )


def render(result: Result) -> str:
    """The suites; where nothing was found one that passed."""
    made = []
    for path, group in groupby(result.findings, key=lambda finding: finding.place.path):
        cases = [_case(finding) for finding in group]
        made.append(f'  <testsuite name={_attribute(path)} tests="{len(cases)}" failures="{len(cases)}" errors="0" time="0">\n')
        made += [*cases, "  </testsuite>\n"]
    if not made:
        made.append('  <testsuite name="pyinit-check" tests="1" failures="0" errors="0" time="0">\n')
        made.append('    <testcase name="nothing found" classname="pyinit-check" time="0"/>\n  </testsuite>\n')
    count = len(result.findings)
    head = f'<testsuites name="pyinit-check" tests="{max(count, 1)}" failures="{count}" errors="0" time="0">\n'
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + head + "".join(made) + "</testsuites>\n"
