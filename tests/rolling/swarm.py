"""The same on Docker Swarm: a service in dnsrr mode, updated start-first, and HAProxy that asks the engine's DNS.

Here the engine decides when a replica is stopped, and when its endpoint leaves the DNS (two seconds before that); HAProxy
decides when it asks. Both are watched: the stop in the engine's events, the removal in HAProxy. So a removal may come before
the stop.
"""

import contextlib
import fcntl
import queue
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from docker import DockerClient
from docker.errors import APIError
from docker.models.networks import Network
from docker.types import EndpointSpec, Healthcheck, ServiceMode, UpdateConfig

from pyinit.rehearse.engine import connect, remove
from pyinit.rehearse.moments import Stop
from tests.rolling.build import CHECKED, ROUTERS, SERVERS, image
from tests.rolling.deployment import REPLICAS, START, Rollout, answers
from tests.rolling.engine import LABEL, labels, network, started, unique
from tests.rolling.haproxy import CLIENTS, addresses, control_ports
from tests.rolling.servers import PORT
from tests.rolling.variants import GRACE_PERIOD, SWARM_BLIND, SWARM_HEALTHZ, SWARM_PYINIT, Variant
from tests.shared import turn
from tests.waiting import wait_until

#: Healthy is who listens. Looked up in a table, because a request would be traffic, and traffic holds a stop up.
LISTENS = ["CMD-SHELL", f"grep -q ':{PORT:04X} 00000000:0000 0A' /proc/net/tcp"]

#: Healthy is who answers. pyinit's probe serves here in any container, with pyinit as its init or not, as curl would.
ANSWERS = ["CMD", "pyinit", "--probe", f"http://127.0.0.1:{PORT}/healthz"]

SECOND = 10**9  # in nanoseconds, as the engine has it

#: On the containers of a service, with its name.
SERVICE_LABEL = "pyinit.rolling.service"

#: The network that the engine makes for the swarm's containers, and leaves behind.
GATEWAY = "docker_gwbridge"


#: An engine is in one swarm at most, which all processes of this machine share: who comes or goes takes the first one, who is
#: in it has a share of the second one.
LOCKS = [Path(tempfile.gettempdir()) / f"pyinit-rolling-swarm.{name}" for name in ("gate", "users")]

#: Where a swarm of one engine talks to itself.
LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def swarm(client: DockerClient) -> Iterator[None]:
    """An engine in a swarm. One that was in none leaves it again when the last who uses it has done so."""
    with LOCKS[1].open("w") as users:
        with turn(LOCKS[0]):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not _is_active(client):
                client.swarm.init(advertise_addr=LOOPBACK, listen_addr=f"{LOOPBACK}:2377", labels=labels())
        try:
            yield
        finally:
            with turn(LOCKS[0]):
                if _is_last(users) and _is_active(client) and _maker(client):
                    _leave(client)


def leave_stale(client: DockerClient) -> None:
    """Leave a swarm whose maker and users were killed before they could, with all its services and networks."""
    with LOCKS[1].open("w") as users, turn(LOCKS[0]):
        if _is_last(users) and _is_active(client):
            maker = _maker(client)
            if maker and not Path(f"/proc/{maker}").exists():
                _leave(client)


def _is_last(users: TextIO) -> bool:
    """Whether nobody else uses the swarm; whoever asks does not use it any more."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_active(client: DockerClient) -> bool:
    return bool(client.info()["Swarm"]["LocalNodeState"] != "inactive")


def _maker(client: DockerClient) -> str | None:
    """The PID of the process of ours that has made the swarm; None where somebody else has."""
    client.swarm.reload()
    return ((client.swarm.attrs or {})["Spec"].get("Labels") or {}).get(LABEL)


def _leave(client: DockerClient) -> None:
    client.swarm.leave(force=True)
    wait_until(lambda: not _is_active(client), "the engine has left the swarm")
    for left in client.networks.list(names=[GATEWAY]):
        left.remove()


@dataclass(frozen=True)
class Task:
    """A replica of the service."""

    container: str
    address: str


class SwarmDeployment:
    """Replicas and a router of one variant, for clients at `host` and `port`. The engine must be in a swarm.

    A context manager; nothing is left of it at the end.
    """

    def __init__(self, client: DockerClient, variant: Variant) -> None:
        self._client, self._variant = client, variant
        self.host, self.port = "", CLIENTS

    def __enter__(self) -> "SwarmDeployment":
        with contextlib.ExitStack() as stack:
            overlay = stack.enter_context(_overlay(self._client))
            self._name = unique("service")
            self._service = stack.enter_context(_service(self._client, self._name, self._variant, overlay))
            bridge, free = stack.enter_context(network(self._client))  # the host cannot reach the overlay
            self.host = next(free)
            haproxies = ["/routers/haproxies.sh", "/routers/swarm.cfg", *control_ports(1)]
            environment = {"SERVICE": self._name, "RESOLVE": f"{self._variant.removal.delays[0]:g}s"}
            created = started(self._client, image(ROUTERS), haproxies, bridge, self.host, environment=environment, join=overlay)
            stack.enter_context(created)
            self._await_all()
            self._all = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    def roll_out(self) -> Rollout:
        """Replace all replicas; return when the old ones are gone, HAProxy knows of it, and all new ones answer."""
        old = {task.container: task for task in self._tasks()}
        began = time.monotonic()
        requested: dict[str, float] = {}
        removed: dict[str, float] = {}
        admitted: dict[str, float] = {}
        before = addresses(self.host, 0)
        ended: dict[str, tuple[float, int]] = {}
        with _events(self._name) as events:
            self._service.reload()
            self._service.force_update()
            while len(ended) < len(old) or len(removed) < len(old):
                assert time.monotonic() < began + REPLICAS * START + GRACE_PERIOD, f"the update hangs: {self._service.tasks()}"
                with contextlib.suppress(queue.Empty):
                    event = events.get(timeout=0.1)
                    container, attributes = event["Actor"]["ID"], event["Actor"]["Attributes"]
                    at = event["timeNano"] / SECOND - (time.time() - time.monotonic())
                    if event["Action"] == "kill":
                        requested.setdefault(container, at)
                    elif event["Action"] == "die":
                        ended[container] = at, int(attributes["exitCode"])
                        requested.setdefault(container, at)
                    ended = {container: how for container, how in ended.items() if container in old}
                known = addresses(self.host, 0)
                for address in known - before:
                    admitted.setdefault(address, time.monotonic())
                for container, task in old.items():
                    if task.address not in known:
                        removed.setdefault(container, time.monotonic())
        stops = [
            Stop(container[:12], requested[container], removed[container], *ended[container])
            for container in sorted(old, key=lambda container: requested[container])
        ]
        finished = max(max(stop.ended, stop.removed) for stop in stops)
        self._await_all()
        return Rollout(began, finished, tuple(stops), tuple(sorted(admitted.values())))

    def _await_all(self) -> None:
        """Wait until HAProxy knows all replicas and none of them has a request answered otherwise than it should."""
        wait_until(lambda: self._sends_to({task.address for task in self._tasks()}), "HAProxy knows the replicas", START)
        # HAProxy's turns go round all of them, and the client's requests may come between.
        wait_until(
            lambda: all(answers(self.host, self.port) for _ in range(3 * REPLICAS)), f"{self._variant.names} answers", START
        )

    def _tasks(self) -> list[Task]:
        """Those that run and are to run."""
        return [
            Task(task["Status"]["ContainerStatus"]["ContainerID"], task["NetworksAttachments"][0]["Addresses"][0].split("/")[0])
            for task in self._service.tasks({"desired-state": "running"})
            if task["Status"]["State"] == "running"
        ]

    def _sends_to(self, wanted: set[str]) -> bool:
        try:
            return len(wanted) == REPLICAS and addresses(self.host, 0) == wanted
        except OSError:
            return False  # it does not listen yet


@contextlib.contextmanager
def _overlay(client: DockerClient) -> Iterator[Network]:
    made = client.networks.create(unique("overlay"), driver="overlay", attachable=True, labels=labels())
    try:
        yield made
    finally:

        def is_removed() -> bool:
            try:
                made.remove()
            except APIError as error:
                if "in use" not in str(error) and "active endpoints" not in str(error):
                    raise
                return False  # tasks that were removed a moment ago still have it
            return True

        wait_until(is_removed, "the overlay network is removed", START)


@contextlib.contextmanager
def _service(client: DockerClient, name: str, variant: Variant, where: Network) -> Iterator[Any]:
    services: Any = client.services  # the stubs leave these methods untyped
    router = variant.router
    made = services.create(
        image(CHECKED if router == SWARM_PYINIT else SERVERS),
        command=variant.command,
        name=name,
        labels=labels(),
        container_labels={**labels(), SERVICE_LABEL: name},
        env=[f"{key}={value}" for key, value in variant.env.items()],
        init=variant.init.from_engine,
        networks=[where.name],
        endpoint_spec=EndpointSpec(mode="dnsrr"),
        mode=ServiceMode("replicated", replicas=REPLICAS),
        update_config=UpdateConfig(parallelism=1, delay=0, order="start-first", monitor=SECOND),
        stop_grace_period=int(GRACE_PERIOD * SECOND),
        stop_signal=f"SIG{variant.server.stop_signal}",
        healthcheck=None if router in (SWARM_BLIND, SWARM_PYINIT) else _check(ANSWERS if router == SWARM_HEALTHZ else LISTENS),
    )
    try:
        yield made
    finally:
        made.remove()
        wait_until(lambda: not _remove_containers(client, name), "the containers of the service are removed", START)


def _check(test: list[str]) -> Healthcheck:
    return Healthcheck(test=test, interval=SECOND, timeout=5 * SECOND, retries=30)


def _remove_containers(client: DockerClient, service: str) -> int:
    """Remove what is left of a service without waiting for a stop in good order; return how many there were."""
    left = client.containers.list(all=True, filters={"label": f"{SERVICE_LABEL}={service}"}, ignore_removed=True)
    for container in left:
        remove(client, str(container.id))
    return len(left)


@contextlib.contextmanager
def _events(service: str) -> Iterator["queue.Queue[Mapping[str, Any]]"]:
    """What happens to the containers of a service, as the engine tells it."""
    found: queue.Queue[Mapping[str, Any]] = queue.Queue()
    with contextlib.closing(connect()) as client:
        filters = {"type": "container", "label": f"{SERVICE_LABEL}={service}", "event": ["kill", "die"]}
        stream = client.events(decode=True, filters=filters)

        def read() -> None:
            for event in stream:
                found.put(event)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield found
        finally:
            stream.close()
            reader.join()
