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
        return self.said_unasked is None

    @property
    def said_unasked(self) -> bytes | None:
        """The beginning of what the server has said and nobody has read: None for nothing, empty where it has ended."""
        try:
            return self.socket.recv(8, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""


class Conversation(Stream):
    """A connection whose server may speak unasked, or say that it is going: `_is_closing`."""

    def __init__(self, family: int) -> None:
        super().__init__(family)
        self._is_closing = False

    @property
    def is_idle(self) -> bool:
        """Whether a request can be sent: neither side has closed it, or said that it will. What the server says is heard."""
        while not self._is_closing:
            try:
                self._hear(self.socket.recv(1 << 16))
            except BlockingIOError:
                return True
            except (OSError, ProtocolError):
                self._is_closing = True
        return False

    @property
    def can_be_kept(self) -> bool:
        """Whether another request may follow."""
        return self.stage == outcome.COMPLETE and not self._is_closing

    def _hear(self, data: bytes) -> None:
        """Take what the server says unasked, and answer it. Raises ConnectionResetError at its end, ProtocolError."""
        raise NotImplementedError
