"""Carrying out a request: looks at the processes, asks delivery who is told, tells them, and logs who was told and who was not.

It is imported with the first signal, as delivery is: a command that ends by itself has no use for either.
"""

from pyinit.delivery import BELONGS, IN_GROUP, LEFT, MAY_FINISH, READS, plan
from pyinit.kernel import processes, signals, system
from pyinit.kernel.signals import signal
from pyinit.life.actions import PRE_STOP, RUNNING
from pyinit.life.everybody import named
from pyinit.settings.config import HANDLERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from pyinit.delivery import Plan, Request
    from pyinit.kernel.processes import Process
    from pyinit.life.actions import Action
    from pyinit.life.everybody import Everybody


class Messenger:
    """Tells those whom a plan names."""

    def __init__(self, everybody: "Everybody") -> None:
        self.everybody = everybody
        self.command = everybody.command
        self.config = everybody.config
        self.log = everybody.log
        self.lifecycle = everybody.lifecycle
        self.place = plan.Place(everybody.own_pid, self.command.pid, self.config.forward)
        #: The signal that was judged last, what was seen by the way, and its plan: for deliver(), which comes next.
        self.judged: tuple[int, processes.Look, dict[int, Process], Plan] | None = None

    def judge(self, signum: int) -> bool:
        """Whether a signal that may be a stop request is one; where that cannot be told it is not."""
        until = self.lifecycle.kill_at
        command, look = processes.read(self.command.pid), processes.Look(until)
        is_first = self.lifecycle.phase in (RUNNING, PRE_STOP)
        try:
            if command is not None and plan.takes_as_it_is(command, signum, look):
                return False  # nobody else needs to be looked at
            table = self.everybody.look_around(signum, False, until)
            if table is None:
                return False
            found = plan.forwarding(signum, table, look, self.place)
            is_stop = plan.asks_for_stop(found, signum, table, look, self.command.pid, is_first=is_first)
        except processes.TimeIsOver:
            return False  # SIGKILL is due
        self.judged = None if is_stop else (signum, look, table, found)
        return is_stop

    def deliver(self, request: "Request", began: float, until: float | None) -> "list[Action]":
        """Signal whom plan.plan() names; where /proc does not tell, everybody; from `until` on nobody but the command.

        `began` is when that was asked for: what is done first belongs to the time that it takes.
        """
        try:
            return self.deliver_until(request, began, until)
        except processes.TimeIsOver:
            return []  # SIGKILL is due

    def deliver_until(self, request: "Request", began: float, until: float | None) -> "list[Action]":
        """As deliver(). Raises TimeIsOver at a time, before anybody but perhaps the command has been told."""
        look, table, forwarded = processes.Look(until), None, None
        if self.judged is not None and self.judged[0] == request.signum and not request.is_stop:
            _, look, table, forwarded = self.judged
        self.judged = None
        early = self.tell_command_first(request, look)
        if early is not None and not request.is_stop and self.config.forward != HANDLERS:
            self.tell_of_one(request, early)
            return []
        table = table or self.everybody.look_around(request.signum, request.is_stop, until)
        if table is None:
            self.everybody.deliver_blindly(request, early)
            return []
        if request.scope == LEFT and self.lifecycle.rounds.is_blind:
            request = request.but(told={**request.told, **self.everybody.heard(table)})
        if early is not None:
            table.setdefault(early.pid, early)  # it may have gone since; what was below it has been told in its person
            request = request.but(told={early.pid: (early.started, early.image)})
        found = plan.plan(request, table, look, self.place, forwarded)
        if early is None and found.now:
            self.everybody.await_moment(request)
        denied = self.send_to(found, request.signum)
        self.command.owed = 0  # should anything fail from here on, nobody is told once more
        if early is not None:
            found.now[early.pid] = request.signum
        for pid in found.resume:
            system.send(pid, signal.SIGCONT)
        if denied:
            found = found.without(denied)
        if request.is_stop or self.log.tells("debug"):
            self.tell_of(request, found, table, denied)
        if denied:
            why = f"no right to signal {named(denied, table)}: give us CAP_KILL, or their user"
            self.log.say("warning", "denied", why, pids=sorted(denied))
        now = system.monotonic()
        return self.lifecycle.on_delivered(request, found, now, now - began)

    def send_to(self, found: "Plan", signum: int) -> set[int]:
        """Signal whom the plan names; return those whom we have no right to signal."""
        if found.whole_group:
            system.send(-self.command.pid, signum)
            return {pid for pid in found.now if not system.send(pid, 0)}  # one that was reached hides those who were not
        return {pid for pid, own in found.now.items() if not system.send(pid, own)}

    def tell_command_first(self, request: "Request", look: processes.Look) -> "Process | None":
        """Signal the command before looking at anybody else, if it is a handler by any rule; return it if it was told.

        That it is a shell, a wrapper, or wants a signal of its own takes a closer look.
        """
        is_first = request.scope == IN_GROUP and not request.told and request.seen is None and not request.is_last_call
        if not is_first or request.signum in (*signals.SUSPENDS, *signals.IGNORED_BY_DEFAULT):
            return None
        command = processes.read(self.command.pid, request.signum)
        if command is None or not command.catches(request.signum):
            return None
        if not plan.is_plain_handler(request, command, look):
            return None
        self.everybody.await_moment(request)
        if not system.send(command.pid, request.signum):
            return None
        self.command.owed = 0
        return command

    def tell_of_one(self, request: "Request", told: "Process") -> None:
        """Log that the command was told, and nobody else was looked at."""
        name = signals.name(request.signum)
        text = f"{name} to {told.pid} ({told.name})"
        self.log.say("debug", "forwarded", text, signal=name, pids=[told.pid], held=[], ignored_by=[])

    def tell_of(self, request: "Request", found: "Plan", table: "dict[int, Process]", denied: "Collection[int]") -> None:
        """Log who was signalled, who is held back and why."""
        now = {pid: signum for pid, signum in found.now.items() if pid not in denied}
        is_told = not (found.spared or found.draining) and (request.scope == LEFT or request.seen is not None or found.unsure)
        if not now and (is_told or request.is_last_call):
            return
        name = signals.name(request.signum)
        parts = []
        for signum in sorted(set(now.values()), key=lambda signum: signum != request.signum):
            pids = [pid for pid in now if now[pid] == signum]
            reason = next((f", {found.reasons[pid]}" for pid in pids if pid in found.reasons), "")
            parts.append(f"{signals.name(signum)} to {named(pids, table)}{reason}")
        parts = parts or ([f"{name} to nobody"] if request.seen is None and not found.draining else [])
        if request.is_last_call:
            parts[0] = f"two thirds of the time are over: {parts[0]}"
        held = [pid for pid in found.held if found.fates[pid][0] != READS]
        readers = [pid for pid in found.held if found.fates[pid][0] == READS]
        if held and found.working:
            parts.append(f"held back: {named(held, table)}, until {named(found.working, table)} has gone")
        if readers:
            parts.append(f"held back: {named(readers, table)}, until its writer has gone")
        own = [pid for pid, (fate, _) in found.fates.items() if fate == BELONGS]
        if own:
            parts.append(f"left to those above: {named(own, table)}")
        if found.draining:
            parts.append(f"may read to the end of its pipe: {named(found.draining, table)}")
        since = [pid for pid in found.spared if found.fates[pid][0] == MAY_FINISH]
        if since:
            parts.append(f"started since, may finish: {named(since, table)}")
        left = [pid for pid in found.spared if pid not in since]
        if left:
            scripts = {found.fates[pid][1] for pid in left}
            parts.append(f"left to {named(scripts, table)}, which has a kill of its own: {named(left, table)}")
        if found.deaf:
            parts.append(f"ignored by {named(found.deaf, table)}")
        self.log.say(
            "info" if request.is_stop else "debug",
            "signalled" if request.is_stop else "forwarded",
            "; ".join(parts),
            signal=name,
            pids=sorted(now),
            held=list(found.held),
            ignored_by=list(found.deaf),
            left_to_others=own,
        )
