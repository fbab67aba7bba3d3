"""What a probe yields while it waits, and what it raises: shared by all that probe (run.py, tls.py)."""

from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.probe.http import Answer

#: Bytes that one call takes.
PIECE = 65536


class Wait(Record):
    """What a probe waits for: events on a descriptor, or (None) some seconds; and what it does meanwhile, for people."""

    descriptor: int | None
    events: int
    doing: str


class FailedError(Exception):
    """The probe has failed for a reason that is no OSError."""


def waiting(answer: "Answer") -> str:
    """What we wait for, for people."""
    return "waiting for an answer" if answer.status is None else f"with status {answer.status} and an answer without end"
