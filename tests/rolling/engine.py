"""What the laboratory borrows from a Docker engine: networks and containers that never outlive who has made them."""

import contextlib
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from tests.docker.engine import remove

#: On everything, with the PID of the process that has made it.
LABEL = "pyinit.rolling"

#: Networks of our own, for addresses that are given out once: Docker would give the next replica that of the last one.
SUBNETS = [f"10.{second}.{third}" for second in (231, 232) for third in range(256)]

_numbers = itertools.count()
_lock = threading.Lock()


def labels() -> dict[str, str]:
    """For whatever we make."""
    return {LABEL: str(os.getpid())}


def unique(what: str) -> str:
    """A name that nobody else has."""
    with _lock:
        return f"pyinit-rolling-{what}-{os.getpid()}-{next(_numbers)}"


def remove_stale(client: DockerClient) -> None:
    """Remove what those have left behind who were killed before they could."""

    def is_stale(its_labels: dict[str, str]) -> bool:
        return not Path(f"/proc/{its_labels[LABEL]}").exists()

    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        if is_stale(container.labels):
            remove(client, str(container.id))
    for network in client.networks.list(filters={"label": LABEL}):
        if is_stale((network.attrs or {})["Labels"]):
            with contextlib.suppress(NotFound):
                network.remove()


@contextlib.contextmanager
def network(client: DockerClient) -> Iterator[tuple[Network, Iterator[str]]]:
    """A network, and its addresses, each to be taken once."""
    for subnet in SUBNETS:
        pool = IPAMPool(subnet=f"{subnet}.0/24", gateway=f"{subnet}.1")
        try:
            with _lock:
                made = client.networks.create(f"pyinit-rolling-{subnet}", ipam=IPAMConfig(pool_configs=[pool]), labels=labels())
        except APIError as error:
            if "overlaps" not in str(error) and "already exists" not in str(error):
                raise
            continue  # somebody has it
        try:
            yield made, (f"{subnet}.{number}" for number in range(2, 255))
        finally:
            made.remove()
        return
    raise AssertionError("all networks are taken")


def _start(container: Container) -> None:
    for tries in range(3):
        try:
            container.start()
        except APIError as error:
            if "fifo" not in str(error) or tries == 2:  # a race of the engine where many start at once
                raise
        else:
            return


@contextlib.contextmanager
def started(
    client: DockerClient,
    image: str,
    command: list[str],
    where: Network,
    address: str,
    join: Network | None = None,
    **keywords: Any,
) -> Iterator[Container]:
    """A running container with this address, perhaps in a second network; removed at the end, whatever state it is in."""
    configuration = {str(where.name): client.api.create_endpoint_config(ipv4_address=address)}
    container = client.containers.create(
        image, command, labels=labels(), network=where.name, networking_config=configuration, **keywords
    )
    try:
        if join is not None:
            join.connect(container)
        _start(container)
        yield container
    finally:
        remove(client, str(container.id))
