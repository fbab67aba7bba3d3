"""Who is signalled without a plan: the whole group where /proc does not tell of it, and by SIGKILL all that is left."""

from pyinit.delivery import IN_GROUP, LEFT
from pyinit.kernel import signals, system
from pyinit.kernel.signals import signal
from pyinit.life.actions import CUT_SHORT
from pyinit.settings.config import COMMAND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pyinit.delivery import Request
    from pyinit.kernel.processes import Process
    from pyinit.life.care import Care
    from pyinit.life.last_resort import Command
    from pyinit.life.lifecycle import Lifecycle
    from pyinit.log import Log
    from pyinit.settings.config import Config
    from pyinit.traffic.watcher import Watcher

#: How many processes a log line names.
NAMED = 8

#: Seconds that SIGKILL waits until it is known whom it is for. It is for all, and that is only to be logged.
NAMES_MAY_TAKE = 0.02


def named(pids: "Collection[int]", table: "dict[int, Process]") -> str:
    """Processes for people: "7 (python3), 9 (tee)"."""
    names = [f"{pid} ({table[pid].name})" for pid in sorted(pids)[:NAMED]]
    return ", ".join(names) + (f" and {len(pids) - NAMED} more" if len(pids) > NAMED else "")


class Everybody:
    """All who are below us: how they are looked at, and signalled at once. It is there when nothing can be loaded any more."""

    def __init__(
        self,
        command: "Command",
        config: "Config",
        log: "Log",
        lifecycle: "Lifecycle",
        care: "Care | None",
        tell_traffic: "Callable[[Callable[[Watcher], None]], None]",
    ) -> None:
        """`tell_traffic` has who watches the traffic told of something."""
        self.command = command
        self.config = config
        self.log = log
        self.lifecycle = lifecycle
        self.care = care
        self.tell_traffic = tell_traffic
        self.own_pid = system.getpid()
        self.has_killed = False
        self.told_blindly = False  # a request has gone to all who are left, and /proc does not tell to whom
        self.heard_at: int | None = None  # when a stop request went to the group or to all like that, in ticks

    def look_around(self, signum: int, is_stop: bool, until: float | None) -> "dict[int, Process] | None":
        """As processes.snapshot(), without the health helper and what it has started: they are nobody's to signal.

        Where it is no stop, also without our own children that are not in the command's group: they are never told.
        """
        from pyinit.kernel import processes

        must_show = self.command.pid if self.lifecycle.status is None else None
        left_out = () if is_stop else processes.own_children_outside(self.command.pid)
        table = processes.snapshot(must_show, signum, left_out, until)
        helper = 0 if self.care is None else self.care.pid
        if table is not None and helper:
            for process in processes.below_us(table, helper):
                del table[process.pid]
            table.pop(helper, None)
        return table

    def await_moment(self, request: "Request") -> None:
        """Let the first stop signal hit a moment at which no connection waits to be accepted."""
        if request.is_stop and not request.told and self.lifecycle.delay_ended_by != CUT_SHORT:
            self.tell_traffic(lambda traffic: traffic.await_moment())

    def deliver_blindly(self, request: "Request", early: "Process | None") -> None:
        """Signal the whole group, once: what is left to do where /proc does not tell. In the sweep everybody, likewise.

        In the sweep those who are left of the group have heard it already; once nobody is, all who are left have not.
        """
        target, everybody = -self.command.pid, self.own_pid == 1 and request.scope == LEFT
        if request.scope == LEFT and request.is_stop:
            is_told = self.told_blindly or system.is_there(target)
            if is_told or not everybody:
                self.lifecycle.on_blind(request)
                return
            target, self.told_blindly = -1, True
        elif self.config.forward == COMMAND:
            target = self.command.pid
        if request.is_stop and request.scope == IN_GROUP:
            self.told_blindly, self.heard_at = False, None
        if early is None:
            self.await_moment(request)
            if request.is_stop and target < 0:
                self.heard_at = system.ticks()
            system.send(target, request.signum)
            self.command.owed = 0
        if request.is_stop:
            system.send(target, signal.SIGCONT)
            self.lifecycle.on_blind(request)
            name = signals.name(request.signum)
            to_whom = "everybody at once" if early is None else f"{early.pid} ({early.name})"
            self.log.say("info", "signalled", f"{name} to {to_whom}: /proc does not tell who handles it", signal=name)

    def heard(self, table: "dict[int, Process]") -> "dict[int, tuple[int, int]]":
        """Those whom a stop request has reached that was delivered blindly, once /proc tells again; as Request.told has them.

        Who has started in the tick of that moment counts as one who came later: better told twice than never.
        """
        until = self.heard_at or 0
        heard = (process for process in table.values() if self.told_blindly or process.group == self.command.pid)
        return {process.pid: (process.started, process.image) for process in heard if process.started < until}

    def _find_left(self) -> "tuple[dict[int, Process], list[int]]":
        """Those below us, and what is known of them: nothing, where there is no time for it, or no loading what looks."""
        try:
            from pyinit.kernel import processes
        except (OSError, ImportError, MemoryError):
            return {}, self._list_others()
        try:
            table = self.look_around(0, True, system.monotonic() + NAMES_MAY_TAKE if self.own_pid == 1 else None) or {}
        except processes.TimeIsOver:
            return {}, self._list_others()
        return table, [process.pid for process in processes.below_us(table, self.own_pid)]

    def _list_others(self) -> list[int]:
        """As PID 1: all but us, who are all below us."""
        return [pid for pid in system.list_processes() if pid != self.own_pid] if self.own_pid == 1 else []

    def kill_all(self) -> None:
        """SIGKILL everybody below us; as PID 1 everybody but us, and those who are left once more without a look at them."""
        if self.own_pid == 1 and self.has_killed:
            system.send(-1, signal.SIGKILL)  # who has got it already does not mind
            return
        if self.own_pid == 1 and self.care is not None:
            self.care.end()
        self.has_killed = True
        table, left = self._find_left()
        self.tell_traffic(lambda traffic: traffic.on_kill())
        if self.own_pid == 1:
            system.send(-1, signal.SIGKILL)
        else:
            system.send(-self.command.pid, signal.SIGKILL)
        denied = [pid for pid in left if not system.send(pid, signal.SIGKILL)]
        killed = [pid for pid in left if pid not in denied] if denied else left
        if killed:
            whom = named(killed, table) if table else f"all {len(killed)} processes"
            self.log.say("warning", "killed", f"SIGKILL to {whom}", pids=killed)
        if denied:
            whom = named(denied, table) if table else f"{len(denied)} processes"
            why = f"no right to signal {whom}, not by SIGKILL either: give us CAP_KILL, or their user"
            self.log.say("warning", "denied", why, pids=denied)
