"""System calls that Python does not offer, or not so: through ctypes, or built into the static binary.

Loaded only where one of them is needed, because ctypes costs 2.4 ms and 468 KiB: to become a subreaper, to ask for a
parent death signal, to wait for signals for some time, or for another's child as well, and to pass on entries of the
environment that are no variables. Raises ImportError where Python was built without libffi, and OSError where the kernel
says no.
"""

import errno
import posix
import sys
import time

from pyinit.kernel import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Collection
    from typing import TypeAlias

    Argument: TypeAlias = int | bytes | list[bytes] | ctypes.Array[ctypes.c_int]

    LIBRARY = ctypes.CDLL(None)

    class _pyinit:  # noqa: N801 - a module, of C: docker/static/module.c
        """What the static binary has built in, with the arguments that the calls have in C."""

elif hasattr(sys, "frozen"):
    import _pyinit
else:
    import ctypes

    LIBRARY = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
SFD_NONBLOCK = 0o4000  # sys/signalfd.h
SFD_CLOEXEC = 0o2000000
SIGSET_BYTES = 128  # sizeof(sigset_t) of glibc and musl
SIGINFO_INTS = 32  # sizeof(siginfo_t) / sizeof(int), asm-generic/siginfo.h
UNSIGNED = 0xFFFFFFFF  # uid_t
NANOSECONDS = 1_000_000_000  # in a second


def _call(function: str, *arguments: "Argument") -> int:
    if hasattr(sys, "frozen"):
        return int(getattr(_pyinit, function)(*arguments))
    result = int(getattr(LIBRARY, function)(*map(_word, arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), function)
    return result


def _word(argument: "Argument") -> object:
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, bytes):
        return ctypes.c_char_p(argument)
    if isinstance(argument, list):
        return (ctypes.c_char_p * (len(argument) + 1))(*argument, None)
    return argument


def _set_of(signums: "Collection[int]") -> bytes:
    mask = bytearray(SIGSET_BYTES)
    for signum in signums:
        mask[(signum - 1) // 8] |= 1 << (signum - 1) % 8
    return bytes(mask)


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
    return _call("signalfd", -1, _set_of(signals.ALL), SFD_NONBLOCK | SFD_CLOEXEC)


def wait_signal(among: "Collection[int]", seconds: float) -> tuple[int, int, int, int] | None:
    """sigtimedwait(2): the number of one of these signals, its sender's PID and user, and its si_code.

    None when the time is over. Interrupted (stopped, frozen, traced) it goes on. Not for the static binary, which waits in C.
    """
    mask, found = _set_of(among), (ctypes.c_int * SIGINFO_INTS)()
    until = time.monotonic() + seconds
    while True:
        left = max(0, int((until - time.monotonic()) * NANOSECONDS) + 1)
        limit = bytes((ctypes.c_long * 2)(*divmod(left, NANOSECONDS)))  # a timespec
        try:
            _call("sigtimedwait", mask, found, limit)
            break
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            if error.errno != errno.EINTR:
                raise
    sender = 4 if sys.maxsize > UNSIGNED else 3  # after three ints, where a pointer may be
    return found[0], found[sender], found[sender + 1] & UNSIGNED, found[2]
