"""Jobs of Nomad as workloads.

https://developer.hashicorp.com/nomad/docs/job-specification/task
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyinit.check import nodes, reading, times
from pyinit.check.model import NOMAD, At, Place, Words, Workload
from pyinit.check.nodes import LIST, MAP, NOTHING, TEXT, Node, Unreadable

#: Seconds from the stop request to SIGKILL where a job does not say, and what a client allows unless it is told otherwise.
GRACE, MOST = 5.0, 30.0


def document(path: str, text: str) -> Node:
    """A file of HCL as a Node: a block is a list of mappings under its type, with its labels as "labels". Raises Unreadable."""
    import hcl2  # only here: it takes a quarter of a second to import, and few repositories have such files
    from lark.exceptions import LarkError

    try:
        tree = hcl2.parses_to_tree(text)
    except LarkError as error:
        line = getattr(error, "line", 1)
        said = (str(error).splitlines() or ["?"])[0]
        raise Unreadable(f"this is no HCL: {said}", line if isinstance(line, int) and line > 0 else 1) from None
    except RecursionError:
        raise Unreadable("this is no HCL: it is too deep") from None
    body = next((child for child in tree.children if getattr(child, "data", "") == "body"), None)
    return _body(path, body) if body is not None else nodes.missing(path)


def _place(path: str, tree: Any) -> Place:
    meta = tree.meta
    end = meta.end_column if meta.end_line == meta.line else 0
    return Place(path, meta.line, meta.column, end)


def _text(tree: Any) -> str | None:
    """The text of a string, or None where something is put into it."""
    found = []
    for part in tree.children:
        if hasattr(part, "data"):
            inner = part.children[0]
            if hasattr(inner, "data"):
                return None
            found.append(str(inner))
    return "".join(found).replace('\\"', '"').replace("\\n", "\n")


def _body(path: str, tree: Any) -> Node:
    pairs: list[tuple[Node, Node]] = []
    blocks: dict[str, list[Node]] = {}
    keys: dict[str, Node] = {}
    for child in tree.children:
        data = getattr(child, "data", "")
        if data == "attribute":
            name = str(child.children[0].children[0])
            key = Node(TEXT, _place(path, child.children[0]), name)
            pairs.append((key, _value(path, child.children[-1])))
        elif data == "block":
            head, *rest = child.children
            name = str(head.children[0])
            labels = [_text(part) or "?" for part in rest if getattr(part, "data", "") == "string"]
            body = next((part for part in rest if getattr(part, "data", "") == "body"), None)
            inner = _body(path, body) if body is not None else Node(MAP, _place(path, child))
            place = _place(path, head)
            label = Node(LIST, place, items=tuple(Node(TEXT, place, text) for text in labels))
            block = Node(MAP, place, pairs=((Node(TEXT, place, "labels"), label), *inner.pairs))
            blocks.setdefault(name, []).append(block)
            keys.setdefault(name, Node(TEXT, place, name))
    for name, found in blocks.items():
        pairs.append((keys[name], Node(LIST, found[0].place, items=tuple(found))))
    return Node(MAP, _place(path, tree), pairs=tuple(pairs))


def _value(path: str, tree: Any) -> Node:
    data = getattr(tree, "data", None)
    if data == "expr_term" and len(tree.children) == 1:
        return _value(path, tree.children[0])
    if data == "string":
        text = _text(tree)
        place = _place(path, tree)
        return Node(TEXT, place, text) if text is not None else Node("unknown", place)
    if data == "tuple":
        items = [_value(path, child) for child in tree.children if getattr(child, "data", "") == "expr_term"]
        return Node(LIST, _place(path, tree), items=tuple(items))
    if data is None:
        return Node(NOTHING, Place(path))
    leaf = tree.children[0] if len(tree.children) == 1 else None
    if leaf is not None and not hasattr(leaf, "data") and data in ("int_lit", "float_lit", "keyword", "identifier"):
        return Node(TEXT, _place(path, tree), str(leaf), is_plain=True)
    return Node("unknown", _place(path, tree))


def workloads(document: Node) -> Iterator[Workload]:
    """The tasks of the jobs that run in containers."""
    for job in document.get("job"):
        for group in (*job.get("group"), job):
            for task in group.get("task"):
                if task.get("driver").text in ("docker", "podman"):
                    yield _workload(task)


def _workload(task: Node) -> Workload:
    stated = task.get("kill_timeout")
    seconds = times.go(stated.text) if stated.kind == TEXT else None
    config = next(iter(task.get("config")), nodes.missing(task.place.path))
    environment = next(iter(task.get("env")), nodes.missing(task.place.path))
    image, signal, init = config.get("image"), task.get("kill_signal"), config.get("init")
    command, args = reading.words(config.get("command")), reading.words(config.get("args"))
    if config.get("args").kind == LIST:
        args = Words(tuple(item.text if item.kind == TEXT else None for item in config.get("args")), config.get("args").place)
    if command is not None:
        word = config.get("command").text if config.get("command").kind == TEXT else None
        command = Words((word, *(args.words if args else ())), command.place)
    variables = {name: value for name, value in reading.variables(environment).items() if name != "labels"}
    label = task.get("labels")
    return Workload(
        NOMAD,
        label.items[0].text if label.items else "?",
        task.place,
        At(image.text, image.place) if image.kind == TEXT else None,
        None,
        reading.words(config.get("entrypoint")),
        command or args,
        variables,
        not task.get("template"),
        At(seconds, stated.place) if seconds is not None else (None if stated else At(GRACE, task.place)),
        bool(stated),
        At(signal.text.upper().removeprefix("SIG"), signal.place) if signal.kind == TEXT else None,
        At(init.is_true, init.place) if init else None,
        None,
        task,
    )
