"""Processes as /proc tells of them: who belongs to whom, and what each would do about a signal."""

from pyinit import system
from pyinit.record import Record

#: Names under which shells run; their traps wait for the foreground child, see delivery.py.
SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "ksh93", "mksh", "posh", "rbash", "yash", "zsh"})

#: The highest signal that /proc/PID/stat tells of.
LAST_IN_STAT = 31

#: A mask with each of the 64 signals in it.
EVERY_SIGNAL = (1 << 64) - 1


class Process(Record):
    """One line of the process table. The three masks are those of /proc/PID/status: bit n-1 stands for signal n."""

    pid: int
    parent: int
    group: int
    session: int
    name: str
    is_stopped: bool
    blocked: int
    ignored: int
    caught: int
    sleeps_in: str = ""  # the kernel function, where we may know it (/proc/PID/wchan)

    def ignores(self, signum: int) -> bool:
        """Whether the signal would do nothing."""
        return bool(self.ignored >> (signum - 1) & 1)

    def catches(self, signum: int) -> bool:
        """Whether the process has a handler in the narrow sense."""
        return bool(self.caught >> (signum - 1) & 1)

    def handles(self, signum: int) -> bool:
        """Whether the process takes the signal itself: by a handler, or blocked, for sigwait() or a signalfd."""
        return bool((self.caught | self.blocked & ~self.ignored) >> (signum - 1) & 1)


def _field(status: bytes, key: bytes) -> bytes:
    start = status.index(key) + len(key)
    return status[start : status.index(b"\n", start)].strip()


def parse(status: bytes, sleeps_in: str = "") -> Process | None:
    """The Process that a /proc/PID/status tells of; None for a zombie. Raises ValueError where fields are missing.

    A zombie with threads left is alive: only its main thread has ended. A process that sleeps in sigwait(), as tini does and
    pyinit itself, counts as having blocked every signal: meanwhile the kernel takes those that it waits for out of its mask
    (do_sigtimedwait() in kernel/signal.c), so that neither SigBlk nor SigCgt shows them.
    """
    state = _field(status, b"\nState:")[:1]
    if state in b"ZX" and int(_field(status, b"\nThreads:")) <= 1:
        return None
    return Process(
        int(_field(status, b"\nPid:")),
        int(_field(status, b"\nPPid:")),
        int(_field(status, b"\nNSpgid:").partition(b"\t")[0]),
        int(_field(status, b"\nNSsid:").partition(b"\t")[0]),
        _field(status, b"Name:").decode("utf-8", "replace"),
        state == b"T",
        EVERY_SIGNAL if "sigtimedwait" in sleeps_in else int(_field(status, b"\nSigBlk:"), 16),
        int(_field(status, b"\nSigIgn:"), 16),
        int(_field(status, b"\nSigCgt:"), 16),
        sleeps_in,
    )


def snapshot(must_show: int | None) -> dict[int, Process] | None:
    """Every living process but us in /proc, by PID. None where it does not tell (no /proc, another namespace's, gVisor).

    `must_show` is a child of ours that has not been reaped: where even that is not shown (hidepid), others are not either.
    """
    pids = system.list_processes()
    if not pids or (must_show is not None and must_show not in pids):
        return None
    found = {}
    own_pid = system.getpid()
    try:
        for pid in pids:
            if pid == own_pid:
                continue
            status = system.read_of_process(pid, "status")
            if not status and pid == must_show:
                return None  # it has not been reaped, so it cannot be gone
            process = parse(status, system.read_file(f"/proc/{pid}/wchan").decode("ascii", "replace")) if status else None
            if process is not None:
                found[pid] = process
    except (ValueError, OSError, MemoryError):
        return None  # fields that this kernel leaves out, a process that cannot be read: better no answer than half of one
    return found


def catches(pid: int, signum: int) -> bool:
    """Whether a process is alive and has a handler for a signal up to 31. False where /proc does not tell at once.

    /proc/PID/stat is cheaper than status; its 34th field is the lower half of SigCgt (proc(5)).
    """
    try:
        fields = system.read_of_process(pid, "stat").rpartition(b") ")[2].split()
        return fields[0] != b"Z" and signum <= LAST_IN_STAT and bool(int(fields[31]) >> (signum - 1) & 1)
    except (OSError, ValueError, IndexError, MemoryError):
        return False


def is_alive(pid: int) -> bool:
    """Whether /proc shows a process that is no zombie."""
    status = system.read_file(f"/proc/{pid}/status", 4096)
    try:
        return parse(status) is not None if status else False
    except ValueError:
        return True


def name_of(pid: int) -> str:
    """The name of a process as `ps` shows it, or "?"."""
    return system.read_file(f"/proc/{pid}/comm").strip().decode("utf-8", "replace") or "?"


def is_shell(pid: int) -> bool:
    """Whether a process is a shell: by its name, or by its first argument (the name of a script is the script's).

    Both are readable for any user, unlike /proc/PID/exe.
    """
    arguments = system.read_file(f"/proc/{pid}/cmdline", 4096).split(b"\0")
    names = [argument.rpartition(b"/")[2].lstrip(b"-").decode("utf-8", "replace") for argument in arguments[:2]]
    if names[0] == "busybox":
        del names[0]
    return not SHELLS.isdisjoint([*names[:1], name_of(pid)])
