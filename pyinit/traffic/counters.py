"""The kernel's TCP counters of our network namespace: /proc/net/snmp and /proc/net/netstat (proc(5), RFC 1213)."""

from pyinit.kernel import system
from pyinit.record import Record


class Counters(Record):
    """Counts since the network namespace was made.

    `opened` are handshakes that listeners have completed; `resets` are RST segments sent, one for each request refused or
    reset; `overflows` and `drops` are connection requests that met a full accept queue, or were given up for another reason;
    `unread` are connections closed by their process with data in them that it had not read.
    """

    opened: int
    resets: int
    overflows: int
    drops: int
    unread: int


def parse(text: bytes) -> dict[bytes, int]:
    """Values by name, from pairs of lines: "Tcp: RtoMin ..." and "Tcp: 200 ..."."""
    lines = text.splitlines()
    found: dict[bytes, int] = {}
    for names, values in zip(lines[::2], lines[1::2]):  # noqa: B905 - not strict: a last line may be cut off
        table = names.partition(b":")[0]
        if table in (b"Tcp", b"TcpExt"):
            pairs = zip(names.split()[1:], values.split()[1:])  # noqa: B905 - not strict, likewise
            found.update({name: int(value) for name, value in pairs})
    return found


def opened_in(snmp: bytes) -> int:
    """Handshakes completed, as of this content of /proc/net/snmp; 0 where it does not tell."""
    try:
        return parse(snmp).get(b"PassiveOpens", 0)
    except ValueError:
        return 0


def read() -> Counters | None:
    """The counters now; None where /proc does not tell (gVisor tells a part, which is no use)."""
    try:
        found = parse(system.read_file("/proc/self/net/snmp")) | parse(system.read_file("/proc/self/net/netstat"))
        return Counters(
            found[b"PassiveOpens"],
            found[b"OutRsts"],
            found.get(b"ListenOverflows", 0),
            found.get(b"ListenDrops", 0),
            found.get(b"TCPAbortOnClose", 0),
        )
    except (KeyError, ValueError):
        return None
