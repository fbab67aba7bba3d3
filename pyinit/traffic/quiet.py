"""PURE. When has the traffic been quiet for long enough? Figures in, an answer out: no clock, no socket.

Silence must mean something. At 100 requests/s a second of it does, at one request a minute five do not; and where one of twenty
routers is late, it has a twentieth of the rate to show itself. So what is asked for is the longer of two times: the least quiet
(an option), and the time in which EVENTS events were to be expected at the rate at which the container was serving. Where it is
known that nobody has ever come there is no rate; but the silence is as old as the container, and as long as the maximum it is
enough.

An event is a new connection, or a segment of inbound data: a request, as a rule. (A large upload is many; then the least quiet
is all that is asked for.) `python -m tests.simulation` shows what the figures do.
"""

from pyinit.record import Record

#: So many must fail to come. Meanwhile one of twenty routers sends two; or none, by chance, in 13 of 100 cases (Poisson).
EVENTS = 40

#: Seconds after the stop request in which nearly nobody has heard of it yet: here the traffic is as it was.
FIRST = 1.0

#: Fewer events than this in a second are chance, and the average of the container's life tells more.
ENOUGH = 3

#: Seconds before the stop request that count as lately.
LATELY = 10.0

#: Standard deviations by which the traffic around the request must be below the average, or the average tells more.
DIFFERENT = 2.0

#: The last event before the stop request is not older than this many mean gaps, in 95 of 100 cases (Poisson).
OLDEST = 3.0

QUIET = "quiet"
MAXIMUM = "maximum"


class Policy(Record):
    """What the options say, in seconds: no end before `minimum`, none after `maximum`, and so much silence at least."""

    minimum: float
    maximum: float
    quiet: float


class Before(Record):
    """What is known of the time before the stop request.

    `average` is the rate over the container's life in events/s; `just_now` counts the connections with inbound data in the
    last second; `idle` is the age in seconds of the last inbound data, None where no connection is left to tell. `lately` is
    the rate in events/s of which the connections tell that the server has closed, over the last LATELY or so; 0 where too few
    do. `life` is for how many seconds all connections were counted, None where they were not.
    """

    average: float
    just_now: int
    idle: float | None
    lately: float = 0.0
    life: float | None = None


class Seen(Record):
    """All that has been seen since the stop request. Times are seconds since then."""

    before: Before
    looked_at: float = 0.0
    last_at: float = 0.0  # when the last event was; 0 where there was none
    events: int = 0
    first: int = 0  # how many of them came first
    first_until: float = 0.0  # ... until this look, at which FIRST was over or nearly so


def saw(seen: Seen, at: float, events: int, idle: float | None = None) -> Seen:
    """One more look, at a time: so many events since the look before, the last one `idle` seconds ago if that is known."""
    last_at = seen.last_at
    if events:
        # Not known: then as late as can be, which errs on the safe side.
        last_at = at if idle is None else min(at, max(seen.looked_at, at - idle))
    is_first = seen.looked_at < FIRST
    first = (seen.first + events, at) if is_first else (seen.first, seen.first_until)
    return Seen(seen.before, at, last_at, seen.events + events, *first)


def rate(seen: Seen) -> float:
    """Events/s at which the container was serving when the stop was requested.

    What came around the request, if it is enough to count, and is more than the average (which knows little of kept connections
    that have ended, and of a life that has begun with loading) or less by more than chance; or else the average, unless the
    silence before the request belies it.
    """
    before = seen.before
    counted = max(float(before.just_now), seen.first / seen.first_until if seen.first_until else 0.0)
    if counted < ENOUGH:
        counted = 0.0
    recent = max(counted, before.lately)
    if recent > before.average or (counted and before.average - recent > DIFFERENT * before.average**0.5):
        return recent
    return min(before.average, OLDEST / before.idle) if before.idle and not seen.first else before.average


def needed(policy: Policy, seen: Seen) -> float:
    """Seconds of silence that mean something; infinite where no silence does."""
    serving = rate(seen)
    if never_called(seen):
        return max(policy.quiet, policy.maximum - (seen.before.life or 0.0))
    return max(policy.quiet, EVENTS / serving if serving else float("inf"))


def never_called(seen: Seen) -> bool:
    """Whether it is known that nobody has ever come, before the stop request and since."""
    before = seen.before
    return before.life is not None and not (before.average or before.just_now or before.lately or seen.events)


def over_at(policy: Policy, seen: Seen) -> float:
    """When the delay is over, in seconds since the stop request, if no more traffic comes until then."""
    return min(policy.maximum, max(policy.minimum, seen.last_at + needed(policy, seen)))


def verdict(policy: Policy, seen: Seen) -> str | None:
    """QUIET or MAXIMUM where the delay is over as of the last look, None where the command is to serve on."""
    if seen.looked_at >= max(policy.minimum, seen.last_at + needed(policy, seen)):
        return QUIET
    return MAXIMUM if seen.looked_at >= policy.maximum else None
