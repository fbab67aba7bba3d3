"""TCP with nothing above it: whether a connection is taken, and whether it is left alone for a moment."""

import asyncio

from pyinit.rehearse import outcome
from pyinit.rehearse.protocols.stream import Stream

#: Seconds after which a connection counts as taken. A server that goes resets the connections that nobody has accepted.
MOMENT = 0.25


class Connection(Stream):
    """A connection that asks nothing. It is never kept: what it would be for, only its own protocol knows."""

    is_idle = True
    can_be_kept = False

    async def ask(self, host: str, path: str, keep: bool) -> None:  # noqa: ARG002 - as every protocol
        """Wait for a moment. Raises ConnectionError where the connection is reset or closed within it."""
        self.requests += 1
        try:
            data = await asyncio.wait_for(self.receive(), MOMENT)
        except asyncio.TimeoutError:  # in Python 3.10 another than TimeoutError
            data = b"silence"
        if not data:
            raise ConnectionResetError
        self.stage = outcome.COMPLETE
