"""Which protocol a port speaks, by what it makes of a GET in each: nothing is sent that could change anything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from pyinit.rehearse import outcome, protocols, ready
from pyinit.rehearse.outcome import Outcome

#: How a gRPC server begins the type of whatever it answers, a refusal of GET included
#: (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
GRPC_TYPE = "application/grpc"

#: Answers to GET that WebSockets may be behind: 426 Upgrade Required, and what servers say that know nothing else at that path.
CLIENT_ERRORS = range(400, 500)


def recognize(one: Outcome, host: str, port: int, path: str) -> str | None:
    """The protocol of a port, by what became of a GET of HTTP/1.1; None where that tells nothing yet.

    What answers is asked for a WebSocket, too, where it answers with 4xx. What answers otherwise, or closes without a word, is
    sent the preface of HTTP/2; gRPC is HTTP/2 that calls its answers so, or resets every GET.
    """
    if not one.is_lost:
        is_websocket = one.status in CLIENT_ERRORS and not ready.ask(protocols.WS, host, port, path).is_lost
        return protocols.WS if is_websocket else protocols.HTTP1
    if one.kind in (outcome.ERROR, outcome.RESET_AFTER):
        return asyncio.run(_http2(host, port, path))
    return None


async def _http2(host: str, port: int, path: str) -> str | None:
    """H2C or GRPC; None where HTTP/2 is not spoken."""
    found: str | None = None
    with contextlib.suppress(OSError, asyncio.TimeoutError, h2.exceptions.ProtocolError):
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), ready.PATIENCE)
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        http.initiate_connection()
        is_asked = False
        try:
            async for event in _events(reader, writer, http):
                if isinstance(event, h2.events.RemoteSettingsChanged) and not is_asked:
                    is_asked, found = True, protocols.H2C  # whatever it says to a GET: this was its preface
                    request = [(":method", "GET"), (":path", path), (":authority", f"{host}:{port}"), (":scheme", "http")]
                    http.send_headers(http.get_next_available_stream_id(), request, end_stream=True)
                elif isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    return protocols.GRPC if _is_grpc(event.headers or ()) else protocols.H2C
                elif isinstance(event, h2.events.StreamReset):
                    return protocols.GRPC
        finally:
            writer.close()
    return found


async def _events(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, http: h2.connection.H2Connection
) -> AsyncIterator[h2.events.Event]:
    """What the other side says, until it closes. Raises asyncio.TimeoutError, OSError and ProtocolError."""
    while True:
        writer.write(http.data_to_send())
        data = await asyncio.wait_for(reader.read(1 << 16), ready.PATIENCE)
        if not data:
            return
        for event in http.receive_data(data):
            yield event


def _is_grpc(headers: Iterable[tuple[str | bytes, str | bytes]]) -> bool:
    found = {str(name): str(value) for name, value in headers}
    return found.get("content-type", "").startswith(GRPC_TYPE) or "grpc-status" in found
