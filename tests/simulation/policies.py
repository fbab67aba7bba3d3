"""When the pre-stop delay is over: at a fixed time, after plain silence, or as pyinit decides it (pyinit/traffic/quiet.py)."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pyinit.traffic import quiet
from pyinit.traffic.quiet import Policy, Seen
from tests.simulation.traffic import Traffic

#: Seconds between two looks, as in pyinit/traffic/delay.py.
PERIOD = 0.25

#: Seconds by which a look comes later than asked for.
LATE = 0.002


class Delay(Protocol):
    """A policy: what it is called, and when it lets the container of this traffic go."""

    @property
    def name(self) -> str:
        """For the head of a column."""

    @property
    def watches(self) -> bool:
        """Whether the end depends on the traffic."""

    def end(self, traffic: Traffic) -> float:
        """In seconds since the stop request."""


class Rule(Protocol):
    """What decides, of all that has been seen."""

    def over_at(self, seen: Seen) -> float:
        """When the delay is over if nothing more is seen until then."""

    def is_over(self, seen: Seen) -> bool:
        """Whether it is, as of the last look."""


def watch(rule: Rule, traffic: Traffic) -> float:
    """When the delay is over, for one who looks at the traffic once in a PERIOD, and when the rule says so."""
    seen = Seen(traffic.before)
    told = 0  # so many events
    while not rule.is_over(seen):
        at = min(seen.looked_at + PERIOD, rule.over_at(seen)) + LATE
        until = bisect_right(traffic.events, (at, float("inf")))
        events = traffic.events[told:until]
        told = until
        # Of a connection that has come and gone nobody can tell when that was.
        last, connection = events[-1] if events else (at, 0)
        seen = quiet.saw(seen, at, len(events), at - last if connection > 0 else None)
    return seen.looked_at


@dataclass(frozen=True)
class Fixed:
    """What everybody has today: a sleep."""

    seconds: float
    watches: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """For the head of a column."""
        return f"fixed {self.seconds:g} s" if self.seconds else "no delay"

    def end(self, _: Traffic) -> float:
        """In seconds since the stop request."""
        return self.seconds


@dataclass(frozen=True)
class Plain:
    """So many seconds of silence, whatever the rate."""

    policy: Policy
    watches: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """For the head of a column."""
        return f"plain {self.policy.quiet:g} s"

    def end(self, traffic: Traffic) -> float:
        """In seconds since the stop request."""
        return watch(self, traffic)

    def over_at(self, seen: Seen) -> float:
        """When the delay is over if nothing more is seen until then."""
        return min(self.policy.maximum, max(self.policy.minimum, seen.last_at + self.policy.quiet))

    def is_over(self, seen: Seen) -> bool:
        """Whether it is, as of the last look."""
        return seen.looked_at >= self.over_at(seen)


@dataclass(frozen=True)
class Auto:
    """Silence that means something: --pre-stop-delay auto. `events` in place of the constant of quiet.py."""

    policy: Policy
    events: int = quiet.EVENTS
    watches: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """For the head of a column."""
        return "auto"

    def end(self, traffic: Traffic) -> float:
        """In seconds since the stop request."""
        with _constant(self.events):
            return watch(self, traffic)

    def over_at(self, seen: Seen) -> float:
        """When the delay is over if nothing more is seen until then."""
        return quiet.over_at(self.policy, seen)

    def is_over(self, seen: Seen) -> bool:
        """Whether it is, as of the last look."""
        return quiet.verdict(self.policy, seen) is not None


@contextmanager
def _constant(events: int) -> Iterator[None]:
    before = quiet.EVENTS
    quiet.EVENTS = events
    try:
        yield
    finally:
        quiet.EVENTS = before


#: Of the options: the least, the most, the silence.
DEFAULTS = Policy(5.0, 20.0, 6.0)

#: Those of the tables.
POLICIES: tuple[Delay, ...] = (*map(Fixed, (0, 5, 10, 15, 20)), Plain(Policy(5.0, 20.0, 3.0)), Auto(DEFAULTS))
