"""PURE. What a stop has cost: from the kernel's counters to a line for people."""

from pyinit.life.actions import CUT_SHORT, PRE_STOP_COMMAND
from pyinit.record import Record
from pyinit.traffic import quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.traffic.counters import Counters

# How the pre-stop delay ended, besides quiet.QUIET and quiet.MAXIMUM, CUT_SHORT and PRE_STOP_COMMAND.
NO_DELAY = "no delay"
FIXED = "fixed"
IGNORED = "only ignored ports"
NOT_ACCEPTED = "not accepted"
NOT_READY = "never ready"

#: What would have helped those who came too late, by how the delay ended.
HINTS = {
    NO_DELAY: "serve on until routers have noticed: --pre-stop-delay auto",
    FIXED: "routers were later than the delay: raise --pre-stop-delay, or set it to auto",
    IGNORED: "the ports that they came to do not count: --ports, --ignore-ports",
    CUT_SHORT: "a second stop request cut the delay short",
    PRE_STOP_COMMAND: "the pre-stop command succeeded too early",
    quiet.QUIET: "some router was silent for a while and came back: raise --pre-stop-quiet",
    quiet.MAXIMUM: "routers were later than the longest delay: raise --pre-stop-max, and the time of --stop-timeout",
    NOT_READY: "they came though the command was never ready: is --ready right?",
    NOT_ACCEPTED: "the application did not accept the connections that waited",
}
KEEP_ALIVE = "the application closes keep-alive connections without notice while clients use them"
FULL = "the accept queue was full: a larger backlog (listen(), net.core.somaxconn) or more workers"
DROPPED = "the kernel dropped them; clients send them again after a second"
KILLED = "connections were open at SIGKILL: raise --grace-period"


class Story(Record):
    """What was seen of a stop. Times are seconds after the stop request.

    `requested` are the counters at the request, `signalled` those at the stop signal, `ended` those at the end; `last_event` is
    when traffic was last seen, `last_reset` when a reset was; `open_at_kill` counts connections.
    """

    delay: str
    requested: "Counters"
    signalled: "Counters"
    ended: "Counters"
    last_event: float | None
    last_reset: float | None
    open_at_kill: int


class Losses(Record):
    """The report: a level and a line for the log, and its fields."""

    level: str
    message: str
    fields: dict[str, object]


def report(story: Story) -> Losses:
    """What was lost at most, when the last request came, and what would help."""
    resets = max(0, story.ended.resets - story.signalled.resets)
    unread = max(0, min(resets, story.ended.unread - story.signalled.unread))
    overflows = max(0, story.ended.overflows - story.requested.overflows)
    drops = max(overflows, story.ended.drops - story.requested.drops)
    parts, hints = [], []
    if resets:
        when = "" if story.last_reset is None else f", the last {story.last_reset:.1f}s after the stop request"
        parts.append(f"requests refused or reset: up to {resets}{when}")
        if unread:
            hints.append(KEEP_ALIVE)
        if unread < resets:
            hints.append(HINTS[story.delay])
    if drops:
        parts.append(f"connection requests dropped: {drops}")
        hints.append(FULL if overflows else DROPPED)
    if story.open_at_kill:
        parts.append(f"connections open at SIGKILL: {story.open_at_kill}")
        hints.append(KILLED)
    came = "" if story.last_event is None else f"; traffic was last seen {story.last_event:.1f}s after the stop request"
    message = "; ".join(parts) + came + f" ({'; '.join(hints)})" if parts else f"no request was refused or reset{came}"
    fields: dict[str, object] = {
        "refused_or_reset": resets,
        "unread": unread,
        "overflows": overflows,
        "drops": drops,
        "open_at_kill": story.open_at_kill,
        "last_event": story.last_event,
        "last_reset": story.last_reset,
        "delay_ended": story.delay,
        "hint": "; ".join(hints) or None,
    }
    return Losses("warning" if parts else "info", message, fields)
