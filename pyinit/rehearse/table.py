"""PURE. The rows of the table that stands arms side by side, for every kind of report; from a document."""

from collections.abc import Mapping, Sequence
from typing import Any

from pyinit.rehearse.document import arms_of
from pyinit.rehearse.judge import KINDS

#: What the kinds of loss are called, for somebody who reads of them for the first time.
WORDS = {
    "too-early": "too early: the new one could not serve yet",
    "refused": "refused: nobody listened",
    "reset-before": "reset before the request was sent",
    "reset-after": "reset after it was sent, without an answer",
    "cut": "cut within the answer",
    "5xx": "answered with an error (5xx)",
    "timeout": "late: no answer in time",
    "error": "no answer in its protocol",
    "unfinished": "jobs begun and not finished",
}


def rows(document: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """A title and a cell for each arm, of each row."""
    arms = arms_of(document)
    is_worker = not document["load"]["port"]
    found = []
    if not is_worker or any(arm["at_risk"] for arm in arms):
        found.append(("jobs begun" if is_worker else "requests at risk", [f"{arm['at_risk']:,}" for arm in arms]))
        found.append(("lost", [str(arm["lost_in_all"]) for arm in arms]))
    found += [
        (f"  {WORDS[kind]}", [str(arm["lost"].get(kind, 0)) for arm in arms])
        for kind in KINDS
        if any(kind in arm["lost"] for arm in arms)
    ]
    if not is_worker:
        found.append(("TCP resets: seen, and sent by its kernel", [_resets(arm) for arm in arms]))
    found.append(("stop took", [_times(arm["stop_seconds"]) for arm in arms]))
    found.append(("ended by SIGKILL", [_killed(arm) for arm in arms]))
    found.append(("exit status", [", ".join(arm["exit_statuses"]) for arm in arms]))
    signal = document["orchestrator"]["signal"]
    found.append(("PID 1", [_first(arm) for arm in arms]))
    found.append((f"  about {signal}", [_about(arm) for arm in arms]))
    found.append(("  never told", [_never_told(arm) for arm in arms]))
    return found


def protocol(load: Mapping[str, Any]) -> str:
    """What is spoken, in a word or three."""
    return f"{load['protocol']} over TLS" if load["tls"] else str(load["protocol"])


def _times(seconds: Sequence[float]) -> str:
    return " / ".join(f"{one:.1f} s" for one in seconds)


def _resets(arm: Mapping[str, Any]) -> str:
    sent, seen = arm["resets"]["sent"], arm["resets"]["seen"]
    return f"{seen}, {'not read' if sent is None else sent}"


def _killed(arm: Mapping[str, Any]) -> str:
    if not arm["killed"]:
        return "no"
    return "yes" if arm["killed"] == arm["rounds"] else f"{arm['killed']} of {arm['rounds']}"


def _first(arm: Mapping[str, Any]) -> str:
    processes = arm["processes"]
    return "not seen" if processes is None else str(processes[0]["name"])


def _about(arm: Mapping[str, Any]) -> str:
    processes = arm["processes"]
    if processes is None:
        return "not seen"
    words = {
        "handles": "handles it",
        "may wait for": "waits for it",
        "ignores": "ignores it",
        "has no handler for": "no handler",
    }
    return words[processes[0]["about_signal"]]


def _never_told(arm: Mapping[str, Any]) -> str:
    names = dict.fromkeys(str(one["name"]) for one in arm["processes"] or () if one["never_told"])
    return ", ".join(names) or "-"
