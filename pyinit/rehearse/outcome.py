"""What became of a request. Pure: how far it got, and the answer if there was one, decide its kind."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

#: How far a request got. GARBLED: something answered, but not in the protocol that was asked in.
CONNECTING, CONNECTED, SENT, ANSWERING, COMPLETE, GARBLED = (
    "connecting",
    "connected",
    "sent",
    "answering",
    "complete",
    "garbled",
)

OK = "ok"
REFUSED = "refused"  # no connection: the port was closed, or nobody had the address
RESET_BEFORE = "reset-before"  # connected, then reset or closed before the request could be sent
RESET_AFTER = "reset-after"  # reset or closed after the request was sent, without a byte of an answer
CUT = "cut"  # reset or closed within the answer
EARLY = "too-early"  # by a replica that was in rotation before it could serve
SERVER_ERROR = "5xx"  # any other: of the router, as a rule
TIMEOUT = "timeout"
ERROR = "error"  # an answer of 4xx, or one that is not HTTP: a fault of whoever asks, not of a stop

#: Every kind of loss, in the order of a table.
LOSSES = (EARLY, REFUSED, RESET_BEFORE, RESET_AFTER, CUT, SERVER_ERROR, TIMEOUT, ERROR)

#: The statuses from which on an answer is a loss, unless told otherwise, and from which on it is one of the server's.
FIRST_ERROR, FIRST_SERVER_ERROR, UNAVAILABLE = 400, 500, 503

_BROKEN_OFF = {CONNECTING: REFUSED, CONNECTED: RESET_BEFORE, SENT: RESET_AFTER, ANSWERING: CUT, GARBLED: ERROR}


@dataclass(frozen=True)
class Outcome:
    """One request, as its client saw it. Moments are seconds of time.monotonic()."""

    at: float  #: when it began
    took: float  #: seconds
    kind: str
    kept: bool  #: whether its connection had carried a request before
    status: int | None  #: of HTTP, where an answer began
    replica: str | None  #: who was asked, where that is known; else the X-Replica of the answer
    due: float | None = None  #: when it was meant to begin
    router: int = 0  #: the number of the router that sent it
    slow: bool = False  #: whether it asked for the slow path
    by_reset: bool = False  #: whether a TCP reset ended it, which answers also a connection to a port that is closed

    @property
    def is_lost(self) -> bool:
        """Whether the client did not get what it asked for."""
        return self.kind != OK

    @property
    def ended(self) -> float:
        """When it was answered or lost."""
        return self.at + self.took

    @property
    def late(self) -> float:
        """Seconds from the moment when it was meant to begin to that when it began."""
        return 0.0 if self.due is None else max(0.0, self.at - self.due)

    def as_json(self) -> str:
        """One line, which from_json() reads."""
        return json.dumps(vars(self))

    @staticmethod
    def from_json(line: str) -> "Outcome":
        """The outcome that a line of as_json() tells."""
        return Outcome(**json.loads(line))


def classify(
    stage: str, status: int | None, timed_out: bool = False, replica: str | None = None, first_error: int = FIRST_ERROR
) -> str:
    """The kind of a request that got as far as `stage`, and there ended or (COMPLETE) was answered, perhaps by a replica.

    `first_error`: the lowest status that is a loss. A protocol that has no status is answered where it is COMPLETE.
    """
    if timed_out:
        return TIMEOUT
    if stage != COMPLETE:
        return _BROKEN_OFF[stage]
    if status is None or status < first_error:
        return OK
    if status >= FIRST_SERVER_ERROR:
        return EARLY if status == UNAVAILABLE and replica else SERVER_ERROR
    return ERROR


def losses(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many were lost, by kind, without the kinds that did not occur."""
    counts = Counter(outcome.kind for outcome in outcomes)
    return {kind: counts[kind] for kind in LOSSES if counts[kind]}
