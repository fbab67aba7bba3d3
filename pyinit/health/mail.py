"""What the command says of itself: datagrams of sd_notify(3), from processes below PID 1 and from nobody else.

The kernel tells who has sent each (SCM_CREDENTIALS, unix(7)). A datagram is looked at before it is taken from the queue, and
taken when it has been reported: should we end in between, the next helper finds it.
"""

import _socket
import posix
import sys

from pyinit.health import notify
from pyinit.kernel import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.health.notify import Facts

#: Datagrams that are taken before anything else gets its turn.
AT_A_TIME = 32

#: Bytes of struct ucred. There is room for that and no descriptor: those who come along are closed by the kernel.
CREDENTIALS = 12

#: How often the way up from a process is looked at, where those on it exit meanwhile; and how long it is at most.
ATTEMPTS, LONGEST_WAY = 3, 1000


class Mail:
    """The socket. `take` is called with the facts of each datagram; `drop` with the reason why one is not taken."""

    def __init__(self, descriptor: int, take: "Callable[[Facts], None]", drop: "Callable[[str], None]") -> None:
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM, 0, descriptor)
        self._socket.setblocking(False)
        self._take = take
        self._drop = drop
        self._is_seen = bool(system.list_processes())  # /proc shows who descends from whom
        self._above = posix.getppid()

    def on_mail(self, _: int) -> None:
        """Something has come."""
        for _ in range(AT_A_TIME):
            try:
                room = _socket.CMSG_SPACE(CREDENTIALS)
                data, ancillary, _flags, _address = self._socket.recvmsg(notify.LONGEST + 1, room, _socket.MSG_PEEK)
                self._look_at(data, _sender(ancillary))
                self._socket.recv(1)
            except BlockingIOError:
                return

    def _look_at(self, data: bytes, sender: int) -> None:
        if not self._is_below_us(sender):
            self._drop(f"pid {sender} is none of ours")
            return
        try:
            facts = notify.parse(data)
        except ValueError as error:
            self._drop(str(error))
            return
        self._take(facts)

    def _is_below_us(self, sender: int) -> bool:
        """Whether a process descends from PID 1 and did not just enter (docker exec), as far as anybody knows.

        `systemd-notify` and its like may be gone by now; all that is known then is that they had a PID in here.
        """
        if sender <= 0:
            return False  # it lives outside of our PID namespace
        if not self._is_seen:
            return True
        for _ in range(ATTEMPTS):
            pid, way = sender, 0
            while pid not in (0, self._above) and way < LONGEST_WAY:
                pid, way = _parent(pid), way + 1
            if pid == self._above:
                return True
            if pid >= 0:
                return False
            if way == 1:
                break  # the sender itself is gone
        return True


def _sender(ancillary: "list[tuple[int, int, bytes]]") -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_CREDENTIALS) and len(data) >= CREDENTIALS:
            return int.from_bytes(data[:4], sys.byteorder, signed=True)
    return 0


def _parent(pid: int) -> int:
    """The parent of a process; -1 where it is gone."""
    fields = system.read_file(f"/proc/{pid}/stat", 4096).rpartition(b") ")[2].split()
    return int(fields[1]) if len(fields) > 1 else -1


class Relay:
    """Passes on what the command says to whom we were told to tell ourselves: systemd, Podman."""

    def __init__(self, address: bytes) -> None:
        """`address` is that of NOTIFY_SOCKET: a path, or "@" and an abstract name."""
        self._address = b"\0" + address[1:] if address.startswith(b"@") else address

    def send(self, lines: tuple[bytes, ...]) -> str:
        """Pass lines on; return why that failed, or nothing."""
        try:
            made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
            try:
                made.sendto(b"\n".join(lines), _socket.MSG_NOSIGNAL, self._address)
            finally:
                made.close()
        except (OSError, ValueError) as error:
            return str(error)
        return ""
