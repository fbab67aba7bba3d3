"""How a request is made: one module for each protocol, all without I/O of their libraries' own."""

from typing import Any, Protocol

HTTP1, H2C, GRPC, WS, TCP = "http1", "h2c", "grpc", "ws", "tcp"

ALL = (HTTP1, H2C, GRPC, WS, TCP)

#: Those whose connections carry more than one request.
KEPT = (HTTP1, H2C, GRPC, WS)


class Connection(Protocol):
    """One TCP connection. `stage`, `status` and `replica` tell of its latest request, however that ended."""

    stage: str
    status: int | None
    replica: str | None
    requests: int

    async def open(self, address: Any) -> None:
        """Connect. Raises OSError where nobody takes the connection."""

    async def ask(self, host: str, path: str, keep: bool) -> None:
        """Send a request and read the answer to its end. Raises ConnectionError or ProtocolError where there is none."""

    def close(self) -> None:
        """Close it, in whatever state it is."""

    @property
    def is_idle(self) -> bool:
        """Whether a request can be sent: the server has not closed it, and has not announced that it will."""

    @property
    def can_be_kept(self) -> bool:
        """Whether another request may follow."""


def connection(protocol: str, family: int, has_tls: bool = False) -> Connection:
    """A connection of this protocol, perhaps over TLS, that is not open yet; `family` as in socket(2)."""
    if protocol == TCP:
        from pyinit.rehearse.protocols import tcp

        return tcp.Connection(family)
    if protocol == WS:
        from pyinit.rehearse.protocols import ws

        return ws.Connection(family, has_tls)
    if protocol in (H2C, GRPC):
        from pyinit.rehearse.protocols import http2

        return http2.Connection(family, protocol == GRPC, has_tls)
    from pyinit.rehearse.protocols import http1

    return http1.Connection(family, has_tls)
