"""PURE. What GitHub Actions shows: lines that it reads from our output, beside the summary of the job.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Mapping
from typing import Any

from pyinit.rehearse.arms import AS_IS
from pyinit.rehearse.document import arms_of
from pyinit.rehearse.faults import WELL


def commands(document: Mapping[str, Any]) -> list[str]:
    """An error where the verdict is one, and a warning for what the image loses as it is."""
    verdict = document["verdict"]
    found = []
    if verdict["exit_status"] != WELL:
        found.append(_command("error", verdict["says"]))
    arms = arms_of(document) if "arms" in document else ()
    found += [
        _command("warning", f"{fault['name']}: {fault['says']} {fault['proof']}")
        for arm in arms
        if arm["name"] == AS_IS
        for fault in arm["faults"]
    ]
    return found


def _command(kind: str, message: str) -> str:
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{kind} title=pyinit-rehearse::{text}"
