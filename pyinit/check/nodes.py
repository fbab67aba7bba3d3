"""PURE. YAML and JSON as a tree in which everything knows its place. JSON is read as the YAML that it nearly is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from pyinit.check.model import Place

TEXT, LIST, MAP, NOTHING = "text", "list", "map", "nothing"

#: Levels below which nothing is read, and nodes of a document beyond which it is not: aliases of aliases can make a file
#: endless.
DEEPEST, MOST = 64, 200_000

LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """A file that cannot be read; the message is one line, `line` where it went wrong."""

    def __init__(self, message: str, line: int = 1):
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Node:
    """A part of a document. A missing part is a Node too, of kind "nothing": it is false, and all its parts are missing."""

    kind: str
    place: Place
    text: str = ""
    items: tuple[Node, ...] = ()
    pairs: tuple[tuple[Node, Node], ...] = ()
    is_plain: bool = False

    def __bool__(self) -> bool:
        return self.kind != NOTHING

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)

    def get(self, *path: str) -> Node:
        """The part at the end of a path of keys."""
        node = self
        for key in path:
            node = next((value for name, value in node.pairs if name.text == key), Node(NOTHING, node.place))
        return node

    def key(self, name: str) -> Node:
        """The key itself, for its place."""
        return next((key for key, _ in self.pairs if key.text == name), Node(NOTHING, self.place))

    @property
    def number(self) -> float | None:
        """The number that this is, or None."""
        try:
            return float(self.text) if self.kind == TEXT else None
        except ValueError:
            return None

    @property
    def is_true(self) -> bool:
        """Whether this is the word for yes."""
        return self.kind == TEXT and self.text.lower() in ("true", "yes", "on")


def missing(path: str) -> Node:
    """A part that is not there."""
    return Node(NOTHING, Place(path))


def documents(path: str, text: str) -> Iterator[Node]:
    """The documents of a file. Raises Unreadable."""
    try:
        for document in yaml.compose_all(text, Loader=LOADER):
            if document is not None:
                yield _Reader(path).node(document, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(f"this is no YAML: {error.problem or error.context}", mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"this is no YAML: {str(error).splitlines()[0] if str(error) else 'it is too deep'}") from None


class _Reader:
    """Makes Nodes of PyYAML's nodes, each once, however many aliases it has."""

    def __init__(self, path: str):
        self.path = path
        self.made: dict[int, Node] = {}
        self.begun: set[int] = set()

    def node(self, given: yaml.Node, depth: int) -> Node:
        if id(given) in self.made:
            return self.made[id(given)]
        if id(given) in self.begun or depth > DEEPEST or len(self.made) > MOST:
            raise Unreadable("this YAML is deeper than any manifest, or holds itself", given.start_mark.line + 1)
        self.begun.add(id(given))
        start, end = given.start_mark, given.end_mark
        column_end = end.column + 1 if end.line == start.line else 0
        place = Place(self.path, start.line + 1, start.column + 1, column_end)
        if isinstance(given, yaml.ScalarNode):
            is_null = given.tag == "tag:yaml.org,2002:null"
            made = Node(NOTHING if is_null else TEXT, place, given.value, is_plain=given.style is None)
        elif isinstance(given, yaml.SequenceNode):
            made = Node(LIST, place, items=tuple(self.node(item, depth + 1) for item in given.value))
        elif isinstance(given, yaml.MappingNode):
            made = Node(MAP, place, pairs=tuple(self._pairs(given, depth)))
        else:
            made = Node(NOTHING, place)
        self.made[id(given)] = made
        return made

    def _pairs(self, given: yaml.MappingNode, depth: int) -> Iterator[tuple[Node, Node]]:
        """The pairs of a mapping, its own before those that it merges (`<<`)."""
        merged: list[tuple[Node, Node]] = []
        own: set[str] = set()
        for key, value in given.value:
            name, content = self.node(key, depth + 1), self.node(value, depth + 1)
            if key.tag == "tag:yaml.org,2002:merge":
                merged += [pair for part in (content, *content.items) for pair in part.pairs]
            else:
                own.add(name.text)
                yield name, content
        for name, content in merged:
            if name.text not in own:
                own.add(name.text)
                yield name, content
