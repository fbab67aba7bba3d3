"""PURE. What the lifecycle and the loop tell each other: phases, actions, findings; and the story of it all, for people."""

from pyinit.log import seconds
from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.delivery import Request
    from pyinit.kernel.system import Received

RUNNING = "running"
PRE_STOP = "pre-stop"
STOPPING = "stopping"
SWEEPING = "sweeping"
KILLING = "killing"
PHASES = (RUNNING, PRE_STOP, STOPPING, SWEEPING, KILLING)

# What a finding about the traffic puts an end to.
NOTHING = ""
DELAY = "delay"
QUEUES = "queues"

# What has ended a delay before its time, besides the traffic.
CUT_SHORT = "cut short"
PRE_STOP_COMMAND = "pre-stop command"


class Deliver(Record):
    """Plan a request by delivery.plan(), carry it out and call on_delivered()."""

    request: "Request"


class Judge(Record):
    """Find out by delivery.plan.asks_for_stop() whether this signal is a stop request, and call on_judged()."""

    received: "Received"


class WatchExit(Record):
    """Call on_gone() when this process, which may be nobody's child of ours, has exited. It replaces any earlier watch."""

    pid: int


class RunPreStop(Record):
    """Start the pre-stop command, with this signal in PYINIT_SIGNAL, and call on_pre_stop_started()."""

    signum: int


class WatchTraffic(Record):
    """Watch the traffic from now on, and call on_finding() with what that brings.

    `never_ready` says why the command has never been ready, so that no traffic should have come; "" where it was, or where
    nobody knows.
    """

    never_ready: str = ""


class AwaitQueues(Record):
    """Call on_finding() when no connection waits in an accept queue: at once if none does, at this time if one still does."""

    until: float


class Unready(Record):
    """Readiness falls, for this reason, and does not come back: no more traffic is to be sent here."""

    reason: str


class Note(Record):
    """Put this into the termination log, in the place of what was noted before: should SIGKILL come, nobody can any more."""

    story: str


class TellLosses(Record):
    """Log what the stop has cost."""


class KillPreStop(Record):
    """SIGKILL the pre-stop command and its process group."""

    pid: int


class KillAll(Record):
    """SIGKILL all that is left."""


class Say(Record):
    """Log this: a line for people, and fields with stable keys."""

    level: str
    event: str
    message: str
    fields: dict[str, object]


class Exit(Record):
    """Leave with this exit status. The summary tells the whole story in one line."""

    status: int
    summary: str


Action = (
    Deliver
    | Judge
    | WatchExit
    | RunPreStop
    | WatchTraffic
    | AwaitQueues
    | Unready
    | Note
    | TellLosses
    | KillPreStop
    | KillAll
    | Say
    | Exit
)


class Finding(Record):
    """What a look at the traffic has brought: what it `ends`, and something to log, unless the message is empty."""

    ends: str
    level: str = "debug"
    event: str = ""
    message: str = ""
    fields: dict[str, object] = {}  # noqa: RUF012 - nobody changes it


def say(event: str, message: str, /, level: str = "info", **fields: object) -> Say:
    """A line for the log."""
    return Say(level, event, message, fields)


class Story:
    """What has happened so far, in the order in which it did, and the two moments from which times are counted."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.requested_at: float | None = None  # the first stop request, or the end of the start timeout
        self.was_too_late = False  # the command was not ready within the start timeout
        self._parts: list[str] = []

    def add(self, part: str) -> None:
        """One thing more has happened."""
        self._parts.append(part)

    def since(self, now: float) -> float:
        """Seconds since the stop request; where there is none, since the start."""
        return now - (self.started_at if self.requested_at is None else self.requested_at)

    def how_long(self, now: float) -> str:
        """For people: "3 s after the stop request"."""
        what = "the start" if self.requested_at is None else "the stop request"
        return f"{seconds(self.since(now))} after {'the start timeout' if self.was_too_late else what}"

    def note(self, unfinished: str) -> Note:
        """The story so far, and what goes on; to be read only if nobody could tell the end of it."""
        return Note("; ".join([*self._parts, f"not finished yet: {unfinished}"]))

    def end(self, status: int, part: str) -> Exit:
        """The whole story: the last of it is the exit status."""
        return Exit(status, "; ".join([*self._parts, part]))
