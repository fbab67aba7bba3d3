"""A rehearsal of PID 1's start, and of a stop, in front of a kernel that is played.

Run while the static binary is built, in the interpreter that is to be in it (make.c): some times over to warm it up, as
CPython adapts its bytecode to what it does and keeps what it has looked up; and then in a process that is thrown away, to
find out which objects are written to. What PID 1 is told is the same wherever the build runs, and so is what comes of it;
that is why it is not the kernel that is there who tells it. A call that has no answer here ends the build.
"""

import _signal
import _socket
import errno
import fcntl
import posix
import select
import sys
import time

import _pyinit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND, BELOW = 2, 3
#: Of /proc/PID/stat: PID, name, parent; what it catches, HUP and TERM or nothing.
STAT = (
    "%d (%s) S %d 2 2 0 -1 4194304 55 0 0 0 0 0 0 0 20 0 1 0 400 819200 20 18446744073709551615 1 1 0 0 0 0 0 0 %d 1"
    + " 0" * 18
)
HANDLES = 1 << _signal.SIGHUP - 1 | 1 << _signal.SIGTERM - 1

#: Who is there: an application alone, or below the shell of a start script, or a shell with a trap and what it has started.
ALONE = {COMMAND: ("app", 1, HANDLES, b"/app\0")}
SCRIPT = {COMMAND: ("sh", 1, 1 << _signal.SIGINT - 1, b"sh\0/start.sh\0"), BELOW: ("app", COMMAND, HANDLES, b"/app\0")}
TRAP = {COMMAND: ("sh", 1, HANDLES, b"sh\0/start.sh\0"), BELOW: ("app", COMMAND, 0, b"/app\0")}

FILES = {
    "/proc/self/net/snmp": b"Tcp: InErrs OutRsts\nTcp: 0 0\n",
    "/proc/self/net/netstat": b"TcpExt: ListenOverflows ListenDrops\nTcpExt: 0 0\n",
}
LINKS = {"/proc/self": "1"}
THERE = ("/usr/bin/true", "/proc/sys/net/core/netdev_budget")
VARIABLES = {b"PATH": b"/usr/bin", b"TZ": b"UTC0"}  # as in make.c

#: As life/kept.py has it.
KEPT = b"\0".join((b"1000.0", b"3", b"1", b"0", b"0", b"/", b"", b"Tcp: InErrs OutRsts\nTcp: 0 0\n", b"10:7"))

#: Whose calls are answered, or refused.
MODULES = (posix, _signal, time, _socket, select, fcntl, _pyinit)

#: Calls that are let through, and why what they tell is the same on every machine.
PURE = {
    _signal: {"signal": "the disposition is this process's, and make.c has set all of them to their default"},
    _pyinit: {
        "arguments": "those that make.c has set, see set_the_stage()",
        "environment": "that which make.c has set, see set_the_stage()",
        "given_mask": "main.c asks for it at a start alone: here it is empty",
    },
}

#: Of all rehearsals of a life: module, name, what is there, and its refusal.
REFUSED = []

#: The real ones, for the end of the build.
WRITE, LEAVE = posix.write, posix._exit  # noqa: SLF001 - public, see the documentation of os

#: A struct nlmsghdr with NLMSG_DONE, and its status.
NO_SOCKETS = bytes((20, 0, 0, 0, 3, 0, 2, 0)) + bytes(12)


class OverError(BaseException):
    """The end of a rehearsal after which there is more to come."""


def no_such(*_):
    """ENOENT."""
    raise FileNotFoundError(errno.ENOENT, "")


def no_terminal(*_):
    """ENOTTY."""
    raise OSError(errno.ENOTTY, "")


def look_up(things):
    """A call that finds what there is by its path."""
    return lambda path, *_: things[path] if path in things else no_such()


def nothing(*_, **__):
    """A call that has nothing to tell."""


def regular_file(*_):
    """The status of a file."""
    return posix.stat_result((0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0))


def stat(path, *_):
    """The status of a file that is THERE."""
    return regular_file() if (path.decode() if isinstance(path, bytes) else path) in THERE else no_such()


def fail(complaint):
    """End the build, with a line. An exception would be met in one of PID 1's own ways, which are many."""
    WRITE(2, f"build: rehearse.py: {complaint}\n".encode())
    LEAVE(1)


def refusal(name, of):
    """What stands in for a call that nobody answers: it ends the build."""

    def call(*_, **__):
        caller = sys._getframe(1)  # noqa: SLF001 - as in logging
        fail(
            f"{of}.{name}() is asked of the machine that builds, by {caller.f_code.co_filename}, line {caller.f_lineno}; "
            "have Kernel, Socket or Poll answer it, or say in PURE why it is the same on every machine"
        )

    return call


def is_call(value):
    """Whether something of a module asks the kernel: functions do, and classes, but for those of results and of errors."""
    return callable(value) and not (isinstance(value, type) and issubclass(value, (tuple, BaseException)))


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


for stand, methods in ((Socket, vars(_socket.socket)), (Poll, ("modify", "unregister"))):
    for method in methods:
        if not method.startswith("_") and method not in vars(stand):
            setattr(stand, method, refusal(method, stand.__name__))


class Kernel:
    """What becomes of one command: it runs, is told to stop, and ends with 0.

    `until` "start": until it is told. "stop": until it ends. "wake": from the moment at which PID 1 wakes because of that,
    until it ends. "script" and "trap" are as "stop", with others who are there.
    """

    def __init__(self, until: str, end: "Callable[[], None]") -> None:
        self.until, self.end = until, end
        self.wakes = until == "wake"
        people = {"script": SCRIPT, "trap": TRAP}.get(until, ALONE)
        self.files = dict(FILES)
        self.folders = {"/proc/self/fd": ["0", "1", "2"], "/proc": ["1", *map(str, people), "self"]}
        self.links = dict(LINKS)
        for pid, (name, parent, caught, words) in people.items():
            self.files[f"/proc/{pid}/stat"] = (STAT % (pid, name, parent, caught)).encode() + b"\n"
            self.files[f"/proc/{pid}/cmdline"] = words
            self.files[f"/proc/{pid}/wchan"] = b"do_wait"
            self.links |= {
                f"/proc/{pid}/exe": f"/bin/{name}",
                f"/proc/{pid}/fd/0": "/dev/null",
                f"/proc/{pid}/fd/1": "pipe:[1]",
            }
        self.arrivals = [(_signal.SIGTERM, 0, 0), (_signal.SIGCHLD, COMMAND, 1)]
        self.has_ended = False
        self.opened = {}
        self.moments = iter(range(1000, 1 << 30))
        self.calls = {
            posix: {
                "_exit": lambda _: self.end(),
                "chdir": nothing,
                "close": nothing,
                "closerange": nothing,
                "dup2": nothing,
                "fork": no_terminal,
                "fstat": regular_file,
                "getcwd": lambda: "/",
                "getpgid": lambda _: COMMAND,
                "getpid": lambda: 1,
                "getppid": lambda: 0,
                "kill": nothing,
                "killpg": nothing,
                "listdir": look_up(self.folders),
                "memfd_create": lambda *_: 3,
                "open": self.open,
                "pidfd_open": lambda *_: 8,
                "posix_spawn": lambda *_, **__: COMMAND,
                "pwrite": lambda _, data, __: len(data),
                "read": self.read,
                "readlink": look_up(self.links),
                "stat": stat,
                "tcgetpgrp": no_terminal,
                "waitpid": self.wait,
                "write": self.write,
            },
            time: {
                "clock_gettime": lambda _: float(next(self.moments)),
                "monotonic": lambda: float(next(self.moments)),
                "process_time": lambda: next(self.moments) / 1e6,
                "time": lambda: float(next(self.moments)),
            },
            _pyinit: {
                "counted": lambda: (b"", b""),
                "kept": lambda: (KEPT, 0) if self.wakes else (b"", 0),
                "rest": self.rest,
                "rest_forget": nothing,
                "signalfd": lambda *_: 7,
                "sleep": self.wait_for_signal,
                "started": lambda: COMMAND if self.wakes else 0,
            },
            _signal: {"sigtimedwait": nothing},
            _socket: {"socket": lambda *_: Socket()},
            select: {"poll": Poll},
        }

    def open(self, path, *_, **__):
        """What is read from it is in FILES."""
        if path in ("/", "/dev/null"):
            return 9
        descriptor = 10 + len(self.opened)
        self.opened[descriptor] = look_up(self.files)(path)
        return descriptor

    def read(self, descriptor, _):
        """All at once, as the files of /proc."""
        content = self.opened[descriptor]
        self.opened[descriptor] = b""
        return content

    def write(self, _, data):
        """Into the log, in which there may be no error and no warning."""
        if b"error" in data or b"warning" in data:
            fail(f"PID 1 should have nothing to complain of, see the answers of Kernel: {data.decode().strip()}")
        return len(data)

    def wait(self, *_):
        """The command runs until the stop has reached it, and then no child is left."""
        if self.arrivals:
            return 0, 0
        if self.has_ended:
            raise ChildProcessError(errno.ECHILD, "")
        self.has_ended = True
        return COMMAND, 0

    def rest(self, seconds):
        """Before the stop nothing comes for as long as PID 1 stays awake."""
        if self.until != "start" and len(self.arrivals) > 1 and seconds is not None:
            return None
        return self.wait_for_signal()

    def wait_for_signal(self, *_):
        """The next of the arrivals; a start ends here."""
        if self.until == "start":
            self.end()
        signum, sender, code = self.arrivals.pop(0)
        return signum, sender, 0, code


def stand_in(module, name, answer):
    """Have a call answered by us. The real one is taken and laid down again, as it would be."""
    real = getattr(module, name)

    def call(*given, **named):
        real  # noqa: B018 - counted as a reference
        return answer(*given, **named)

    setattr(module, name, call)
    return module, name, real


def refuse_others(answered):
    """Refuse all calls that are neither `answered` nor PURE; what was there before, as stand_in() has it."""
    if not REFUSED:
        for module in MODULES:
            known = {*answered.get(module, ()), *PURE.get(module, ())}
            found = [(name, value) for name, value in vars(module).items() if name not in known and is_call(value)]
            REFUSED.extend((module, name, value, refusal(name, module.__name__)) for name, value in found)
    for module, name, _, refused in REFUSED:
        setattr(module, name, refused)
    return [(module, name, value) for module, name, value, _ in REFUSED]


def over():
    """More is to come."""
    raise OverError


def rehearse(start, until, end=over):
    """Run what a start runs, and have the kernel back afterwards, if it comes to that."""
    kernel = Kernel(until, end)
    # For a plan the same is rehearsed once more, and what we write to then would count as written to by a start, or a stop.
    real = refuse_others(kernel.calls) if end is over else []
    real += [stand_in(module, name, answer) for module, calls in kernel.calls.items() for name, answer in calls.items()]
    posix.environ.update(VARIABLES)
    try:
        start()
    except OverError:
        pass
    finally:
        posix.environ.clear()
        for module, name, call in real:
            setattr(module, name, call)
