"""Which ports a container listens to, by the tables of its network namespace (proc(5), /proc/PID/net/tcp)."""

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from pyinit.rehearse.place import Read

#: The state of a listener, and addresses that only the container itself reaches, as these tables have them.
LISTEN = "0A"
LOOPBACK_V6 = "00000000000000000000000001000000"

#: Docker's own DNS, 127.0.0.11, which listens in every container of a network that somebody has made.
ENGINE = "0B00007F"

#: Seconds for a connection to somebody on this machine.
PATIENCE = 1.0


@dataclass(frozen=True)
class Listener:
    """A port that is listened to, whether nobody but the container reaches it, and how many wait to be accepted."""

    port: int
    is_local: bool
    waiting: int = 0


def parse(table: str) -> list[Listener]:
    """The listeners in the text of /proc/PID/net/tcp or tcp6."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 4 and fields[3] == LISTEN:  # noqa: PLR2004 - as far as the queues
            address, _, port = fields[1].rpartition(":")
            if address == ENGINE:
                continue
            is_local = address == LOOPBACK_V6 or (len(address) == 8 and address.endswith("7F"))  # noqa: PLR2004 - IPv4
            found.append(Listener(int(port, 16), is_local, int(fields[4].rpartition(":")[2], 16)))
    return found


def listeners(read: Read) -> list[Listener] | None:
    """Those of a container's network namespace; None where its tables cannot be read."""
    tables = [table for table in map(read, ("tcp", "tcp6")) if table is not None]
    return [one for table in tables for one in parse(table)] if tables else None


def takes(host: str, port: int) -> bool:
    """Whether somebody takes a connection there. Ask the container's own address: a published port takes every connection."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=PATIENCE):
        return True
    return False


def choose(declared: Iterable[int], found: list[Listener] | None, host: str) -> list[int]:
    """The ports that may be meant, the best one first: declared ones that are listened to; else all that are."""
    if found is None:
        return [port for port in declared if takes(host, port)]
    reachable = sorted({one.port for one in found if not one.is_local})
    return [port for port in declared if port in reachable] or reachable
