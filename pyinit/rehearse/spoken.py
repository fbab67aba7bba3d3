"""What is spoken on a port, found out by what cannot change anything: silence, a GET, the preface of HTTP/2, a handshake.

First nothing is said: a server that speaks first speaks HTTP/2 or a protocol of its own, and that gets no word of HTTP. Who
answers a GET in HTTP/1 speaks that; where the answer asks for an upgrade, as those of WebSocket servers do, it is tried. Who
closes at a GET or answers with a frame is sent a GET in HTTP/2; where the answer is none of a plain server, the health check of
gRPC follows, which changes nothing by its definition. Who understands neither, or asks for TLS, gets the same over TLS.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyinit.rehearse import client, outcome, protocols
from pyinit.rehearse.protocols import http1, http2, tcp, ws
from pyinit.rehearse.protocols.stream import ProtocolError, Stream

#: Seconds for one answer.
PATIENCE = 5.0

#: What a request names as its host.
HOST = "pyinit-rehearse"

#: Statuses of a server of WebSockets where no upgrade was asked for (RFC 9110, 15.5.22; gorilla and others give 400).
UPGRADE_REQUIRED, BAD_REQUEST = 426, 400

#: The frames that a server of HTTP/2 can begin with: its settings, and a GOAWAY where it did not like what it got. The bytes of
#: a frame's head, and the most that one may have behind it at the beginning (RFC 9113, 4.1 and 4.2).
FRAMES, HEAD, LONGEST = (4, 7), 9, 1 << 14

#: An alert of TLS (RFC 8446, 6), and how servers say in HTTP that they want TLS.
ALERT, WANTS_TLS = b"\x15\x03", (b"https", b"ssl", b"tls")


@dataclass(frozen=True)
class Spoken:
    """What a port speaks, as far as that is known.

    `protocol`: None where it is not known: nobody is there yet, or nothing comes. `serves`: whether the answer was one to work
    with, a status below 500. `is_silent`: whether the GET was taken, and nothing came. `says`: what was seen, behind "port 80".
    """

    protocol: str | None
    serves: bool
    says: str
    tls: bool = False
    is_silent: bool = False


def look(host: str, port: int, path: str) -> Spoken:
    """What is spoken there now. It takes PATIENCE seconds, or twice as long, where somebody does not answer."""
    one = client.replica("", host, port)
    return asyncio.run(_Look(one, path).find())


class _Look:
    def __init__(self, one: client.Replica, path: str) -> None:
        self._one, self._path = one, path

    async def find(self) -> Spoken:
        greeting = await self._greeting()
        if isinstance(greeting, Spoken):
            return greeting
        if greeting:
            found = await self._http2(has_tls=False) if is_frame(greeting) else None
            return found or Spoken(protocols.TCP, serves=True, says="speaks first")
        first, asks_for_tls = await self._http1(has_tls=False)
        if first.is_silent or first is NOBODY or (first.protocol is not None and not asks_for_tls):
            return first
        found = (None if asks_for_tls else await self._http2(has_tls=False)) or await self._over_tls()
        if found is None and first.protocol is None:
            return replace(first, protocol=protocols.TCP, serves=True)  # whoever closes at a word of HTTP waits for another one
        return found or first

    async def _greeting(self) -> bytes | Spoken:
        """What the server says unasked within a moment, nothing as a rule; or why nobody can be asked."""
        with contextlib.closing(Stream(self._one.family)) as connection:
            try:
                await asyncio.wait_for(connection.open(self._one.address), client.CONNECT)
            except (OSError, asyncio.TimeoutError):
                return NOBODY
            with contextlib.suppress(OSError):
                try:
                    return await asyncio.wait_for(connection.receive(), tcp.MOMENT) or _CLOSES
                except asyncio.TimeoutError:
                    return b""
        return _CLOSES

    async def _ask(self, connection: protocols.Connection) -> Exception | None:
        """Send a request; return why there was no answer, if there was none."""

        async def open_and_ask() -> None:
            await connection.open(self._one.address)
            await connection.ask(HOST, self._path, keep=False)

        try:
            await asyncio.wait_for(open_and_ask(), PATIENCE)
        except (OSError, ProtocolError, asyncio.TimeoutError) as error:  # the last one is an OSError since Python 3.11
            return error
        return None

    async def _http1(self, has_tls: bool) -> tuple[Spoken, bool]:
        """What a GET finds, and whether TLS is asked for. Something else is to be tried where the protocol is None."""
        with contextlib.closing(http1.Connection(self._one.family, has_tls)) as connection:
            error = await self._ask(connection)
        status, said = connection.status, connection.said
        if status is not None:
            found = Spoken(protocols.HTTP1, error is None and status < outcome.FIRST_SERVER_ERROR, self._with(status), has_tls)
            if wants_websocket(status, connection.headers):
                return await self._websocket(has_tls) or found, False
            return found, not has_tls and wants_tls(status, said)
        if said and not is_frame(said):
            if said.startswith(ALERT) and not has_tls:
                return Spoken(None, serves=False, says="speaks TLS"), True
            return Spoken(protocols.TCP, serves=True, says="answers a GET in another protocol than HTTP", tls=has_tls), False
        if connection.stage == outcome.CONNECTING:
            return NOBODY, False
        if isinstance(error, asyncio.TimeoutError):
            return Spoken(None, serves=False, says=f"does not answer GET {self._path}", tls=has_tls, is_silent=True), False
        return replace(_CLOSES, tls=has_tls, says=f"closes at GET {self._path}"), False

    async def _websocket(self, has_tls: bool) -> Spoken | None:
        with contextlib.closing(ws.Connection(self._one.family, has_tls)) as connection:
            error = await self._ask(connection)
        return None if error else Spoken(protocols.WS, serves=True, says="answers a Ping", tls=has_tls)

    async def _http2(self, has_tls: bool) -> Spoken | None:
        """What a GET in HTTP/2 finds, and a health check where it was answered as by gRPC; None where HTTP/2 is not spoken."""
        with contextlib.closing(http2.Connection(self._one.family, is_grpc=False, has_tls=has_tls)) as connection:
            await self._ask(connection)
        if not connection.is_spoken:
            return None
        status = connection.status
        if status is None or status >= outcome.FIRST_ERROR or is_grpc(connection.headers):
            with contextlib.closing(http2.Connection(self._one.family, is_grpc=True, has_tls=has_tls)) as check:
                await self._ask(check)
            if is_grpc(check.headers) and check.status is not None:
                says = f"answers its health check of gRPC with {check.headers.get('grpc-status', check.status)}"
                return Spoken(protocols.GRPC, check.status < outcome.FIRST_SERVER_ERROR, says, has_tls)
        serves = connection.stage == outcome.COMPLETE and status is not None and status < outcome.FIRST_SERVER_ERROR
        return Spoken(protocols.H2C, serves, self._with(status), has_tls)

    async def _over_tls(self) -> Spoken | None:
        """The same over TLS; None where that is not spoken."""
        refusal = ""
        for offered in (http1.ALPN, http2.ALPN):
            answer = await self._handshake(offered)
            if answer is None:
                return None
            refusal = refusal or answer
            if answer:
                continue
            found = (await self._http1(has_tls=True))[0] if offered == http1.ALPN else await self._http2(has_tls=True)
            if found is not None and (found.protocol is not None or found.is_silent):
                return found
        if refusal:
            return Spoken(None, serves=False, says=f"speaks TLS, and refuses the handshake ({refusal})", tls=True)
        return Spoken(protocols.TCP, serves=True, says="speaks TLS, and no HTTP in it", tls=True)

    async def _handshake(self, offered: str) -> str | None:
        """Why a handshake is refused, empty where it is not; None where no TLS is spoken."""
        with contextlib.closing(Stream(self._one.family, [offered])) as connection:
            try:
                await asyncio.wait_for(connection.open(self._one.address), PATIENCE)
            except ProtocolError as error:
                return str(error) if "ALERT" in str(error) else None
            except (OSError, asyncio.TimeoutError):
                return None
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                try:
                    await asyncio.wait_for(connection.receive(), tcp.MOMENT)
                except ssl.SSLError as error:  # in TLS 1.3 a certificate is missed after the client's handshake is done
                    return str(error.reason)
        return ""

    def _with(self, status: int | None) -> str:
        return f"answers GET {self._path} with {status or 'no status'}"


#: Of a port that takes no connection.
NOBODY = Spoken(None, serves=False, says="takes no connection")
_CLOSES = Spoken(None, serves=False, says="closes its connections at once")


def is_frame(said: bytes) -> bool:
    """Whether this is the beginning of what a server of HTTP/2 says."""
    return len(said) >= HEAD and int.from_bytes(said[:3], "big") <= LONGEST and said[3] in FRAMES and not any(said[5:HEAD])


def is_grpc(headers: Mapping[str, str]) -> bool:
    """Whether these are the headers of an answer of gRPC."""
    return "grpc-status" in headers or headers.get("content-type", "").startswith("application/grpc")


def wants_websocket(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer says that a WebSocket is spoken here."""
    upgrade = headers.get("upgrade", "").lower()
    if status == UPGRADE_REQUIRED:
        return not upgrade or "websocket" in upgrade
    return "websocket" in upgrade or (status == BAD_REQUEST and "sec-websocket-version" in headers)


def wants_tls(status: int, said: bytes) -> bool:
    """Whether an answer says that TLS is spoken here, as those of Apache, Go and nginx do."""
    return status == BAD_REQUEST and any(word in said.lower() for word in WANTS_TLS)
