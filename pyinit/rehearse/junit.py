"""PURE. The report as JUnit's XML, which CI systems read: a case for each arm. That of the judged arm fails."""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pyinit.rehearse.document import arms_of
from pyinit.rehearse.faults import LOST, WELL

SUITE = "pyinit-rehearse"

#: What XML 1.0 has no place for, in a log.
FORBIDDEN = {number: None for number in range(32) if chr(number) not in "\t\n\r"} | {0xFFFE: None, 0xFFFF: None}


def junit(document: Mapping[str, Any]) -> str:
    """The report. A document of a failure is one case with an error."""
    verdict = document["verdict"]
    status, says = verdict["exit_status"], verdict["says"]
    if "arms" not in document:
        cases = [_case("rehearsal", 0.0, _problem("error", says, "\n".join(document["log"])))]
        return _suite(cases, 0, 1)
    cases = []
    for arm in arms_of(document):
        problem = ""
        if arm["name"] == verdict["judged"] and status != WELL:
            lines = [f"{fault['name']}: {fault['says']} {fault['proof']}" for fault in arm["faults"]]
            lines += document["doubts"]
            problem = _problem("failure" if status == LOST else "error", says, "\n".join(lines))
        cases.append(_case(f"{document['subject']['image']} {arm['name']}", sum(arm["seconds"].values()), problem))
    return _suite(cases, int(status == LOST), int(status not in (WELL, LOST)))


def _suite(cases: list[str], failures: int, errors: int) -> str:
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{errors}"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="{SUITE}" {counts}>',
            f'<testsuite name="{SUITE}" {counts}>',
            *cases,
            "</testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _case(name: str, seconds: float, problem: str) -> str:
    return f'<testcase classname="{SUITE}" name={_quoted(name)} time="{seconds:.3f}">{problem}</testcase>'


def _problem(kind: str, message: str, text: str) -> str:
    return f"<{kind} message={_quoted(message)}>{escape(text.translate(FORBIDDEN))}</{kind}>"


def _quoted(text: str) -> str:
    return quoteattr(text.translate(FORBIDDEN))
