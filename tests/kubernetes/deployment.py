"""A Deployment and its Service in a namespace of their own, and its rolling updates."""

import contextlib
import ctypes
import itertools
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from pyinit.rehearse.moments import Stop
from tests.kubernetes import arms
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.observer import Observer, Pod
from tests.rolling.deployment import Rollout, answers
from tests.rolling.variants import Variant
from tests.waiting import wait_until

#: Seconds for a rolling update: the machine may be busy with others.
PATIENCE = 400.0

_numbers = itertools.count(1)


@contextlib.contextmanager
def namespace(cluster: Cluster, name: str = "test") -> Iterator[str]:
    """A namespace with all that is in it, gone at the end: with the pods that do not end by themselves."""
    unique = f"pyinit-{name}-{os.getpid()}-{next(_numbers)}"
    cluster.kubectl("create", "namespace", unique)
    try:
        yield unique
    finally:
        cluster.kubectl("delete", "namespace", unique, "--wait=false")
        cluster.kubectl(
            "--namespace", unique, "delete", "pods", "--all", "--force", "--grace-period=0", "--wait=false", check=False
        )


@contextlib.contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Have this thread, and what it starts, in the network namespace of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{pid}/ns/net") as theirs, open("/proc/thread-self/ns/net") as ours:
        if libc.setns(theirs.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(ours.fileno(), 0)


def service_answers(cluster: Cluster, host: str, port: int) -> bool:
    """Whether a Service answers: kube-proxy learns of it, and of its first pods, a little later than the API server."""
    with network_of(cluster.pid) if cluster.pid else contextlib.nullcontext():
        return answers(host, port)


class Deployment:
    """Replicas of one variant behind a Service, for clients at `host` and `port`. A context manager."""

    def __init__(self, cluster: Cluster, observer: Observer, variant: Variant, strategy: arms.Strategy) -> None:
        self._cluster, self._observer, self._variant, self._strategy = cluster, observer, variant, strategy
        self._round = 0

    def __enter__(self) -> "Deployment":
        with contextlib.ExitStack() as stack:
            self.namespace = stack.enter_context(namespace(self._cluster, "rollout"))
            self.apply(arms.SERVICE)
            self.apply(arms.manifest(self._variant, self._strategy))
            wait_until(
                lambda: len(self._serving()) == self._strategy.replicas, "all replicas get requests", PATIENCE, pause=0.1
            )
            service = json.loads(self.kubectl("get", "service", "app", "--output=json"))
            self.host, self.port = service["spec"]["clusterIP"], 80
            if self._cluster.pid is None:
                nodes = json.loads(self._cluster.kubectl("get", "nodes", "--output=json"))
                addresses = nodes["items"][0]["status"]["addresses"]
                self.host = next(one["address"] for one in addresses if one["type"] == "InternalIP")
                self.port = service["spec"]["ports"][0]["nodePort"]
            wait_until(lambda: service_answers(self._cluster, self.host, self.port), "the Service answers", PATIENCE, pause=0.1)
            self._all = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    def kubectl(self, *words: str, **keywords: Any) -> str:
        """In our namespace."""
        return self._cluster.kubectl("--namespace", self.namespace, *words, **keywords)

    def apply(self, what: dict[str, Any]) -> None:
        """Create it, or change it."""
        self.kubectl("apply", "--filename=-", text=json.dumps(what))

    def _serving(self) -> list[Pod]:
        """The pods that get requests and have not been asked to stop."""
        return [pod for pod in self._observer.of(self.namespace) if pod.admitted and not pod.deleted]

    def roll_out(self) -> Rollout:
        """Replace all replicas; return when the old ones are gone and all new ones get requests."""
        self._round += 1
        old, began = self._serving(), time.monotonic()
        template = {"spec": {"template": {"metadata": {"annotations": {"round": str(self._round)}}}}}
        self.kubectl("patch", "deployment", "app", "--patch", json.dumps(template))

        def done() -> bool:
            new = [pod for pod in self._serving() if pod not in old]
            return len(new) == self._strategy.replicas and all(pod.gone for pod in old)

        wait_until(done, f"{self._variant.names}: the update ends", PATIENCE, pause=0.05)
        ended = time.monotonic()
        admissions = sorted(pod.admitted for pod in self._serving() if pod.admitted)
        return Rollout(began, ended, tuple(self._stop(pod) for pod in old), tuple(admissions))

    def _stop(self, pod: Pod) -> Stop:
        """Its end, as the observer saw it."""
        assert pod.deleted is not None
        assert pod.gone is not None
        ended, status = self._observer.end_of(pod, "app") or (pod.gone, -1)
        said = "\n".join(line for line in pod.log.splitlines() if line.startswith("pyinit:"))
        return Stop(pod.name, pod.deleted, pod.removed or pod.deleted, ended, status, said)
