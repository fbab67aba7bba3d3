"""PI5..: the traffic: what sends it, and how long it does so after the stop request."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

from pyinit.check import balancers, kubernetes, times
from pyinit.check.chain import Project, Subject
from pyinit.check.model import KUBERNETES, Finding, Place, Pod
from pyinit.check.nodes import Node
from pyinit.check.rules import delays
from pyinit.settings.config import Config

#: Ingress classes and annotations, and whose row counts for the pods behind them.
CLASSES = {
    "alb": balancers.ALB,
    "gce": balancers.NEG,
    "azure-application-gateway": balancers.AGIC,
    "azure/application-gateway": balancers.AGIC,
    "nginx": balancers.INGRESS_NGINX,
    "traefik": balancers.TRAEFIK,
    "haproxy": balancers.HAPROXY,
}

#: Seconds after which a probe does not hold `auto` up, beyond its quiet time.
BESIDE_QUIET = 1.0


def services_of(project: Project, pod: Pod) -> list[Node]:
    """The Services that select a pod."""
    if id(pod) not in project.services:
        project.services[id(pod)] = [one for one in _near(project, pod, "Service") if _selects(one, pod)]
    return project.services[id(pod)]


def _selects(service: Node, pod: Pod) -> bool:
    selector = service.get("spec", "selector").pairs
    return bool(selector) and all(pod.labels.get(key.text) == value.text for key, value in selector)


def _near(project: Project, pod: Pod, *kinds: str) -> list[Node]:
    """The objects of the pod's namespace; where it is there several times (for several stages, say) those of its folder."""
    name = pod.document.get("metadata", "name").text
    same = [one for one in project.of_kind(pod.kind) if one.get("metadata", "name").text == name]
    folder = os.path.dirname(pod.document.place.path)
    return [
        one
        for one in project.of_kind(*kinds)
        if one.get("metadata", "namespace").text == pod.namespace
        and (len(same) < 2 or os.path.dirname(one.place.path) == folder)  # noqa: PLR2004 - it is there once
    ]


def ingresses_of(project: Project, pod: Pod) -> list[Node]:
    """The Ingresses that send to a pod's Services."""
    names = {service.get("metadata", "name").text for service in services_of(project, pod)}
    return [one for one in _near(project, pod, "Ingress") if names and _backends(one) & names]


def budgets_of(project: Project, pod: Pod) -> list[Node]:
    """The disruption budgets that are for a pod."""
    found = []
    for one in _near(project, pod, "PodDisruptionBudget"):
        wanted = one.get("spec", "selector", "matchLabels").pairs
        is_for = bool(wanted) and all(pod.labels.get(key.text) == value.text for key, value in wanted)
        if is_for and not one.get("spec", "selector", "matchExpressions"):
            found.append(one)
    return found


def namespace_of(project: Project, pod: Pod) -> Node | None:
    """The Namespace of a pod, if it is among the files."""
    return next(
        (one for one in project.of_kind("Namespace") if pod.namespace and one.get("metadata", "name").text == pod.namespace),
        None,
    )


def _backends(ingress: Node) -> set[str]:
    spec = ingress.get("spec")
    found = [
        spec.get("defaultBackend"),
        *(path.get("backend") for rule in spec.get("rules") for path in rule.get("http", "paths")),
    ]
    return {backend.get("service", "name").text or backend.get("serviceName").text for backend in found} - {""}


def _class_of(ingress: Node) -> str:
    annotations = {key.text: value.text for key, value in ingress.get("metadata", "annotations").pairs}
    return ingress.get("spec", "ingressClassName").text or annotations.get("kubernetes.io/ingress.class", "")


def balancers_of(project: Project, pod: Pod) -> dict[str, Node]:
    """The rows that count for a pod, and the object that says so. Behind an ALB of target type instance kube-proxy's counts."""
    found: dict[str, Node] = {}
    for ingress in ingresses_of(project, pod):
        row = CLASSES.get(_class_of(ingress))
        annotations = {key.text: value.text for key, value in ingress.get("metadata", "annotations").pairs}
        if row == balancers.ALB and _target_type(annotations, services_of(project, pod)) != "ip":
            continue
        if row:
            found[row] = ingress
    for service in services_of(project, pod):
        annotations = {key.text: value.text for key, value in service.get("metadata", "annotations").pairs}
        if service.get("spec", "type").text == "LoadBalancer" and (
            annotations.get("service.beta.kubernetes.io/aws-load-balancer-nlb-target-type") == "ip"
            or annotations.get("service.beta.kubernetes.io/aws-load-balancer-type") == "nlb-ip"
        ):
            found[balancers.NLB] = service
        if "cloud.google.com/neg" in annotations and '"ingress": true' in annotations["cloud.google.com/neg"]:
            behind = [one for one in ingresses_of(project, pod) if _class_of(one) in ("", "gce", "gce-internal")]
            if behind:
                found[balancers.NEG] = service
        is_azure = any(name.startswith("service.beta.kubernetes.io/azure-") for name in annotations)
        if is_azure and service.get("spec", "externalTrafficPolicy").text == "Local":
            found[balancers.AZURE] = service
    return found


def _target_type(annotations: dict[str, str], services: list[Node]) -> str:
    """The target type of an ALB: the Service's own word counts before the Ingress's."""
    name = "alb.ingress.kubernetes.io/target-type"
    said = [value.text for one in services for key, value in one.get("metadata", "annotations").pairs if key.text == name]
    return said[0] if said else annotations.get(name, "instance")


def _receives(subject: Subject) -> Pod | None:
    """The pod of a container that a Service sends to, once for each pod: its first container."""
    workload = subject.workload
    if workload is None or workload.pod is None or workload.pod.kind not in kubernetes.SERVING:
        return None
    with_ports = [one for one in workload.pod.spec.get("containers") if one.get("ports")]
    first = with_ports[0] if with_ports else next(iter(workload.pod.spec.get("containers")), None)
    return workload.pod if first is workload.node else None


def pi501(subject: Subject) -> Iterator[Finding]:
    """A delay that is shorter than the load balancer needs."""
    pod = _receives(subject)
    workload = subject.workload
    if pod is None or workload is None:
        return
    rows = [(balancers.BY_NAME[name], said) for name, said in balancers_of(subject.project, pod).items()]
    if not rows:
        return
    row, said = max(rows, key=lambda pair: pair[0].minimum)
    least = delays.least_delay(subject)
    hook = workload.hook
    if least is None and hook is not None:
        return  # a hook whose time is not known
    step = subject.launch.pyinit
    if least is None and (not subject.env_is_whole or (step is not None and step.config is None)):
        return  # an image that is not known may wait by itself
    if least is not None and least.value >= row.minimum:
        return
    if least is None:
        yield Finding(
            "PI501",
            f"{row.name} goes on sending for {row.minimum} s or more after the stop request, and nothing here waits for it",
            workload.place,
            (*subject.chain, said.place),
            mend=_delay_for(row),
        )
        return
    yield Finding(
        "PI501",
        f"{row.name} goes on sending for {row.minimum} s or more after the stop request",
        least.place,
        (*subject.chain, said.place),
        sum=f"{times.shown(least.value)} < {row.minimum}",
        mend=_delay_for(row),
    )


def _delay_for(row: balancers.Row) -> str:
    return (
        f"PYINIT_PRE_STOP_DELAY=auto with PYINIT_PRE_STOP_MIN={row.minimum} and PYINIT_PRE_STOP_MAX={row.maximum}, "
        f"terminationGracePeriodSeconds: {row.allowed}; or a preStop sleep of {row.minimum} s"
    )


def pi502(subject: Subject) -> Iterator[Finding]:
    """Pods that an AWS load balancer has as its targets, and no readiness gate."""
    pod = _receives(subject)
    if pod is None or pod.spec.get("readinessGates") or not pod.namespace:
        return
    found = {name: said for name, said in balancers_of(subject.project, pod).items() if name in (balancers.ALB, balancers.NLB)}
    namespace = namespace_of(subject.project, pod)
    if not found or namespace is None:
        return
    labels = {key.text: value.text for key, value in namespace.get("metadata", "labels").pairs}
    if labels.get("elbv2.k8s.aws/pod-readiness-gate-inject") == "enabled":
        return
    name, said = next(iter(found.items()))
    yield Finding(
        "PI502",
        f"a new pod counts as ready before {name} sends to it, so an update may stop all the old ones before",
        namespace.get("metadata", "name").place,
        (*subject.chain, said.place),
        mend="elbv2.k8s.aws/pod-readiness-gate-inject: enabled, as a label of the namespace",
    )


#: Sidecars that carry traffic, by a part of their image's name, and what keeps each alive.
SIDECARS = (
    (re.compile(r"cloud-?sql-proxy|gce-proxy|alloydb-auth-proxy"), r"--?(?:term_timeout|max-sigterm-delay|quitquitquit)"),
    (re.compile(r"(?:^|/)envoy(?:-distroless)?(?:$|[:@])"), r"drain-time-s"),
)


def pi503(subject: Subject) -> Iterator[Finding]:
    """A sidecar that leaves while the application still serves."""
    workload = subject.workload
    if workload is None or workload.pod is None or kubernetes.is_native_sidecar(workload):
        return
    delay = delays.pyinit_delay(subject)
    hook = workload.hook
    seconds = max((delay.value if delay else 0.0), (hook.seconds or 0.0) if hook else 0.0)
    if not seconds:
        return
    place = delay.place if delay is not None and delay.value == seconds else (hook.place if hook else workload.place)
    yield from _istio(subject, workload.pod, seconds, place)
    for other in subject.project.workloads:
        if other.pod is not workload.pod or other is workload or kubernetes.is_native_sidecar(other) or other.image is None:
            continue
        for pattern, stays in SIDECARS:
            words = [word or "" for one in (other.entrypoint, other.command) if one is not None for word in one.words]
            variables = any("SIGTERM_DELAY" in name or "TERM_TIMEOUT" in name for name in other.env)
            if (
                pattern.search(other.image.value)
                and other.hook is None
                and not variables
                and not re.search(stays, " ".join(words))
            ):
                yield Finding(
                    "PI503",
                    "this sidecar is told to stop at the same moment, and leaves while the application serves on for "
                    f"{times.shown(seconds)} s",
                    other.place,
                    (*subject.chain, place),
                    mend="make it a native sidecar: under initContainers, with restartPolicy: Always",
                )


def _istio(subject: Subject, pod: Pod, seconds: float, place: Place) -> Iterator[Finding]:
    config = pod.annotations.get("proxy.istio.io/config")
    if config is None:
        return
    try:
        stated = json.loads(config.value).get("terminationDrainDuration")
    except (ValueError, AttributeError):
        found = re.search(r"terminationDrainDuration:\s*[\"']?(\w+)", config.value)
        stated = found[1] if found else None
    drain = times.seconds(str(stated)) if stated else None
    is_native = pod.annotations.get("sidecar.istio.io/nativeSidecar")
    if drain is not None and drain < seconds and not (is_native and is_native.value == "true"):
        yield Finding(
            "PI503",
            f"Istio's sidecar leaves {times.shown(drain)} s after the stop request, while the application serves on",
            config.place,
            (*subject.chain, place),
            sum=f"{times.shown(drain)} < {times.shown(seconds)}",
            mend="terminationDrainDuration as long as terminationGracePeriodSeconds, or a native sidecar",
        )


def _watched_probe_port(subject: Subject, probe: Node, config: Config) -> bool:
    stated = probe.get("httpGet", "port") or probe.get("tcpSocket", "port")
    number = stated.number
    if number is None and subject.workload is not None and subject.workload.node is not None:
        ports = subject.workload.node.get("ports")
        number = next((port.get("containerPort").number for port in ports if port.get("name").text == stated.text), None)
    return number is not None and config.watches(int(number))


def pi504(subject: Subject) -> Iterator[Finding]:
    """Readiness probes that look like traffic, and hold `auto` up."""
    workload, step = subject.workload, subject.launch.pyinit
    if workload is None or workload.platform != KUBERNETES or workload.node is None or step is None or step.config is None:
        return
    config, probe = step.config, workload.node.get("readinessProbe")
    if config.pre_stop_delay is not None or not probe or not subject.env_is_whole:
        return
    period = probe.get("periodSeconds").number or 10.0
    if period <= config.pre_stop_quiet + BESIDE_QUIET and _watched_probe_port(subject, probe, config):
        yield Finding(
            "PI504",
            "the readiness probe is a connection to a port that is watched, so `auto` is never quiet and takes its maximum",
            workload.node.key("readinessProbe").place,
            subject.chain,
            sum=f"{times.shown(period)} <= {times.shown(config.pre_stop_quiet)} + {times.shown(BESIDE_QUIET)}",
            mend="PYINIT_HEALTH_LISTEN and a probe of /readyz there, or PYINIT_IGNORE_PORTS for a port of its own",
        )


def pi505(subject: Subject) -> Iterator[Finding]:
    """The host's network, on which the traffic is not the container's alone."""
    workload, step = subject.workload, subject.launch.pyinit
    if workload is None or workload.node is None or step is None or step.config is None:
        return
    config = step.config
    if config.pre_stop_delay is not None or config.ports or not subject.env_is_whole:
        return
    in_pod = workload.pod.spec.get("hostNetwork") if workload.pod is not None else None
    in_service = workload.node.get("network_mode")
    stated = in_pod if in_pod is not None and in_pod.is_true else (in_service if in_service.text == "host" else None)
    if stated is not None:
        yield Finding(
            "PI505",
            "on the host's network the traffic is not the container's alone, so `auto` takes its maximum",
            stated.place,
            subject.chain,
            mend="PYINIT_PORTS, with the ports that are its own",
        )


CHECKS = (pi501, pi502, pi503, pi504, pi505)
