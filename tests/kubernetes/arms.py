"""What is updated: a server under each init, as a Deployment that its users would write."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.images import SERVERS as SERVERS_IMAGE
from tests.kubernetes.images import UNTOUCHED
from tests.rolling.servers import HEALTH_PORT, PORT, SERVERS, Server
from tests.rolling.variants import DELAY_AUTO, EXEC_FORM, GRACE_PERIOD, INITS, START_SCRIPT, Init, Removal, Variant

#: kube-proxy in the mode that every kernel has.
IPTABLES = "iptables"

RUNTIME_CLASS = "pyinit"

#: Seconds that the application has for the answer to a probe, whoever asks: the kubelet, or pyinit.
PROBE_TIMEOUT = 5

#: pyinit knows from the application when it is ready, and tells the kubelet on a port of its own.
READY = Init(
    "pyinit, delay auto, ready",
    ("pyinit", "--"),
    (
        *DELAY_AUTO,
        ("PYINIT_READY", f"http://127.0.0.1:{PORT}/"),
        ("PYINIT_READY_TIMEOUT", str(PROBE_TIMEOUT)),
        ("PYINIT_HEALTH_LISTEN", str(HEALTH_PORT)),
    ),
    tells=True,
)

#: The image and its start.sh know of no init: the runtime of the node puts pyinit in front.
BY_RUNTIME = Init("none, runtimeClassName: pyinit")

#: By the word that the command line uses, in the order of the table.
ARMS: Mapping[str, tuple[Init, str]] = {
    "none": (INITS["none"], START_SCRIPT),
    "tini": (INITS["tini"], START_SCRIPT),
    "dumb-init": (INITS["dumb-init"], START_SCRIPT),
    "exec": (INITS["none"], EXEC_FORM),
    "sleep": (INITS["sleep"], EXEC_FORM),
    "auto": (INITS["auto"], START_SCRIPT),
    "ready": (READY, START_SCRIPT),
    "runtime": (BY_RUNTIME, START_SCRIPT),
}

#: Those that are said to lose nothing over new connections.
CLAIMED = ("sleep", "auto", "ready", "runtime")


@dataclass(frozen=True)
class Strategy:
    """How a Deployment is updated. `unavailable`, `surge`: as its strategy has them."""

    name: str
    replicas: int
    unavailable: str | int
    surge: str | int


#: 25 % of three is rounded down to none.
STRATEGIES = {
    "0": Strategy("maxUnavailable 0", 3, 0, 1),
    "25": Strategy("maxUnavailable 25 %", 4, "25%", "25%"),
}


def variant(arm: str, strategy: str, server: Server = SERVERS["gunicorn-gthread"]) -> Variant:
    """An arm as the tables of rolling updates have it; its removal is the strategy, for it is the cluster that removes."""
    init, form = ARMS[arm]
    return Variant(server, form, init, IPTABLES, Removal(STRATEGIES[strategy].name, ()))


def manifest(one: Variant, strategy: Strategy) -> dict[str, Any]:
    """The Deployment."""
    init = one.init
    container: dict[str, Any] = {
        "name": "app",
        "image": SERVERS_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": one.command,
        "env": [{"name": name, "value": value} for name, value in init.env],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 2, "timeoutSeconds": PROBE_TIMEOUT},
    }
    pod: dict[str, Any] = {"terminationGracePeriodSeconds": int(GRACE_PERIOD), "containers": [container]}
    if init is BY_RUNTIME:
        del container["command"]
        container["image"], container["args"] = UNTOUCHED, shlex.split(one.server.command)
        pod["runtimeClassName"] = RUNTIME_CLASS
    if init.tells:
        container["readinessProbe"]["httpGet"] = {"path": "/readyz", "port": HEALTH_PORT}
    if init.pre_stop:
        container["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", f"{init.pre_stop:g}"]}}}
    rolling = {"maxUnavailable": strategy.unavailable, "maxSurge": strategy.surge}
    labels = {"app": "app"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {
            "replicas": strategy.replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


#: What clients ask.
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "app"},
    "spec": {"type": "NodePort", "selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": PORT}]},
}
