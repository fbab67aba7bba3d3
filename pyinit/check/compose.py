"""PURE. Compose files and stacks as workloads, by the Compose specification."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator

from pyinit.check import nodes, reading, times
from pyinit.check.model import COMPOSE, SWARM, At, Build, Workload
from pyinit.check.nodes import Node

#: Seconds from the stop request to SIGKILL, where a file does not say.
GRACE = 10.0


def services(document: Node) -> Iterator[tuple[str, Node]]:
    """The services of a file by their names."""
    for key, service in document.get("services").pairs:
        if service.kind == nodes.MAP:
            yield key.text, service


def workloads(path: str, documents: list[Node]) -> Iterator[Workload]:
    """The services. One that extends another, or that only adds to one, is left out: what it inherits is not looked up."""
    for document in documents:
        for name, service in services(document):
            is_whole = service.get("image") or service.get("build")  # or it is merged with another file's
            if is_whole and not service.get("extends") and not service.get("provider"):
                yield _workload(path, name, service, document)


def _workload(path: str, name: str, service: Node, document: Node) -> Workload:
    stated = service.get("stop_grace_period")
    seconds = _seconds(stated)
    image = service.get("image")
    image_text = reading.compose_text(image.text) if image else None
    signal = service.get("stop_signal")
    signal_text = reading.compose_text(signal.text) if signal else None
    init = service.get("init")
    key = next((key for key, value in document.get("services").pairs if value is service), service)
    grace = At(seconds, stated.place) if seconds is not None else (None if stated else At(GRACE, key.place))
    return Workload(
        SWARM if is_swarm(service) else COMPOSE,
        name,
        key.place,
        At(image_text, image.place) if image_text else None,
        _build(path, service.get("build")),
        reading.words(service.get("entrypoint"), reading.compose_text),
        reading.words(service.get("command"), reading.compose_text),
        reading.variables(service.get("environment"), reading.compose_text),
        not service.get("env_file"),
        grace,
        bool(stated),
        At(signal_text.upper().removeprefix("SIG"), signal.place) if signal_text else None,
        At(init.is_true, init.place) if init else None,
        None,
        service,
    )


def _seconds(node: Node) -> float | None:
    if node.kind != nodes.TEXT:
        return None
    text = reading.compose_text(node.text)
    return times.go(text) if text else None


def is_swarm(service: Node) -> bool:
    """Whether a service says what only Swarm does: rolling updates."""
    return bool(service.get("deploy", "update_config") or service.get("deploy", "rollback_config"))


def _build(path: str, node: Node) -> Build | None:
    if not node:
        return None
    folder = os.path.dirname(path)
    context_node = node if node.kind == nodes.TEXT else node.get("context")
    context = reading.compose_text(context_node.text) if context_node else "."
    if context is None or "://" in context or context.startswith("git@"):
        return None
    if node.get("dockerfile_inline"):
        return None
    dockerfile_node = node.get("dockerfile")
    dockerfile = reading.compose_text(dockerfile_node.text) if dockerfile_node else "Dockerfile"
    target_node = node.get("target")
    target = reading.compose_text(target_node.text) if target_node else None
    if dockerfile is None or (target_node and target is None):
        return None
    where = os.path.normpath(os.path.join(folder, context))
    args = {name: value.value for name, value in reading.variables(node.get("args"), reading.compose_text).items()}
    full = dockerfile if posixpath.isabs(dockerfile) else os.path.normpath(os.path.join(where, dockerfile))
    return Build(where, full, target, args, node.place)
