"""How many TCP resets a container's kernel has sent: `OutRsts` of its network namespace (RFC 4022, tcpOutRsts; proc(5)).

It is a second opinion on what the client counted: a refused connection is answered with a reset, and so is a request that came
when the server had closed its side.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyinit.rehearse.place import Read

FIELD = "OutRsts"


def parse(table: str) -> int:
    """The count in the text of /proc/PID/net/snmp. Raises ValueError where it is not there."""
    names, values = [line.split() for line in table.splitlines() if line.startswith("Tcp:")]
    return int(dict(zip(names, values, strict=True))[FIELD])


class Resets:
    """Counts from its beginning those that a container's network namespace sends, by its table `snmp`."""

    def __init__(self, read: "Read") -> None:
        self._read_table = read
        self._before = self._read()

    def count(self) -> int | None:
        """How many it has sent since, also after its last process has ended; None where that cannot be read."""
        now = self._read()
        return None if now is None or self._before is None else now - self._before

    def _read(self) -> int | None:
        table = self._read_table("snmp")
        try:
            return None if table is None else parse(table)
        except (ValueError, KeyError):
            return None
