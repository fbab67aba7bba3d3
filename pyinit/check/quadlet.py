"""PURE. Quadlet's *.container units as workloads.

https://docs.podman.io/en/latest/markdown/podman-systemd.unit.5.html
"""

from __future__ import annotations

import re
import shlex

from pyinit.check import times
from pyinit.check.model import QUADLET, At, Place, Words, Workload
from pyinit.check.nodes import LIST, MAP, TEXT, Node

#: Seconds from the stop request to SIGKILL where a unit does not say; and systemd's own, for the unit's stop as a whole.
GRACE, OF_SYSTEMD = 10.0, 90.0


def document(path: str, text: str) -> Node:
    """A unit as a Node: sections of keys, and each key a list of its values in their order."""
    sections: dict[str, dict[str, list[Node]]] = {}
    places: dict[str, Node] = {}
    section = ""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line, number = lines[at], at + 1
        at += 1
        while line.endswith("\\") and at < len(lines):
            line = line[:-1] + " " + lines[at].strip()
            at += 1
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1]
            sections.setdefault(section, {})
            places.setdefault(section, Node(TEXT, Place(path, number, 1, len(lines[number - 1]) + 1), section))
            continue
        key, equals, value = stripped.partition("=")
        if equals and section:
            node = Node(TEXT, Place(path, number, 1, len(lines[number - 1]) + 1), value.strip())
            sections[section].setdefault(key.strip(), []).append(node)
    pairs = []
    for name, keys in sections.items():
        inner = tuple(
            (Node(TEXT, found[0].place, key), Node(LIST, found[0].place, items=tuple(found))) for key, found in keys.items()
        )
        pairs.append((places[name], Node(MAP, places[name].place, pairs=inner)))
    return Node(MAP, Place(path), pairs=tuple(pairs))


def last(document: Node, section: str, key: str) -> Node:
    """The value that holds: the last one."""
    found = document.get(section, key)
    return found.items[-1] if found.items else found


def workloads(document: Node) -> list[Workload]:
    """The one container of a unit."""
    section = document.get("Container")
    if not section:
        return []
    image = last(document, "Container", "Image")
    stated = last(document, "Container", "StopTimeout")
    signal = last(document, "Container", "StopSignal")
    init = last(document, "Container", "RunInit")
    env: dict[str, At[str | None]] = {}
    for line in document.get("Container", "Environment"):
        for word in _words(line.text):
            name, equals, value = word.partition("=")
            env[name] = At(value if equals and "%" not in value else None, line.place)
    arguments = " ".join(item.text for item in document.get("Container", "PodmanArgs"))
    in_arguments = re.search(r"--stop-timeout[= ](\d+)", arguments)
    number = float(in_arguments[1]) if in_arguments else stated.number
    place = stated.place if stated else section.place
    is_unknown = stated and number is None
    return [
        Workload(
            QUADLET,
            image.text or "?",
            section.place,
            At(image.text, image.place) if image else None,
            None,
            _command(last(document, "Container", "Entrypoint")),
            _command(last(document, "Container", "Exec")),
            env,
            not document.get("Container", "EnvironmentFile"),
            None if is_unknown else At(number if number is not None else GRACE, place),
            number is not None,
            At(signal.text.upper().removeprefix("SIG"), signal.place) if signal else None,
            At(init.is_true, init.place) if init else None,
            None,
            document,
        )
    ]


def _command(node: Node) -> Words | None:
    if not node or node.kind != TEXT:
        return None
    words = [None if re.search(r"\$|%[^%]", word) else word for word in _words(node.text)]
    return Words(tuple(words), node.place)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def systemd_seconds(text: str) -> float | None:
    """A time of systemd: seconds, or with units; None for infinity and what is unknown."""
    return times.seconds(text.replace(" ", ""))
