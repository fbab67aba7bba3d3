"""Starting a command: fork(), what must happen in between, exec(), and the words for what went wrong.

A command that runs got every signal that we have forwarded since, because spawn() returns only after the exec.
"""

import errno
import posix
import sys

from pyinit.kernel import system
from pyinit.kernel.signals import signal
from pyinit.kernel.terminal import FOREGROUND, NONE, give_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: The path that execvp(3) takes where PATH is not set.
DEFAULT_PATH = b"/bin:/usr/bin"


#: The exit status for a command that there is not.
NOT_FOUND = 127


class SpawnError(Exception):
    """A command could not be started: the exit status that a shell would give for it, and a line that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def spawn(
    arguments: "Sequence[str]",
    environment: "Mapping[bytes, bytes]",
    mask: frozenset[int],
    ignored: "Sequence[int]" = (),
    terminal: str = NONE,
) -> int:
    """Start a command in a process group of its own; return its PID once it has been executed.

    The command gets the signal mask `mask`, and `ignored` signals ignored. `terminal` is as terminal.mode() has it.
    Raises SpawnError.

    posix_spawn() does it without a copy of our page tables (0.07 ms; fork() and exec() 0.5 ms), and returns after the
    exec. It can neither hand over a terminal nor ignore a signal nor learn the command's PID for LISTEN_PID; for these
    rarer cases there is fork(). So there is for an environment.Entries, which Python can pass on only through libc.py.
    """
    try:
        is_plain = _is_plain(environment)
        if terminal == NONE and not ignored and is_plain and b"LISTEN_PID" not in environment:
            return _execute(_SpawnCall(mask), arguments, environment)
        return _fork_and_execute(arguments, environment, mask, ignored, terminal)
    except MemoryError:
        raise SpawnError(125, f"cannot start {arguments[0]}: out of memory") from None
    except ValueError:
        raise SpawnError(126, f"cannot execute {arguments[0]!r}: a word or variable holds a null byte") from None
    except OSError as error:
        raise _spawn_error(arguments, error) from None


def _is_plain(environment: "Mapping[bytes, bytes]") -> bool:
    """Whether variables by name tell all of an environment. Loads what is needed where they do not."""
    if not hasattr(environment, "entries"):
        return True
    try:
        from pyinit.kernel import libc  # noqa: F401 - for _become(), which may not fail to find it
    except ImportError:
        pass  # a Python without ctypes: then what has a name is passed on, and the rest is not
    return False


class _SpawnCall:
    """posix_spawn() with the signals that the command must find, in the form of posix.execve()."""

    def __init__(self, mask: frozenset[int]) -> None:
        self.mask = mask

    def __call__(self, path: bytes, words: list[bytes], environment: "Mapping[bytes, bytes]") -> int:
        return posix.posix_spawn(
            path, words, environment, setsid=True, setsigmask=self.mask, setsigdef=system.IGNORED_BY_PYTHON
        )


def _fork_and_execute(
    arguments: "Sequence[str]",
    environment: "Mapping[bytes, bytes]",
    mask: frozenset[int],
    ignored: "Sequence[int]",
    terminal: str,
) -> int:
    """Start a command with fork(). Raises OSError, that of the exec in the child too."""
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    try:
        pid = posix.fork()
        if pid == 0:
            _become(arguments, environment, mask, ignored, terminal, writer)
    finally:
        posix.close(writer)
        # The exec closes the pipe. Only then can a signal be forwarded to the command, and not fall on our own copy.
        report = posix.read(reader, 16)
        posix.close(reader)
    if report:
        posix.waitpid(pid, 0)  # it has written its last word, and exits
        raise OSError(int(report), posix.strerror(int(report)))
    return pid


def _become(
    arguments: "Sequence[str]",
    environment: "Mapping[bytes, bytes]",
    mask: frozenset[int],
    ignored: "Sequence[int]",
    terminal: str,
    writer: int,
) -> None:
    """In the child: turn into the command, or write "ERRNO STEP" to the pipe and exit. Never returns."""
    number = errno.EINVAL
    try:
        if terminal == NONE:
            posix.setsid()
        else:
            posix.setpgid(0, 0)  # in the child, before the exec: no moment in which it is in the wrong group
            if terminal == FOREGROUND:
                give_terminal(posix.getpid())
        if b"LISTEN_PID" in environment:
            told = {b"LISTEN_PID": str(posix.getpid()).encode()}
            environment = environment | told if isinstance(environment, dict) else {**environment, **told}
        for signum in system.IGNORED_BY_PYTHON:  # ignored survives an exec
            signal.signal(signum, signal.SIG_DFL)
        for signum in ignored:
            signal.signal(signum, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _execute(_execve, arguments, environment)
    except OSError as error:
        number = error.errno or errno.EINVAL
    except MemoryError:
        number = errno.ENOMEM
    finally:
        try:
            posix.write(writer, b"%d" % number)
        finally:
            posix._exit(125)


def _execve(path: bytes, words: list[bytes], environment: "Mapping[bytes, bytes]") -> int:
    """execve(2), with all entries of an environment.Entries. Raises OSError."""
    entries = getattr(environment, "entries", None)
    libc = sys.modules.get("pyinit.kernel.libc")
    if entries is not None and libc is not None:
        libc.execute(path, words, entries)
    posix.execve(path, words, dict(environment))


def _candidates(file: bytes, environment: "Mapping[bytes, bytes]") -> list[bytes]:
    if b"/" in file:
        return [file]
    folders = environment.get(b"PATH", DEFAULT_PATH).split(b":")
    paths = [(folder or b".") + b"/" + file for folder in folders] if file else []
    return [path for path in paths if _exists(path)]


def _execute(
    execute: "Callable[[bytes, list[bytes], Mapping[bytes, bytes]], int]",
    arguments: "Sequence[str]",
    environment: "Mapping[bytes, bytes]",
) -> int:
    """execvpe(3) with the given call: along PATH, and with /bin/sh for a script without a #! line. Raises OSError."""
    failure = OSError(errno.ENOENT, "")
    words = [system.encode(argument) for argument in arguments]
    for path in _candidates(words[0], environment):
        try:
            return execute(path, words, environment)
        except OSError as error:
            if error.errno == errno.ENOEXEC and _is_script(path):
                return execute(b"/bin/sh", [b"/bin/sh", path, *words[1:]], environment)
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                raise
            failure = error  # found, though unusable; told if nothing better comes
    raise failure


def _is_script(path: bytes) -> bool:
    """Whether a file that is no program may be a script without a #! line: its first line holds no null byte."""
    return b"\0" not in system.read_file(system.decode(path), 256).split(b"\n")[0]


def _exists(path: bytes) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def _spawn_error(arguments: "Sequence[str]", error: OSError) -> SpawnError:
    name, number = arguments[0] or "''", error.errno
    reason = posix.strerror(number or errno.EINVAL)
    if number in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        hint = system.hint(error) or "; is a pids or memory limit reached?"
        return SpawnError(125, f"cannot start {name}: {reason}{hint}")
    if number in (errno.ENOENT, errno.ENOTDIR):
        found = [path for path in _candidates(system.encode(arguments[0]), system.environ()) if _exists(path)]
        if not found:
            where = "no such file" if "/" in name else "not found in PATH; is it in this image, is PATH right?"
            return SpawnError(NOT_FOUND, f"cannot execute {name}: {where}")
        head = system.read_file(system.decode(found[0]), 256)
        if head.startswith(b"#!"):
            interpreter = head[2:].split(b"\n")[0].decode("utf-8", "replace")
            note = " (the line ends with a carriage return: save the file with Unix line ends)" if "\r" in interpreter else ""
            return SpawnError(NOT_FOUND, f"cannot execute {name}: its interpreter {interpreter.strip()!r} is missing{note}")
        return SpawnError(NOT_FOUND, f"cannot execute {name}: its loader is missing; was it built for another libc?")
    if number == errno.EACCES:
        return SpawnError(126, f"cannot execute {name}: {reason}; is it executable (chmod +x) and no folder?")
    if number == errno.ENOEXEC:
        return SpawnError(126, f"cannot execute {name}: {reason}; is it a program for this architecture?")
    return SpawnError(126, f"cannot execute {name}: {reason}")
