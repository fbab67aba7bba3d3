"""What PID 1 holds for the helper: its sockets, and the pipes between the two.

It holds them itself, so that what waits in them outlives a helper: connections, datagrams, reports. All are made before the
command starts, so that a port which is in use is told before anything runs; and none is inherited by a command.
"""

import _socket  # the C half of `socket`, which costs 5 ms and 1.2 MB more
import errno
import fcntl
import posix

from pyinit.kernel import system
from pyinit.record import Record
from pyinit.settings.config import NOTIFY, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.health.readiness import Verdict
    from pyinit.page import State
    from pyinit.settings.config import Config

#: Connections that wait to be accepted; the kernel takes net.core.somaxconn where that is less.
BACKLOG = 1024

#: Bytes read from a pipe at a time: as many as it holds by default (pipe(7)).
PIPE_SIZE = 1 << 16

#: The variable that names the socket of sd_notify(3).
NOTIFY_SOCKET = b"NOTIFY_SOCKET"

#: Variables that are for one pyinit in a container.
ONCE = frozenset({b"PYINIT_READY", b"PYINIT_HEALTH_LISTEN", b"PYINIT_START_TIMEOUT"})


class Doors:
    """The descriptors. `http` and `mail` (the socket of sd_notify) are None where nobody has asked for them.

    `reports` is what the helper writes to and we read from; `states` is what we write to and the helper reads from; each is a
    pair of reader and writer.
    """

    def __init__(self, config: "Config") -> None:
        """Raises UsageError where they cannot be had."""
        try:
            self.http = None if config.health_listen is None else _listen(*config.health_listen)
            self.mail: int | None
            self.mail, self.mail_name = _mail() if NOTIFY in config.ready else (None, b"")
            self.reports = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
            self.states = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
            _have_told(self.reports[0])
        except (OSError, MemoryError) as error:
            raise UsageError(f"--ready, --health-listen: not without sockets and pipes: {error}{system.hint(error)}") from None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All of them."""
        found = (self.http, self.mail, *self.reports, *self.states)
        return tuple(descriptor for descriptor in found if descriptor is not None)

    def environment(self, given: "Mapping[bytes, bytes]") -> dict[bytes, bytes]:
        """The environment of the command: it tells us, and not whom we were told to tell.

        A pyinit that the command starts in turn would want the same port, and wait for the same to become ready. But there is
        one readiness in a container.
        """
        left = system.without(given, ONCE)
        return left if self.mail is None else left | {NOTIFY_SOCKET: b"@" + self.mail_name[1:]}

    def read_reports(self) -> bytes:
        """What the helper has reported since; nothing where it has not. Raises OSError."""
        return read(self.reports[0])

    def post(self, state: bytes) -> None:
        """Leave a state for the helper, of 4096 bytes at most, in place of one that it has not read. Raises OSError."""
        while read(self.states[0]):
            pass
        posix.write(self.states[1], state)


def read(descriptor: int, size: int = PIPE_SIZE) -> bytes:
    """What there is to be read, or nothing. Raises OSError."""
    try:
        return posix.read(descriptor, size)
    except BlockingIOError:
        return b""


def _listen(address: str, port: int) -> int:
    """A socket that listens on an address, "" for all of them. Raises UsageError."""
    every = [(_socket.AF_INET6, "::"), (_socket.AF_INET, "0.0.0.0")]  # noqa: S104 - the kubelet asks from outside
    one = [(_socket.AF_INET6 if ":" in address else _socket.AF_INET, address)]
    failure = OSError(errno.EADDRNOTAVAIL, "")
    for family, place in one if address else every:
        try:
            return _listen_at(family, place, port)
        except OSError as error:
            failure = error
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                break  # else there is no IPv6 here, or it has been switched off
    where = f"{address or 'all addresses'}, port {port}"
    hints = {errno.EADDRINUSE: "who else listens there?", errno.EACCES: "a port below 1024 takes a privilege"}
    hint = hints.get(failure.errno or 0)
    reason = posix.strerror(failure.errno or errno.EINVAL)
    raise UsageError(f"--health-listen: cannot listen on {where}: {reason}{f'; {hint}' if hint else system.hint(failure)}")


def _listen_at(family: int, place: str, port: int) -> int:
    made = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            made.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, place != "::")
        made.setblocking(False)
        made.bind((place, port))
        made.listen(BACKLOG)
        return made.detach()
    finally:
        made.close()


def _mail() -> tuple[int, bytes]:
    """A socket for datagrams, with a name of the kernel's choice in the abstract namespace (unix(7)): no file to clean up."""
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)  # the kernel says who has sent what
        made.setblocking(False)
        made.bind("")
        name = made.getsockname()
        return made.detach(), name
    finally:
        made.close()


def _have_told(descriptor: int) -> None:
    """Have the kernel send us SIGIO when there is something to read. Who sleeps in sigwaitinfo() needs no poll() then."""
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, system.getpid())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, posix.O_NONBLOCK | posix.O_ASYNC)


class Given(Record):
    """What a helper begins with. `state` is that on the page; the rest is what earlier helpers have reported."""

    config: "Config"
    doors: Doors
    environment: dict[bytes, bytes]
    mask: frozenset[int]
    folder: str
    state: "State"
    is_notified: bool
    verdict: "Verdict | None"
