"""PI4..: what the orchestrator is told: hooks, probes, strategies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyinit.check import balancers, commands, kubernetes, launch, nodes, quadlet, script, times
from pyinit.check.chain import Subject
from pyinit.check.model import COMPOSE, KUBERNETES, QUADLET, SWARM, Finding, Pod, Workload
from pyinit.check.nodes import Node
from pyinit.check.rules import delays
from pyinit.check.rules.network import balancers_of, budgets_of, namespace_of, services_of
from pyinit.settings.config import AT_REQUEST
from pyinit.settings.words import SHELL_WORDS

#: What Kubernetes and Docker take where a probe does not say, in seconds and in failures.
PERIOD, FAILURES, DOCKER_INTERVAL, DOCKER_RETRIES = 10.0, 3.0, 30.0, 3.0


def pi401(subject: Subject) -> Iterator[Finding]:
    """A hook whose program is not in the image."""
    workload = subject.workload
    if workload is None or workload.hook is None or workload.hook.kind != "exec" or not workload.hook.words:
        return
    first = workload.hook.words[0]
    missing = first if subject.tool(first) is False else None
    if missing is None and commands.is_shell(first) and len(workload.hook.words) > 2 and workload.hook.words[2]:  # noqa: PLR2004 - sh -c TEXT
        parsed = script.parse(workload.hook.place.path, workload.hook.words[2], workload.hook.place.line)
        for statement in parsed.walk():
            word = statement.words[0] if statement.kind == script.COMMAND and statement.words else None
            if word and word not in SHELL_WORDS and word not in parsed.functions and subject.tool(word) is False:
                missing = word
                break
    if missing:
        yield Finding(
            "PI401",
            f"{commands.base(missing)} is not in the image: the hook fails at once, and the container is told without any "
            "delay",
            workload.hook.place,
            subject.chain,
            mend="preStop: {sleep: {seconds: 15}}, which the kubelet does itself (1.30 and newer); or pyinit's delay",
        )


def pi402(subject: Subject) -> Iterator[Finding]:
    """A command in the manifest that replaces pyinit."""
    workload = subject.workload
    if workload is None or subject.launch.pyinit is not None:
        return
    if any(step.kind in (launch.INIT, launch.UNKNOWN) for step in subject.launch.steps):
        return
    replaced = workload.entrypoint or workload.command
    if replaced is None:
        return
    image = subject.image
    as_built = launch.follow(subject.around) if image is not None and image.is_entrypoint_known else None
    ours = [name for name in workload.env if name.startswith("PYINIT_")]
    has_pyinit = as_built is not None and as_built.pyinit is not None
    if not has_pyinit and not (ours and workload.entrypoint is not None and workload.platform == KUBERNETES):
        return
    key = "command" if workload.platform == KUBERNETES and workload.entrypoint is not None else "this"
    why = "of the image" if has_pyinit else f"that {ours[0]} is for"
    yield Finding(
        "PI402",
        f"{key} replaces the ENTRYPOINT, and with it the pyinit {why}",
        replaced.place,
        subject.chain,
        mend="use `args`" if workload.platform == KUBERNETES else 'put "pyinit", "--" in front',
    )


# --- Kubernetes ---


def _serving(subject: Subject) -> tuple[Workload, Pod] | None:
    """A workload of a Service: its main containers only."""
    workload = subject.workload
    if workload is None or workload.pod is None or workload.pod.kind not in kubernetes.SERVING:
        return None
    if kubernetes.is_native_sidecar(workload) or not services_of(subject.project, workload.pod):
        return None
    return workload, workload.pod


def _first_of_pod(subject: Subject) -> tuple[Workload, Pod] | None:
    """A pod by its first container, so that what is said of the pod is said once."""
    workload = subject.workload
    if workload is None or workload.pod is None or workload.node is None:
        return None
    first = next(iter(workload.pod.spec.get("containers")), None)
    return (workload, workload.pod) if first is workload.node else None


def _serves_port(workload: Workload, subject: Subject) -> bool:
    """Whether a Service sends to this container, as far as ports tell."""
    if workload.node is None or workload.pod is None:
        return False
    containers = workload.pod.spec.get("containers").items
    ports = workload.node.get("ports")
    named = {port.get("name").text for port in ports} | {port.get("containerPort").text for port in ports}
    for service in services_of(subject.project, workload.pod):
        for port in service.get("spec", "ports"):
            target = port.get("targetPort") or port.get("port")
            if target.text in named:
                return True
    return len(containers) == 1 and bool(ports)


def pi403(subject: Subject) -> Iterator[Finding]:
    """Readiness: missing, TCP only, or the same as liveness."""
    found = _serving(subject)
    if found is None or not _serves_port(found[0], subject) or found[0].node is None:
        return
    workload, pod = found
    container = found[0].node
    readiness, liveness = container.get("readinessProbe"), container.get("livenessProbe")
    if not readiness:
        yield Finding(
            "PI403",
            "a Service sends to this container, and nothing tells when it is ready: a new pod gets traffic as soon as it runs",
            workload.place,
            subject.chain,
            mend="a readinessProbe; with PYINIT_HEALTH_LISTEN: httpGet /readyz",
        )
        return
    is_http = (
        bool(liveness.get("httpGet"))
        or any(re.search(r"http|web", port.get("name").text) for port in container.get("ports"))
        or any(name != "kube-proxy, iptables" for name in balancers_of(subject.project, pod))
    )
    if readiness.get("tcpSocket") and is_http:
        yield Finding(
            "PI403",
            "readiness is asked by TCP alone: the kernel accepts before the application serves, and while it hangs",
            container.key("readinessProbe").place,
            subject.chain,
            mend="httpGet on a path of the application",
        )
    if _same(readiness, liveness) and _budget(liveness) <= _budget(readiness):
        yield Finding(
            "PI403",
            "liveness asks the same as readiness, as often: a pod that is merely busy is killed, and not just taken out",
            container.key("livenessProbe").place,
            (*subject.chain, container.key("readinessProbe").place),
            mend="another path for livenessProbe, or a higher failureThreshold",
        )


def _same(one: Node, other: Node) -> bool:
    for kind in ("httpGet", "tcpSocket", "exec", "grpc"):
        if one.get(kind) and other.get(kind):
            fields = ("path", "port") if kind != "exec" else ("command",)
            return all(_plain(one.get(kind, field)) == _plain(other.get(kind, field)) for field in fields)
    return False


def _plain(node: Node) -> object:
    return tuple(_plain(item) for item in node.items) if node.kind == nodes.LIST else node.text


def _number(node: Node, default: float) -> float:
    return node.number if node.number is not None else default


def _budget(probe: Node) -> float:
    """Seconds that a probe may fail before it counts."""
    return _number(probe.get("periodSeconds"), PERIOD) * _number(probe.get("failureThreshold"), FAILURES)


def pi404(subject: Subject) -> Iterator[Finding]:
    """Readiness that falls at the stop request inside Kubernetes."""
    workload, step = subject.workload, subject.launch.pyinit
    if workload is None or workload.platform != KUBERNETES or step is None or step.config is None:
        return
    stated = subject.variable("PYINIT_UNREADY_AT")
    has_flag = commands.option(step.words, "--unready-at")
    if step.config.unready_at == AT_REQUEST and (stated is not None or has_flag):
        place = stated.place if stated is not None else step.place
        yield Finding(
            "PI404",
            "readiness falls at the stop request: Kubernetes takes the pod out by itself, and while all pods of a Service "
            "stop it sends "
            "only to those that are ready still",
            place,
            subject.chain,
            mend="leave it out: `auto` is right",
        )


def pi405(subject: Subject) -> Iterator[Finding]:
    """Less time to start than pyinit is told to allow."""
    workload, step = subject.workload, subject.launch.pyinit
    if workload is None or workload.node is None or step is None or step.config is None or not step.config.start_timeout:
        return
    start = step.config.start_timeout
    node = workload.node
    if workload.platform == KUBERNETES:
        probe, name = (
            (node.get("startupProbe"), "startupProbe")
            if node.get("startupProbe")
            else (node.get("livenessProbe"), "livenessProbe")
        )
        if not probe:
            return
        parts = [_number(probe.get("initialDelaySeconds"), 0.0), _budget(probe)]
        place = node.key(name).place
        mend = "a startupProbe" if name == "livenessProbe" else "a higher failureThreshold"
    elif workload.platform in (COMPOSE, SWARM) and node.get("healthcheck", "test"):
        check = node.get("healthcheck")
        period = times.go(check.get("start_period").text) or 0.0
        interval = times.go(check.get("interval").text) or DOCKER_INTERVAL
        parts = [period, interval * _number(check.get("retries"), DOCKER_RETRIES)]
        place, name, mend = node.key("healthcheck").place, "healthcheck", "a longer start_period"
    else:
        return
    parts = [part for part in parts if part]
    if sum(parts) < start:
        yield Finding(
            "PI405",
            f"the {name} gives up before PYINIT_START_TIMEOUT: the container is killed, and nobody is told what was missing",
            place,
            subject.chain,
            sum=times.total(parts, start, "<"),
            mend=f"{mend}: longer than {times.shown(start)} s in all",
        )


def pi406(subject: Subject) -> Iterator[Finding]:
    """A rolling update that stops all pods at once."""
    found = _first_of_pod(subject)
    if found is None or found[1].kind not in ("Deployment", "DaemonSet", "StatefulSet"):
        return
    document = found[1].document
    rolling = document.get("spec", "strategy" if found[1].kind == "Deployment" else "updateStrategy", "rollingUpdate")
    stated = rolling.get("maxUnavailable")
    replicas = document.get("spec", "replicas")
    number = replicas.number
    if not stated or (number is not None and number == 0) or _has_claims(found[1]):
        return
    if found[1].kind != "Deployment" and stated.text != "100%":
        return
    percent = re.fullmatch(r"(\d+)%", stated.text)
    is_all = bool(percent) and int((percent or [0, 0])[1]) >= 100  # noqa: PLR2004 - per cent
    if percent and number is not None and not is_all:
        is_all = int(number * int(percent[1]) / 100) >= number
    if not percent and stated.number is not None and number is not None and not _is_scaled(subject, document):
        is_all = stated.number >= number
    if is_all:
        how = f"{times.shown(number)} of {times.shown(number)} pods" if number is not None else "all pods"
        yield Finding(
            "PI406",
            f"an update may stop {how} before a new one is ready",
            stated.place,
            subject.chain,
            sum="" if number is None or percent else f"{times.shown(stated.number or 0)} >= {times.shown(number)}",
            mend="maxUnavailable: 0, with maxSurge: 1",
        )


def _has_claims(pod: Pod) -> bool:
    """Whether a pod has a volume of its own, which the old one has to let go before a new one can have it."""
    return any(volume.get("persistentVolumeClaim") for volume in pod.spec.get("volumes"))


def _is_scaled(subject: Subject, document: Node) -> bool:
    """Whether an autoscaler sets the number of replicas."""
    name = document.get("metadata", "name").text
    return any(
        one.get("spec", "scaleTargetRef", "name").text == name
        for one in subject.project.of_kind("HorizontalPodAutoscaler", "ScaledObject")
    )


def pi407(subject: Subject) -> Iterator[Finding]:
    """Recreate, and budgets that let nobody go."""
    found = _first_of_pod(subject)
    if found is None:
        return
    _, pod = found
    strategy = pod.document.get("spec", "strategy", "type")
    if pod.kind == "Deployment" and strategy.text == "Recreate" and not _has_claims(pod) and services_of(subject.project, pod):
        yield Finding(
            "PI407",
            "Recreate stops all pods before the first new one is started: nobody serves meanwhile",
            strategy.place,
            subject.chain,
            mend="type: RollingUpdate, with maxUnavailable: 0",
        )
    replicas = pod.document.get("spec", "replicas").number
    for budget in budgets_of(subject.project, pod):
        least, most = budget.get("spec", "minAvailable"), budget.get("spec", "maxUnavailable")
        blocks = (least and least.text == "100%") or (most and most.text in ("0", "0%"))
        number = least.number
        if least and number is not None and replicas is not None and not _is_scaled(subject, pod.document):
            blocks = blocks or number >= replicas
        if blocks:
            stated = least or most
            yield Finding(
                "PI407",
                "this budget lets no pod go: a drain of its node waits for ever, and somebody will kill the pod",
                stated.place,
                subject.chain,
                mend="maxUnavailable: 1, and two replicas or more",
            )


def pi408(subject: Subject) -> Iterator[Finding]:
    """RestartAllContainers."""
    node = subject.workload.node if subject.workload is not None and subject.workload.platform == KUBERNETES else None
    if node is None:
        return
    for rule in node.get("restartPolicyRules"):
        if rule.get("action").text == "RestartAllContainers":
            yield Finding(
                "PI408",
                "RestartAllContainers ends all containers of the pod without their preStop hooks, whenever this one exits so",
                rule.get("action").place,
                subject.chain,
                mend="action: Restart, or a delay that is no hook (PYINIT_PRE_STOP_DELAY)",
            )


def pi409(subject: Subject) -> Iterator[Finding]:
    """StopSignal without os.name."""
    workload = subject.workload
    if workload is None or workload.pod is None or workload.node is None:
        return
    stated = workload.node.get("lifecycle", "stopSignal")
    if stated and not workload.pod.spec.get("os", "name"):
        yield Finding(
            "PI409",
            "Kubernetes refuses stopSignal in a pod that does not say spec.os.name",
            stated.place,
            subject.chain,
            mend="os: {name: linux} in the pod's spec",
        )


#: Labels and variables by which a proxy finds a service.
PROXIED = re.compile(r"^traefik\.(?:enable=true|http\.)|^caddy(?:_\d+)?(?:[.=]|$)")


def pi410(subject: Subject) -> Iterator[Finding]:
    """Compose: an update behind a proxy, and no delay."""
    workload = subject.workload
    if workload is None or workload.platform not in (COMPOSE, SWARM) or workload.node is None:
        return
    node = workload.node
    labels = [*node.get("labels").items, *node.get("deploy", "labels").items]
    texts = [item.text for item in labels]
    texts += [
        f"{key.text}={value.text}" for part in (node.get("labels"), node.get("deploy", "labels")) for key, value in part.pairs
    ]
    is_proxied = any(PROXIED.search(text) for text in texts) or "VIRTUAL_HOST" in workload.env
    replicas = node.get("deploy", "replicas").number or 1
    order = node.get("deploy", "update_config", "order").text
    rolls = replicas > 1 or order == "start-first"
    if (
        not is_proxied
        or not rolls
        or delays.least_delay(subject) is not None
        or workload.hook is not None
        or node.get("pre_stop")
    ):
        return
    if (
        any(step.kind == launch.UNKNOWN for step in subject.launch.steps)
        or not subject.launch.is_known
        or not workload.env_is_whole
    ):
        return
    yield Finding(
        "PI410",
        "a proxy sends to this service, and it stops without any delay: what arrives before the proxy knows is refused",
        workload.place,
        subject.chain,
        mend="pyinit in front, with PYINIT_PRE_STOP_DELAY=auto",
    )


def pi411(subject: Subject) -> Iterator[Finding]:
    """MinReadySeconds 0 behind a cloud load balancer."""
    found = _first_of_pod(subject)
    if found is None or found[1].kind != "Deployment":
        return
    _, pod = found
    names = [name for name in balancers_of(subject.project, pod) if name in balancers.OF_CLOUDS]
    seconds = pod.document.get("spec", "minReadySeconds")
    gates = pod.spec.get("readinessGates")
    if not names or gates or _number(seconds, 0.0) > 0 or _has_gates(subject, pod):
        return
    yield Finding(
        "PI411",
        f"{names[0]} takes some seconds to send to a new pod, and without minReadySeconds the old ones are gone before",
        seconds.place if seconds else pod.document.key("spec").place,
        subject.chain,
        mend="minReadySeconds: 15, or readiness gates",
    )


def _has_gates(subject: Subject, pod: Pod) -> bool:
    """Whether the namespace has readiness gates put in; also where that is unknown."""
    namespace = namespace_of(subject.project, pod)
    if namespace is None:
        return False
    return any(
        key.text == "elbv2.k8s.aws/pod-readiness-gate-inject" and value.text == "enabled"
        for key, value in namespace.get("metadata", "labels").pairs
    )


# --- Quadlet ---


def pi412(subject: Subject) -> Iterator[Finding]:
    """Systemd that kills before Podman is done."""
    workload = subject.workload
    if workload is None or workload.platform != QUADLET or workload.node is None or workload.grace is None:
        return
    stated = quadlet.last(workload.node, "Service", "TimeoutStopSec")
    if stated:
        limit = quadlet.systemd_seconds(stated.text)
        place = stated.place
    else:
        limit, place = quadlet.OF_SYSTEMD, workload.grace.place
    if limit is not None and limit > 0 and limit <= workload.grace.value:
        yield Finding(
            "PI412",
            "systemd kills the unit before Podman has given the container its time",
            place,
            subject.chain,
            sum=f"{times.shown(limit)} <= {times.shown(workload.grace.value)}",
            mend=f"TimeoutStopSec={times.shown(workload.grace.value + 5)}",
        )


def pi413(subject: Subject) -> Iterator[Finding]:
    """TimeoutStopSec, which does not lengthen Podman's own time."""
    workload = subject.workload
    if (
        workload is None
        or workload.platform != QUADLET
        or workload.node is None
        or workload.grace_is_stated
        or workload.grace is None
    ):
        return
    stated = quadlet.last(workload.node, "Service", "TimeoutStopSec")
    limit = quadlet.systemd_seconds(stated.text) if stated else None
    if limit is not None and limit > workload.grace.value + 5 and limit != quadlet.OF_SYSTEMD:
        yield Finding(
            "PI413",
            f"Podman kills the container after {times.shown(workload.grace.value)} s, whatever TimeoutStopSec allows the unit",
            stated.place,
            subject.chain,
            mend=f"StopTimeout={times.shown(limit - 5)} in [Container]",
        )


CHECKS = (pi401, pi402, pi403, pi404, pi405, pi406, pi407, pi408, pi409, pi410, pi411, pi412, pi413)
