"""A namespace of a cluster, and what is done and seen in it."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pyinit.rehearse.load import Load
from pyinit.rehearse.outcome import Outcome
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.containers import SICK_FILE
from tests.kubernetes.deployment import network_of, service_answers
from tests.kubernetes.observer import Observer, Pod
from tests.waiting import wait_until

#: Seconds for whatever a cluster does: the machine may be busy with others.
PATIENCE = 180.0


class Stage:
    """A namespace of a test, and what happens in it."""

    def __init__(self, observer: Observer, namespace: str) -> None:
        self.observer, self.namespace = observer, namespace
        self.cluster: Cluster = observer.cluster

    def kubectl(self, *words: str, **keywords: Any) -> str:
        """In our namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *words, **keywords)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create these, or change them."""
        self.kubectl("apply", "--filename=-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def get(self, *words: str) -> Any:
        """An object, or a list of them."""
        return json.loads(self.kubectl("get", *words, "--output=json"))

    @property
    def pods(self) -> list[Pod]:
        """Those that were ever seen."""
        return self.observer.of(self.namespace)

    def start(self, name: str, container: dict[str, Any], **spec: Any) -> Pod:
        """A pod of this one container, once it runs."""
        meta = {"name": name, "labels": {"app": name}, "annotations": spec.pop("annotations", {})}
        container = {"name": "app", "imagePullPolicy": "IfNotPresent", **container}
        containers = [container, *spec.pop("more", [])]
        spec = {"restartPolicy": "Never", "containers": containers, **spec}
        self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
        pod = wait_until(lambda: self.named(name), f"{name} is seen", PATIENCE)
        return self.running(pod)

    def named(self, name: str) -> Pod | None:
        """The last pod of this name."""
        return next((pod for pod in reversed(self.pods) if pod.name == name), None)

    def running(self, pod: Pod) -> Pod:
        """A pod whose container has been started."""
        wait_until(lambda: pod.containers.get("app"), f"{pod.name} runs", PATIENCE)
        return pod

    def ready(self, count: int = 1) -> list[Pod]:
        """So many pods that are ready, once there are that many."""

        def found() -> list[Pod]:
            ready = [pod for pod in self.pods if pod.ready and not pod.gone]
            return ready if len(ready) >= count else []

        return wait_until(found, f"{count} pods are ready", PATIENCE)

    def said(self, pod: Pod, text: str) -> None:
        """Wait until the log of a pod has this text."""
        wait_until(lambda: text in self.log(pod), f"{text!r} in the log of {pod.name}", PATIENCE, pause=0.2)

    def log(self, pod: Pod) -> str:
        """What its containers have written so far."""
        return self.observer.log_of(pod)

    def fall_sick(self, pod: Pod) -> None:
        """Let a shop that is ready fail its LIVENESS; return once the kubelet has restarted it, with its last state told."""
        wait_until(lambda: pod.ready, f"{pod.name} is ready", PATIENCE)
        self.kubectl("exec", pod.name, "--", "touch", SICK_FILE)

        def restarted() -> bool:
            (status,) = self.get("pod", pod.name)["status"]["containerStatuses"]
            return bool(status["restartCount"] and "terminated" in status["lastState"])

        wait_until(restarted, f"{pod.name} is restarted", PATIENCE, pause=0.2)

    def delete(self, pod: Pod, *words: str) -> None:
        """`kubectl delete pod`, without waiting."""
        self.kubectl("delete", "pod", pod.name, "--wait=false", *words)

    def ended(self, pod: Pod) -> int:
        """Its exit status, once it has ended."""
        return wait_until(lambda: self.observer.end_of(pod, "app"), f"{pod.name} ends", PATIENCE)[1]

    def gone(self, *pods: Pod) -> list[int]:
        """The exit statuses of pods that are to vanish, once they have; pod.log is what they wrote."""
        wait_until(lambda: all(pod.gone for pod in pods), "the pods are gone", PATIENCE)
        return [self.status_of(pod) for pod in pods]

    def status_of(self, pod: Pod) -> int:
        """The exit status of the one container of a pod that is gone."""
        (name,) = pod.containers
        end = self.observer.end_of(pod, name)
        assert end
        return end[1]

    def seconds(self, pod: Pod) -> float:
        """From its stop request to the end of its container."""
        (name,) = pod.containers
        end = self.observer.end_of(pod, name)
        assert end
        assert pod.deleted
        return end[0] - pod.deleted

    @contextlib.contextmanager
    def load(self, service: str, rate: float = 20.0, path: str = "/") -> Iterator[Callable[[], Sequence[Outcome]]]:
        """Clients of a Service. What is given ends them, and returns what became of their requests."""
        found = self.get("service", service)["spec"]
        host, port = found["clusterIP"], found["ports"][0]["port"]
        if self.cluster.pid is None:
            if "nodePort" not in found["ports"][0]:
                self.kubectl("patch", "service", service, "--patch", json.dumps({"spec": {"type": "NodePort"}}))
                found = self.get("service", service)["spec"]
            host = self.get("nodes")["items"][0]["status"]["addresses"][0]["address"]
            port = found["ports"][0]["nodePort"]
        wait_until(lambda: service_answers(self.cluster, host, port), f"{service} answers", PATIENCE, pause=0.1)
        with contextlib.ExitStack() as stack:
            with network_of(self.cluster.pid) if self.cluster.pid else contextlib.nullcontext():
                load = stack.enter_context(Load(host, port, rate, 0.0, 0, 10.0, path=path))
            wait_until(lambda: len(load.so_far()) > 2 * rate, "the clients are answered", PATIENCE, pause=0.1)
            yield load.stop
