"""A client that misses nothing: requests at a constant rate, over new and over kept connections, each one classified.

It is an open loop: the clock begins the requests, and no late answer holds the next one up. As no client may repeat a request
that the server may have seen, nothing is retried once it has been sent.

It can stand for several routers. Each has a part of the load, connections of its own, and replicas of its own to ask, of which
it learns and which it forgets at its own time.
"""

import asyncio
import contextlib
import errno
import itertools
import random
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pyinit.rehearse import protocols
from pyinit.rehearse.outcome import FIRST_ERROR, REFUSED, Outcome, classify
from pyinit.rehearse.protocols import Connection
from pyinit.rehearse.protocols.stream import ProtocolError

EVEN, POISSON = "even", "poisson"

#: Seconds for a connection to be taken: as routers have it, far less than for an answer.
CONNECT = 3.0

#: Errors of the kernel after a reset has come: to a SYN, to what was sent before, and to what is sent after it.
BY_RESET = (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE)


@dataclass(frozen=True)
class Plan:
    """What is asked of whom, and how often. `host` and `port` are the first replica of every router; port 0: there is none."""

    host: str  #: also what a request names as its host
    port: int
    path: str
    rate_new: float  #: requests per second, each over a connection of its own
    rate_kept: float  #: requests per second over the pool
    connections: int  #: of the pool
    timeout: float  #: seconds, from the beginning of a request to the last byte of its answer
    arrivals: str  #: EVEN, or POISSON as many independent clients would
    protocol: str = protocols.HTTP1
    routers: int = 1  #: which share the rates and the pool
    slow_path: str = ""  #: asked for as well, over new connections, where it is given
    rate_slow: float = 0.0  #: so many times per second
    first_error: int = FIRST_ERROR  #: the lowest status that is a loss
    tls: bool = False  #: whether the protocol is spoken over TLS


@dataclass(frozen=True)
class Replica:
    """Where a router sends requests. `name` is empty for the one of the plan."""

    name: str
    family: int
    address: Any


def replica(name: str, host: str, port: int) -> Replica:
    """A replica at this address. Raises OSError for a name that nobody knows."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return Replica(name, found[0], found[4])


class Router:
    """One router: the replicas that it knows, and its pool of kept connections."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.connections = 0  # of the pool, idle and busy ones
        self._replicas: deque[Replica] = deque()
        self._idle: deque[tuple[Replica, Connection]] = deque()  # used in turn, so that none grows old unasked

    def admit(self, new: Replica) -> None:
        """Send requests to this one, too."""
        self._replicas.append(new)

    def dismiss(self, name: str) -> None:
        """Send no more requests to this one; what has begun goes on."""
        self._replicas = deque(one for one in self._replicas if one.name != name)
        kept = [(one, connection) for one, connection in self._idle if one.name != name]
        for one, connection in self._idle:
            if one.name == name:
                connection.close()
        self.connections -= len(self._idle) - len(kept)
        self._idle = deque(kept)

    def knows(self, one: Replica) -> bool:
        """Whether it sends requests to this one."""
        return one in self._replicas

    def next(self) -> Replica | None:
        """The one whose turn it is; None where there is none."""
        if not self._replicas:
            return None
        self._replicas.rotate(-1)
        return self._replicas[-1]

    def take_idle(self) -> tuple[Replica, Connection] | None:
        """A connection of the pool once that is full. Those that the server has closed meanwhile are nobody's loss."""
        while self._idle and self.connections >= self.size:
            one, connection = self._idle.popleft()
            if connection.is_idle:
                return one, connection
            connection.close()
            self.connections -= 1
        return None

    def give_back(self, one: Replica, connection: Connection) -> None:
        """Keep a connection of the pool, or close it."""
        if connection.can_be_kept and self.connections <= self.size and self.knows(one):
            self._idle.append((one, connection))
        else:
            connection.close()
            self.connections -= 1

    def close(self) -> None:
        """Close what is idle."""
        for _, connection in self._idle:
            connection.close()


class Client:
    """Asks as planned; `record` gets every outcome."""

    def __init__(self, plan: Plan, record: Callable[[Outcome], None]) -> None:
        self._plan, self._record = plan, record
        self.routers = [Router(_share(plan.connections, plan.routers, number)) for number in range(plan.routers)]
        self._requests: set[asyncio.Task[None]] = set()
        if plan.port:
            first = replica("", plan.host, plan.port)
            for router in self.routers:
                router.admit(first)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask for as long as the block runs. At its end all requests that have begun are seen to their end."""
        plan = self._plan
        kinds = (
            (plan.rate_new, 0.0, False, ""),
            (plan.rate_kept, 0.5, True, ""),
            (plan.rate_slow, 0.25, False, plan.slow_path),
        )
        count = len(self.routers)
        streams = [
            asyncio.create_task(self._stream(rate / count, (phase + number) / count, keep, number, slow))
            for rate, phase, keep, slow in kinds
            for number in range(count)
            if rate
        ]
        try:
            yield
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)
            await asyncio.gather(*self._requests)
            for router in self.routers:
                router.close()

    async def _stream(self, rate: float, phase: float, keep: bool, number: int, slow: str) -> None:
        """Begin requests by the clock; where we are late, at once."""
        loop = asyncio.get_running_loop()
        start = loop.time()  # on Linux that of time.monotonic()
        for moment in arrivals(rate, phase, self._plan.arrivals):
            due = start + moment
            await asyncio.sleep(max(0.0, due - loop.time()))
            request = asyncio.create_task(self.request(keep, due, number, slow))
            self._requests.add(request)
            request.add_done_callback(self._finished)

    def _finished(self, request: asyncio.Task[None]) -> None:
        """Forget a request, unless our own fault ended it: running() raises that at the end."""
        if request.exception() is None:
            self._requests.discard(request)

    async def request(self, keep: bool, due: float | None = None, number: int = 0, slow: str = "") -> None:
        """One request now, over the pool or over a connection of its own, until it is answered or lost."""
        began, router = time.monotonic(), self.routers[number]
        found = router.take_idle() if keep else None
        kept, timed_out, by_reset = found is not None, False, False
        if found is None:
            one = router.next()
            if one is None:
                self._record(Outcome(began, 0.0, REFUSED, False, None, None, due, number, bool(slow)))
                return
            found = one, protocols.connection(self._plan.protocol, one.family, self._plan.tls)
            router.connections += keep
        one, connection = found
        try:
            await asyncio.wait_for(self._ask(one, connection, keep, slow), self._plan.timeout)
        except asyncio.TimeoutError:  # in Python 3.10 another than TimeoutError
            timed_out = True
        except OSError as error:
            by_reset = error.errno in BY_RESET
        except ProtocolError:
            pass  # the stage tells
        status = connection.status
        kind = classify(connection.stage, status, timed_out, connection.replica, self._plan.first_error)
        who = one.name or connection.replica
        took = time.monotonic() - began
        self._record(Outcome(began, took, kind, kept, status, who, due, number, bool(slow), by_reset))
        if keep:
            router.give_back(one, connection)
        else:
            connection.close()

    async def _ask(self, one: Replica, connection: Connection, keep: bool, slow: str) -> None:
        if not connection.requests:
            try:
                await asyncio.wait_for(connection.open(one.address), CONNECT)
            except asyncio.TimeoutError:
                raise ConnectionRefusedError from None  # nobody has the address, or takes the connection
        await connection.ask(self._plan.host, slow or self._plan.path, keep)


def _share(count: int, routers: int, number: int) -> int:
    """The part of a pool that one router has."""
    return count // routers + (number < count % routers)


def arrivals(rate: float, phase: float, kind: str) -> Iterator[float]:
    """Seconds from the start at which requests begin, without an end; `phase` shifts even ones by a part of their distance."""
    if kind == EVEN:
        return ((number + phase) / rate for number in itertools.count())
    return itertools.accumulate(random.expovariate(rate) for _ in itertools.repeat(None))
