"""One probe, which never blocks: an object with a descriptor to poll() and a time by which it wants to be called.

Each kind of target is a generator: it yields what it waits for, and returns the Outcome. An OSError on the way is one, too.
"""

import _socket
import errno
import posix
import select
import sys

from pyinit.kernel import system
from pyinit.kernel.signals import signal
from pyinit.probe import http, state
from pyinit.probe.target import EXEC, FILE, GRPC, HTTP, HTTPS, TCP, UNIX, Expected, Target
from pyinit.probe.waits import PIECE, FailedError, Wait, waiting
from pyinit.record import Record
from pyinit.settings.config import OWN_SOURCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from pyinit.page import State

#: linux/in.h: choose the port when connecting, so that one may be in use for each pair of addresses.
IP_BIND_ADDRESS_NO_PORT = 24

#: Seconds between two looks at what cannot be polled.
LOOK_AGAIN = 0.02

#: Times, and seconds in between, that a process is waited for after its SIGKILL.
ATTEMPTS, PAUSE = 50, 0.001

#: Phases of lifecycle.py in which the command serves.
SERVING = ("running", "pre-stop")


class Outcome(Record):
    """How a probe has ended, and why in a few words; `is_late`: for its time was over."""

    ok: bool
    reason: str
    is_late: bool = False


class Given(Record):
    """What a command of `exec:` is given: an environment, and the mask of signals."""

    environment: "Mapping[bytes, bytes]" = {}  # noqa: RUF012 - nobody changes it
    mask: frozenset[int] = frozenset()


class Probe:
    """A probe under way.

    Poll `descriptor` (None: nothing to poll) for `events`, and not beyond `due_at`; then call on_ready(), early or late, until
    it returns an Outcome. Or close() it before that. Nothing in here blocks, and nothing raises but MemoryError.
    """

    def __init__(self, target: Target, expect: Expected, timeout: float, now: float, given: Given = Given()) -> None:  # noqa: B008 - frozen
        """Begin to probe. It has failed after `timeout` seconds; times are on the clock of system.monotonic()."""
        self.descriptor: int | None = None
        self.events = 0
        self.due_at = now
        self._timeout = timeout
        self._deadline = now + timeout
        self._doing = ""
        self._outcome: Outcome | None = None
        self._steps = _steps(target, expect, given)
        self._advance(now)

    def on_ready(self, now: float) -> Outcome | None:
        """The descriptor is ready, or the time has come. Returns the Outcome once there is one, and is done then."""
        if self._outcome is None:
            self._advance(now)
        if self._outcome is None and now >= self._deadline:
            self._outcome = Outcome(False, f"timed out after {self._timeout:g} s, {self._doing}", True)
        if self._outcome is not None:
            self.close()
        return self._outcome

    def close(self) -> None:
        """Give up what it holds: a connection, or a process, which is killed with its group."""
        self.descriptor = None
        self._steps.close()

    def _advance(self, now: float) -> None:
        try:
            wait = next(self._steps)
        except StopIteration as stop:
            self._finish(stop.value, now)
        except (FailedError, http.BadAnswerError) as failure:
            self._finish(Outcome(False, str(failure)), now)
        except OSError as error:
            self._finish(Outcome(False, reason_of(error)), now)
        else:
            self.descriptor, self.events, self._doing = wait.descriptor, wait.events, wait.doing
            self.due_at = self._deadline if wait.descriptor is not None else min(self._deadline, now + LOOK_AGAIN)

    def _finish(self, outcome: Outcome, now: float) -> None:
        self._outcome, self.descriptor, self.due_at = outcome, None, now


if TYPE_CHECKING:
    Steps = Generator[Wait, None, Outcome]


def reason_of(error: OSError) -> str:
    """What an error means, in a few words: "connection refused"."""
    text = posix.strerror(error.errno or errno.EIO)
    return text[:1].lower() + text[1:]


def _steps(target: Target, expect: Expected, given: Given) -> "Steps":
    if target.kind in (HTTP, HTTPS):
        return _http(target, expect)
    if target.kind in (TCP, UNIX):
        return _connection(target)
    if target.kind == GRPC:
        return _grpc(target)
    if target.kind == EXEC:
        return _command(target, given)
    return _file(target) if target.kind == FILE else _pyinit()


# --- sockets -------------------------------------------------------------------------------------------------------


def _connection(target: Target) -> "Steps":
    connection = yield from (_connect_unix(target) if target.kind == UNIX else _connect(target))
    connection.close()
    return Outcome(True, "connected")


def _connect(target: Target) -> "Generator[Wait, None, _socket.socket]":
    """A connection to the first of the target's hosts that takes one."""
    failure: OSError | None = None
    for host in target.hosts:
        try:
            return (yield from _connect_to(host, target.port))
        except OSError as error:
            failure = failure or error
    raise failure or OSError(errno.EADDRNOTAVAIL, "")


def _connect_to(host: str, port: int) -> "Generator[Wait, None, _socket.socket]":
    made = _make(_socket.AF_INET6 if ":" in host else _socket.AF_INET)
    is_taken = False
    try:
        if host.startswith("127.") or host == "0.0.0.0":  # noqa: S104 - which connects to the loopback, too
            _bind_to_own_source(made)
        number = made.connect_ex((host, port))
        while number in (errno.EINPROGRESS, errno.EALREADY):
            yield Wait(made.fileno(), select.POLLOUT, "connecting")
            number = made.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR) or _still_connecting(made)
        if not number and made.getsockname() == made.getpeername():
            number = errno.ECONNREFUSED  # nobody listens, and chance has given us that port: tcp(7) allows to call oneself
        if number:
            raise OSError(number, posix.strerror(number))
        is_taken = True
        return made
    finally:
        if not is_taken:
            made.close()


def _make(family: int, kind: int = _socket.SOCK_STREAM) -> "_socket.socket":
    return _socket.socket(family, kind | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)


def _bind_to_own_source(made: "_socket.socket") -> None:
    try:
        made.setsockopt(_socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((OWN_SOURCE, 0))
    except OSError:
        pass  # no such loopback address here: then it counts as traffic, and that is all


def _still_connecting(made: "_socket.socket") -> int:
    try:
        made.getpeername()
    except OSError as error:
        return errno.EINPROGRESS if error.errno == errno.ENOTCONN else error.errno or errno.EIO
    return 0


def _connect_unix(target: Target) -> "Generator[Wait, None, _socket.socket]":
    place = system.encode(target.place)
    address = b"\0" + place[1:] if place.startswith(b"@") else place
    number = 0
    for kind in (_socket.SOCK_STREAM, _socket.SOCK_SEQPACKET, _socket.SOCK_DGRAM):
        made = _make(_socket.AF_UNIX, kind)
        is_taken = False
        try:
            # EAGAIN: its accept queue is full, and nothing tells when it is not (unix(7)).
            while (number := made.connect_ex(address)) == errno.EAGAIN:
                yield Wait(None, 0, "its accept queue is full")
            is_taken = not number
            if is_taken:
                return made
        finally:
            if not is_taken:
                made.close()
        if number != (errno.ECONNREFUSED if place.startswith(b"@") else errno.EPROTOTYPE):
            break  # or else it may be of another kind
    raise OSError(number, posix.strerror(number))


def _http(target: Target, expect: Expected) -> "Steps":
    connection = yield from _connect(target)
    answer = http.Answer()
    try:
        if target.kind == HTTPS:
            from pyinit.probe import tls

            yield from tls.exchange(connection, target, http.request(target), answer)
        else:
            yield from _exchange(connection, http.request(target), answer)
    finally:
        connection.close()
    return Outcome(*http.judge(answer, expect))


def _exchange(connection: "_socket.socket", question: bytes, answer: http.Answer) -> "Generator[Wait, None, None]":
    while question:
        try:
            question = question[connection.send(question, _socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            yield Wait(connection.fileno(), select.POLLOUT, "sending the request")
        except (BrokenPipeError, ConnectionResetError):
            break  # it may have answered before it hung up
    while True:
        try:
            if answer.feed(connection.recv(PIECE)):
                return
        except BlockingIOError:
            pass
        yield Wait(connection.fileno(), select.POLLIN, waiting(answer))


def _grpc(target: Target) -> "Steps":
    from pyinit.probe import grpc  # only here, as tls above: who does not ask does not pay

    connection = yield from _connect(target)
    call = grpc.Call(target)
    try:
        while True:
            try:
                while call.outgoing:
                    del call.outgoing[: connection.send(call.outgoing, _socket.MSG_NOSIGNAL)]
            except BlockingIOError:
                yield Wait(connection.fileno(), select.POLLOUT, "sending the request")
                continue
            except (BrokenPipeError, ConnectionResetError):
                call.outgoing.clear()  # it may have answered before it hung up
            try:
                if call.feed(connection.recv(PIECE)):
                    return Outcome(*call.judge())
            except BlockingIOError:
                yield Wait(connection.fileno(), select.POLLIN, call.doing)
    finally:
        connection.close()


# --- others --------------------------------------------------------------------------------------------------------


def _command(target: Target, given: Given) -> "Steps":
    from pyinit.kernel import spawn
    from pyinit.settings import words

    try:
        pid = spawn.spawn(words.as_shell(target.place, (), given.environment), given.environment, given.mask)
    except spawn.SpawnError as error:
        raise FailedError(str(error)) from None
    descriptor, status = None, None
    try:
        descriptor = _watch(pid)
        while (status := _take_status(pid)) is None:
            yield Wait(descriptor, select.POLLIN, "running")
    finally:
        if status is None:
            _kill(pid)
        if descriptor is not None:
            system.close(descriptor)
    if status & 0x7F:
        from pyinit.kernel import signals

        return Outcome(False, f"killed by {signals.name(status & 0x7F)}")
    return Outcome(status == 0, f"exit status {status >> 8}")


def _watch(pid: int) -> int | None:
    try:
        return system.open_process(pid)
    except (OSError, AttributeError):
        return None  # before Linux 5.3, or seccomp: look now and then instead


def _take_status(pid: int) -> int | None:
    """The wait status of a child if it has exited. Raises FailedError where somebody else has taken it."""
    try:
        found, status = posix.waitpid(pid, posix.WNOHANG)
    except ChildProcessError:
        raise FailedError("its exit status is lost") from None
    return status if found else None


def _kill(pid: int) -> None:
    system.send(-pid, signal.SIGKILL)
    try:
        for _ in range(ATTEMPTS):
            if _take_status(pid) is not None:
                return
            system.nap(PAUSE)
    except FailedError:
        pass


def _file(target: Target) -> "Steps":
    posix.stat(target.place)
    return Outcome(True, "it exists")
    yield  # a generator like the others


def _pyinit() -> "Steps":
    try:
        return _of_state(state.find()[1])
    except state.NotFoundError as error:
        raise FailedError(str(error)) from None
    yield  # as above


def _of_state(shown: "State") -> Outcome:
    """What the state page means: its readiness, or where nobody has asked for one, whether the command serves."""
    from pyinit.page import READY, UNASKED

    why = f": {shown.reason}" if shown.reason else ""
    if shown.readiness == UNASKED:
        return Outcome(shown.phase in SERVING, f"{shown.phase}{why}")
    return Outcome(shown.readiness == READY, f"{shown.readiness}, {shown.phase}{why}")


def impossible(target: Target) -> str | None:
    """Why a target cannot be probed by this program at all, or None."""
    finders = getattr(sys, "meta_path", ())  # a static binary has none
    if target.kind == HTTPS and not all(any(_knows(finder, name) for finder in finders) for name in ("ssl", "_ssl")):
        return f"{target.text}: this pyinit has no TLS (a static binary, or a Python without ssl): use http:// or tcp:"
    return None


def _knows(finder: object, name: str) -> bool:
    find = getattr(finder, "find_spec", None)
    return find is not None and find(name, None) is not None
