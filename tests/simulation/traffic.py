"""The traffic around one stop, drawn at random: who sends what until when, and how much of it the container can see.

Times are seconds since the stop request; those before it are below 0.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from pyinit.traffic.quiet import ENOUGH, LATELY, Before

#: When SIGKILL comes, on Kubernetes by default: later requests are nobody's business here.
HORIZON = 30.0

#: How long a request keeps its connection busy.
SERVICE = 0.05

#: Of what came lately, a bit more, and so many mean gaps: nearly always long enough for a last event before the stop request.
GAPS_BEFORE = 10


def _one_late(_: Random, routers: int) -> list[float]:
    return [12.0, *[1.5] * (routers - 1)]


#: When each of so many routers hears that the container is to be left alone.
HEARS: Mapping[str, Callable[[Random, int], Sequence[float]]] = {
    "0 s": lambda _, routers: [0.0] * routers,
    "0.1 s": lambda _, routers: [0.1] * routers,
    "1.5 s": lambda _, routers: [1.5] * routers,
    "5 s": lambda _, routers: [5.0] * routers,
    "0 to 5 s": lambda random, routers: [random.uniform(0, 5) for _ in range(routers)],
    "1.5 s, one 12 s": _one_late,
    "never": lambda _, routers: [HORIZON] * routers,
}


@dataclass(frozen=True)
class Scenario:
    """What is the same in all its stops.

    `routers` share `rate` requests/s to this container, and hear of its stop as the entry of HEARS says. Requests come at
    random (Poisson) or `evenly` from each router, each over a connection of its own or over `pooled` ones, of which a router
    takes the first that is free. The average of the container's life is `known` times the true rate. `probe` is the period of
    a readiness probe of the same port, in seconds, if there is one. The clients close connections that come and go, or the
    server does where it `closes` them.
    """

    hears: str
    rate: float
    routers: int = 20
    evenly: bool = False
    pooled: bool = False
    known: float = 1.0
    probe: float | None = None
    closes: bool = False

    @property
    def remarks(self) -> str:
        """What is unusual about it."""
        found = []
        if self.evenly:
            found.append("evenly spaced")
        if self.pooled:
            found.append("pooled")
        if self.known != 1:
            found.append(f"average {self.known:g} x")
        if self.probe is not None:
            found.append(f"probe every {self.probe:g} s")
        if self.closes:
            found.append("the server closes")
        return ", ".join(found)


@dataclass(frozen=True)
class Traffic:
    """One stop: what is known `before`; when each request came; each event as a time and the connection that it was on.

    Connections have numbers: those of a pool, which stay, above 0; those that come and go with a request, below 0.
    """

    before: Before
    requests: Sequence[float]
    events: Sequence[tuple[float, int]]

    def lost(self, end: float) -> int:
        """How many requests find nobody, where the container serves on until `end`."""
        return sum(1 for at in self.requests if at >= end)


def _arrivals(random: Random, gap: float, evenly: bool, start: float, end: float) -> Iterator[float]:
    at = start + (random.uniform(0, gap) if evenly else random.expovariate(1 / gap))
    while at < end:
        yield at
        at += gap if evenly else random.expovariate(1 / gap)


def _on_pooled(router: int, arrivals: Sequence[float]) -> Iterator[tuple[float, int]]:
    free_at: list[float] = []
    for at in arrivals:
        index = next((index for index, free in enumerate(free_at) if free <= at), len(free_at))
        free_at[index:] = [at + SERVICE, *free_at[index + 1 :]]
        yield at, router + 1000 * index


def draw(scenario: Scenario, random: Random) -> Traffic:
    """One stop of this scenario."""
    start = -LATELY - GAPS_BEFORE / scenario.rate
    gap = scenario.routers / scenario.rate
    requests: list[float] = []
    pooled: list[tuple[float, int]] = []
    for router, hears in enumerate(HEARS[scenario.hears](random, scenario.routers), 1):
        arrivals = list(_arrivals(random, gap, scenario.evenly, start, hears))
        requests += arrivals
        if scenario.pooled:
            pooled += _on_pooled(router, arrivals)
    opened = [] if scenario.pooled else requests
    average = scenario.rate * scenario.known
    if scenario.probe is not None:
        opened = [*opened, *_arrivals(random, scenario.probe, True, start, HORIZON)]
        average += 1 / scenario.probe
    events = sorted(pooled + [(at, -number) for number, at in enumerate(opened, 1)])  # each on a connection of its own
    # A connection that has gone cannot tell when it had data.
    age = [(-at, connection) for at, connection in pooled if at < 0]
    just_now = len({connection for old, connection in age if old <= 1})
    closed = sum(1 for at in opened if -LATELY <= at < 0) if scenario.closes else 0
    lately = closed / LATELY if closed >= ENOUGH else 0.0
    before = Before(average, just_now, min(age)[0] if age else None, lately)
    return Traffic(before, [at for at in requests if at >= 0], [event for event in events if event[0] >= 0])
