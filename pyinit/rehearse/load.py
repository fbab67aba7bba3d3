"""The client as a process of its own, so that whoever orchestrates meanwhile does not disturb it.

`Load` runs it and tells it, over its stdin, at which moments its routers learn of a replica and forget one: a JSON object per
line, {"at": seconds of time.monotonic(), "admit": [name, host, port]} or {"at": ..., "dismiss": name, "routers": [numbers]}.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from pyinit.rehearse import protocols
from pyinit.rehearse.client import EVEN, POISSON, Client, Plan, replica
from pyinit.rehearse.outcome import FIRST_ERROR, Outcome

#: The folder of the package: the process must find the same one.
FOLDER = Path(__file__).resolve().parents[2]

#: What the client says once its requests are on their way.
BEGUN = "begun\n"

#: Before others, where that is allowed: what a busy machine does to the client is nobody's loss.
PRIORITY = -20


class LoadError(Exception):
    """The client did not run to its end."""


class Load:
    """The client as a process of its own. A context manager; stop() returns what became of all requests.

    host, port: of the router; port 0: requests begin with the first replica that is admitted. rate_new, rate_kept: requests
    per second. connections: size of the pool. timeout: seconds for a request. longest: seconds after which the client stops by
    itself. It also stops when this process dies. Other keywords are those of Plan.
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
        **further: Any,
    ) -> None:
        self._timeout = timeout
        self._plan = [host, str(port), f"--path={path}", f"--arrivals={arrivals}", f"--longest={longest}"]
        self._plan += [f"--rate-new={rate_new}", f"--rate-kept={rate_kept}"]
        self._plan += [f"--connections={connections}", f"--timeout={timeout}"]
        self._plan += [f"--{name.replace('_', '-')}={value}" for name, value in further.items()]

    def __enter__(self) -> "Load":
        self._folder = tempfile.TemporaryDirectory(prefix="pyinit-rehearse-")
        self._file = Path(self._folder.name) / "outcomes"
        words = [sys.executable, "-m", "pyinit.rehearse.load", *self._plan, str(self._file)]
        places = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH")]))
        self._client = subprocess.Popen(
            words,
            env={**os.environ, "PYTHONPATH": places},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is for us: we stop it
        )
        assert self._client.stdout is not None
        if self._client.stdout.readline() != BEGUN:
            self._end()
            raise LoadError(f"the client has not begun: exit status {self._client.returncode}")
        return self

    def admit(self, name: str, host: str, port: int, at: float = 0.0) -> None:
        """From this moment on (0: now) every router sends requests to this replica, too."""
        self._tell({"at": at, "admit": [name, host, port]})

    def dismiss(self, name: str, routers: Sequence[int], at: float = 0.0) -> None:
        """From this moment on (0: now) these routers send no more requests to this replica."""
        self._tell({"at": at, "dismiss": name, "routers": list(routers)})

    def _tell(self, what: dict[str, object]) -> None:
        assert self._client.stdin is not None
        try:
            self._client.stdin.write(f"{json.dumps(what)}\n")
            self._client.stdin.flush()
        except BrokenPipeError:
            raise LoadError(f"the client has died: exit status {self._client.wait()}") from None

    def so_far(self) -> list[Outcome]:
        """The requests that have ended, in the order of their beginnings."""
        return read(self._file)

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
        with contextlib.suppress(BrokenPipeError), self._client:  # closes the pipes and waits
            self._client.kill()
        self._folder.cleanup()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end()


def read(file: Path) -> list[Outcome]:
    """The outcomes in a file of JSON lines, in the order of their beginnings. A line that is being written is left out."""
    with file.open(encoding="ascii") as lines:
        return sorted((Outcome.from_json(line) for line in lines if line.endswith("\n")), key=lambda one: one.at)


class _Orders:
    """Reads what our parent tells, and does it at its moment. `ended` is called when the other end is closed."""

    def __init__(self, client: Client, ended: Callable[[], None]) -> None:
        self._client, self._ended, self._rest = client, ended, b""
        self.admitted = asyncio.Event()  # the first replica

    def on_readable(self) -> None:
        """Read what has come."""
        data = os.read(sys.stdin.fileno(), 1 << 16)
        if not data:
            asyncio.get_running_loop().remove_reader(sys.stdin)
            self._ended()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            asyncio.get_running_loop().call_later(max(0.0, order["at"] - time.monotonic()), self._do, order)

    def _do(self, order: dict[str, Any]) -> None:
        if "admit" in order:
            new = replica(*order["admit"])
            for router in self._client.routers:
                router.admit(new)
            self.admitted.set()
        else:
            for number in order["routers"]:
                self._client.routers[number].dismiss(order["dismiss"])


async def _run(plan: Plan, longest: float, out: TextIO) -> None:
    """Ask until SIGTERM, until the other end of stdin is closed (our parent stops us, or is dead), or for so long."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    client = Client(plan, lambda one: print(one.as_json(), file=out, flush=True))
    orders = _Orders(client, stop.set)
    with contextlib.suppress(PermissionError):  # EPERM: a file or /dev/null, which never ends
        loop.add_reader(sys.stdin, orders.on_readable)
    if not plan.port:
        _say_begun()
        waiting = [asyncio.create_task(event.wait()) for event in (orders.admitted, stop)]
        await asyncio.wait(waiting, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
    if stop.is_set():
        return
    async with client.running():
        if plan.port:
            _say_begun()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), longest)


def _say_begun() -> None:
    sys.stdout.write(BEGUN)
    sys.stdout.flush()


def main(words: Sequence[str] | None = None) -> None:
    """The command line, for `Load`."""
    parser = argparse.ArgumentParser(prog="python -m pyinit.rehearse.load")
    parser.add_argument("host")
    parser.add_argument("port", type=int, help="0: replicas come over stdin")
    parser.add_argument("out", type=Path, help="the file for the outcomes, one JSON object per line")
    parser.add_argument("--path", default="/")
    parser.add_argument("--rate-new", type=float, default=20.0, help="requests/s, each over a connection of its own")
    parser.add_argument("--rate-kept", type=float, default=20.0, help="requests/s over kept connections")
    parser.add_argument("--connections", type=int, default=8, help="how many connections are kept")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for one request")
    parser.add_argument("--arrivals", choices=(EVEN, POISSON), default=EVEN)
    parser.add_argument("--protocol", choices=protocols.ALL, default=protocols.HTTP1)
    parser.add_argument("--routers", type=int, default=1, help="how many share the rates and the connections")
    parser.add_argument("--slow-path", default="")
    parser.add_argument("--rate-slow", type=float, default=0.0, help="requests/s for the slow path")
    parser.add_argument("--first-error", type=int, default=FIRST_ERROR, help="the lowest status that is a loss")
    parser.add_argument("--tls", type="True".__eq__, default=False, metavar="True|False", help="whether it is spoken over TLS")
    parser.add_argument("--longest", type=float, default=600.0, help="seconds after which it ends by itself")
    options = vars(parser.parse_args(words))
    with contextlib.suppress(OSError):  # EACCES, where we are not root: it is late a little more often
        os.nice(PRIORITY)
    longest = options.pop("longest")
    with options.pop("out").open("w", encoding="ascii") as out:
        asyncio.run(_run(Plan(**options), longest, out))


if __name__ == "__main__":
    main()
