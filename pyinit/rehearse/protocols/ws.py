"""WebSockets, by wsproto. A request is a Ping on an open connection: every endpoint must answer it (RFC 6455, 5.5.2)."""

import contextlib

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, Pong, RejectConnection, Request
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from pyinit.rehearse import outcome
from pyinit.rehearse.protocols import http1
from pyinit.rehearse.protocols.stream import Conversation, ProtocolError

#: Of a handshake that succeeded, and of a close in good order (RFC 6455, 7.4.1).
SWITCHING, NORMAL = 101, 1000


class Connection(Conversation):
    """One WebSocket."""

    def __init__(self, family: int, has_tls: bool = False) -> None:
        super().__init__(family, [http1.ALPN] if has_tls else None)
        self._ws = WSConnection(ConnectionType.CLIENT)

    async def ask(self, host: str, path: str, keep: bool) -> None:
        """Open it, if it is not open, and send a Ping. Raises ConnectionError or ProtocolError where no Pong comes."""
        is_new = not self.requests
        self.stage = outcome.CONNECTED
        if not is_new and not self.is_idle:
            raise ConnectionResetError
        self.requests += 1
        if is_new:
            self._send(Request(host=host, target=path))
            self.stage = outcome.SENT
            await self._await(AcceptConnection)
        payload = str(self.requests).encode()
        self._send(Ping(payload))
        self.stage = outcome.SENT
        await self._await(Pong, payload)
        self.stage, self.status = outcome.COMPLETE, SWITCHING
        if not keep and not self._is_closing:
            with contextlib.suppress(OSError):  # it has answered, so what becomes of our farewell is nobody's loss
                self._send(CloseConnection(NORMAL))
            self._is_closing = True

    def _send(self, event: Event) -> None:
        """Send a frame. Raises ConnectionResetError where the other side has closed the WebSocket."""
        try:
            data = self._ws.send(event)
        except LocalProtocolError:
            raise ConnectionResetError from None
        self.send(data)

    def _hear(self, data: bytes) -> None:
        for event in self._feed(data):
            self._handle(event)

    def _feed(self, data: bytes) -> list[Event]:
        """What the server says. Raises ConnectionResetError at its end, ProtocolError for what is no WebSocket."""
        try:
            self._ws.receive_data(data or None)
            events = list(self._ws.events())
        except RemoteProtocolError as error:
            self.stage = outcome.GARBLED
            raise ProtocolError(str(error)) from None
        except LocalProtocolError:  # data behind the end
            raise ConnectionResetError from None
        if not data:
            raise ConnectionResetError
        return events

    def _handle(self, event: Event) -> None:
        """Answer what the server asks. Raises ConnectionResetError where it closes."""
        if isinstance(event, Ping):
            with contextlib.suppress(ConnectionResetError):  # it has closed since
                self._send(event.response())
        elif isinstance(event, CloseConnection):
            self._is_closing = True
            raise ConnectionResetError
        elif isinstance(event, RejectConnection):
            self.status = event.status_code
            self.stage = outcome.COMPLETE if self.status >= outcome.FIRST_SERVER_ERROR else outcome.GARBLED
            raise ProtocolError(f"the handshake was answered with {event.status_code}")

    async def _await(self, kind: type[Event], payload: bytes = b"") -> None:
        """Read until such an event comes, and for a Pong, the one to our Ping. What came with it is dealt with, too."""
        is_there = False
        while not is_there:
            for event in self._feed(await self.receive()):
                if isinstance(event, kind) and (not isinstance(event, Pong) or bytes(event.payload) == payload):
                    is_there = True
                    continue
                try:
                    self._handle(event)
                except ConnectionResetError:
                    if not is_there:
                        raise
