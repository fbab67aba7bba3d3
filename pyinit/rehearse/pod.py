"""PURE, but for reading it. A container of a pod spec: kubernetes.io/docs/reference/kubernetes-api/workload-resources."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyinit.rehearse.faults import UsageError
from pyinit.rehearse.subject import KUBERNETES, Probe, Subject
from pyinit.rehearse.yaml_files import documents

#: Where a kind keeps its pod spec.
PLACES = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), ("spec", "template", "spec")),
}

#: A pod's, where it names none.
GRACE = 30.0


def is_manifest(path: Path) -> bool:
    """Whether a file of YAML is one of Kubernetes. Raises UsageError."""
    return any("apiVersion" in document and "kind" in document for document in documents(path))


def read(path: Path, name: str) -> Subject:
    """The container of this name in the pod specs of a file, the first one where no name is given. Raises UsageError."""
    names = []
    for spec in _specs(documents(path)):
        for container in spec.get("containers") or []:
            names.append(str(container.get("name")))
            if name in ("", container.get("name")):
                return of(container, spec)
    there = f"there are: {', '.join(names)}" if names else f"there is none of {', '.join(PLACES)}"
    raise UsageError(f"{path}: there is no container {name!r}; {there}")


def _specs(found: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for document in found:
        items = document.get("items") if document.get("kind") == "List" else None
        if items:
            yield from _specs([item for item in items if isinstance(item, dict)])
            continue
        spec: Any = document
        for key in PLACES.get(str(document.get("kind")), ("",)):
            spec = (spec or {}).get(key)
        if isinstance(spec, dict):
            yield spec


def of(container: Mapping[str, Any], spec: Mapping[str, Any]) -> Subject:
    """What the fields of a container mean. Raises UsageError."""
    name = str(container.get("name"))
    if not container.get("image"):
        raise UsageError(f"the container {name!r} has no image")
    ports = {str(port.get("name", "")): int(port["containerPort"]) for port in container.get("ports") or [] if _is_tcp(port)}
    environment, notes = {}, []
    for entry in container.get("env") or []:
        if "value" in entry:
            environment[entry["name"]] = str(entry["value"])
        elif "valueFrom" in entry:
            notes.append(f"{name}: {entry['name']} comes from elsewhere, so give it with --env")
    notes += [
        f"{name}: {field} is left out; give what it needs with --env, --env-file or --volume"
        for field in ("envFrom", "volumeMounts")
        if container.get(field)
    ]
    if spec.get("initContainers"):
        notes.append("initContainers are not run")
    grace = spec.get("terminationGracePeriodSeconds")
    lifecycle = container.get("lifecycle") or {}
    words = container.get("command"), container.get("args")
    user = (container.get("securityContext") or {}).get("runAsUser", (spec.get("securityContext") or {}).get("runAsUser"))
    keywords = {
        **({"user": str(user)} if user is not None else {}),
        **({"working_dir": container["workingDir"]} if container.get("workingDir") else {}),
    }
    return Subject(
        container["image"],
        KUBERNETES,
        name,
        None if words[0] is None else tuple(words[0]),
        None if words[1] is None else tuple(words[1]),
        environment,
        tuple(ports.values()),
        stop_signal=str(lifecycle.get("stopSignal") or ""),
        grace=GRACE if grace is None else float(grace),
        healthcheck={"Test": ["NONE"]},  # a kubelet does not look at the image's
        probe=_probe(container.get("readinessProbe"), ports),
        pre_stop=_pre_stop(lifecycle.get("preStop") or {}),
        keywords=keywords,
        notes=tuple(notes),
    )


def _is_tcp(port: Mapping[str, Any]) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")


def _port(value: object, ports: Mapping[str, int]) -> int:
    text = str(value)
    if text.isdecimal():
        return int(text)
    if text not in ports:
        raise UsageError(f"a probe names the port {text!r}, which the container does not have")
    return ports[text]


def _probe(probe: Mapping[str, Any] | None, ports: Mapping[str, int]) -> Probe | None:
    if probe is None:
        return None
    usual = Probe(
        "",
        successes=int(probe.get("successThreshold", 1)),
        period=float(probe.get("periodSeconds", 10)),
        delay=float(probe.get("initialDelaySeconds", 0)),
    )
    if "httpGet" in probe:
        target = probe["httpGet"]
        kind = "https" if str(target.get("scheme", "HTTP")) == "HTTPS" else "http"
        return replace(usual, kind=kind, port=_port(target["port"], ports), path=str(target.get("path") or "/"))
    if "tcpSocket" in probe:
        return replace(usual, kind="tcp", port=_port(probe["tcpSocket"]["port"], ports))
    if "exec" in probe:
        return replace(usual, kind="exec", command=tuple(map(str, probe["exec"]["command"])))
    raise UsageError("a readinessProbe is httpGet, tcpSocket or exec here")


def _pre_stop(hook: Mapping[str, Any]) -> float | tuple[str, ...]:
    if "sleep" in hook:
        return float(hook["sleep"]["seconds"])
    if "exec" in hook:
        return tuple(map(str, hook["exec"]["command"]))
    if hook:
        raise UsageError("a preStop hook is sleep or exec here")
    return 0.0
