"""Signalling without a look at whom: the whole group, or all that is left."""

from pyinit.delivery import IN_GROUP, LEFT
from pyinit.kernel import signals, system
from pyinit.kernel.signals import signal
from pyinit.life.actions import CUT_SHORT
from pyinit.settings.config import COMMAND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.delivery import Request
    from pyinit.kernel.processes import Process
    from pyinit.life.care import Care
    from pyinit.life.last_resort import Command
    from pyinit.life.lifecycle import Lifecycle
    from pyinit.log import Log
    from pyinit.settings.config import Config
    from pyinit.traffic.watcher import Watcher


class Everybody:
    """Signals all at once. It is there when what looks at processes cannot be loaded any more, or /proc does not tell."""

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

    def kill_blindly(self) -> None:
        """SIGKILL everybody: as PID 1 all but us, or else the group and our own children; to us come those whom they leave."""
        if self.own_pid == 1 and self.care is not None:
            self.care.end()
        self.tell_traffic(lambda traffic: traffic.on_kill())
        for pid in [-1] if self.own_pid == 1 else [-self.command.pid, *system.list_children()]:
            system.send(pid, signal.SIGKILL)
        if not self.has_killed:
            self.log.say("warning", "killed", "SIGKILL to all, whoever they are")
        self.has_killed = True
