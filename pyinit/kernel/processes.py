"""Processes as /proc tells of them: who belongs to whom, and what each would do about a signal."""

from pyinit.kernel import system
from pyinit.kernel.signals import signal
from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

#: Names under which shells run; their traps wait for the foreground child, see delivery/plan.py.
SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "ksh93", "lksh", "mksh", "posh", "rbash", "yash", "zsh"})

#: The highest signal that /proc/PID/stat tells of.
LAST_IN_STAT = 31

#: Fields of /proc/PID/stat behind the name, counted from 0 (proc(5)).
STATE, PARENT, GROUP, SESSION, THREADS, STARTED, START_CODE, START_STACK = 0, 1, 2, 3, 17, 19, 23, 25
BLOCKED, IGNORED, CAUGHT = 29, 30, 31

#: Signals that are all blocked in the moment between fork and exec, and never all by one who waits for some: the first 31, but
#: SIGKILL and SIGSTOP.
BASIC = (1 << LAST_IN_STAT) - 1 & ~(1 << 8) & ~(1 << 18)

#: How often a process is looked at that may be on its way out of sigwait() or back into it.
MOMENTS = 8

#: What /proc/PID/wchan says of one that does not sleep, and of each where we may not look or the kernel does not tell.
NOWHERE = ("", "0")

#: Bytes of a command line that are looked at.
LONGEST_WORDS = 1 << 12

#: Bytes of a script that are read, and descriptors at which shells keep theirs: bash; dash and busybox, the first that is free.
LONGEST_SCRIPT = 1 << 17
BASH_SCRIPT_AT = 255
SCRIPT_AT = (BASH_SCRIPT_AT, *range(10, 20))

#: The flag of a descriptor that is closed on exec, as /proc/PID/fdinfo has it (proc(5), O_CLOEXEC).
CLOEXEC = 0o2000000

#: So many processes are looked at between two looks at the clock.
AT_A_TIME = 32


class TimeIsOver(Exception):
    """Looking has taken longer than it may: what is due by now is worth more than the answer."""


class Process(Record):
    """One line of the process table.

    In the three masks bit n-1 stands for signal n; they hold the first 31 signals, or all where a higher one was asked about.
    `state` is the letter of ps(1). `started` is the start time in clock ticks, which tells one PID from its next bearer.
    `image` changes whenever another program is executed, and is that of its parent until then (0 where we may not know).
    """

    pid: int
    parent: int
    group: int
    session: int
    name: str
    state: str
    blocked: int
    ignored: int
    caught: int
    started: int = 0
    image: int = 0

    @property
    def is_asleep(self) -> bool:
        """Whether it was stopped, or waits in a way that a signal ends; and is not on its way from one thing to the next."""
        return self.state in ("S", "T")

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped by a signal."""
        return self.state == "T"

    def ignores(self, signum: int) -> bool:
        """Whether the signal would do nothing."""
        return bool(self.ignored >> (signum - 1) & 1)

    def catches(self, signum: int) -> bool:
        """Whether the process has a handler in the narrow sense."""
        return bool(self.caught >> (signum - 1) & 1)

    def blocks(self, signum: int) -> bool:
        """Whether the signal would wait, for sigwait(), a signalfd, or the end of a moment; an ignored one would not."""
        return bool((self.blocked & ~self.ignored) >> (signum - 1) & 1)


def parse(stat: bytes, status: bytes = b"") -> Process | None:
    """The Process that a /proc/PID/stat tells of, with the masks of a /proc/PID/status if that is given; None for a zombie.

    A zombie with threads left is alive: only its main thread has ended. Raises ValueError or IndexError for missing fields.
    """
    head, _, rest = stat.rpartition(b") ")
    fields = rest.split(None, CAUGHT + 1)
    if fields[STATE] in (b"Z", b"X", b"x") and int(fields[THREADS]) <= 1:
        return None
    pid, _, name = head.partition(b" (")
    if status:
        blocked, ignored, caught = (int(_field(status, key), 16) for key in (b"\nSigBlk:", b"\nSigIgn:", b"\nSigCgt:"))
    else:
        blocked, ignored, caught = int(fields[BLOCKED]), int(fields[IGNORED]), int(fields[CAUGHT])
    return Process(
        int(pid),
        int(fields[PARENT]),
        int(fields[GROUP]),
        int(fields[SESSION]),
        name.decode("utf-8", "replace"),
        fields[STATE].decode("ascii"),
        blocked,
        ignored,
        caught,
        int(fields[STARTED]),
        int(fields[START_CODE]) ^ int(fields[START_STACK]),
    )


def _field(status: bytes, key: bytes) -> bytes:
    start = status.index(key) + len(key)
    return status[start : status.index(b"\n", start)].strip()


def snapshot(
    must_show: int | None, signum: int = 0, left_out: "Collection[int]" = (), until: float | None = None
) -> dict[int, Process] | None:
    """Every living process but us in /proc, by PID, with the masks for a signal up to this one (0: the first 31).

    Those that are `left_out` nobody needs to know of, and they are not looked at.

    None where /proc does not tell (it is missing, or that of another namespace); what gVisor does not tell is zero, see
    tells_masks(). `must_show` is a child of ours that has not been reaped: where even that is not shown (hidepid), others are
    not either. Raises TimeIsOver at a time.
    """
    pids = system.list_processes()
    if not pids or (must_show is not None and must_show not in pids):
        return None
    found = {}
    own_pid = system.getpid()
    try:
        for number, pid in enumerate(pids):
            if until is not None and number % AT_A_TIME == 0 and system.monotonic() >= until:
                raise TimeIsOver
            if pid == own_pid or pid in left_out:
                continue
            stat = system.read_of_process(pid, "stat")
            if not stat and pid == must_show:
                return None  # it has not been reaped, so it cannot be gone
            status = system.read_of_process(pid, "status") if signum > LAST_IN_STAT and stat else b""
            process = parse(stat, status) if stat and (status or signum <= LAST_IN_STAT) else None
            if process is not None:
                found[pid] = process
    except (ValueError, IndexError, OSError, MemoryError):
        return None  # fields that this kernel leaves out, a process that cannot be read: better no answer than half of one
    return found


def tells_masks(processes: "Mapping[int, Process]") -> bool:
    """Whether the kernel tells what processes do about signals: gVisor tells that of nobody, and has no image either."""
    if not processes or any(each.caught or each.blocked or each.ignored or each.image for each in processes.values()):
        return True
    # It may be so by chance. Then the mask tells that we have a signal blocked ourselves.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGURG])
    try:
        own = read(system.getpid())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return own is None or own.blocked != 0


def own_children_outside(group: int) -> frozenset[int]:
    """Our own children that are not in a process group; none where the kernel does not tell of children."""
    return frozenset(pid for pid in system.list_children() if system.group_of(pid) not in (group, None))


def read(pid: int, signum: int = 0) -> Process | None:
    """One process, as in snapshot(); None where it is gone, a zombie, or /proc does not tell at once."""
    try:
        stat = system.read_of_process(pid, "stat")
        status = system.read_of_process(pid, "status") if signum > LAST_IN_STAT and stat else b""
        return parse(stat, status) if stat and (status or signum <= LAST_IN_STAT) else None
    except (OSError, ValueError, IndexError, MemoryError):
        return None


def children_of(processes: "Mapping[int, Process]") -> dict[int, list[int]]:
    """The children of each process, by its PID."""
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    return children


def below(pids: "Iterable[int]", children: "Mapping[int, list[int]]") -> list[int]:
    """All who descend from some processes, without these. A loop of parents, should PIDs be reused, is walked once."""
    found: dict[int, None] = {}
    waiting = list(pids)
    first = set(waiting)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found and child not in first:
                found[child] = None
                waiting.append(child)
    return list(found)


def below_us(processes: "Mapping[int, Process]", own_pid: int) -> "list[Process]":
    """The processes that descend from us."""
    return [processes[pid] for pid in below([own_pid], children_of(processes)) if pid in processes]


class Look:
    """A closer look at single processes, each answer read from /proc when it is first asked for.

    What we may not read is an empty answer: the rules of delivery do without. Raises TimeIsOver at a time.
    """

    def __init__(self, until: float | None = None) -> None:
        #: Whether the kernel tells what processes do about signals; if not, that is assumed, see delivery/assumed.py.
        self.sees_masks = True
        self._until = until
        self._known: dict[tuple[object, int], object] = {}
        #: Whether each process that was looked at for a moment was steady then, and did not wait for signals.
        self._moments: dict[int, bool] = {}

    def files(self) -> "list[tuple[int, tuple[str, ...], Callable[..., object], object]] | None":
        """What was looked at: PID, names in /proc/PID, what makes the answer of the PID and their contents, and the answer.

        A name that begins with "=" is that of a file whose status tells whether it has changed. Other names with "fd/" or "exe"
        are links. "" is a process that was steady; its content is where it sleeps. All others are files. None where not all
        can be looked at in this way.
        """
        if not all(self._moments.values()) or any(find not in FILES for find, _ in self._known):
            return None
        looks = [(pid, *FILES[find], answer) for (find, pid), answer in self._known.items()]
        found = [(pid, names(pid) if callable(names) else names, make, answer) for pid, names, make, answer in looks]
        return [*found, *((pid, ("",), _is_elsewhere, True) for pid in self._moments)]

    def _once(self, find: "Callable[[int], object]", pid: int) -> "object":
        key = (find, pid)
        if key not in self._known:
            if self._until is not None and system.monotonic() >= self._until:
                raise TimeIsOver
            self._known[key] = find(pid)
        return self._known[key]

    def words(self, pid: int) -> tuple[str, ...]:
        """The command line."""
        return self._once(_words, pid)  # type: ignore[return-value]  # of _words()

    def sleeps_in(self, pid: int) -> str:
        """The kernel function that it sleeps in (/proc/PID/wchan)."""
        return self._once(_sleeps_in, pid)  # type: ignore[return-value]  # of _sleeps_in()

    def ran(self, pid: int) -> bytes:
        """What changes whenever it is given a CPU (/proc/PID/schedstat); nothing where the kernel does not count that."""
        return self._once(_ran, pid)  # type: ignore[return-value]  # of _ran()

    def reads_from(self, pid: int) -> str:
        """What its stdin is: "pipe:[4026]", "/dev/null"."""
        return self._once(_reads_from, pid)  # type: ignore[return-value]  # of _reads_from()

    def opened(self, pid: int) -> str:
        """How its stdin was opened, and on which mount: that tells one /dev/null from another."""
        return self._once(_opened, pid)  # type: ignore[return-value]  # of _opened()

    def writes_to(self, pid: int) -> frozenset[str]:
        """What its stdout and stderr are."""
        return self._once(_writes_to, pid)  # type: ignore[return-value]  # of _writes_to()

    def script(self, pid: int) -> str:
        """The text that a shell runs, as far as it can be had: of `sh -c`, or of the file that it keeps open."""
        return self._once(_script, pid)  # type: ignore[return-value]  # of _script()

    def blocks(self, pid: int, signum: int, ran: bytes = b"") -> bool | None:
        """Whether it has a signal blocked, for sigwait() or a signalfd, or sleeps in sigwait(), at one of the next moments.

        The mask and the place where it sleeps are read one after the other, and it may move between the two meanwhile. Who was
        woken in sigwait() shows neither before it has a CPU: `ran` is what ran() told when it was last looked at so. None where
        it spawned somebody all the while, or was awake and has not run since: that tells nothing.
        """
        spawns = is_awake = False
        turns = at_first = 0
        was_steady = self._moments.get(pid, True)
        self._moments[pid] = False
        for _ in range(MOMENTS):
            turns = _turns(pid)
            at_first = at_first or turns
            process = read(pid)
            if process is None or signum > LAST_IN_STAT:
                return False
            spawns = process.blocked & BASIC == BASIC and process.state not in "ST"
            sleeps_in = _sleeps_in(pid)
            if (process.blocks(signum) and not spawns) or "sigtimedwait" in sleeps_in:
                return True
            is_awake = sleeps_in in NOWHERE and _is_awake(pid)
            if turns and turns == _turns(pid) and not spawns:  # it has not moved between the two
                if not is_awake:
                    self._moments[pid] = was_steady
                    return False
                if ran not in (b"", _ran(pid)):
                    return False
        has_not_run = is_awake and turns == at_first != 0
        return None if spawns or has_not_run else False

    def done(self, pid: int) -> str:
        """That part of its script that a shell has read: bash reads no further than the command that it waits for."""
        return self._once(_done, pid)  # type: ignore[return-value]  # of _done()

    def shell(self, pid: int) -> str:
        """Which shell it is, by the program that runs, or where we may not know that by its command line: "dash", "mksh"."""
        return self._once(_shell, pid)  # type: ignore[return-value]  # of _shell()

    def is_shell(self, pid: int, name: str) -> bool:
        """Whether a process is a shell: by its name, or by its first argument (the name of a script is the script's)."""
        if name in SHELLS:
            return True
        first, second = (*self.words(pid)[:2], "", "")[:2]
        called = _last_part(first)
        return (called if called != "busybox" else _last_part(second)) in SHELLS


class Seen:
    """What was looked at for one signal, and who was told.

    `single` are processes that were looked at by themselves, `table` all others, `passed_over` those who are never told.
    """

    def __init__(self, signum: int, until: float | None) -> None:
        self.signum = signum
        self.look = Look(until)
        self.single: list[Process] = []
        self.table: dict[int, Process] | None = None
        self.passed_over: frozenset[int] = frozenset()
        self.told: list[tuple[int, int]] = []  # a PID or a group, and the signal
        self.is_blind = False  # /proc did not tell who else is there

    def read(self, pid: int, signum: int = 0) -> Process | None:
        """As the function of that name."""
        found = read(pid, signum)
        if found is not None:
            self.single.append(found)
        return found


def _last_part(path: str) -> str:
    return path.rpartition("/")[2].lstrip("-")


def words_of(line: bytes) -> tuple[str, ...]:
    """The words of a /proc/PID/cmdline, which may be cut off."""
    text = line.decode("utf-8", "replace")
    return tuple(text.rstrip("\0").split("\0")) if text else ()


def _words(pid: int) -> tuple[str, ...]:
    return words_of(system.read_at_once(f"/proc/{pid}/cmdline", LONGEST_WORDS))


def _shell(pid: int) -> str:
    program = system.read_link(f"/proc/{pid}/exe")
    return _called(program) if program else _last_part(next(iter(_words(pid)), ""))


def _called(program: str) -> str:
    return _last_part(program.removesuffix(" (deleted)"))


def _sleeps_in(pid: int) -> str:
    return system.read_at_once(f"/proc/{pid}/wchan").decode("ascii", "replace")


def _ran(pid: int) -> bytes:
    """The nanoseconds that a process has had a CPU, those that it has waited for one, and how often (sched-stats.rst)."""
    return system.read_at_once(f"/proc/{pid}/schedstat")


def _turns(pid: int) -> int:
    """How often a process has been given a CPU; 0 where the kernel does not count that."""
    try:
        return int(_ran(pid).split()[2])
    except (IndexError, ValueError):
        return 0


def _is_awake(pid: int) -> bool:
    """Whether a process runs, or would if it had a CPU."""
    process = read(pid)
    return process is not None and process.state == "R"


def _reads_from(pid: int) -> str:
    return system.read_link(f"/proc/{pid}/fd/0")


def _opened(pid: int) -> str:
    return system.read_file(f"/proc/{pid}/fdinfo/0").decode("ascii", "replace")


def _writes_to(pid: int) -> frozenset[str]:
    return frozenset(system.read_link(f"/proc/{pid}/fd/{descriptor}") for descriptor in (1, 2))


def _script(pid: int) -> str:
    given = _given(system.read_file(f"/proc/{pid}/cmdline", LONGEST_SCRIPT))
    if given is not None:
        return given
    for descriptor in SCRIPT_AT:
        if _is_script_at(pid, descriptor):
            return system.read_file(f"/proc/{pid}/fd/{descriptor}", LONGEST_SCRIPT).decode("utf-8", "replace")
    return ""


def _given(cmdline: bytes) -> str | None:
    """The text that a shell was given by `-c`, with the words behind it; None where it was not."""
    line = cmdline.decode("utf-8", "replace").split("\0")
    options = [word for word in line[1:4] if word[:1] == "-" and word.endswith("c")]
    return "\0".join(line[line.index(options[0]) + 1 :]) if options else None


def _is_script_at(pid: int, descriptor: int) -> bool:
    return system.is_regular_file(f"/proc/{pid}/fd/{descriptor}") and _is_closed_on_exec(pid, descriptor)


def _is_closed_on_exec(pid: int, descriptor: int) -> bool:
    """Whether it is the shell's own: what it was given itself it passes on."""
    return bool((_of_descriptor(pid, descriptor, b"flags:", 8) or 0) & CLOEXEC)


def _of_descriptor(pid: int, descriptor: int, name: bytes, base: int) -> int | None:
    """A number in a /proc/PID/fdinfo; None where it is not there, as gVisor has no positions."""
    fields = system.read_file(f"/proc/{pid}/fdinfo/{descriptor}").split()
    return int(fields[fields.index(name) + 1], base) if name in fields[:-1] else None


def _done(pid: int) -> str:
    text = _script(pid)
    read = _of_descriptor(pid, BASH_SCRIPT_AT, b"pos:", 10)
    return text.encode("utf-8", "replace")[:read].decode("utf-8", "replace")  # of `sh -c`: None, so all of it


def _is_elsewhere(_: int, sleeps_in: bytes) -> bool:
    """Whether a process sleeps in something else than sigwait()."""
    return b"sigtimedwait" not in sleeps_in


def _places(pid: int) -> tuple[str, ...]:
    """The files that tell what script a shell runs, up to the one that does."""
    names = ["cmdline"]
    if _given(system.read_file(f"/proc/{pid}/cmdline", LONGEST_SCRIPT)) is None:
        for descriptor in SCRIPT_AT:
            names += [f"=fd/{descriptor}", f"fdinfo/{descriptor}"]
            if _is_script_at(pid, descriptor):
                break
    return tuple(names)


#: Closer looks by the files that tell, and what makes the answer of the PID and their contents. What they tell of a script is
#: whether it is still the same; so it is looked at again.
FILES: "dict[object, tuple[tuple[str, ...] | Callable[[int], tuple[str, ...]], Callable[..., object]]]" = {
    _words: (("cmdline",), lambda _, line: words_of(line)),
    _shell: (("exe",), lambda _, link: _called(system.decode(link)) if link else None),
    _sleeps_in: (("wchan",), lambda _, text: text.decode("ascii", "replace")),
    _reads_from: (("fd/0",), lambda _, link: system.decode(link)),
    _opened: (("fdinfo/0",), lambda _, text: text.decode("ascii", "replace")),
    _writes_to: (("fd/1", "fd/2"), lambda _, *links: frozenset(map(system.decode, links))),
    _script: (_places, lambda pid, *_: _script(pid)),
    _done: (lambda pid: (*_places(pid), f"fdinfo/{BASH_SCRIPT_AT}"), lambda pid, *_: _done(pid)),
}


def is_alive(pid: int) -> bool:
    """Whether /proc shows a process that is no zombie."""
    stat = system.read_file(f"/proc/{pid}/stat", 4096)
    try:
        return parse(stat) is not None if stat else False
    except (ValueError, IndexError):
        return True


def name_of(pid: int) -> str:
    """The name of a process as `ps` shows it, or "?"."""
    return system.read_file(f"/proc/{pid}/comm").strip().decode("utf-8", "replace") or "?"
