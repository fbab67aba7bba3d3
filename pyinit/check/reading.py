"""PURE. What the models of the formats share: words, variables and hooks from Nodes."""

from __future__ import annotations

import re
import shlex

from pyinit.check import nodes, script
from pyinit.check.model import At, Hook, Words
from pyinit.check.nodes import Node

VARIABLE = re.compile(r"\$\$|\$\{[^}]*\}|\$[A-Za-z_]\w*")


def compose_text(text: str) -> str | None:
    """A text of a Compose file, `$$` as `$`; None where a variable of the host is in it."""
    if any(found[0] != "$$" for found in VARIABLE.finditer(text)):
        return None
    return text.replace("$$", "$")


def as_it_is(text: str) -> str | None:
    """A text in which nothing is replaced."""
    return text


def kubernetes_text(text: str) -> str | None:
    """A word of a Kubernetes command: `$(NAME)` is replaced by a variable there, so it is unknown."""
    return None if re.search(r"(?<!\$)\$\([A-Za-z_][\w.-]*\)", text) else text.replace("$$(", "$(")


def words(node: Node, known: object = as_it_is) -> Words | None:
    """A command that is a list of words, or one text that is split as a shell splits it. None where there is none."""
    read = known if callable(known) else as_it_is
    if node.kind == nodes.LIST:
        place = node.items[0].place if node.items else node.place
        return Words(tuple(read(item.text) if item.kind == nodes.TEXT else None for item in node.items), place)
    if node.kind != nodes.TEXT:
        return None
    text = read(node.text)
    if text is None:
        masked = VARIABLE.sub(lambda found: "$" if found[0] == "$$" else "\0", node.text)
        return Words(tuple(None if "\0" in word else word for word in _split(masked)), node.place)
    return Words(tuple(_split(text)), node.place)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def variables(node: Node, known: object = as_it_is) -> dict[str, At[str | None]]:
    """Variables as a mapping, as a list of `NAME=value`, or as a list of mappings with name and value."""
    read = known if callable(known) else as_it_is
    found: dict[str, At[str | None]] = {}
    for key, value in node.pairs:
        found[key.text] = At(read(value.text) if value.kind == nodes.TEXT else None, value.place if value else key.place)
    for item in node.items:
        if item.kind == nodes.TEXT:
            name, equals, text = item.text.partition("=")
            found[name] = At(read(text) if equals else None, item.place)
        elif item.kind == nodes.MAP:
            value = item.get("value")
            is_known = value.kind == nodes.TEXT or (not value and not item.get("valueFrom"))
            found[item.get("name").text] = At(read(value.text) if is_known else None, value.place if value else item.place)
    return found


def sleeps(command: Words) -> float | None:
    """Seconds that a command sleeps at least, in all: `sleep 15`, `sh -c "sleep 15; ..."`. None where it does not sleep."""
    known = command.words
    if known[:1] in (("sleep",), ("/bin/sleep",), ("/usr/bin/sleep",)) and len(known) > 1:
        return _seconds(known[1])
    if len(known) > 2 and (known[0] or "").rpartition("/")[2] in ("sh", "bash", "ash", "dash") and "c" in (known[1] or ""):  # noqa: PLR2004
        text = known[2]
        parsed = script.parse(command.place.path, text, command.place.line) if text else None
        if parsed is None or not parsed.is_whole:
            return None
        total = [seconds for seconds in map(_of_statement, parsed.statements) if seconds is not None]
        return sum(total) if total else None
    return None


def _of_statement(statement: script.Statement) -> float | None:
    if statement.kind == script.LISTED and statement.word == "&&":
        parts = [seconds for seconds in map(_of_statement, statement.parts) if seconds is not None]
        return sum(parts) if parts else None
    if (
        statement.kind == script.COMMAND
        and statement.words[:1] in (("sleep",), ("/bin/sleep",))
        and not statement.is_background
    ):
        return _seconds(statement.words[1]) if len(statement.words) > 1 else None
    return None


def _seconds(word: str | None) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", word or "")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else None


def hook_of(command: Words) -> Hook:
    """A hook that executes a command."""
    return Hook("exec", command.place, command.words, sleeps(command), command.place)
