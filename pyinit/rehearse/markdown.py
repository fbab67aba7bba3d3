"""PURE. The report as Markdown, for a pull request or the summary of a job."""

from collections.abc import Mapping
from typing import Any

from pyinit.rehearse import table
from pyinit.rehearse.document import arms_of, others_than_pyinit

#: A mark for each exit status: passed, failed; any other: no verdict.
MARKS = {0: "✅", 1: "❌"}


def markdown(document: Mapping[str, Any]) -> str:
    """The report. A document of a failure has its reason alone."""
    verdict = document["verdict"]
    mark = MARKS.get(verdict["exit_status"], "⚠️")
    if "arms" not in document:
        log = ["", *_block("", document["log"])] if document["log"] else []
        return "\n".join(["## Rehearsal of a rollout", "", f"{mark} {_escaped(verdict['says'])}", *log, ""])
    orchestrator, load, arms = document["orchestrator"], document["load"], arms_of(document)
    where = (
        f"{load['rate']:.0f} requests/s to port {load['port']} ({table.protocol(load)})" if load["port"] else "without a port"
    )
    lines = [
        f"## Rehearsal of a rollout: `{document['subject']['image']}`",
        "",
        f"{mark} {_escaped(verdict['says'])}",
        "",
        f"Stopped as by {orchestrator['name']}: {orchestrator['signal']}, SIGKILL after {orchestrator['grace']:g} s; {where}.",
        "",
        f"| | {' | '.join(arm['name'] for arm in arms)} |",
        f"|---|{'---:|' * len(arms)}",
        *(f"| {_escaped(title.strip())} | {' | '.join(map(_escaped, cells))} |" for title, cells in table.rows(document)),
    ]
    for arm in others_than_pyinit(document):
        if arm["faults"]:
            lines += ["", f"### What is wrong, {arm['name']}", ""]
            lines += [f"* **{fault['name']}**: {_escaped(fault['says'])} {_escaped(fault['proof'])}" for fault in arm["faults"]]
    for number, change in enumerate(document["changes"], 1):
        rule = f"[{change['rule']}]({change['link']}): " if change["rule"] and change["link"] else ""
        lines += ["", f"### Change {number}", "", f"{rule}{_escaped(change['says'])}"]
        lines += ["", *_block("diff", change["diff"])] if change["diff"] else []
    for title, words in (("What pyinit does not cure", [f"{one['says']} {one['proof']}" for one in document["not_cured"]]),):
        if words:
            lines += ["", f"### {title}", "", *(f"* {_escaped(word)}" for word in words)]
    for title, words in (
        ("Doubts", document["doubts"]),
        ("Cross-check", document["disagreements"]),
        ("Notes", document["subject"]["notes"]),
    ):
        if words:
            lines += ["", f"### {title}", "", *(f"* {_escaped(word)}" for word in words)]
    return "\n".join([*lines, ""])


def _block(kind: str, lines: list[str]) -> list[str]:
    """A block of code; no line of it can end it."""
    fence = "```"
    while any(fence in line for line in lines):
        fence += "`"
    return [f"{fence}{kind}", *lines, fence]


def _escaped(text: str) -> str:
    """Text that is no table, no tag and no emphasis; code in backticks stays."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")
