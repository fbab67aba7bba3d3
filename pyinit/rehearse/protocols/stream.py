"""The TCP connection under every protocol."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from pyinit.rehearse import outcome
from pyinit.rehearse.protocols.tls import Tls

#: Bytes that are read at once.
SIZE = 1 << 16


class ProtocolError(Exception):
    """What came is not an answer of this protocol."""


class Stream:
    """A TCP connection that knows how far its latest request got (`stage`, in the words of outcome).

    `tls`: None, or what is offered by ALPN to a server that speaks TLS.
    """

    def __init__(self, family: int, tls: Sequence[str] | None = None) -> None:
        self.stage = outcome.CONNECTING
        self.status: int | None = None
        self.replica: str | None = None
        self.requests = 0
        self._tls = None if tls is None else Tls(tls)
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)

    async def open(self, address: Any) -> None:
        """Connect, and shake hands where TLS is spoken. Raises OSError where nobody takes the connection; ProtocolError."""
        try:
            await asyncio.get_running_loop().sock_connect(self._socket, address)
        except (ConnectionResetError, BrokenPipeError):
            self.stage = outcome.CONNECTED  # and reset since; a SYN's answer would be ECONNREFUSED (tcp_reset() in Linux)
            raise
        self.stage = outcome.CONNECTED
        if self._tls is not None:
            await self._shake_hands(self._tls)

    async def _shake_hands(self, tls: Tls) -> None:
        try:
            while not tls.shake_hands():
                self._send_all(tls.leaving())
                data = await asyncio.get_running_loop().sock_recv(self._socket, SIZE)
                if not data:
                    raise ConnectionResetError
                tls.arrive(data)
            self._send_all(tls.leaving())
        except ssl.SSLError as error:
            self.stage = outcome.GARBLED
            raise ProtocolError(error.reason) from None

    def send(self, data: bytes) -> None:
        """Send all of it, which an idle connection has room for. Raises OSError where it is reset; it may have been seen."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._tls.leaving()
        self._send_all(data)

    def _send_all(self, data: bytes) -> None:
        if data:
            sent = self._socket.send(data)
            assert sent == len(data), "an idle connection has room for a line or two"

    async def receive(self) -> bytes:
        """What comes next; empty at the end. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self._tls is None:
            return await loop.sock_recv(self._socket, SIZE)
        while (inside := self._tls.read()) is None:
            self._tls.arrive(await loop.sock_recv(self._socket, SIZE))
        return inside

    def receive_now(self) -> bytes:
        """What has come; empty at the end. Raises BlockingIOError where nothing has, or another OSError."""
        if self._tls is None:
            return self._socket.recv(SIZE)
        while (inside := self._tls.read()) is None:
            self._tls.arrive(self._socket.recv(SIZE))
        return inside

    def close(self) -> None:
        """Close it, in whatever state it is."""
        self._socket.close()

    @property
    def is_silent(self) -> bool:
        """Whether the server has neither closed nor reset it, nor said anything since its last answer."""
        try:
            self.receive_now()
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


class Conversation(Stream):
    """A connection whose server may speak unasked, or say that it is going: `_is_closing`."""

    def __init__(self, family: int, tls: Sequence[str] | None = None) -> None:
        super().__init__(family, tls)
        self._is_closing = False

    @property
    def is_idle(self) -> bool:
        """Whether a request can be sent: neither side has closed it, or said that it will. What the server says is heard."""
        while not self._is_closing:
            try:
                self._hear(self.receive_now())
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
