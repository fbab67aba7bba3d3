"""System calls that Python does not offer, or not so: through ctypes, or built into the static binary.

Loaded only where one of them is needed, because ctypes costs 2.4 ms and 468 KiB: to become a subreaper, to ask for a
parent death signal, to wait for signals and for another's child at once, and to pass on entries of the environment that are
no variables. Raises ImportError where Python was built
without libffi, and OSError where the kernel says no.
"""

import posix
import sys

from pyinit.kernel import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes

    class _pyinit:  # noqa: N801 - a module, of C: docker/static/module.c
        """What the static binary has built in, with the arguments that the calls have in C."""

elif hasattr(sys, "frozen"):
    import _pyinit
else:
    import ctypes

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
SFD_NONBLOCK = 0o4000  # sys/signalfd.h
SFD_CLOEXEC = 0o2000000
SIGSET_BYTES = 128  # sizeof(sigset_t) of glibc and musl


def _call(function: str, *arguments: int | bytes | list[bytes]) -> int:
    if hasattr(sys, "frozen"):
        return int(getattr(_pyinit, function)(*arguments))
    library = ctypes.CDLL(None, use_errno=True)
    result = int(getattr(library, function)(*map(_word, arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), function)
    return result


def _word(argument: int | bytes | list[bytes]) -> object:
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, bytes):
        return ctypes.c_char_p(argument)
    return (ctypes.c_char_p * (len(argument) + 1))(*argument, None)


def execute(path: bytes, words: list[bytes], entries: list[bytes]) -> None:
    """execve(2), which takes any strings as environment. Returns only by an OSError."""
    _call("execve", path, words, entries)


def become_subreaper() -> None:
    """Adopt the orphans below us (PR_SET_CHILD_SUBREAPER, prctl(2), Linux 3.4)."""
    _call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def set_parent_death_signal(signum: int) -> None:
    """Receive a signal when our parent dies (PR_SET_PDEATHSIG, prctl(2)); at once where it died before we could ask."""
    parent = posix.getppid()
    _call("prctl", PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if posix.getppid() != parent:
        posix.kill(posix.getpid(), signum)


def signal_descriptor() -> int:
    """A file descriptor that is readable while a signal is pending (signalfd(2))."""
    mask = bytearray(SIGSET_BYTES)
    for signum in signals.ALL:
        mask[(signum - 1) // 8] |= 1 << (signum - 1) % 8
    return _call("signalfd", -1, bytes(mask), SFD_NONBLOCK | SFD_CLOEXEC)
