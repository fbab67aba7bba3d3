"""PURE. Task definitions of Amazon ECS as workloads.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
"""

from __future__ import annotations

from collections.abc import Iterator

from pyinit.check import nodes, reading
from pyinit.check.model import ECS, At, Words, Workload
from pyinit.check.nodes import Node

#: Seconds from the stop request to SIGKILL where a definition does not say, and the most that Fargate takes.
GRACE, MOST_OF_FARGATE = 30.0, 120.0


def workloads(documents: list[Node]) -> Iterator[Workload]:
    """The containers, of definitions as they are registered and as `describe-task-definition` prints them."""
    for document in documents:
        definition = document.get("taskDefinition") or document
        for container in definition.get("containerDefinitions"):
            if container.kind == nodes.MAP:
                yield _workload(container)


def _workload(container: Node) -> Workload:
    stated = container.get("stopTimeout")
    seconds = stated.number
    image = container.get("image")
    init = container.get("linuxParameters", "initProcessEnabled")
    name = container.get("name")
    grace = At(seconds, stated.place) if seconds is not None else (None if stated else At(GRACE, container.place))
    is_whole = not container.get("environmentFiles") and not container.get("secrets")
    return Workload(
        ECS,
        name.text or "?",
        name.place if name else container.place,
        At(image.text, image.place) if image else None,
        None,
        _list(container.get("entryPoint")),
        _list(container.get("command")),
        reading.variables(container.get("environment")),
        is_whole,
        grace,
        bool(stated),
        None,
        At(init.is_true, init.place) if init else None,
        None,
        container,
        None,
    )


def _list(node: Node) -> Words | None:
    return reading.words(node) if node.kind == nodes.LIST and node.items else None


def is_fargate(definition: Node) -> bool:
    """Whether a definition is for Fargate and nothing else."""
    kinds = [item.text for item in definition.get("requiresCompatibilities")]
    return kinds == ["FARGATE"]
