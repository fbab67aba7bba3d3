"""What is borrowed from a Docker engine: networks and containers that never outlive who has made them.

All of it has a label that names its maker, so that the next one removes what was left by one who was killed before he could.
"""

import contextlib
import itertools
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import Any

import docker
from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

#: Networks of our own, for addresses that are given out once: Docker would give the next replica that of the last one.
SUBNETS = [f"10.{second}.{third}" for second in (231, 232) for third in range(256)]

#: How often a start is tried that failed by a race of the engine where many start at once.
TRIES = 3

#: The field of /proc/PID/stat behind the name that tells when a process began (proc(5)).
BEGINNING = 19

#: What the engine mounts to /etc/hostname names the container.
MOUNTED = re.compile(r"/containers/([0-9a-f]{64})/hostname /etc/hostname ")


def connect() -> DockerClient:
    """A client of the engine that DOCKER_HOST or the default socket names. Raises DockerException where none answers."""
    client = docker.from_env()
    try:
        client.ping()
    except Exception:
        client.close()
        raise
    return client


def remove(client: DockerClient, name: str) -> None:
    """Remove a container, running or not, and its volumes; nothing where it is gone already."""
    with contextlib.suppress(NotFound):
        try:
            client.api.remove_container(name, force=True, v=True)
        except APIError as error:
            if error.status_code != 409:  # noqa: PLR2004 - conflict: somebody else removes it right now
                raise


def start(container: Container) -> None:
    """Start it. Raises APIError."""
    for tries in range(1, TRIES + 1):
        try:
            container.start()
        except APIError as error:
            if "fifo" not in str(error) or tries == TRIES:
                raise
        else:
            return


def own_id() -> str:
    """The ID of the container that we run in; empty where that is none of Docker's."""
    try:
        found = MOUNTED.search(Path("/proc/self/mountinfo").read_text())
    except OSError:
        return ""
    return found[1] if found else ""


def _beginning(pid: str) -> str:
    """When a process of this machine began, in ticks; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[BEGINNING]
    except (OSError, IndexError):
        return ""


class Owner:
    """We, this process, as the maker of containers and networks. `prefix` begins their names, `label` is on all of them."""

    def __init__(self, label: str, prefix: str) -> None:
        self.label, self.prefix = label, prefix
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def labels(self) -> dict[str, str]:
        """For whatever we make: our PID; since when it is ours, and on which machine or in which container of the engine's."""
        pid = str(os.getpid())
        return {
            self.label: pid,
            f"{self.label}.since": _beginning(pid),
            f"{self.label}.host": socket.gethostname(),
            f"{self.label}.container": own_id(),
        }

    def unique(self, what: str) -> str:
        """A name that nobody else has."""
        with self._lock:
            return f"{self.prefix}-{what}-{os.getpid()}-{next(self._numbers)}"

    def is_stale(self, labels: dict[str, str], running: AbstractSet[str] = frozenset()) -> bool:
        """Whether these are the labels of a process of this machine, or of a container of the engine, that is no more.

        `running`: the IDs of the engine's containers that run.
        """
        container = labels.get(f"{self.label}.container", "")
        if container:
            return container not in running
        if labels.get(f"{self.label}.host", socket.gethostname()) != socket.gethostname():
            return False
        beginning = _beginning(labels[self.label])
        return not beginning or labels.get(f"{self.label}.since", beginning) != beginning

    def remove_stale(self, client: DockerClient) -> None:
        """Remove what those have left behind who were killed before they could."""
        for _ in range(2):  # a container that was left may have made others
            running = {str(one.id) for one in client.containers.list(ignore_removed=True)}
            self._remove(client, partial(self.is_stale, running=running))

    def remove_own(self, client: DockerClient) -> None:
        """Remove what is left of ours, should the end of a block have been interrupted."""
        mine = self.labels()
        self._remove(client, lambda labels: mine.items() <= labels.items())

    def _remove(self, client: DockerClient, is_meant: Callable[[dict[str, str]], bool]) -> None:
        for container in client.containers.list(all=True, filters={"label": self.label}, ignore_removed=True):
            if is_meant(container.labels):
                remove(client, str(container.id))
        for network in client.networks.list(filters={"label": self.label}):
            if is_meant((network.attrs or {})["Labels"]):
                with contextlib.suppress(NotFound):
                    network.remove()

    @contextlib.contextmanager
    def network(self, client: DockerClient) -> Iterator[tuple[Network, Iterator[str]]]:
        """A network, and its addresses, each to be taken once."""
        for subnet in SUBNETS:
            pool = IPAMPool(subnet=f"{subnet}.0/24", gateway=f"{subnet}.1")
            try:
                with self._lock:
                    made = client.networks.create(
                        f"{self.prefix}-{subnet}", ipam=IPAMConfig(pool_configs=[pool]), labels=self.labels()
                    )
            except APIError as error:
                if "overlaps" not in str(error) and "already exists" not in str(error):
                    raise
                continue  # somebody has it
            try:
                yield made, (f"{subnet}.{number}" for number in range(2, 255))
            finally:
                with contextlib.suppress(NotFound):
                    made.remove()
            return
        raise OSError("all networks are taken")

    @contextlib.contextmanager
    def created(
        self,
        client: DockerClient,
        image: str,
        command: list[str] | None,
        where: Network,
        address: str | None = None,
        join: Network | None = None,
        **keywords: Any,
    ) -> Iterator[Container]:
        """A container that is not started, with this address (None: one that the engine chooses), perhaps in a second network.

        It is removed at the end, whatever state it is in. Keywords are those of the SDK's containers.create().
        """
        configuration = {str(where.name): client.api.create_endpoint_config(ipv4_address=address)}
        container = client.containers.create(
            image, command, labels=self.labels(), network=where.name, networking_config=configuration, **keywords
        )
        try:
            if join is not None:
                join.connect(container)
            yield container
        finally:
            remove(client, str(container.id))

    @contextlib.contextmanager
    def started(
        self, client: DockerClient, image: str, command: list[str], where: Network, address: str, **keywords: Any
    ) -> Iterator[Container]:
        """As created(), and started."""
        with self.created(client, image, command, where, address, **keywords) as container:
            start(container)
            yield container
