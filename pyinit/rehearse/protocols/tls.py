"""TLS between a connection and its protocol, without I/O of its own (ssl.MemoryBIO). No certificate is verified."""

import functools
import ssl
from collections.abc import Sequence

#: The most that a record holds (RFC 8446, 5.1).
SIZE = 1 << 14


@functools.cache
def _context(protocols: tuple[str, ...]) -> ssl.SSLContext:
    """What a client of containers of its own making accepts: every certificate, most are for another name than an address."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols(protocols)
    return made


class Tls:
    """One side of TLS: bytes of the network go in and come out, and so does what is inside of them.

    `protocols`: what is offered by ALPN. All methods raise ssl.SSLError where the other side breaks the rules or refuses.
    """

    def __init__(self, protocols: Sequence[str]) -> None:
        self._arrived, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context(tuple(protocols)).wrap_bio(self._arrived, self._leaving)

    def shake_hands(self) -> bool:
        """Whether the handshake is done; until then more is to be received after leaving() has been sent."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def arrive(self, data: bytes) -> None:
        """What the network has brought; nothing: its end."""
        if data:
            self._arrived.write(data)
        else:
            self._arrived.write_eof()

    def leaving(self) -> bytes:
        """What is to be sent."""
        return self._leaving.read()

    def write(self, data: bytes) -> None:
        """What is to be said; leaving() has it then."""
        self._tls.write(data)

    def read(self) -> bytes | None:
        """All that was said; empty at the end; None where more has to arrive."""
        said = b""
        try:
            while part := self._tls.read(SIZE):
                said += part
        except ssl.SSLWantReadError:
            return said or None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # in good order, and without a word
            pass
        return said
