"""The HTTP server: it answers each client once, and gives nobody more than a little of its time and memory.

Who finishes a request is answered, and whoever has been at it for longest makes room for the next: so those who never finish,
in any number, harm each other alone.
"""

import _socket  # the C half of `socket`, which costs 5 ms and 1.2 MB more

from pyinit.health import answers, request
from pyinit.health.poller import READABLE
from pyinit.health.request import Asked, Refused
from pyinit.kernel import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.health.poller import Poller

#: Connections at once; one more takes the place of another.
MOST = 64

#: Seconds for a request, from the connection on.
TIMEOUT = 2.0

#: Connections that are taken before anything else gets its turn.
AT_A_TIME = 64

#: Bytes that are thrown away, at most, of a client that goes on after it was answered.
LONGEST_REST = 1 << 16

#: Seconds without new connections where one cannot be had: a limit on descriptors or memory is reached.
BREATH = 0.1


class Connection:
    """A client. `data` is what has come of its request; `rest` counts what has come after the answer, None before that."""

    def __init__(self, made: "_socket.socket", deadline: float) -> None:
        self.socket = made
        self.descriptor = made.fileno()
        self.deadline = deadline
        self.data = b""
        self.rest: int | None = None


class Server:
    """Serves on a listening socket; `answer` makes an answer of what is asked."""

    def __init__(self, descriptor: int, poller: "Poller", answer: "Callable[[Asked | Refused], bytes]") -> None:
        self._door = _socket.socket(fileno=descriptor)
        self._family = self._door.family
        self._poller = poller
        self._answer = answer
        self._connections: dict[int, Connection] = {}  # the one that has been there for longest comes first
        self._opens_at: float | None = None
        poller.watch(descriptor, READABLE, self._on_door)

    @property
    def due_at(self) -> float | None:
        """When on_time() wants to be called; None: not by the clock."""
        oldest = next(iter(self._connections.values()), None)
        times = (self._opens_at, None if oldest is None else oldest.deadline)
        return min((time for time in times if time is not None), default=None)

    def on_time(self, now: float) -> None:
        """Time has passed."""
        while (oldest := next(iter(self._connections.values()), None)) is not None and now >= oldest.deadline:
            if oldest.data and oldest.rest is None:
                self._send(oldest, answers.refusal(answers.TIMED_OUT))
            self._close(oldest)
        if self._opens_at is not None and now >= self._opens_at:
            self._opens_at = None
            self._poller.watch(self._door.fileno(), READABLE, self._on_door)

    # --- connections ---

    def _on_door(self, _: int) -> None:
        """Take the connections that wait."""
        for _ in range(AT_A_TIME):
            try:
                descriptor, _address = self._door._accept()  # type: ignore[attr-defined]  # what socket.accept() is made of
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # it is gone already
            except OSError:
                self._on_shortage()
                return
            self._take(descriptor)

    def _on_shortage(self) -> None:
        """No connection can be had (EMFILE, ENFILE, ENOMEM, ENOBUFS): make room, or wait a moment."""
        if self._connections:
            self._make_room()
        else:
            self._poller.forget(self._door.fileno())
            self._opens_at = system.monotonic() + BREATH

    def _take(self, descriptor: int) -> None:
        made = _socket.socket(self._family, _socket.SOCK_STREAM, 0, descriptor)
        made.setblocking(False)
        connection = Connection(made, system.monotonic() + TIMEOUT)
        self._on_data(connection)  # as a rule the request is there by now
        if made.fileno() < 0:
            return
        if len(self._connections) >= MOST:
            self._make_room()
        self._connections[descriptor] = connection
        self._poller.watch(descriptor, READABLE, lambda _: self._on_data(connection))

    def _make_room(self) -> None:
        oldest = next(iter(self._connections.values()))
        self._on_data(oldest)  # it may have finished since we looked
        self._close(oldest)

    def _close(self, connection: Connection) -> None:
        if self._connections.pop(connection.descriptor, None) is not None:
            self._poller.forget(connection.descriptor)
        connection.socket.close()

    # --- a request and its answer ---

    def _on_data(self, connection: Connection) -> None:
        """Read, and answer what is complete."""
        try:
            if connection.rest is not None:
                self._throw_away(connection)
                return
            data = connection.socket.recv(request.LONGEST - len(connection.data))
        except BlockingIOError:
            return
        except OSError:
            self._close(connection)  # ECONNRESET, ETIMEDOUT
            return
        connection.data += data
        asked = request.parse(connection.data)
        if asked is None and not data:
            asked = Refused(request.BAD) if connection.data else None
            if asked is None:
                self._close(connection)  # who merely tries whether there is somebody
                return
        if asked is not None:
            self._reply(connection, asked)

    def _reply(self, connection: Connection, asked: Asked | Refused) -> None:
        if not self._send(connection, self._answer(asked)) or (isinstance(asked, Asked) and asked.is_all):
            self._close(connection)
            return
        # There is more, or may be. To close now would reset the connection, and the answer could be lost (RFC 9112, 9.6).
        try:
            connection.socket.shutdown(_socket.SHUT_WR)
            connection.rest = 0
            self._throw_away(connection)
        except BlockingIOError:
            pass
        except OSError:
            self._close(connection)

    def _throw_away(self, connection: Connection) -> None:
        """Raises BlockingIOError when there is nothing left for now."""
        while (size := len(connection.socket.recv(1 << 14))) and (connection.rest or 0) < LONGEST_REST:
            connection.rest = (connection.rest or 0) + size
        self._close(connection)

    @staticmethod
    def _send(connection: Connection, data: bytes) -> bool:
        """Send an answer; it is far smaller than what a new connection takes at once."""
        try:
            return connection.socket.send(data, _socket.MSG_NOSIGNAL) == len(data)
        except OSError:
            return False  # ECONNRESET, EPIPE: it is gone. EAGAIN: it has made its window tiny
