"""HTTP/1.1, by h11."""

import asyncio

import h11

from pyinit.rehearse import outcome
from pyinit.rehearse.protocols.stream import ProtocolError, Stream

#: How every answer begins (RFC 9112, 4).
BEGINNING = b"HTTP/"


class Connection(Stream):
    """One connection of HTTP/1.1."""

    def __init__(self, family: int) -> None:
        super().__init__(family)
        self._http = h11.Connection(h11.CLIENT)

    @property
    def is_idle(self) -> bool:
        """Whether a request can be sent: the server has neither closed nor reset it, nor said anything unasked."""
        return self.is_silent

    @property
    def can_be_kept(self) -> bool:
        """Whether another request may follow: the answer was complete and no side has said `Connection: close`."""
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def ask(self, host: str, path: str, keep: bool) -> None:
        """Send a request and read the answer to its end. Raises ConnectionError or ProtocolError where there is none."""
        if self.requests:
            self._http.start_next_cycle()
        self.stage, self.status, self.replica = outcome.CONNECTED, None, None
        unasked = self.said_unasked
        if unasked is not None:
            if unasked and not self.requests:
                self._check_begins(unasked)
            raise ConnectionResetError
        headers = [("Host", host), *([] if keep else [("Connection", "close")])]
        request = self._http.send(h11.Request(method="GET", target=path, headers=headers))
        assert request is not None
        sent = self.socket.send(request)  # raises where a reset came just now; what has been sent may have been seen
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
            except h11.RemoteProtocolError as error:
                if not ended:
                    self.stage = outcome.GARBLED
                raise ProtocolError(str(error)) from None
            if event is h11.NEED_DATA:
                data = await loop.sock_recv(self.socket, 1 << 16)
                ended = not data
                if self.stage == outcome.SENT and not ended:
                    self._check_begins(data)
                    self.stage = outcome.ANSWERING
                self._http.receive_data(data)  # of the end, too: only some answers end with it
            elif isinstance(event, h11.Response):
                self.status = event.status_code
                self.replica = dict(event.headers).get(b"x-replica", b"").decode() or None
            elif isinstance(event, h11.EndOfMessage):
                self.stage = outcome.COMPLETE
                return

    def _check_begins(self, data: bytes) -> None:
        """Raises ProtocolError for what begins otherwise than an answer does: another protocol is spoken here."""
        if not data.startswith(BEGINNING[: len(data)]):
            self.stage = outcome.GARBLED
            raise ProtocolError("no answer of HTTP/1")
