"""A rehearsal of PID 1's start, and of a stop, before a kernel of cardboard: to find out which objects they write to.

Run in the interpreter that has just been made for the static binary, in a process that is thrown away (main.c). What it is told
is the same wherever the build runs, and so is what it finds out; that is why it does not ask the kernel that is there.

`until` and `end` are given: "start" or "stop", and what ends the rehearsal.
"""

import _signal
import _socket
import errno
import posix
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    until = "start"

    def end():
        """Write down what was written to, and leave."""


COMMAND = 2
FILES = {
    f"/proc/{COMMAND}/stat": b"2 (app) S 1 2 2 0 -1 4194304 55 0 0 0 0 0 0 0 20 0 1 0 400 819200 20 18446744073709551615"
    b" 1 1 0 0 0 0 0 0 16896 1 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
    f"/proc/{COMMAND}/cmdline": b"/app\0",
    "/proc/self/net/snmp": b"Tcp: InErrs OutRsts\nTcp: 0 0\n",
    "/proc/self/net/netstat": b"TcpExt: ListenOverflows ListenDrops\nTcpExt: 0 0\n",
}
FOLDERS = {"/proc/self/fd": ["0", "1", "2"], "/proc": ["1", str(COMMAND), "self"]}
LINKS = {"/proc/self": "1"}

#: A struct nlmsghdr with NLMSG_DONE, and its status.
NO_SOCKETS = bytes((20, 0, 0, 0, 3, 0, 2, 0)) + bytes(12)

arrivals = [(_signal.SIGTERM, 0, 0), (_signal.SIGCHLD, COMMAND, 1)]
moments = iter(range(1000, 1 << 30))
opened = {}
has_ended = []


def no_such(*_):
    """ENOENT."""
    raise FileNotFoundError(errno.ENOENT, "")


def no_terminal(*_):
    """ENOTTY."""
    raise OSError(errno.ENOTTY, "")


def look_up(things):
    """A call that finds what there is by its path."""
    return lambda path, *_: things[path] if path in things else no_such()


def open_(path, *_, **__):
    """What is read from it is in FILES."""
    if path in ("/", "/dev/null"):
        return 9
    descriptor = 10 + len(opened)
    opened[descriptor] = look_up(FILES)(path)
    return descriptor


def read(descriptor, _):
    """All at once, as the files of /proc."""
    content = opened[descriptor]
    opened[descriptor] = b""
    return content


def status(*_):
    """Of a regular file."""
    return posix.stat_result((0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0))


def wait(pid, _):
    """The command runs until the stop has reached it, and then no child is left."""
    if arrivals:
        return 0, 0
    if has_ended:
        raise ChildProcessError(errno.ECHILD, "")
    has_ended.append(pid)
    return COMMAND, 0


def wait_for_signal(_):
    """The next of the arrivals; a start ends here."""
    if until == "start":
        end()
    signum, sender, code = arrivals.pop(0)
    return _signal.struct_siginfo((signum, code, 0, sender, 0, 0, 0))


def nothing(*_, **__):
    """A call that has nothing to tell."""


class Socket:
    """A netlink socket that knows of no others."""

    setblocking = bind = send = close = nothing

    def recv_into(self, buffer):
        """The end of a list."""
        buffer[: len(NO_SOCKETS)] = NO_SOCKETS
        return len(NO_SOCKETS)


class Poll:
    """All is ready."""

    register = nothing

    def poll(self, *_):
        """Descriptor 2 can be written to."""
        return [(2, select.POLLOUT)]


def stand_in(module, name, answer):
    """Have a call answered by us. The real one is taken and laid down again, as it would be."""
    real = getattr(module, name)

    def call(*given, **named):
        real  # noqa: B018 - counted as a reference
        return answer(*given, **named)

    setattr(module, name, call)


for name, answer in {
    "_exit": lambda _: end(),
    "chdir": nothing,
    "close": nothing,
    "closerange": nothing,
    "dup2": nothing,
    "fork": no_terminal,
    "fstat": status,
    "getcwd": lambda: "/",
    "getpid": lambda: 1,
    "getppid": lambda: 0,
    "kill": nothing,
    "killpg": nothing,
    "listdir": look_up(FOLDERS),
    "memfd_create": lambda *_: 3,
    "open": open_,
    "posix_spawn": lambda *_, **__: COMMAND,
    "pwrite": lambda _, data, __: len(data),
    "read": read,
    "readlink": look_up(LINKS),
    "stat": lambda path, *_, **__: status() if path.endswith(b"/true" if isinstance(path, bytes) else "/budget") else no_such(),
    "tcgetpgrp": no_terminal,
    "waitpid": wait,
    "write": lambda _, data: len(data),
}.items():
    stand_in(posix, name, answer)
stand_in(time, "monotonic", lambda: float(next(moments)))
stand_in(time, "process_time", lambda: next(moments) / 1e6)
stand_in(_signal, "sigwaitinfo", wait_for_signal)
stand_in(_signal, "sigtimedwait", nothing)
stand_in(_socket, "socket", lambda *_: Socket())
stand_in(select, "poll", Poll)
