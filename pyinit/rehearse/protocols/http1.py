"""HTTP/1.1, by h11."""

import h11

from pyinit.rehearse import outcome
from pyinit.rehearse.protocols.stream import ProtocolError, Stream

#: Its name, for a server that speaks TLS (RFC 7301).
ALPN = "http/1.1"


class Connection(Stream):
    """One connection of HTTP/1.1."""

    def __init__(self, family: int, has_tls: bool = False) -> None:
        super().__init__(family, [ALPN] if has_tls else None)
        self.headers: dict[str, str] = {}  #: of the latest answer, by names in small letters
        self.said = b""  #: what came first of the latest answer, whether that is HTTP or not
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
        self.headers, self.said = {}, b""
        if not self.is_idle:
            raise ConnectionResetError
        headers = [("Host", host), *([] if keep else [("Connection", "close")])]
        request = self._http.send(h11.Request(method="GET", target=path, headers=headers))
        assert request is not None
        self.send(request)  # raises where a reset came just now
        self.stage = outcome.SENT
        self.requests += 1
        self._http.send(h11.EndOfMessage())
        await self._read_answer()

    async def _read_answer(self) -> None:
        ended = False
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                if not ended:
                    self.stage = outcome.GARBLED
                raise ProtocolError(str(error)) from None
            if event is h11.NEED_DATA:
                data = await self.receive()
                ended = not data
                if not ended:
                    self.stage = outcome.ANSWERING
                    self.said = self.said or data
                self._http.receive_data(data)  # of the end, too: only some answers end with it
            elif isinstance(event, h11.Response):
                self.status = event.status_code
                self.headers = {name.decode(): value.decode(errors="replace") for name, value in event.headers}
                self.replica = self.headers.get("x-replica")
            elif isinstance(event, h11.EndOfMessage):
                self.stage = outcome.COMPLETE
                return
