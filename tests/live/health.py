"""Clients of the health helper, and where it is; for the tests of it."""

import contextlib
import json
import socket
import sys
from typing import Any, NamedTuple

import psutil

from pyinit.page import State
from pyinit.probe import state as page_reader
from tests.live.network import Network
from tests.namespace import ROOT, Namespace
from tests.waiting import wait_until

#: Where the helper listens, in a network of its own.
PORT = 8081

#: The words that run the application, on port 8080.
SLOW_START = (sys.executable, "-ISu", str(ROOT / "tests" / "live" / "slow_start.py"), "8080")

#: Options by which pyinit knows when it is ready.
READY = ("--health-listen", str(PORT), "--ready", "http://127.0.0.1:8080/", "--ready-interval", "100ms")


class Answer(NamedTuple):
    """An answer over HTTP."""

    status: int
    body: dict[str, Any]
    head: bytes


def receive(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def understood(answer: bytes) -> Answer:
    """An answer, taken apart."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), answer
    return Answer(int(head.split()[1]), json.loads(body) if body else {}, head)


def ask(network: Network, path: str = "/readyz", method: str = "GET", port: int = PORT) -> Answer:
    """Ask the helper. Raises ConnectionRefusedError where nobody listens."""
    with network.connect(port) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return understood(receive(connection))


def wait_for_answer(network: Network, status: int) -> None:
    """Wait until the helper answers with this status."""

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return ask(network).status == status
        return False

    wait_until(answers, f"the helper answers with {status}")


def helper(namespace: Namespace) -> psutil.Process:
    """The helper, as seen from outside."""
    return wait_until(lambda: namespace.named("pyinit-health"), "the health helper")[0]


def page_of(pid: int) -> State:
    """What the state page of a process tells, which may still be on its way to being a pyinit that has one."""

    def find() -> State | None:
        with contextlib.suppress(page_reader.NotFoundError):
            return page_reader.find(pid)[1]
        return None

    return wait_until(find, "the page")


def shown(namespace: Namespace) -> State:
    """What the state page of PID 1 tells."""
    return page_of(namespace.init.pid)
