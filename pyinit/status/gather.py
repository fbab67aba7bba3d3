"""What the state page, /proc, the sockets and psutil tell. Nobody waits for us: whoever vanishes meanwhile is left out."""

import posix

from pyinit.delivery import assumed
from pyinit.kernel import processes, system
from pyinit.log import printable
from pyinit.probe import state
from pyinit.status.report import Detail, Port, Seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.page import State

#: Bytes of a command line that are shown.
LONGEST_COMMAND = 300

#: Fields of /proc/PID/stat behind the name (proc(5)), in ticks: the time used by the process and by the kernel, its beginning.
USED, STARTED = 11, 19

#: Ports that are looked at one by one.
MOST_PORTS = 64


def gather() -> Seen:
    """Look at everything."""
    pid, shown, problem = _find()
    table, look = processes.snapshot(None), processes.Look()
    if table is not None and not processes.tells_masks(table):
        table = assumed.seen(table, look)
    with_page = [other for other in state.all_with_one() if other not in (pid, 0 if shown is None else shown.health)]
    ports, is_shared = _ports()
    return Seen(
        system.monotonic(),
        pid,
        shown,
        problem,
        table,
        _details(list(table or ())),
        look,
        ports,
        is_shared,
        tuple(with_page),
    )


def _find() -> "tuple[int, State | None, str]":
    try:
        return *state.find(), ""
    except state.NotFoundError as error:
        return 0, None, str(error)


def _details(pids: list[int]) -> dict[int, Detail]:
    psutil = _load_psutil()
    uptime = float((system.read_file("/proc/uptime").split() or [b"0"])[0])
    found = {}
    for pid in pids:
        words = system.read_file(f"/proc/{pid}/cmdline", LONGEST_COMMAND).rstrip(b"\0").replace(b"\0", b" ")
        command = printable(words.decode("utf-8", "replace")) or f"[{printable(processes.name_of(pid))}]"
        pages = system.read_file(f"/proc/{pid}/statm").split()
        memory = int(pages[1]) * posix.sysconf("SC_PAGESIZE") // 1024 if len(pages) > 1 else None
        user = state.user_of(pid)
        found[pid] = Detail(
            command, None if user < 0 else user, memory, _private_memory(psutil, pid), _cpu_percent(pid, uptime)
        )
    return found


def _load_psutil() -> "object | None":
    """psutil, where the Python that runs us has it installed; we run without `site`, so it is asked to name the place.

    Not in PID 1, and not in a static binary, which has neither.
    """
    try:
        import site

        site.main()
        import psutil
    except Exception:  # noqa: BLE001 - whatever is installed in there, a look inside can do without it
        return None
    return psutil


def _private_memory(psutil: "object | None", pid: int) -> int | None:
    """KiB of memory that a process shares with nobody."""
    try:
        return int(psutil.Process(pid).memory_full_info().uss) // 1024  # type: ignore[union-attr]  # None has none either
    except Exception:  # noqa: BLE001 - NoSuchProcess, AccessDenied, or a /proc that it does not expect
        return None


def _cpu_percent(pid: int, uptime: float) -> float | None:
    """The share of a CPU that a process has used in its life, in percent; `uptime` is that of the machine in seconds."""
    fields = system.read_file(f"/proc/{pid}/stat").rpartition(b") ")[2].split()
    if len(fields) <= STARTED:
        return None
    user, kernel, started = (int(fields[index]) / posix.sysconf("SC_CLK_TCK") for index in (USED, USED + 1, STARTED))
    return round(100 * (user + kernel) / max(0.01, uptime - started), 1)


def _ports() -> tuple[tuple[Port, ...] | None, bool]:
    """The ports that are listened on, None where that cannot be seen; and whether the network is the host's."""
    from pyinit.traffic import surroundings, view

    is_shared = surroundings.on_host_network()
    try:
        sockets = view.open_sockets()
        try:
            found = []
            for port, waiting in sorted(sockets.listeners().items())[:MOST_PORTS]:
                there = sockets.connections(port.__eq__, 0)
                found.append(Port(port, there.established, waiting, there.idle))
            return tuple(found), is_shared
        finally:
            sockets.close()
    except (OSError, ValueError, IndexError):
        return None, is_shared
