"""PURE. Kubernetes manifests as workloads: pods, and what makes pods."""

from __future__ import annotations

from collections.abc import Iterator

from pyinit.check import nodes, reading
from pyinit.check.model import KUBERNETES, At, Hook, Pod, Workload
from pyinit.check.nodes import Node

#: Where each kind has the template of its pods.
TEMPLATES = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Rollout": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}

#: Kinds that serve; the others end by themselves.
SERVING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Rollout")

#: Seconds from the stop request to SIGKILL, where a manifest does not say.
GRACE = 30.0


def objects(documents: list[Node]) -> Iterator[Node]:
    """The objects of a file, those of a List one by one."""
    for document in documents:
        if document.get("kind").text.endswith("List") and document.get("items").kind == nodes.LIST:
            yield from (item for item in document.get("items") if item.kind == nodes.MAP)
        elif document.kind == nodes.MAP:
            yield document


def workloads(documents: list[Node]) -> Iterator[Workload]:
    """The containers of the pods; init containers that stay (native sidecars) among them, those that end are not."""
    for document in objects(documents):
        kind = document.get("kind").text
        if kind not in TEMPLATES or not document.get("apiVersion"):
            continue
        if kind in SERVING and kind != "ReplicationController" and not document.get("spec", "selector"):
            continue  # a patch of Kustomize's, say: the rest of it is elsewhere
        template = document.get(*TEMPLATES[kind])
        spec = template.get("spec")
        labels = {key.text: value.text for key, value in template.get("metadata", "labels").pairs}
        annotations = {key.text: At(value.text, value.place) for key, value in template.get("metadata", "annotations").pairs}
        namespace = document.get("metadata", "namespace").text
        pod = Pod(document, spec, kind, labels, namespace, annotations)
        stated = spec.get("terminationGracePeriodSeconds")
        number = stated.number
        for container in (*spec.get("containers"), *_sidecars(spec)):
            if container.kind != nodes.MAP or not container.get("image"):
                continue  # the same
            grace = At(number, stated.place) if number is not None else (None if stated else At(GRACE, spec.place))
            yield _workload(pod, container, grace, is_stated=bool(stated))


def _sidecars(spec: Node) -> list[Node]:
    return [container for container in spec.get("initContainers") if container.get("restartPolicy").text == "Always"]


def _workload(pod: Pod, container: Node, grace: At[float] | None, *, is_stated: bool) -> Workload:
    image = container.get("image")
    signal = container.get("lifecycle", "stopSignal")
    name = f"{pod.document.get('metadata', 'name').text or '?'}/{container.get('name').text or '?'}"
    return Workload(
        KUBERNETES,
        name,
        container.place if not container.get("name") else container.get("name").place,
        At(image.text, image.place) if image else None,
        None,
        reading.words(container.get("command"), reading.kubernetes_text),
        reading.words(container.get("args"), reading.kubernetes_text),
        reading.variables(container.get("env"), reading.kubernetes_text),
        not container.get("envFrom"),
        grace,
        is_stated,
        At(signal.text.upper().removeprefix("SIG"), signal.place) if signal else None,
        None,
        _hook(container.get("lifecycle", "preStop")),
        container,
        pod,
    )


def _hook(node: Node) -> Hook | None:
    if not node:
        return None
    command = reading.words(node.get("exec", "command"))
    if command is not None and node.get("exec", "command").kind == nodes.LIST:
        return reading.hook_of(command)
    asleep = node.get("sleep", "seconds")
    if asleep:
        return Hook("sleep", asleep.place, (), asleep.number, asleep.place)
    return Hook("other", node.place)


def is_native_sidecar(workload: Workload) -> bool:
    """Whether a container is an init container that stays, which is stopped after the others."""
    return workload.node is not None and workload.node.get("restartPolicy").text == "Always"
