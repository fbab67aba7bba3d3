"""The TCP sockets of our network namespace from /proc/net/tcp and tcp6 (proc(5)), where sock_diag is missing, as in gVisor.

They do not tell when a connection has last received data. So only "no established connection" is silence here.
"""

import sys

from pyinit.kernel import system
from pyinit.settings.config import OWN_SOURCE
from pyinit.traffic.diag import STATE_OF_ESTABLISHED, STATE_OF_LISTENER, STATE_OF_REMEMBERED, Connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

#: Bytes: 100,000 connections, more than are looked through in a reasonable time.
LONGEST = 100_000 * 150


#: OWN_SOURCE as these files have it, at the end of an address of either family: the word of memory that it is.
OWN = b"%08X" % int.from_bytes(bytes(map(int, OWN_SOURCE.split("."))), sys.byteorder)


def rows(text: bytes) -> "Iterator[tuple[int, int, int, bool]]":
    """Local port, state, what is in the receive queue, and whether it is a probe of ours, of each line.

    Lines that say something else are left out.
    """
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            is_own = OWN + b":" in fields[2] or OWN + b":" in fields[1]
            port, queued = fields[1].rpartition(b":")[2], fields[4].partition(b":")[2]
            yield _number(port, len("FFFF")), _number(fields[3], len("0A")), _number(queued, len("FFFFFFFF")), is_own
        except (IndexError, ValueError):
            continue


def _number(figures: bytes, most: int) -> int:
    """The number of so many hexadecimal figures, or fewer, and of nothing else: int() takes signs and underscores as well."""
    if not figures.isalnum() or len(figures) > most:
        raise ValueError
    return int(figures, 16)


class ProcNet:
    """A view of the sockets, with the methods of Diag. Raises OSError where there is no such file, or none that can be read."""

    def __init__(self) -> None:
        if not system.read_file("/proc/self/net/tcp", 1):
            raise FileNotFoundError("/proc/net/tcp cannot be read")

    def close(self) -> None:
        """Look no more."""

    def _rows(self) -> "Iterator[tuple[int, int, int, bool]]":
        for name in ("tcp", "tcp6"):
            yield from rows(system.read_file(f"/proc/self/net/{name}", LONGEST))

    def listeners(self) -> dict[int, int]:
        """By port: how many connections wait in the accept queue."""
        found: dict[int, int] = {}
        for port, state, queued, _ in self._rows():
            if state == STATE_OF_LISTENER:
                found[port] = found.get(port, 0) + queued
        return found

    def connections(
        self,
        of: "Callable[[int], bool]",
        within: float,  # noqa: ARG002 - as Diag
        ports: "Collection[int]" = (),  # noqa: ARG002 - as Diag
    ) -> Connections:
        """The connections to the ports of which `of` holds: all of them active, right now, for the contrary cannot be seen."""
        count = sum(1 for port, state, _, is_own in self._rows() if state == STATE_OF_ESTABLISHED and of(port) and not is_own)
        return Connections(count, count, 0.0 if count else None, count, 0)

    def own_probes(self) -> int:
        """As Diag has it."""
        return sum(is_own for _, state, _, is_own in self._rows() if state == STATE_OF_REMEMBERED)

    def closed(
        self,
        of: "Callable[[int], bool]",  # noqa: ARG002 - as Diag
        within: float,  # noqa: ARG002 - as Diag
        ports: "Collection[int]",  # noqa: ARG002 - as Diag
    ) -> int:
        """0: how old they are cannot be seen."""
        return 0

    def hear_of_the_dead(self) -> None:
        """Raises OSError: the dead are silent here."""
        raise NotImplementedError
