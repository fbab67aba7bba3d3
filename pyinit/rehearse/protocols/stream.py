"""The TCP connection under every protocol."""

import asyncio
import socket
from typing import Any

from pyinit.rehearse import outcome


class ProtocolError(Exception):
    """What came is not an answer of this protocol."""


class Stream:
    """A TCP connection that knows how far its latest request got (`stage`, in the words of outcome)."""

    def __init__(self, family: int) -> None:
        self.stage = outcome.CONNECTING
        self.status: int | None = None
        self.replica: str | None = None
        self.requests = 0
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)

    async def open(self, address: Any) -> None:
        """Connect. Raises OSError where nobody takes the connection."""
        try:
            await asyncio.get_running_loop().sock_connect(self.socket, address)
        except (ConnectionResetError, BrokenPipeError):
            self.stage = outcome.CONNECTED  # and reset since; a SYN's answer would be ECONNREFUSED (tcp_reset() in Linux)
            raise
        self.stage = outcome.CONNECTED

    def close(self) -> None:
        """Close it, in whatever state it is."""
        self.socket.close()

    @property
    def is_silent(self) -> bool:
        """Whether the server has neither closed nor reset it, nor said anything since its last answer."""
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        return False
