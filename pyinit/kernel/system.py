"""The system calls of PID 1, under the names of what they are for here.

Those of a start are in spawn.py, those about the terminal in terminal.py, what Python does not offer is in libc.py, and
what only the static binary has is in frozen.py.

What the kernel says in errno values and wait statuses becomes values in here and goes no further. Expected errors are
caught where they have a meaning; all others pass, and are met at the boundary in supervise.py.
"""

import errno
import posix
import sys
import time

from pyinit.kernel import signals
from pyinit.kernel.signals import signal
from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

STDIN, STDOUT, STDERR = 0, 1, 2

#: Whether this is the static binary.
IS_FROZEN = hasattr(sys, "frozen")
if IS_FROZEN:
    import _pyinit  # type: ignore[import-not-found]  # of C: docker/static/module.c

#: Bits of stat(2)'s st_mode.
S_IFMT, S_IFIFO, S_IFCHR, S_IFREG = 0o170000, 0o010000, 0o020000, 0o100000

#: Bytes, more than any exec takes (execve(2), "Limits on size of arguments and environment").
LONGEST_ENVIRONMENT = 1 << 23

#: Bytes for which one read makes room.
MOST_AT_ONCE = 1 << 16

#: Bytes of a list of children: those of four million, as many as there can be.
LONGEST_LIST = 1 << 25

#: Milliseconds, of poll(2): 24 days.
LONGEST_POLL = 2**31 - 1

#: What is_own() looks for.
BY_PRODUCTS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTSTP)

#: The low bits of a wait status that tells of a stop.
STOPPED = 0x7F

#: CPython ignores these two at its start, so that a write fails instead of killing us, and has forgotten what was before. The
#: static binary leaves them as they were given.
IGNORED_BY_PYTHON = () if hasattr(sys, "frozen") else (int(signal.SIGPIPE), int(signal.SIGXFSZ))

#: Descriptors that we may have open before there is a command, and more.
MOST_OF_OURS = 64

#: How long one write to stderr may wait: not at all.
NO_WAIT = 0


class Received(Record):
    """A signal that arrived, and its sender: PID 0 for the kernel or a process outside of our PID namespace.

    `is_word` is of a SIGIO alone: the kernel tells us of a descriptor (sigaction(2): only the kernel's si_code is above 0).
    """

    signum: int
    sender_pid: int
    sender_uid: int
    is_word: bool = False


class Reaped(Record):
    """A child that was waited for: its exit status as a shell tells it, 0 to 255.

    `killed_by` is the signal that killed it, or 0. `stopped_by` is the signal that merely stopped it, or 0.
    """

    pid: int
    status: int
    killed_by: int = 0
    stopped_by: int = 0


# --- this process --------------------------------------------------------------------------------------------------


def monotonic() -> float:
    """Seconds on a clock that nobody can set."""
    return time.monotonic()


def ticks() -> int:
    """Now, as /proc/PID/stat has the times at which processes have started: clock ticks since the machine has."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * posix.sysconf("SC_CLK_TCK"))


def nap(seconds: float) -> None:
    """Do nothing for a moment, whatever happens."""
    time.sleep(seconds)


def cpu_time() -> float:
    """Seconds of CPU that we have used."""
    return time.process_time()


def getpid() -> int:
    """Our process ID."""
    return posix.getpid()


def getppid() -> int:
    """The PID of our parent; 0 where it is outside of the namespace."""
    return posix.getppid()


def environ() -> dict[bytes, bytes]:
    """The environment as it was given to us: variables by name; an environment.Entries where these do not tell all of it.

    CPython sets LC_CTYPE=C.UTF-8 in its own environment where the locale is "C" (PEP 538), even under -I, and would pass
    it on. It drops entries without `=`, and of several with one name all but the first. What was really given is in
    /proc/self/environ. Without /proc: UTF-8 mode tells that the locale was "C", and a LANG that would have made it another
    tells that LC_CTYPE said so. The static binary sets nothing, and has kept all entries.
    """
    given = dict(posix.environ)
    entries = _given_entries()
    is_changed = not hasattr(sys, "frozen") and not given.get(b"LC_ALL")
    if is_changed and given.get(b"LC_CTYPE", b"").lower() in (b"c.utf-8", b"c.utf8", b"utf-8"):
        original = [entry[9:] for entry in entries if entry.startswith(b"LC_CTYPE=")]
        if original:
            given[b"LC_CTYPE"] = original[0]
        elif entries or (sys.flags.utf8_mode and given.get(b"LANG", b"C") in (b"", b"C", b"POSIX")):
            del given[b"LC_CTYPE"]
        elif sys.flags.utf8_mode:
            given[b"LC_CTYPE"] = b"C"
    if b"" in given or (entries and len(entries) != len(given)):
        from pyinit.kernel.environment import Entries

        return Entries(entries or [name + b"=" + value for name, value in given.items()])
    return given


def _given_entries() -> list[bytes]:
    """All entries of the environment, as execve(2) has handed them to us; none where that is not to be known."""
    if IS_FROZEN:
        return list(_pyinit.environment(b""))
    return read_file("/proc/self/environ", LONGEST_ENVIRONMENT).split(b"\0")[:-1]


def without(environment: "Mapping[bytes, bytes]", names: "Collection[bytes]") -> dict[bytes, bytes]:
    """A copy of an environment that lacks some variables."""
    if hasattr(environment, "without"):
        left: dict[bytes, bytes] = environment.without(names)
        return left
    return {name: value for name, value in environment.items() if name not in names}


def decode(text: bytes) -> str:
    """Bytes of the environment as text; undecodable ones survive the way back (PEP 383)."""
    return text.decode(sys.getfilesystemencoding(), "surrogateescape")


def encode(text: str) -> bytes:
    """Text as the bytes that it came from, see decode()."""
    return text.encode(sys.getfilesystemencoding(), "surrogateescape")


def hold_standard_streams() -> None:
    """Make sure that descriptors 0 to 2 are in use, so that no file of ours becomes somebody's stdin or stderr.

    The root directory stands in for what was closed: it always exists, and can be neither read nor written. It closes
    when a command is executed, so the command finds the stream closed, as it was given.
    """
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            posix.fstat(descriptor)
        except OSError:  # EBADF: closed
            posix.open("/", posix.O_RDONLY | posix.O_CLOEXEC)


def let_go(keep_terminal: bool, kept: "Collection[int | None]" = ()) -> None:
    """Let go of what PID 1 does not need, so that it holds up nobody: files, the folder, the ends of pipes.

    Some descriptors are `kept`. A reader of the command's stdout shall see its end when the command closes it, a writer to
    its stdin likewise. A terminal stays our stdin, for we hand it on to the command and take it back.
    """
    try:
        posix.chdir("/")
        for entry in posix.listdir("/proc/self/fd"):
            if int(entry) > STDERR and int(entry) not in kept:
                close(int(entry))
    except (OSError, MemoryError):
        pass  # no /proc, or no right to it: then these files stay open, which is untidy and nothing worse
    try:
        if not keep_terminal:
            null = posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC)
            posix.dup2(null, STDIN, inheritable=True)
            close(null)
        posix.dup2(STDERR, STDOUT, inheritable=True)
    except (OSError, MemoryError):
        pass  # EMFILE, no /dev/null: untidy and nothing worse


def is_own(received: "Received") -> bool:
    """Whether a signal is for us alone: the kernel's word about a descriptor of ours, or a by-product of our own doings.

    That is of a write that failed, of the suspending of our group.
    """
    return received.is_word or (received.sender_pid == posix.getpid() and received.signum in BY_PRODUCTS)


def create_page() -> int | None:
    """The descriptor of an anonymous file in memory, for page.py, that no command inherits; None where there is none.

    None too where it would take the last descriptor: that one is needed for /proc.
    """
    try:
        descriptor = posix.memfd_create("pyinit", posix.MFD_CLOEXEC)
    except (OSError, AttributeError, MemoryError):
        return None  # ENOSYS: before Linux 3.17. EPERM: seccomp. EMFILE. No such call in this Python
    if has_spare_descriptor():
        return descriptor
    close(descriptor)
    return None


def has_spare_descriptor() -> bool:
    """Whether one more file can be opened."""
    try:
        posix.close(posix.open("/", posix.O_RDONLY | posix.O_CLOEXEC))
    except (OSError, MemoryError):
        return False  # EMFILE, ENFILE
    return True


def let_go_of_files() -> None:
    """Close all but the standard streams, where nothing is to be started any more."""
    posix.closerange(STDERR + 1, MOST_OF_OURS)


def write_page(descriptor: int, data: bytes) -> None:
    """Write to the beginning of a file in memory, if that can be done."""
    try:
        posix.pwrite(descriptor, data, 0)
    except (OSError, MemoryError):
        pass  # ENOSPC, ENOMEM: then it tells of what was before


def close(descriptor: int) -> None:
    """Close a descriptor, if it is open."""
    try:
        posix.close(descriptor)
    except OSError:
        pass  # EBADF: closed already


def accept_sigchld() -> tuple[int, ...]:
    """Make sure that children leave a status behind; return the signals that a command must find ignored, as we did.

    Where SIGCHLD is ignored the kernel reaps for us, and the exit status is lost (wait(2), NOTES).
    """
    was = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return (int(signal.SIGCHLD),) if was == signal.SIG_IGN else ()


def stop_ignoring(signums: "Iterable[int]") -> None:
    """Have none of these signals ignored, and so none in the commands that we start. We have them blocked."""
    for signum in signums:
        if signum not in IGNORED_BY_PYTHON and signal.getsignal(signum) == signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)


def exit_now(status: int) -> None:
    """Leave at once, without the interpreter's farewell."""
    posix._exit(status)


# --- files ---------------------------------------------------------------------------------------------------------


def read_file(path: str, limit: int = 1 << 16) -> bytes:
    """The first bytes of a file, or nothing where it cannot be read."""
    try:
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError:
        return b""
    parts, size = [], 0
    try:
        while size < limit and (part := posix.read(descriptor, min(limit - size, MOST_AT_ONCE))):
            parts.append(part)
            size += len(part)
        return b"".join(parts)
    except OSError:
        return b""  # ESRCH, of /proc/PID: it exited since
    finally:
        close(descriptor)


def read_at_once(path: str, limit: int = 1 << 12) -> bytes:
    """As read_file(), of a file of /proc that the kernel hands out in one piece: its end need not be looked for."""
    try:
        descriptor = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return posix.read(descriptor, limit)
    except OSError:
        return b""  # ESRCH: it exited since
    finally:
        close(descriptor)


def read_link(path: str) -> str:
    """Where a symbolic link points to, or nothing."""
    try:
        return posix.readlink(path)
    except OSError:
        return ""


def is_regular_file(path: str) -> bool:
    """Whether a path leads to a regular file, and we may know it."""
    try:
        return posix.stat(path).st_mode & S_IFMT == S_IFREG
    except OSError:
        return False


def exists(path: str) -> bool:
    """Whether there is such a file, and we may know it."""
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def read_of_process(pid: int, name: str) -> bytes:
    """A file of /proc/PID, or nothing where the process is gone.

    Raises OSError where it is there and cannot be read: that must not look like an end.
    """
    try:
        descriptor = posix.open(f"/proc/{pid}/{name}", posix.O_RDONLY | posix.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return posix.read(descriptor, 1 << 16)  # a line of groups may be long
    except ProcessLookupError:
        return b""
    finally:
        close(descriptor)


def list_processes() -> list[int]:
    """The process IDs in /proc; none where it is missing, or is that of another PID namespace."""
    try:
        if read_link("/proc/self") != str(posix.getpid()):
            return []
        return [int(entry) for entry in posix.listdir("/proc") if entry.isdecimal()]
    except OSError:
        return []


def list_children() -> list[int]:
    """The process IDs of our children; none where the kernel does not tell (CONFIG_PROC_CHILDREN), or not by our PIDs."""
    own_pid = posix.getpid()
    try:
        return list(map(int, read_file(f"/proc/{own_pid}/task/{own_pid}/children", LONGEST_LIST).split()))
    except (ValueError, MemoryError):
        return []


def group_of(pid: int) -> int | None:
    """The process group of a process; None where it is gone, or may not be asked."""
    try:
        return posix.getpgid(pid)
    except (OSError, MemoryError):
        return None


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, in as many pieces as that takes. Raises OSError, and then a part of it may have been written."""
    while data:
        data = data[posix.write(descriptor, data) :]


def append_line(path: str, line: bytes, create: bool) -> None:
    """Add a line to a file; it never blocks, even where the path is a pipe. Raises OSError, also where a part of it fits."""
    flags = posix.O_WRONLY | posix.O_APPEND | posix.O_NONBLOCK | posix.O_CLOEXEC | posix.O_NOCTTY
    descriptor = posix.open(path, flags | (posix.O_CREAT if create else 0), 0o644)
    try:
        write_all(descriptor, line)
    finally:
        posix.close(descriptor)


def replace_line(path: str, before: bytes, line: bytes) -> bool:
    """Put a line in the place of one that we have added to a regular file, at its end; False where that is not there any more.

    What somebody else has added since stays, and stands before it. Raises OSError, and then the file may have a part of it.
    """
    try:
        descriptor = posix.open(path, posix.O_RDWR | posix.O_NONBLOCK | posix.O_CLOEXEC | posix.O_NOCTTY)
    except PermissionError:
        return False  # it may be added to and not be read
    try:
        start = max(0, posix.fstat(descriptor).st_size - MOST_AT_ONCE)
        tail = posix.pread(descriptor, MOST_AT_ONCE, start)
        at = tail.rfind(before)
        if at < 0:
            return False
        rest, at = tail[at + len(before) :] + line, start + at
        end = at + len(rest)
        while rest:
            rest = rest[posix.pwrite(descriptor, rest, end - len(rest)) :]
        posix.ftruncate(descriptor, end)
    finally:
        posix.close(descriptor)
    return True


#: Where a container finds its own counter of processes that were killed because memory ran out: {} is its cgroup, as
#: /proc/self/cgroup names it, or nothing, where the folder is mounted from there on. cgroup v2, and v1 (cgroups(7)).
OOM_COUNTERS = {b"": "/sys/fs/cgroup{}/memory.events", b"memory": "/sys/fs/cgroup/memory{}/memory.oom_control"}


def oom_kills(counter: str | None = None) -> tuple[str, int]:
    """Where the kernel counts the processes of our cgroup that it has killed because memory ran out; and how many by now.

    A counter that was found before is given, so that it need not be looked for: "" where there is none.
    """
    if counter is None:
        for line in read_file("/proc/self/cgroup").splitlines():
            _, _, of = line.partition(b":")
            controllers, _, folder = of.partition(b":")
            place = OOM_COUNTERS.get(controllers)
            for found in (decode(folder.rstrip(b"/")), "") if folder else ():
                if place is not None and exists(place.format(found)):
                    return oom_kills(place.format(found))
        return "", 0
    return counter, oom_kills_in(read_file(counter)) if counter else 0


def oom_kills_in(text: bytes) -> int:
    """What a counter says: 0 where the kernel does not count that yet."""
    return next((int(line[9:]) for line in text.splitlines() if line.startswith(b"oom_kill ") and line[9:].isdigit()), 0)


def write_stdout(data: bytes) -> bool:
    """Write to stdout, however long that takes; return whether it was written."""
    try:
        write_all(STDOUT, data)
    except OSError:
        return False  # ENOSPC: full. EPIPE: nobody reads it. EBADF: closed
    return True


def write_stderr(data: bytes) -> bool:
    """Write at most PIPE_BUF bytes to stderr if that can be done at once; return whether it was."""
    descriptor = _open_stderr_anew()
    if descriptor is None:
        return _write_if_ready(data)
    try:
        return posix.write(descriptor, data) == len(data)
    except (OSError, MemoryError):
        return False  # EAGAIN: full. EPIPE, EIO: the reader is gone
    finally:
        close(descriptor)


def hint(error: BaseException) -> str:
    """Which limit is the matter where a system call has failed for want of descriptors; nothing for any other error."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMFILE:
        return "; is the limit of open files (ulimit -n, RLIMIT_NOFILE) too low?"
    if number == errno.ENFILE:
        return "; is the machine's limit of open files (fs.file-max) reached?"
    return ""


def _open_stderr_anew() -> int | None:
    """A non-blocking description of stderr, if it is a pipe or a terminal. The one shared with the command must not be so.

    A regular file must not be opened anew: the two would not share their offset, and overwrite each other.
    """
    try:
        if posix.fstat(STDERR).st_mode & S_IFMT in (S_IFIFO, S_IFCHR):
            return posix.open("/proc/self/fd/2", posix.O_WRONLY | posix.O_NONBLOCK | posix.O_NOCTTY | posix.O_CLOEXEC)
    except (OSError, MemoryError):
        pass  # EBADF: closed. ENOENT: no /proc. EACCES: another user's pipe. ENXIO: nobody reads it
    return None


def _write_if_ready(data: bytes) -> bool:
    try:
        import select

        poll = select.poll()
        poll.register(STDERR, select.POLLOUT)
        ready = poll.poll(NO_WAIT)
        return bool(ready) and ready[0][1] & select.POLLOUT != 0 and posix.write(STDERR, data) == len(data)
    except (OSError, MemoryError):
        return False  # EPIPE, EIO, EBADF: nobody reads it. ENOSPC: full


# --- waiting and reaping -------------------------------------------------------------------------------------------


def wait_signal(seconds: float | None) -> Received | None:
    """Sleep until a signal arrives, at most so many seconds (None: for ever); None when the time is over.

    In the static binary C sleeps, and answers by itself what Python has written down for it (kernel/rest.py).
    """
    if IS_FROZEN:
        found = _pyinit.rest(seconds)
        return None if found is None else taken(found)
    if seconds is None:
        return _received(signal.sigwaitinfo(signals.ALL))
    libc = sys.modules.get("pyinit.kernel.libc") if seconds > 0 else None
    if libc is not None:
        found = libc.wait_signal(signals.ALL, seconds)
        return None if found is None else taken(found)
    info = _wait_for(signals.ALL, max(0.0, seconds))
    return None if info is None else _received(info)


def prepare_to_wait() -> None:
    """Have wait_signal() make up no signal from now on. Never fails.

    Stopped or frozen until its time was over, CPython's sigtimedwait() is interrupted and returns what it has never filled in
    (signal_sigtimedwait_impl() in Modules/signalmodule.c): the signal before it, as a rule, or one that never was. The C
    library's costs memory, so it is loaded when there is a stop.
    """
    if IS_FROZEN:
        return
    try:
        from pyinit.kernel import libc  # noqa: F401 - wait_signal() finds it
    except (OSError, ImportError, AttributeError, MemoryError):
        pass  # no ctypes, or no descriptor to load it with: better a signal too many than none


def taken(found: tuple[int, int, int, int]) -> Received:
    """PURE. A signal of which C tells its number, who has sent it, as whom, and its si_code."""
    signum, sender_pid, sender_uid, code = found
    return Received(signum, sender_pid, sender_uid, signum == signal.SIGIO and code > 0)


def look_for_signal(among: "Collection[int]") -> Received | None:
    """One of these signals, if one is pending. A look that fails has found nothing: wait_signal() will."""
    try:
        info = _wait_for(among, 0)
    except (OSError, MemoryError):
        return None
    return None if info is None else _received(info)


def _wait_for(among: "Collection[int]", seconds: float) -> "signal.struct_siginfo | None":
    found = signal.sigtimedwait(among, seconds)  # what that may be where there is a time: prepare_to_wait()
    return None if found is None or found.si_signo not in among else found


def _received(info: "signal.struct_siginfo") -> Received:
    return taken((info.si_signo, info.si_pid, info.si_uid, info.si_code))


def reap(found: list[Reaped], known: "Collection[int]", helper: int, with_stopped: bool, which: int = -1) -> tuple[bool, int]:
    """Wait for every child that has exited, without blocking; return whether no child is left, and how many were orphans.

    Of one child alone, if `which` is its PID: whether that one is left. Those that are `known`, and the `helper`, are added to
    `found` (those that merely stopped too, if asked for), so that none is lost should the next call fail. Of all others,
    orphans, nobody wants the status.
    """
    flags = posix.WNOHANG | (posix.WUNTRACED if with_stopped else 0)
    wait = posix.waitpid
    orphans = 0
    try:
        while True:
            pid, status = wait(which, flags)
            if pid == 0:
                return False, orphans
            if pid in known or pid == helper:  # of a set: there may be thousands of orphans, and of those who are known
                found.append(_reaped(pid, status))
            else:
                orphans += 1
    except ChildProcessError:
        return True, orphans


def is_running(pid: int) -> bool:
    """Whether a child of ours runs: it has not exited, whether it has been waited for or not."""
    try:
        return posix.waitid(posix.P_PID, pid, posix.WEXITED | posix.WNOHANG | posix.WNOWAIT) is None
    except OSError:
        return False


def open_process(pid: int) -> int:
    """A descriptor that becomes readable when a process has exited (pidfd_open(2), Linux 5.3).

    Raises ProcessLookupError where it is gone already, OSError or AttributeError where there is no such call.
    """
    return posix.pidfd_open(pid, 0)


def wait_readable(descriptors: tuple[int, ...], seconds: float | None) -> list[int]:
    """Sleep until one of the descriptors is readable, at most so many seconds (None: for ever); return those that are."""
    import select

    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    # Rounded up, not to wake up before the time; bounded, because poll() takes an int.
    timeout = None if seconds is None else min(int(seconds * 1000) + 1, LONGEST_POLL)
    return [descriptor for descriptor, _ in poll.poll(timeout)]


def wait_blocking() -> Reaped:
    """Wait for the next child to exit, however long that takes. Raises ChildProcessError where there is none."""
    return _reaped(*posix.waitpid(-1, 0))


def _reaped(pid: int, status: int) -> Reaped:
    """Decode a wait status (wait(2)): by hand, because a call that fails here would lose it."""
    code, signum = status >> 8 & 0xFF, status & 0x7F
    if signum == STOPPED:
        return Reaped(pid, 0, 0, code)
    return Reaped(pid, 128 + signum, signum) if signum else Reaped(pid, code)


# --- signalling ----------------------------------------------------------------------------------------------------


def send(pid: int, signum: int) -> bool:
    """Send a signal to a process, or to the group -pid; return False where we have no right to.

    Who has exited since we looked needs none, so that counts as sent.
    """
    try:
        posix.kill(pid, signum)
    except OSError as error:
        return error.errno != errno.EPERM
    return True


def is_there(pid: int) -> bool:
    """Whether there is a process, or a member of the group -pid."""
    try:
        posix.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True


def get_folder() -> str:
    """The current folder; the root where it cannot be told."""
    try:
        return posix.getcwd()
    except OSError:
        return "/"  # ENOENT: it was removed


def change_folder(path: str) -> None:
    """Make a folder the current one, if it still can be."""
    try:
        posix.chdir(path)
    except OSError:
        pass  # ENOENT, EACCES: then the root has to do
