"""Sees what becomes of every pod of a cluster: when it got traffic, was asked to stop, lost its endpoint and ended, and how.

Moments are seconds of time.monotonic(), taken when the API server (or containerd) told us.
"""

import contextlib
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

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
    statuses: dict[str, tuple[float, int]] = field(
        default_factory=dict
    )  #: the end of each container, by name, as the API had it
    logs: dict[str, IO[str]] = field(default_factory=dict)  #: what each container writes, by its ID, while the pod is there
    log: str = ""  #: what all of them have written, once it was gone


class Observer:
    """Watches; a context manager."""

    def __init__(self, cluster: Cluster, api: client.CoreV1Api) -> None:
        self.cluster, self._api = cluster, api
        self._stop = threading.Event()
        self.pods: dict[str, Pod] = {}  # by their UIDs
        self.exits: dict[str, tuple[float, int]] = {}  # by the IDs of containers
        self._followers: list[subprocess.Popen[str]] = []
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
            self._followers.append(self._events)
        for process in self._followers:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join(2 * WATCH)
        for pod in self.pods.values():
            for file in pod.logs.values():
                file.close()

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
            if identity and identity not in pod.logs:
                self._open_log(pod, one["name"], identity, one["restartCount"])
            if ended := one["state"].get("terminated"):
                pod.statuses.setdefault(one["name"], (now, ended["exitCode"]))
        self._compare(meta["namespace"], now)
        if kind == "DELETED":
            pod.log = self.log_of(pod)
            pod.gone = now
            while pod.logs:
                pod.logs.popitem()[1].close()

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
        with self._events.stdout as lines:
            self._note_exits(lines)

    def _note_exits(self, lines: IO[str]) -> None:
        for line in lines:
            head, brace, rest = line.partition("{")
            if "/tasks/exit" in head:
                event = json.loads(brace + rest)
                if event["id"] == event["container_id"]:  # else a process of exec
                    self.exits[event["container_id"]] = (time.monotonic(), event.get("exit_status", 0))

    def _open_log(self, pod: Pod, container: str, identity: str, number: int) -> None:
        """Open what a container writes: the kubelet removes the file before the pod is gone, and what is open stays.

        In a cluster that is not ours kubectl follows it.
        """
        if self.cluster.pid:
            name = f"/var/log/pods/{pod.namespace}_{pod.name}_{pod.uid}/{container}/{number}.log"
            with contextlib.suppress(OSError):
                pod.logs[identity] = self.cluster.inside(name).open(errors="replace")
            return
        file = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed when the pod is gone
        pod.logs[identity] = file
        words = self.cluster.words("--namespace", pod.namespace, "logs", pod.name, f"--container={container}", "--follow")
        self._followers.append(
            subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.DEVNULL, text=True)
        )

    def log_of(self, pod: Pod) -> str:
        """What the containers of a pod have written so far."""
        if pod.gone:
            return pod.log
        lines: list[str] = []
        for file in list(pod.logs.values()):
            file.seek(0)
            lines += [_text(line) for line in file.read().splitlines()] if self.cluster.pid else file.read().splitlines()
        return "\n".join(lines)


def _text(line: str) -> str:
    """What was written, of a line in a runtime's file: before it stand the time, the stream, and F for a full line."""
    return [*line.split(" ", 3), "", "", ""][3]


def _stream(list_all: Callable[..., Any], version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the API server tells for some seconds, from a version on; of all that there is where none is given."""
    further = {"resource_version": version} if version else {}
    answer = list_all(
        watch=True,
        timeout_seconds=WATCH,
        allow_watch_bookmarks=True,
        _preload_content=False,
        _request_timeout=4 * WATCH,
        **further,
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
