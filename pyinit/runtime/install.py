"""`pyinit --install PATH`: a copy of the static binary, from an image that has no `cp`: for init containers and nodes."""

import posix
import sys

from pyinit.kernel import system
from pyinit.settings.config import UsageError

USAGE = "pyinit --install PATH"

#: Of the copy: everybody may read and execute it.
MODE = 0o755


def main(words: list[str]) -> int:
    """Copy, and return the exit status. Raises UsageError where that cannot be."""
    flag, equals, path = words[0].partition("=")
    rest = words[1:] if equals else words[2:]
    path = path if equals else "".join(words[1:2])
    if flag != "--install" or not path or rest:
        raise UsageError(f"{' '.join(words)}: this is used alone: {USAGE}")
    if not hasattr(sys, "frozen"):
        raise UsageError("--install: only the static binary is one file that can be copied; this runs from Python")
    try:
        _copy("/proc/self/exe", path)
    except OSError as error:
        raise UsageError(f"--install: {path}: {error.strerror}") from None
    return 0


def _copy(source: str, path: str) -> None:
    """Copy a file, all at once: what runs from the old one goes on, and nobody finds half of it. Raises OSError."""
    temporary = f"{path}.{posix.getpid()}"
    reader = posix.open(source, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        writer = posix.open(temporary, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, MODE)
        try:
            while part := posix.read(reader, system.MOST_AT_ONCE):
                system.write_all(writer, part)
            posix.fchmod(writer, MODE)  # whatever the umask is
            posix.fsync(writer)  # on a node: after a power cut there must not be an empty runtime
            posix.rename(temporary, path)
        except BaseException:
            posix.unlink(temporary)
            raise
        finally:
            posix.close(writer)
    finally:
        posix.close(reader)
