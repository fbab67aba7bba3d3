"""PURE. Who is in a container, and what each of them would do about a signal, as ps(1) tells it."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from pyinit.kernel.processes import SHELLS
from pyinit.rehearse.arms import INITS, base

#: What ps is asked for. The masks are hexadecimal; bit n-1 stands for signal n.
COLUMNS = ("pid", "ppid", "ignored", "caught", "blocked", "wchan:32", "comm", "args")

#: By these names tini runs.
OF_TINI = ("tini", "tini-static", "docker-init")

HANDLES, WAITS, IGNORES, NOTHING = "handles", "may wait for", "ignores", "has no handler for"


@dataclass(frozen=True)
class Process:
    """A process of a container, with its PID outside of it."""

    pid: int
    parent: int
    ignored: int
    caught: int
    blocked: int
    sleeps_in: str  #: the function of the kernel, where that may be known
    name: str
    words: str

    def about(self, signum: int) -> str:
        """What it does about a signal.

        One that is blocked may be waited for (sigwait, signalfd). While somebody sleeps in sigtimedwait() the kernel shows what
        it waits for as not blocked, and which signals these are cannot be seen here.
        """
        bit = 1 << (signum - 1)
        if self.caught & bit:
            return HANDLES
        if self.ignored & bit:
            return IGNORES
        return WAITS if self.blocked & bit or "sigtimedwait" in self.sleeps_in else NOTHING

    @property
    def is_shell(self) -> bool:
        """Whether it is a shell, which passes no signal on."""
        return self.name in SHELLS or base(self.words.split(" ")[0]).lstrip("-") in SHELLS

    @property
    def is_init(self) -> bool:
        """Whether it is an init."""
        return self.name in INITS or self.name == "pyinit"

    @property
    def title(self) -> str:
        """Its name, and its command line where that is short."""
        return self.words if 0 < len(self.words) <= 60 else self.name  # noqa: PLR2004 - a line of a table


@dataclass(frozen=True)
class Crew:
    """The processes of a container; `first` is PID 1."""

    first: Process
    all: tuple[Process, ...]

    @property
    def others(self) -> tuple[Process, ...]:
        """All but PID 1."""
        return tuple(one for one in self.all if one.pid != self.first.pid)

    @property
    def tells_all(self) -> bool:
        """Whether PID 1 is an init that signals its whole process group, and leaves when its own child has ended."""
        words = self.first.words.split(" ")
        if self.first.name in OF_TINI:
            return "-g" in words[1:]
        return self.first.name == "dumb-init" and not {"-c", "--single-child"} & set(words[1:2])

    def told(self, signum: int) -> "tuple[Process, ...] | None":
        """Those who hear of a signal that PID 1 gets, as far as that can be proved; None where it cannot.

        The kernel drops a signal that PID 1 has no handler for. tini without -g and catatonit pass it to their only child. What
        another program passes on, a shell with a trap included, only it knows.
        """
        first = self.first
        does = first.about(signum)
        if does in (NOTHING, IGNORES):
            return ()
        if first.name in (*OF_TINI, "catatonit") and not self.tells_all:
            return tuple(one for one in self.all if one.parent == first.pid)
        return None

    def deaf(self, signum: int) -> tuple[Process, ...]:
        """Those who would finish their work at the signal, and provably never hear of it."""
        told = self.told(signum)
        if told is None:
            return ()
        parents = {one.pid: one.parent for one in self.all}
        can_pass_on = {one.pid for one in told if one.about(signum) in (HANDLES, WAITS)}

        def is_below(pid: int) -> bool:
            for _ in parents:
                if pid in can_pass_on:
                    return True
                pid = parents.get(pid, 0)
            return False

        return tuple(one for one in self.others if one.about(signum) == HANDLES and not one.is_shell and not is_below(one.pid))


def number(name: str) -> int:
    """The number of a signal by its name, with or without SIG, or by its number in digits. Raises ValueError."""
    if name.isdecimal():
        return int(signal.Signals(int(name)))
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    if full not in signal.Signals.__members__:
        raise ValueError(f"there is no signal {name!r}")
    return int(signal.Signals[full])


def parse(rows: Sequence[Sequence[str]], first: int) -> Crew | None:
    """The processes in rows of COLUMNS; `first` is the PID of the container's first one. None where that is not there."""
    found = []
    for row in rows:
        pid, parent, ignored, caught, blocked, sleeps_in, name, words = row
        masks = int(ignored, 16), int(caught, 16), int(blocked, 16)
        found.append(Process(int(pid), int(parent), *masks, sleeps_in, name, words))
    head = next((one for one in found if one.pid == first), None)
    return None if head is None else Crew(head, tuple(found))
