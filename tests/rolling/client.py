"""A client that misses nothing: requests at a constant rate, over new and over kept connections, each one classified.

It is an open loop: the clock begins the requests, and no late answer holds the next one up. As no client may repeat a request
that the server may have seen, nothing is retried once it has been sent.

`Load` runs it as a process of its own, so that whoever orchestrates meanwhile does not disturb it.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import h11

from tests.rolling import outcome
from tests.rolling.outcome import Outcome, classify

ROOT = Path(__file__).resolve().parents[2]

EVEN, POISSON = "even", "poisson"

#: What the client says once its requests are on their way.
BEGUN = "begun\n"


class Connection:
    """One TCP connection. `stage`, `status` and `replica` tell of its latest request, however that ended."""

    def __init__(self, family: int) -> None:
        self.stage = outcome.CONNECTING
        self.status: int | None = None
        self.replica: str | None = None
        self.requests = 0
        self._http = h11.Connection(h11.CLIENT)
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)

    async def open(self, address: Any) -> None:
        """Connect. Raises OSError where nobody takes the connection."""
        try:
            await asyncio.get_running_loop().sock_connect(self._socket, address)
        except (ConnectionResetError, BrokenPipeError):
            self.stage = outcome.CONNECTED  # and reset since; a SYN's answer would be ECONNREFUSED (tcp_reset() in Linux)
            raise
        self.stage = outcome.CONNECTED

    def close(self) -> None:
        """Close it, in whatever state it is."""
        self._socket.close()

    @property
    def is_idle(self) -> bool:
        """Whether a request can be sent: the server has neither closed nor reset it, nor said anything unasked."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        return False

    @property
    def can_be_kept(self) -> bool:
        """Whether another request may follow: the answer was complete and no side has said `Connection: close`."""
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def ask(self, host: str, path: str, keep: bool) -> None:
        """Send a request and read the answer to its end. Raises ConnectionError or RemoteProtocolError where there is none."""
        if self.requests:
            self._http.start_next_cycle()
        self.stage, self.status, self.replica = outcome.CONNECTED, None, None
        if not self.is_idle:
            raise ConnectionResetError
        headers = [("Host", host), *([] if keep else [("Connection", "close")])]
        request = self._http.send(h11.Request(method="GET", target=path, headers=headers))
        assert request is not None
        sent = self._socket.send(request)  # raises where a reset came just now; what has been sent may have been seen
        assert sent == len(request), "an idle connection has room for a line or two"
        self.stage = outcome.SENT
        self.requests += 1
        self._http.send(h11.EndOfMessage())
        await self._read_answer()

    async def _read_answer(self) -> None:
        loop = asyncio.get_running_loop()
        ended = False
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                if not ended:
                    self.stage = outcome.GARBLED
                raise
            if event is h11.NEED_DATA:
                data = await loop.sock_recv(self._socket, 1 << 16)
                ended = not data
                if not ended:
                    self.stage = outcome.ANSWERING
                self._http.receive_data(data)  # of the end, too: only some answers end with it
            elif isinstance(event, h11.Response):
                self.status = event.status_code
                self.replica = dict(event.headers).get(b"x-replica", b"").decode() or None
            elif isinstance(event, h11.EndOfMessage):
                self.stage = outcome.COMPLETE
                return


@dataclass(frozen=True)
class Plan:
    """What is asked of whom, and how often."""

    host: str
    port: int
    path: str
    rate_new: float  #: requests per second, each over a connection of its own
    rate_kept: float  #: requests per second over the pool
    connections: int  #: of the pool
    timeout: float  #: seconds, from the beginning of a request to the last byte of its answer
    arrivals: str  #: EVEN, or POISSON as many independent clients would


class Client:
    """Asks as planned; `record` gets every outcome."""

    def __init__(self, plan: Plan, record: Callable[[Outcome], None]) -> None:
        self._plan, self._record = plan, record
        found = socket.getaddrinfo(plan.host, plan.port, type=socket.SOCK_STREAM)[0]
        self._family: int = found[0]
        self._address: Any = found[4]
        self._idle: deque[Connection] = deque()  # of the pool: used in turn, so that none grows old unasked
        self._pool_size = 0  # idle and busy ones
        self._requests: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask for as long as the block runs. At its end all requests that have begun are seen to their end."""
        plan = self._plan
        streams = [
            asyncio.create_task(self._stream(rate, phase, keep))
            for rate, phase, keep in ((plan.rate_new, 0.0, False), (plan.rate_kept, 0.5, True))
            if rate
        ]
        try:
            yield
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)
            await asyncio.gather(*self._requests)
            for connection in self._idle:
                connection.close()

    async def _stream(self, rate: float, phase: float, keep: bool) -> None:
        """Begin requests by the clock; where we are late, at once."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for moment in arrivals(rate, phase, self._plan.arrivals):
            await asyncio.sleep(max(0.0, start + moment - loop.time()))
            request = asyncio.create_task(self.request(keep))
            self._requests.add(request)
            request.add_done_callback(self._finished)

    def _finished(self, request: asyncio.Task[None]) -> None:
        """Forget a request, unless our own fault ended it: running() raises that at the end."""
        if request.exception() is None:
            self._requests.discard(request)

    async def request(self, keep: bool) -> None:
        """One request now, over the pool or over a connection of its own, until it is answered or lost."""
        began = time.monotonic()
        connection = self._take_idle() if keep else None
        kept, timed_out = connection is not None, False
        if connection is None:
            connection = Connection(self._family)
            self._pool_size += keep
        try:
            await asyncio.wait_for(self._ask(connection, keep), self._plan.timeout)
        except asyncio.TimeoutError:  # in Python 3.10 another than TimeoutError
            timed_out = True
        except (OSError, h11.RemoteProtocolError):
            pass  # the stage tells
        kind = classify(connection.stage, connection.status, timed_out, connection.replica)
        self._record(Outcome(began, time.monotonic() - began, kind, kept, connection.status, connection.replica))
        if keep and connection.can_be_kept and self._pool_size <= self._plan.connections:
            self._idle.append(connection)
        else:
            connection.close()
            self._pool_size -= keep

    async def _ask(self, connection: Connection, keep: bool) -> None:
        if not connection.requests:
            await connection.open(self._address)
        await connection.ask(self._plan.host, self._plan.path, keep)

    def _take_idle(self) -> Connection | None:
        """A connection of the pool once that is full. Those that the server has closed meanwhile are nobody's loss."""
        while self._idle and self._pool_size >= self._plan.connections:
            connection = self._idle.popleft()
            if connection.is_idle:
                return connection
            connection.close()
            self._pool_size -= 1
        return None


def arrivals(rate: float, phase: float, kind: str) -> Iterator[float]:
    """Seconds from the start at which requests begin, without an end; `phase` shifts even ones by a part of their distance."""
    if kind == EVEN:
        return ((number + phase) / rate for number in itertools.count())
    return itertools.accumulate(random.expovariate(rate) for _ in itertools.repeat(None))


class LoadError(Exception):
    """The client did not run to its end."""


class Load:
    """The client as a process of its own. A context manager; stop() returns what became of all requests.

    host, port: of the router. rate_new, rate_kept: requests per second. connections: size of the pool. timeout: seconds for
    a request. longest: seconds after which the client stops by itself. It also stops when this process dies.
    """

    def __init__(
        self,
        host: str,
        port: int,
        rate_new: float = 20.0,
        rate_kept: float = 20.0,
        connections: int = 8,
        timeout: float = 10.0,
        *,
        path: str = "/",
        arrivals: str = EVEN,
        longest: float = 600.0,
    ) -> None:
        self._timeout = timeout
        self._plan = [host, str(port), f"--path={path}", f"--arrivals={arrivals}", f"--longest={longest}"]
        self._plan += [f"--rate-new={rate_new}", f"--rate-kept={rate_kept}"]
        self._plan += [f"--connections={connections}", f"--timeout={timeout}"]

    def __enter__(self) -> "Load":
        self._folder = tempfile.TemporaryDirectory(prefix="pyinit-rolling-")
        self._file = Path(self._folder.name) / "outcomes"
        words = [sys.executable, "-m", "tests.rolling.client", *self._plan, str(self._file)]
        self._client = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._client.stdout is not None
        if self._client.stdout.readline() != BEGUN:
            self._end()
            raise LoadError(f"the client has not begun: exit status {self._client.returncode}")
        return self

    def stop(self) -> list[Outcome]:
        """Begin no more requests, wait for those that have begun, and return all, in the order of their beginnings."""
        self._client.terminate()
        try:
            status = self._client.wait(self._timeout + 10)
        except subprocess.TimeoutExpired:
            raise LoadError("the client does not end") from None
        if status != 0:
            raise LoadError(f"the client has died: exit status {status}")
        return read(self._file)

    def _end(self) -> None:
        """Kill the client unless it has ended, and remove its file."""
        with self._client:  # closes the pipes and waits
            self._client.kill()
        self._folder.cleanup()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end()


def read(file: Path) -> list[Outcome]:
    """The outcomes in a file of JSON lines, in the order of their beginnings."""
    with file.open(encoding="ascii") as lines:
        return sorted((Outcome.from_json(line) for line in lines), key=lambda one: one.at)


async def _run(plan: Plan, longest: float, out: TextIO) -> None:
    """Ask until SIGTERM, until the other end of stdin is closed (our parent stops us, or is dead), or for so long."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    with contextlib.suppress(PermissionError):  # EPERM: a file or /dev/null, which never ends
        loop.add_reader(sys.stdin, stop.set)
    async with Client(plan, lambda one: print(one.as_json(), file=out)).running():
        sys.stdout.write(BEGUN)
        sys.stdout.flush()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), longest)


def main(words: Sequence[str] | None = None) -> None:
    """The command line, for `Load`."""
    parser = argparse.ArgumentParser(prog="python -m tests.rolling.client", description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("out", type=Path, help="the file for the outcomes, one JSON object per line")
    parser.add_argument("--path", default="/")
    parser.add_argument("--rate-new", type=float, default=20.0, help="requests/s, each over a connection of its own")
    parser.add_argument("--rate-kept", type=float, default=20.0, help="requests/s over kept connections")
    parser.add_argument("--connections", type=int, default=8, help="how many connections are kept")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for one request")
    parser.add_argument("--arrivals", choices=(EVEN, POISSON), default=EVEN)
    parser.add_argument("--longest", type=float, default=600.0, help="seconds after which it ends by itself")
    options = vars(parser.parse_args(words))
    longest = options.pop("longest")
    with options.pop("out").open("w", encoding="ascii") as out:
        asyncio.run(_run(Plan(**options), longest, out))


if __name__ == "__main__":
    main()
