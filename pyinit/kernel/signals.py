"""Signals: their numbers, names, default actions, and the mask of this process.

The only file that imports `_signal`: the public `signal` module wraps the same functions in enums, which costs 3.4 ms
and 856 KiB in every container. Type checkers see the public module, whose functions have the same shapes.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

__all__ = ["ALL", "CONTINUES", "IGNORED_BY_DEFAULT", "SUSPENDS", "block_all", "name", "number", "signal"]

#: Every signal number that a process can block; SIGKILL, SIGSTOP and the two that the C library keeps are left out.
ALL: frozenset[int] = frozenset(map(int, signal.valid_signals())) - {signal.SIGKILL, signal.SIGSTOP}

#: What a process does about a signal that it neither handles nor ignores, where that is not to die: signal(7).
IGNORED_BY_DEFAULT: frozenset[int] = frozenset({signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH})
SUSPENDS: frozenset[int] = frozenset({signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
CONTINUES: int = int(signal.SIGCONT)

#: Older names of SIGCHLD, SIGIO and SIGABRT.
ALIASES = ("SIGCLD", "SIGPOLL", "SIGIOT")


def name(signum: int) -> str:
    """The name of a signal number: 15 gives "SIGTERM", 37 gives "SIGRTMIN+3"."""
    if signal.SIGRTMIN < signum < signal.SIGRTMAX:
        return f"SIGRTMIN+{signum - signal.SIGRTMIN}"
    for key, value in vars(signal).items():
        if key.startswith("SIG") and value == signum and key[3:].isalnum() and key not in ALIASES:
            return key
    return f"signal {signum}"


def number(text: str) -> int:
    """The number of a signal given as a name or a number: "TERM", "SIGTERM", "15", "RTMIN+3", "RTMAX-1".

    Raises ValueError where there is no such signal; its message says what is allowed.
    """
    word = text.strip().upper().removeprefix("SIG")
    base, sign, offset = word.partition("+" if "+" in word else "-")
    if word.isdecimal() and word.isascii():
        signum = int(word[:4])  # which is past any signal already
    else:
        signum = int(getattr(signal, "SIG" + base, 0)) if base.isalnum() else 0
    if sign:
        in_range = base in ("RTMIN", "RTMAX") and offset.isdecimal() and offset.isascii()
        signum = signum + int(sign + offset[:4]) if in_range else 0
        if not signal.SIGRTMIN <= signum <= signal.SIGRTMAX:
            signum = 0
    if signum not in ALL and signum not in (signal.SIGKILL, signal.SIGSTOP):
        raise ValueError(f"{text!r} is not a signal: give a name (TERM, SIGUSR1, RTMIN+3) or its number, 1 to 64")
    return signum


def block_all() -> frozenset[int]:
    """Block every signal that can be blocked, and return the mask as it was before.

    A blocked signal stays pending instead of being dropped, for PID 1 too (pid_namespaces(7)). The faults (SIGSEGV and
    its kind) may be among them: the kernel unblocks those when this process itself causes one.
    """
    return frozenset(map(int, signal.pthread_sigmask(signal.SIG_SETMASK, ALL)))
