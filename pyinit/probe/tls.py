"""HTTP over TLS, without a look at the certificate: a probe asks whether it answers, not whose it is (nor does the kubelet).

Imported for an https:// target alone: `ssl` costs more than all of pyinit.
"""

import _socket
import select
import ssl

from pyinit.probe.waits import PIECE, FailedError, Wait, waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pyinit.probe.http import Answer
    from pyinit.probe.target import Target


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Tunnel:
    """TLS over a connection that does not block."""

    def __init__(self, connection: _socket.socket, name: str | None) -> None:
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = _context().wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    def do(self, act: "Callable[[], bytes | int | None]", answer: "Answer") -> "Generator[Wait, None, bytes]":
        """Do something that may have to wait for the other side; return the bytes that came of it."""
        while True:
            try:
                done = act()
            except ssl.SSLWantReadError:
                done = None
                wants = True
            except ssl.SSLEOFError:
                return b""  # hung up without a farewell: http.py knows whether that is too early
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                raise FailedError(f"TLS: {(error.reason or 'error').lower().replace('_', ' ')}") from None
            else:
                wants = False
            yield from self._flush()
            if not wants:
                return done if isinstance(done, bytes) else b""
            yield from self._receive(answer)

    def _flush(self) -> "Generator[Wait, None, None]":
        data = self._outgoing.read()
        while data:
            try:
                data = data[self._connection.send(data, _socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                yield Wait(self._connection.fileno(), select.POLLOUT, "sending the request")

    def _receive(self, answer: "Answer") -> "Generator[Wait, None, None]":
        while True:
            try:
                data = self._connection.recv(PIECE)
            except BlockingIOError:
                yield Wait(self._connection.fileno(), select.POLLIN, waiting(answer))
                continue
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
            return


def exchange(connection: _socket.socket, target: "Target", question: bytes, answer: "Answer") -> "Generator[Wait, None, None]":
    """Send the request and feed the answer, over TLS. Raises OSError, FailedError and http.BadAnswerError."""
    is_name = target.authority.lower().startswith("localhost")  # an address has no place in SNI (RFC 6066, 3)
    tunnel = _Tunnel(connection, "localhost" if is_name else None)
    yield from tunnel.do(tunnel.tls.do_handshake, answer)
    yield from tunnel.do(lambda: tunnel.tls.write(question), answer)
    while not answer.feed((yield from tunnel.do(lambda: tunnel.tls.read(PIECE), answer))):
        # What comes without a pause must not keep us beyond our time.
        yield Wait(connection.fileno(), select.POLLOUT, waiting(answer))
