"""A network namespace for each test: one for an init, with clients outside of it, or one for the test itself."""

import contextlib
import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest

from tests.live import loopback
from tests.live.sockets import REQUEST
from tests.namespace import ROOT, WITH_PROC, enter
from tests.waiting import PATIENCE

#: Becomes a program, with the loopback interface up; for the end of `unshare`.
WITH_LOOPBACK = (sys.executable, "-IS", str(ROOT / "tests" / "live" / "loopback.py"))

#: A PID namespace with a network of its own.
WITH_NETWORK = (*WITH_PROC, "--net", *WITH_LOOPBACK)

# linux/sched.h, linux/in.h
CLONE_NEWNET = 0x40000000
IPPROTO_MPTCP = 262


def need_mptcp() -> None:
    """Skip the test where the kernel has no MPTCP, or it is switched off."""
    switch = Path("/proc/sys/net/mptcp/enabled")
    if not switch.exists() or switch.read_text().strip() != "1":
        pytest.skip("this kernel has no MPTCP, or net.mptcp.enabled is 0")


def talk(connection: socket.socket, words: bytes = b"hello") -> bytes:
    """Send a request to tests/live/server.py and return its answer; raises ConnectionError where none comes."""
    connection.sendall(words)
    answer = b""
    while len(answer) < len(words):
        part = connection.recv(len(words) - len(answer))
        if not part:
            raise ConnectionResetError("closed instead of an answer")
        answer += part
    return answer


class Network:
    """Sockets in the network namespace of a process. A context manager: at its end they are all closed."""

    def __init__(self, pid: int) -> None:
        self._made: list[socket.socket] = []
        self._maker, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*enter(pid, "net"), sys.executable, "-IS", str(ROOT / "tests/live/sockets.py")],
                stdin=theirs.fileno(),
            )
        self._maker.settimeout(PATIENCE)

    def make(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        """A socket in there. Raises OSError where the namespace is gone, or has none such."""
        self._maker.send(REQUEST.pack(family, kind, protocol))
        said, descriptors, _, _ = socket.recv_fds(self._maker, 1000, 1)
        if not descriptors:
            raise OSError(said.decode() or "there is no such namespace any more")
        made = socket.socket(fileno=descriptors[0])
        made.settimeout(PATIENCE)
        self._made.append(made)
        return made

    def connect(self, port: int, host: str = "127.0.0.1", protocol: int = 0) -> socket.socket:
        """A connection to a port in there. Raises ConnectionRefusedError where nobody listens."""
        connection = self.make(socket.AF_INET6 if ":" in host else socket.AF_INET, protocol=protocol)
        connection.connect((host, port))
        return connection

    def request(self, port: int) -> bytes:
        """Send a request over a connection of its own."""
        with self.connect(port) as connection:
            return talk(connection)

    def refused(self, port: int) -> bool:
        """Whether a connection to a port is refused now."""
        with self.make() as connection:
            try:
                connection.connect(("127.0.0.1", port))
            except ConnectionRefusedError:
                return True
            return False

    def hang_up(self) -> None:
        """Close all sockets that were made."""
        for made in self._made:
            made.close()

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.hang_up()
        self._maker.close()
        self._process.wait(PATIENCE)


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """Take ourselves to a new network namespace, and back: for code that must look around in there itself.

    Raises PermissionError without root: who has left the network of the first user namespace cannot come back.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def call(result: int) -> None:
        if result:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    with Path("/proc/self/ns/net").open() as home:
        call(libc.unshare(CLONE_NEWNET))
        try:
            loopback.bring_up()
            yield
        finally:
            call(libc.setns(home.fileno(), CLONE_NEWNET))
