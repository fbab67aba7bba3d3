"""PURE. SARIF 2.1.0, as GitHub's code scanning takes it. What is ignored is left out: GitHub shows it otherwise.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import quote

from pyinit import __version__
from pyinit.check.check import severity
from pyinit.check.model import ERROR, WARNING, Finding, Place
from pyinit.check.output import Result
from pyinit.check.pages import BY_ID, RULES
from pyinit.check.pages.rule import page

LEVELS = {ERROR: "error", WARNING: "warning"}

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(result: Result) -> str:
    """One run."""
    used = [rule for rule in RULES if any(finding.rule == rule.id for finding in result.findings)]
    index = {rule.id: at for at, rule in enumerate(used)}
    run = {
        "tool": {
            "driver": {"name": "pyinit-check", "semanticVersion": __version__, "rules": [_rule(rule.id) for rule in used]}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index, result.texts) for finding in result.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str) -> dict[str, object]:
    rule = BY_ID[name]
    first = re.search(r"https://[^\s;]+", rule.source)
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\nSource: {rule.source}", "markdown": page(rule)},
        "defaultConfiguration": {"level": LEVELS.get(rule.severity, "note")},
        **({"helpUri": first[0]} if first else {}),
    }


def _location(place: Place) -> dict[str, object]:
    region: dict[str, int] = {"startLine": place.line, "startColumn": place.column}
    if place.end > place.column:
        region["endColumn"] = place.end
    return {"physicalLocation": {"artifactLocation": {"uri": quote(place.path.replace("\\", "/"))}, "region": region}}


def _result(finding: Finding, index: dict[str, int], texts: dict[str, str]) -> dict[str, object]:
    parts = [finding.message, f"Sum: {finding.sum}" if finding.sum else "", f"Mend: {finding.mend}" if finding.mend else ""]
    made: dict[str, object] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": LEVELS.get(severity(finding), "note"),
        "message": {"text": "\n".join(part for part in parts if part)},
        "locations": [_location(finding.place)],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint(finding, texts)},
    }
    if len(finding.chain) > 1:
        made["codeFlows"] = [{"threadFlows": [{"locations": [{"location": _location(place)} for place in finding.chain]}]}]
        made["relatedLocations"] = [
            {**_location(place), "id": at, "message": {"text": "on the way"}} for at, place in enumerate(finding.chain, 1)
        ]
    return made


def fingerprint(finding: Finding, texts: dict[str, str]) -> str:
    """What stays the same when lines are put in above: the rule, the file, and the text of the line."""
    lines = texts.get(finding.place.path, "").splitlines()
    line = lines[finding.place.line - 1].strip() if 0 < finding.place.line <= len(lines) else ""
    return hashlib.sha256(f"{finding.rule}\0{finding.place.path}\0{line}".encode("utf-8", "replace")).hexdigest()[:32]
