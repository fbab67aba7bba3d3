"""PURE. Which processes get a signal now, and which later: handlers first.

Everything that decides who is signalled must live in this file. It works on values (processes.Process), not on /proc.

The rules, for a signal whose default is to end a process:

* A process that handles the signal gets it now.
* A process that would merely die of it is held back while a handler works: it may be the wrapper that the handler's
  status or output goes through. It gets the signal when the handlers have gone and it has not ended by itself.
* A process that ignores it gets nothing: the kernel would drop it.
* If nobody handles it, everybody gets it, at once.

One handler does not work while it waits, and that is a shell: it runs a trap only when its foreground child has ended
(POSIX, "Shell Command Language", 2.12). So where shells alone handle the signal, those below them are not held back, or
both would wait for ever; those above and beside them still are.

Nobody is told twice for one request, with one exception. A process that was about to exec when it was told took the signal
for its parent's handler, which is gone with the exec: it has another name now, would die of the signal, and yet lives.

"Works" is taken from the first round of a request. Later rounds (after the settling time) go to everybody but those above
and beside a handler of the first round that still lives, so the rounds come to an end whatever is started meanwhile.
"""

from pyinit.config import COMMAND, TOPMOST
from pyinit.processes import Process
from pyinit.record import Record
from pyinit.signals import CONTINUES, IGNORED_BY_DEFAULT, SUSPENDS, signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: Who a request is for: the command's process group, or all that the command has left behind.
IN_GROUP = "group"
LEFT = "left"


class Request(Record):
    """A signal on its way: what is asked of whom, and what has been done about it in earlier rounds.

    `is_stop` tells a stop request from a forwarded signal, which never reaches those held back. `told` have been signalled
    already, each under the name that it had. `holders` are the handlers of the first round, None in that round. `spared` is the
    process group of a pre-stop command, which has a time limit of its own.
    """

    signum: int
    scope: str
    is_stop: bool
    told: "Mapping[int, str]" = {}  # noqa: RUF012 - nobody can change it
    holders: frozenset[int] | None = None
    spared: int | None = None


class Plan(Record):
    """What to do for a request. `now`: signal by PID. `whole_group`: `now` is just the group, so one kill(-pgid) will do.

    `resume` are stopped, and get SIGCONT. `held` are held back until all of `working` have gone. `handlers` are those who
    handle the signal and are meant by `forward`, told now or before. `deaf` would do nothing about it. `told` is that of the
    request, and those who are told now.
    """

    now: dict[int, int]
    whole_group: bool = False
    resume: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    working: frozenset[int] = frozenset()
    handlers: frozenset[int] = frozenset()
    deaf: tuple[int, ...] = ()
    told: "Mapping[int, str]" = {}  # noqa: RUF012 - nobody can change it


def _ancestors(pid: int, processes: "Mapping[int, Process]") -> set[int]:
    found: set[int] = set()
    while pid in processes and pid not in found:
        found.add(pid)
        pid = processes[pid].parent
    return found


def below_us(processes: "Mapping[int, Process]", own_pid: int) -> list[Process]:
    """The processes that descend from us."""
    below: dict[int, bool] = {own_pid: True, 0: False}
    for start in processes:
        path, pid = [], start
        while pid not in below:
            below[pid] = False  # until the end of the path tells; it also ends a loop, should PIDs be reused
            path.append(pid)
            pid = processes[pid].parent if pid in processes else 0
        for passed in path:
            below[passed] = below[pid]
    return [process for pid, process in processes.items() if below[pid] and pid != own_pid]


def in_group(
    processes: "Mapping[int, Process]", group: int, own_pid: int, signum: int, is_shell: "Callable[[int], bool]"
) -> list[Process]:
    """The processes of a group, and those elsewhere that have nothing but wrappers between them and the group.

    A script may put its application into a group of its own, by `timeout`, `setsid --wait` or `set -m`. One that has a
    handler above it which is no shell belongs to that handler; a background job is left to the sweep.
    """
    found = [process for process in processes.values() if process.group == group and process.pid != own_pid]
    inside = {process.pid for process in found}

    def belongs(process: Process) -> bool:
        seen = {process.pid}
        if _was_put_in_background(process):
            return False
        while (pid := process.parent) in processes and pid not in seen:
            process = processes[pid]
            if process.handles(signum) and not is_shell(pid):
                return False
            if pid in inside:
                return True
            if _was_put_in_background(process):
                return False
            seen.add(pid)
        return False

    others = [process for pid, process in processes.items() if pid not in inside and pid != own_pid]
    return found + [process for process in others if belongs(process)]


def plan(
    request: Request,
    processes: "Mapping[int, Process]",
    forward: str,
    command: int,
    own_pid: int,
    is_shell: "Callable[[int], bool]",
) -> Plan:
    """Decide who gets a request now. `command` is the command's PID and its group; `forward` as in Config."""
    whole = False
    if request.scope == LEFT:
        addressed = [process for process in below_us(processes, own_pid) if process.group != request.spared]
    elif forward == COMMAND:
        addressed = [processes[command]] if command in processes else []
    elif request.signum in SUSPENDS or request.signum in (CONTINUES, signal.SIGKILL):
        addressed = [process for process in processes.values() if process.group == command and process.pid != own_pid]
        whole = True
    else:
        addressed = in_group(processes, command, own_pid, request.signum, is_shell)
        whole = not request.told and all(process.group == command for process in addressed)
    resume = tuple(process.pid for process in addressed if process.is_stopped) if request.is_stop else ()

    if request.signum in SUSPENDS:
        return Plan({process.pid: _suspending(process, request.signum, command) for process in addressed})
    if request.signum in (CONTINUES, signal.SIGKILL):
        return Plan(dict.fromkeys((process.pid for process in addressed), request.signum), whole, resume)

    signum_for = {process.pid: _stopping(process, request) for process in addressed}
    handlers = {process.pid for process in addressed if process.handles(signum_for[process.pid])}
    deaf = {process.pid for process in addressed if is_deaf(process, signum_for[process.pid])}
    mortals = signum_for.keys() - handlers - deaf
    told = {pid for pid, name in request.told.items() if pid in handlers or (pid in mortals and processes[pid].name == name)}
    below: set[int] = set()
    if forward == TOPMOST:
        below = {pid for pid in handlers if (_ancestors(processes[pid].parent, processes) - {pid}) & handlers}
        if below == handlers:
            below = set()  # a loop of parents, which a table that was read while PIDs were reused may show
    handlers -= below

    held, working = set[int](), set[int]()
    if handlers and request.is_stop:
        held, working = _hold(request, processes, handlers, mortals - told, below - told, is_shell)
    elif handlers:
        held = mortals | below  # for ever: what is no stop request is none of their business
    now = {pid: signum_for[pid] for pid in (handlers | mortals | below) - held - told}
    if not request.is_stop:
        return Plan(now, whole and not held)
    names = {pid: processes[pid].name for pid in now}
    return Plan(
        now, whole and not held, resume, tuple(sorted(held)), frozenset(working if held else ()),
        frozenset(handlers), tuple(sorted(deaf)), {**request.told, **names},
    )  # fmt: skip


def without(plan: Plan, denied: "Collection[int]") -> Plan:
    """A plan without handlers that we have no right to signal: nobody shall wait for them."""
    return Plan(
        plan.now, False, plan.resume, plan.held, plan.working.difference(denied), plan.handlers.difference(denied),
        plan.deaf, plan.told,
    )  # fmt: skip


def _hold(
    request: Request,
    processes: "Mapping[int, Process]",
    handlers: set[int],
    mortals: set[int],
    below: set[int],
    is_shell: "Callable[[int], bool]",
) -> tuple[set[int], set[int]]:
    """Who is held back, and whom they wait for."""
    if request.holders is None:
        working = {pid for pid in handlers if not is_shell(pid)}
        if working:
            return mortals | below, working
        blockers = handlers
    else:
        blockers = handlers & request.holders
    if not blockers:
        return set(), set()
    above = {pid for blocker in blockers for pid in _ancestors(processes[blocker].parent, processes)}
    held = {pid for pid in mortals if pid in above or not _ancestors(processes[pid].parent, processes) & blockers}
    # A shell that waits for one who is held back cannot work before that one ends: the shells below come first.
    waiting = {pid for one in held for pid in _ancestors(processes[one].parent, processes)}
    held |= {
        pid
        for pid in below
        if _is_background_job(processes[pid], processes) and _ancestors(processes[pid].parent, processes) & blockers
    }
    return held, blockers - waiting or blockers


def is_deaf(process: Process, signum: int) -> bool:
    """Whether a process would do nothing about a signal: it ignores it, or leaves it at a default that does nothing."""
    return process.ignores(signum) or (signum in IGNORED_BY_DEFAULT and not process.handles(signum))


def _is_background_job(process: Process, processes: "Mapping[int, Process]") -> bool:
    """Whether a shell waits for this as a background job, so that a trap can reach it.

    A foreground job has to end before the trap runs, so it must not wait for the shell. Some programs (Node) forget that they
    were put in the background; but dash and busybox sleep in sigsuspend() while `wait` waits for background jobs.
    """
    parent = processes.get(process.parent)
    return _was_put_in_background(process) or (parent is not None and "sigsuspend" in parent.sleeps_in)


def _was_put_in_background(process: Process) -> bool:
    """Whether a script has started this with `&`: shells do that with SIGINT and SIGQUIT ignored (POSIX, 2.11)."""
    return process.ignores(signal.SIGINT) or process.ignores(signal.SIGQUIT)


def _stopping(process: Process, request: Request) -> int:
    """The signal that asks this process to stop: SIGTERM in the sweep for one that is deaf to the stop signal.

    A shell starts its background jobs with SIGINT and SIGQUIT ignored (POSIX, 2.11); they would never learn of a Ctrl-C.
    """
    if request.scope == LEFT and request.is_stop and is_deaf(process, request.signum):
        return int(signal.SIGTERM)
    return request.signum


def _suspending(process: Process, signum: int, command: int) -> int:
    """The signal that stops this process: SIGSTOP in the command's own session, where its default would do nothing.

    The kernel discards the default action of SIGTSTP, SIGTTIN and SIGTTOU in an orphaned process group (POSIX, 2.4.3).
    """
    if process.catches(signum) or process.session != command:
        return signum
    return int(signal.SIGSTOP)
