"""Starting a command: fork(), what must happen in between, exec(), and the words for what went wrong.

A command that runs got every signal that we have forwarded since, because spawn() returns only after the exec.
"""

from __future__ import annotations

import errno
import posix
import sys

from pyinit import system
from pyinit.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The path that execvp(3) takes where PATH is not set.
DEFAULT_PATH = b"/bin:/usr/bin"

#: What the command's process group is to the terminal: a session of its own, or a group in ours.
NONE, BACKGROUND, FOREGROUND = "none", "background", "foreground"


class SpawnError(Exception):
    """A command could not be started: the exit status that a shell would give for it, and a line that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def spawn(
    arguments: Sequence[str],
    environment: Mapping[bytes, bytes],
    mask: frozenset[int],
    ignored: Sequence[int] = (),
    terminal: str = NONE,
) -> int:
    """Start a command in a process group of its own; return its PID once it has been executed.

    The command gets the signal mask `mask`, and `ignored` signals ignored. `terminal` is NONE for a session of its own,
    BACKGROUND for a group in our session and FOREGROUND for one that gets the terminal as well. Raises SpawnError.
    """
    reader, writer = -1, -1
    try:
        reader, writer = posix.pipe2(posix.O_CLOEXEC)
        pid = posix.fork()
    except (OSError, MemoryError) as error:
        for descriptor in (reader, writer):
            if descriptor >= 0:
                posix.close(descriptor)
        reason = "out of memory" if isinstance(error, MemoryError) else f"{error.strerror} (is a pids limit reached?)"
        raise SpawnError(125, f"cannot start {arguments[0]}: {reason}") from None
    if pid == 0:
        _become(arguments, environment, mask, ignored, terminal, writer)
    posix.close(writer)
    # The exec closes the pipe. Only then can a signal be forwarded to the command, and not fall on our own copy.
    try:
        report = posix.read(reader, 4096)
    except OSError:
        report = b""
    posix.close(reader)
    if report:
        _wait_for(pid)
        number, _, what = report.partition(b" ")
        raise _spawn_error(arguments, int(number), what)
    return pid


def _wait_for(pid: int) -> None:
    try:
        posix.waitpid(pid, 0)  # it has written its last word, and exits
    except OSError:
        pass


def _become(
    arguments: Sequence[str],
    environment: Mapping[bytes, bytes],
    mask: frozenset[int],
    ignored: Sequence[int],
    terminal: str,
    writer: int,
) -> None:
    """In the child: turn into the command, or write "ERRNO STEP" to the pipe and exit. Never returns."""
    step = b"set up"
    try:
        if terminal == NONE:
            posix.setsid()
        else:
            posix.setpgid(0, 0)  # in the child, before the exec: no moment in which it is in the wrong group
            if terminal == FOREGROUND:
                system.give_terminal(posix.getpid())
        if b"LISTEN_PID" in environment:
            environment = {**environment, b"LISTEN_PID": str(posix.getpid()).encode()}
        for signum in (int(signal.SIGPIPE), int(signal.SIGXFSZ)):
            signal.signal(signum, signal.SIG_DFL)  # CPython ignores these two, and ignored survives an exec
        for signum in ignored:
            signal.signal(signum, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        step = b"execute"
        _execute(arguments, environment)
    except OSError as error:
        number = error.errno or errno.EINVAL
    except MemoryError:
        number = errno.ENOMEM
    except BaseException:
        number = errno.EINVAL  # an argument or variable with a null byte, which no exec takes
    try:
        posix.write(writer, b"%d %s" % (number, step))
    finally:
        posix._exit(125)


def _candidates(file: bytes, environment: Mapping[bytes, bytes]) -> list[bytes]:
    if b"/" in file:
        return [file]
    folders = environment.get(b"PATH", DEFAULT_PATH).split(b":")
    return [(folder or b".") + b"/" + file for folder in folders] if file else []


def _encode(text: str) -> bytes:
    return text.encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def _execute(arguments: Sequence[str], environment: Mapping[bytes, bytes]) -> None:
    """execvpe(3): along PATH, and with /bin/sh for a script without a #! line. Raises OSError."""
    failure = OSError(errno.ENOENT, "")
    words = [_encode(argument) for argument in arguments]
    for path in _candidates(words[0], environment):
        try:
            posix.execve(path, words, environment)
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                posix.execve(b"/bin/sh", [b"/bin/sh", path, *words[1:]], environment)
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                raise
            if error.errno == errno.EACCES or (error.errno == errno.ENOENT and _exists(path)):
                failure = error  # found, though unusable: worth telling if nothing better comes
    raise failure


def _exists(path: bytes) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def _spawn_error(arguments: Sequence[str], number: int, step: bytes) -> SpawnError:
    name = arguments[0]
    reason = posix.strerror(number)
    if step != b"execute":
        return SpawnError(125, f"cannot start {name}: {reason}, while setting up its process")
    if number in (errno.ENOENT, errno.ENOTDIR):
        found = [path for path in _candidates(_encode(name), system.environ()) if _exists(path)]
        if not found:
            where = "no such file" if "/" in name else "not found in PATH; is it in this image, is PATH right?"
            return SpawnError(127, f"cannot execute {name}: {where}")
        head = system.read_file(found[0].decode(sys.getfilesystemencoding(), "surrogateescape"), 256)
        if head.startswith(b"#!"):
            interpreter = head[2:].split(b"\n")[0].decode("utf-8", "replace")
            note = " (the line ends with a carriage return: save the file with Unix line ends)" if "\r" in interpreter else ""
            return SpawnError(127, f"cannot execute {name}: its interpreter {interpreter.strip()!r} is missing{note}")
        return SpawnError(127, f"cannot execute {name}: its loader is missing; was it built for another libc?")
    if number == errno.EACCES:
        return SpawnError(126, f"cannot execute {name}: {reason}; is it executable (chmod +x) and no folder?")
    if number == errno.ENOEXEC:
        return SpawnError(126, f"cannot execute {name}: {reason}; is it a program for this architecture?")
    return SpawnError(126, f"cannot execute {name}: {reason}")
