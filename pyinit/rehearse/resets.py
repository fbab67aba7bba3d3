"""PURE. How many resets a container's kernel has sent: what its client counted can be checked by that.

`OutRsts` of a network namespace (proc(5), /proc/PID/net/snmp; RFC 4022, tcpOutRsts) grows by one for each connection that it
refuses or resets, and for each segment that comes to a connection which it has closed.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from pyinit.rehearse import outcome
from pyinit.rehearse.outcome import Outcome

if TYPE_CHECKING:
    from pyinit.rehearse.place import Read

#: The kinds of loss that a reset of the other side may be behind.
BROKEN_OFF = (outcome.EARLY, outcome.REFUSED, outcome.RESET_BEFORE, outcome.RESET_AFTER, outcome.CUT)


def out_rsts(table: str) -> int | None:
    """OutRsts in the text of /proc/PID/net/snmp; None where that has no such field."""
    names, values = ([line.split() for line in table.splitlines() if line.startswith("Tcp:")] + [[], []])[:2]
    found = dict(zip(names, values, strict=False)).get("OutRsts", "")
    return int(found) if found.isdecimal() else None


def count(read: "Read") -> int | None:
    """PURE. How many resets a container's kernel has sent; None where that cannot be seen."""
    table = read("snmp")
    return None if table is None else out_rsts(table)


class Check(NamedTuple):
    """What the client counted of one replica, beside what its kernel did.

    `sent`: by the kernel. `least`: requests that a reset ended, as the client's kernel said. `most`: those, and the other ones
    that were refused, broken off or cut: a request to a connection that the server has closed is answered with a reset, too.
    """

    sent: int
    least: int
    most: int


def check(before: int | None, after: int | None, outcomes: Iterable[Outcome], replica: str, since: float) -> Check | None:
    """A replica's check, by its kernel's count at the moment `since` and at the end; None where nothing is known of that."""
    if before is None or after is None:
        return None
    lost = [one for one in outcomes if one.replica == replica and one.ended >= since and one.kind in BROKEN_OFF]
    return Check(after - before, sum(one.was_reset for one in lost), len(lost))


def differs(found: Check) -> str:
    """Where the two disagree, in a sentence; empty where they do not."""
    sent, least, most = found
    if sent > most:
        return (
            f"The kernel of the old container sent {sent} resets, and the client saw {most} of its requests broken off: the "
            "others ended connections that carried no request, or came from something else in the container."
        )
    if sent < least:
        return (
            f"The client saw {least} of its requests reset, and the kernel of the old container sent {sent} resets: something "
            "between the two has sent the others."
        )
    return ""
