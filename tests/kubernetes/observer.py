"""Sees what becomes of every pod of a cluster: when it got traffic, was asked to stop, lost its endpoint and ended, and how.

Moments are seconds of time.monotonic(), taken when the API server (or containerd) told us.
"""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from tests.kubernetes.cluster import Cluster
from tests.kubernetes.settings import containerd_socket

#: Seconds for which the API server tells before we ask again, and may have been asked to end.
WATCH = 5


@dataclass
class Pod:
    """What was seen of a pod. A moment that has not come is None."""

    namespace: str
    name: str
    uid: str
    ip: str = ""
    ready: bool = False
    admitted: float | None = None  #: its address was in the Service's endpoints
    deleted: float | None = None  #: it was asked to stop
    removed: float | None = None  #: its address was no longer there
    gone: float | None = None  #: the API server had it no more
    containers: dict[str, str] = field(default_factory=dict)  #: IDs by name: those that run or ran last
    statuses: dict[str, tuple[float, int]] = field(default_factory=dict)  #: the end of each container, by name, as the API had it
    log: str = ""  #: of its containers, read when it was gone; of our own node only


class Observer:
    """Watches; a context manager."""

    def __init__(self, cluster: Cluster, api: client.CoreV1Api) -> None:
        self.cluster, self._api = cluster, api
        self._stop = threading.Event()
        self.pods: dict[str, Pod] = {}  # by their UIDs
        self.exits: dict[str, tuple[float, int]] = {}  # by the IDs of containers
        self._there: dict[str, set[str]] = {}  # the addresses in the endpoints of a namespace
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Observer":
        self._events: subprocess.Popen[str] | None = None
        jobs = [
            lambda: self._watch(self._api.list_pod_for_all_namespaces, self._on_pod),
            lambda: self._watch(self._api.list_endpoints_for_all_namespaces, self._on_endpoints),
        ]
        if self.cluster.folder:
            words = ["ctr", "--address", str(containerd_socket(self.cluster.folder)), "--namespace", "k8s.io", "events"]
            self._events = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            jobs.append(self._read_exits)
        self._threads = [threading.Thread(target=job, daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._events:
            self._events.kill()
            self._events.wait()
        for thread in self._threads:
            thread.join(2 * WATCH)

    def of(self, namespace: str) -> list[Pod]:
        """The pods of a namespace that were ever seen, in the order in which they were made."""
        return [pod for pod in list(self.pods.values()) if pod.namespace == namespace]

    def end_of(self, pod: Pod, container: str) -> tuple[float, int] | None:
        """When a container ended and with what status: as containerd had it, or else the API server."""
        return self.exits.get(pod.containers.get(container, "")) or pod.statuses.get(container)

    def _watch(self, list_all: Callable[..., Any], on_object: Callable[[str, dict[str, Any]], None]) -> None:
        version = ""
        while not self._stop.is_set():
            try:
                for kind, found in _stream(list_all, version):
                    if kind == "ERROR":
                        version = ""  # too old: from the beginning
                        break
                    version = found["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        on_object(kind, found)
            except (ApiException, HTTPError, OSError, json.JSONDecodeError):
                self._stop.wait(0.2)

    def _on_pod(self, kind: str, found: dict[str, Any]) -> None:
        now = time.monotonic()
        meta, status = found["metadata"], found.get("status", {})
        pod = self.pods.setdefault(meta["uid"], Pod(meta["namespace"], meta["name"], meta["uid"]))
        pod.ip = status.get("podIP", pod.ip)
        conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
        pod.ready = conditions.get("Ready") == "True" and "deletionTimestamp" not in meta
        if "deletionTimestamp" in meta and pod.deleted is None:
            pod.deleted = now
        for one in status.get("containerStatuses", []):
            if identity := one.get("containerID", "").rpartition("/")[2]:
                pod.containers[one["name"]] = identity
            if ended := one["state"].get("terminated"):
                pod.statuses.setdefault(one["name"], (now, ended["exitCode"]))
        self._compare(meta["namespace"], now)
        if kind == "DELETED":
            pod.log = self._read_log(pod)
            pod.gone = now

    def _on_endpoints(self, kind: str, found: dict[str, Any]) -> None:
        now, meta = time.monotonic(), found["metadata"]
        subsets = [] if kind == "DELETED" else found.get("subsets") or []
        addresses = {address["ip"] for subset in subsets for address in subset.get("addresses") or []}
        self._there[meta["namespace"]] = addresses
        self._compare(meta["namespace"], now)

    def _compare(self, namespace: str, now: float) -> None:
        """Note who came into the endpoints, and who left them; of pods and endpoints either may be told first."""
        there = self._there.get(namespace, set())
        for pod in self.of(namespace):
            if pod.ip in there and pod.admitted is None:
                pod.admitted = now
            elif pod.admitted is not None and pod.ip not in there and pod.removed is None and pod.deleted is not None:
                pod.removed = now

    def _read_exits(self) -> None:
        assert self._events is not None
        assert self._events.stdout is not None
        for line in self._events.stdout:
            head, brace, rest = line.partition("{")
            if "/tasks/exit" in head:
                event = json.loads(brace + rest)
                if event["id"] == event["container_id"]:  # else a process of exec
                    self.exits[event["container_id"]] = (time.monotonic(), event.get("exit_status", 0))

    def _read_log(self, pod: Pod) -> str:
        """What its containers wrote, as the kubelet has it on the node: a line of the runtime's file has a time and two words."""
        if not self.cluster.pid:
            return ""
        folder = self.cluster.inside(f"/var/log/pods/{pod.namespace}_{pod.name}_{pod.uid}")
        lines: list[str] = []
        with contextlib.suppress(OSError):
            for file in sorted(folder.glob("*/*.log")):
                lines += [line.split(" ", 3)[3] for line in file.read_text(errors="replace").splitlines() if line.count(" ") >= 3]
        return "\n".join(lines)


def _stream(list_all: Callable[..., Any], version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the API server tells for some seconds, from a version on; of all that there is where none is given."""
    further = {"resource_version": version} if version else {}
    answer = list_all(
        watch=True, timeout_seconds=WATCH, allow_watch_bookmarks=True, _preload_content=False, _request_timeout=4 * WATCH, **further
    )
    try:
        rest = b""
        for piece in answer.stream(amt=None, decode_content=False):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                event = json.loads(line)
                yield event["type"], event["object"]
    finally:
        answer.release_conn()
