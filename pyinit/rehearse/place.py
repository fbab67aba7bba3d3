"""Where we are: on the engine's machine, in one of its containers, or elsewhere; and what can be seen from there."""

import contextlib
import errno
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network

from pyinit.rehearse.engine import Owner, own_id, remove, start

#: The tables of a network namespace that are looked at, in /proc/PID/net (proc(5)).
TABLES = ("tcp", "tcp6", "snmp")

#: Reads a table of a container's network namespace, also when the container has ended; None where it cannot be seen.
Read = Callable[[str], str | None]

#: A port that nobody uses (RFC 863), and seconds in which somebody who can be reached refuses it, and for all tries of that.
DISCARD, PATIENCE, LONGEST = 9, 1.0, 4.0


def own(client: DockerClient) -> Container | None:
    """The container that we run in, where this engine has started it."""
    name = own_id()
    try:
        return client.containers.get(name) if name else None
    except NotFound:
        return None


def guest(client: DockerClient) -> Container | None:
    """The container that we run in, where it has to join the networks of others to reach them."""
    found = own(client)
    return None if found is None or found.attrs["HostConfig"]["NetworkMode"] == "host" else found


@contextlib.contextmanager
def joined(network: Network, who: Container | None, address: str | None) -> Iterator[None]:
    """Be in a network for as long as the block runs, unless we are there already."""
    if who is not None:
        who.reload()
    if who is None or str(network.name) in who.attrs["NetworkSettings"]["Networks"]:
        yield
        return
    network.connect(who, ipv4_address=address)
    try:
        yield
    finally:
        with contextlib.suppress(APIError):
            network.disconnect(who, force=True)


def is_reachable(address: str) -> bool:
    """Whether packets from here get to a container: it takes a connection, or refuses it."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, DISCARD), timeout=PATIENCE):
                return True
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                return True
            if error.errno in (errno.ENETUNREACH, errno.EACCES):
                return False
    return False


def _is_of(pid: int, container: str) -> bool:
    """Whether the process of this number is here, and in that container: another machine has others of the same numbers."""
    with contextlib.suppress(OSError):
        return any(container in Path(f"/proc/{pid}/{name}").read_text() for name in ("cgroup", "mountinfo"))
    return False


@contextlib.contextmanager
def tables(client: DockerClient, owner: Owner, container: Container) -> Iterator[Read]:
    """The tables of a running container's network namespace: of this machine, or by a helper beside it, if we are an image."""
    container.reload()
    pid, name = int(container.attrs["State"]["Pid"]), str(container.id)
    with contextlib.ExitStack() as stack:
        if _is_of(pid, name):
            yield stack.enter_context(opened(pid))
            return
        ours = own(client)
        yield (lambda _: None) if ours is None else stack.enter_context(_helper(client, owner, ours, name))


@contextlib.contextmanager
def opened(pid: int) -> Iterator[Read]:
    """The tables of the network namespace of a process of this machine. Open files of it keep the namespace."""
    with contextlib.ExitStack() as stack:
        files = {}
        for table in TABLES:
            with contextlib.suppress(OSError):
                files[table] = stack.enter_context(open(f"/proc/{pid}/net/{table}", encoding="ascii"))

        def read(table: str) -> str | None:
            try:
                files[table].seek(0)
                return files[table].read()
            except (KeyError, OSError):
                return None

        yield read


@contextlib.contextmanager
def _helper(client: DockerClient, owner: Owner, ours: Container, name: str) -> Iterator[Read]:
    """A container of our own image in the network namespace of another one."""
    made = client.containers.create(
        ours.attrs["Image"],
        ["infinity"],
        entrypoint=["sleep"],
        network_mode=f"container:{name}",
        labels=owner.labels(),
        init=True,
    )

    def read(table: str) -> str | None:
        try:
            done = made.exec_run(["cat", f"/proc/net/{table}"])
        except APIError:
            return None
        output = done.output
        return output.decode("ascii", "replace") if done.exit_code == 0 and isinstance(output, bytes) else None

    try:
        try:
            start(made)
        except APIError:  # the container has ended meanwhile
            yield lambda _: None
        else:
            yield read
    finally:
        remove(client, str(made.id))
