"""HTTP/2, without TLS with prior knowledge (RFC 9113, 3.3), by h2; and gRPC over it: its health check."""

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from pyinit.rehearse import outcome
from pyinit.rehearse.protocols.stream import Conversation, ProtocolError

#: What gRPC is asked where no other path is given (https://grpc.io/docs/guides/health-checking/), and an empty message.
HEALTH, EMPTY = "/grpc.health.v1.Health/Check", b"\0\0\0\0\0"

#: Statuses of gRPC as those of HTTP: it serves; it has understood, and has no such service or does not let us ask; it is not
#: available. All others are errors of the server. https://grpc.io/docs/guides/status-codes/
GRPC_STATUSES = {"0": 200, "3": 400, "5": 404, "7": 403, "12": 404, "14": 503, "16": 401}
OTHERWISE = 500

#: Its name, for a server that speaks TLS (RFC 7301).
ALPN = "h2"


class Connection(Conversation):
    """One connection of HTTP/2, whose requests follow each other."""

    def __init__(self, family: int, is_grpc: bool, has_tls: bool = False) -> None:
        super().__init__(family, [ALPN] if has_tls else None)
        self.headers: dict[str, str] = {}  #: of the latest answer, and of its end
        self.is_spoken = False  #: whether the other side has begun as it must, with its settings
        self._scheme = "https" if has_tls else "http"
        self._is_grpc = is_grpc
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self._last = 0  # the last of our requests that a server that is going will answer

    async def ask(self, host: str, path: str, keep: bool) -> None:  # noqa: ARG002 - nobody announces it in HTTP/2
        """Send a request and read the answer to its end. Raises ConnectionError or ProtocolError where there is none."""
        self.stage, self.status, self.replica, self.headers = outcome.CONNECTED, None, None, {}
        if self.requests and not self.is_idle:
            raise ConnectionResetError
        try:
            if not self.requests:
                self._http.initiate_connection()
            stream = self._http.get_next_available_stream_id()
            self._begin(stream, host, path)
        except h2.exceptions.ProtocolError:  # the other side has no room for a further one, or is going
            raise ConnectionResetError from None
        self.send(self._http.data_to_send())
        self.stage = outcome.SENT
        self.requests += 1
        while not self._read(self._feed(await self.receive()), stream):
            pass

    def _begin(self, stream: int, host: str, path: str) -> None:
        common = [(":authority", host), (":scheme", self._scheme)]
        if not self._is_grpc:
            self._http.send_headers(stream, [(":method", "GET"), (":path", path), *common], end_stream=True)
            return
        path = HEALTH if path == "/" else path
        kind = [("content-type", "application/grpc"), ("te", "trailers")]
        self._http.send_headers(stream, [(":method", "POST"), (":path", path), *common, *kind])
        self._http.send_data(stream, EMPTY, end_stream=True)

    def _hear(self, data: bytes) -> None:
        self._feed(data)

    def _feed(self, data: bytes) -> list[h2.events.Event]:
        """What the server says, as far as it concerns requests. Raises ConnectionResetError at its end, ProtocolError."""
        if not data:
            raise ConnectionResetError
        try:
            events = self._http.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            self.stage = outcome.GARBLED
            raise ProtocolError(str(error)) from None
        for event in events:
            if isinstance(event, h2.events.RemoteSettingsChanged):
                self.is_spoken = True
            elif isinstance(event, h2.events.DataReceived):
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.ConnectionTerminated):
                self._is_closing, self._last = True, event.last_stream_id or 0
        answer = self._http.data_to_send()  # settings and pings are acknowledged
        if answer:
            self.send(answer)
        return events

    def _read(self, events: list[h2.events.Event], stream: int) -> bool:
        """Whether the answer is complete. Raises ConnectionResetError where none will come."""
        for event in events:
            if isinstance(event, h2.events.ConnectionTerminated):
                if self._last < stream:
                    self.stage = outcome.CONNECTED  # as the server says: it was not looked at
                    raise ConnectionResetError
                continue
            if getattr(event, "stream_id", None) != stream:
                continue
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                self.stage = outcome.ANSWERING
                self._take_headers({_text(name): _text(value) for name, value in event.headers or ()})
            elif isinstance(event, h2.events.StreamReset):
                if event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM:
                    self.stage = outcome.CONNECTED
                raise ConnectionResetError
            elif isinstance(event, h2.events.StreamEnded):
                self.stage = outcome.COMPLETE
                return True
        return False

    def _take_headers(self, headers: dict[str, str]) -> None:
        self.headers |= headers
        if self._is_grpc and "grpc-status" in headers:
            self.status = GRPC_STATUSES.get(headers["grpc-status"], OTHERWISE)
        elif ":status" in headers:
            self.status = int(headers[":status"])
            self.replica = headers.get("x-replica")


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
