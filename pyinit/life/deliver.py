"""Carrying out a request: looks at the processes, asks delivery who is told, tells them, and logs who was told and who was not.

It is imported with the first signal, as delivery is: a command that ends by itself has no use for either.
"""

from pyinit.delivery import BELONGS, IN_GROUP, LEFT, MAY_FINISH, READS, plan
from pyinit.delivery.scene import Place
from pyinit.kernel import processes, signals, system
from pyinit.kernel.processes import Seen
from pyinit.kernel.signals import signal
from pyinit.life.actions import PRE_STOP, RUNNING
from pyinit.settings.config import HANDLERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from pyinit.delivery import Plan, Request
    from pyinit.kernel.processes import Process
    from pyinit.life.actions import Action
    from pyinit.life.everybody import Everybody


#: After so many looks that came too early for one without a CPU, a tenth of a second, the log tells of it.
MANY_WAITS = 8

#: How many processes a log line names.
NAMED = 8

#: Seconds that SIGKILL waits until it is known whom it is for. It is for all, and that is only to be logged.
NAMES_MAY_TAKE = 0.02


def named(pids: "Collection[int]", table: "dict[int, Process]") -> str:
    """Processes for people: "7 (python3), 9 (tee)"."""
    names = [f"{pid} ({table[pid].name})" for pid in sorted(pids)[:NAMED]]
    return ", ".join(names) + (f" and {len(pids) - NAMED} more" if len(pids) > NAMED else "")


class Messenger:
    """Tells those whom a plan names."""

    def __init__(self, everybody: "Everybody") -> None:
        self.everybody = everybody
        self.command = everybody.command
        self.log = everybody.log
        self.lifecycle = everybody.lifecycle
        self.place = Place(everybody.own_pid, self.command.pid, everybody.config.forward)
        #: The signal that was judged last, who was there, and its plan: for deliver(), which comes next.
        self.judged: tuple[int, dict[int, Process], Plan] | None = None
        #: What is looked at for the signal that is dealt with; and of the last one that was no stop request, when all is done.
        self.seen: Seen | None = None
        self.done: Seen | None = None
        self.has_assumed = False  # what processes do about signals, and has said so

    def look_around(
        self, signum: int, is_stop: bool, until: float | None, seen: Seen | None = None
    ) -> "dict[int, Process] | None":
        """As processes.snapshot(), without the health helper and what it has started: they are nobody's to signal.

        Where it is no stop, also without our own children that are not in the command's group: they are never told.
        """
        must_show = self.command.pid if self.lifecycle.status is None else None
        left_out = () if is_stop else processes.own_children_outside(self.command.pid)
        table = processes.snapshot(must_show, signum, left_out, until)
        care = self.everybody.care
        helper = 0 if care is None else care.pid
        passed_over = set(left_out)
        if table is not None and helper:
            passed_over.update(process.pid for process in processes.below_us(table, helper))
            passed_over.update({helper}.intersection(table))
            for pid in passed_over.intersection(table):
                del table[pid]
        if table is not None and seen is not None and not processes.tells_masks(table):
            from pyinit.delivery import assumed

            table = assumed.seen(table, seen.look)
        if seen is not None:
            seen.table, seen.passed_over, seen.is_blind = table, frozenset(passed_over), table is None
        return table

    def judge(self, signum: int) -> bool:
        """Whether a signal that may be a stop request is one; where that cannot be told it is not."""
        until = self.lifecycle.kill_at
        self.seen = seen = Seen(signum, until)
        command, look = seen.read(self.command.pid), seen.look
        is_first = self.lifecycle.phase in (RUNNING, PRE_STOP)
        try:
            if command is not None and plan.takes_as_it_is(command, signum, look):
                return False  # nobody else needs to be looked at
            table = self.look_around(signum, False, until, seen)
            if table is None:
                return False
            found = plan.forwarding(signum, table, look, self.place)
            is_stop = plan.asks_for_stop(found, signum, table, look, self.command.pid, is_first=is_first)
        except processes.TimeIsOver:
            return False  # SIGKILL is due
        self.judged = None if is_stop else (signum, table, found)
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
        table, forwarded = None, None
        if self.judged is not None and self.judged[0] == request.signum and not request.is_stop:
            _, table, forwarded = self.judged
        if self.seen is None or self.seen.signum != request.signum or request.is_stop:
            self.seen = Seen(request.signum, until)
        seen, look = self.seen, self.seen.look
        self.judged = self.seen = None
        early = self.tell_command_first(request, seen)
        if early is not None and not request.is_stop and self.place.forward != HANDLERS:
            self.tell_of_one(request, early)
            self.end(request, seen)
            return []
        table = table or self.look_around(request.signum, request.is_stop, until, seen)
        if table is None:
            self.everybody.deliver_blindly(request, early)
            return []
        if request.scope == LEFT and self.lifecycle.rounds.is_blind:
            request = request.but(told={**request.told, **self.heard(table)})
        if early is not None:
            table.setdefault(early.pid, early)  # it may have gone since; what was below it has been told in its person
            request = request.but(told={early.pid: (early.started, early.image)})
        if request.is_stop and not (look.sees_masks or request.told or self.has_assumed):
            self.has_assumed = True
            text = "/proc does not tell who handles signals (gVisor?): programs are taken to, and scripts by their traps"
            self.log.say("info", "assumed", text)
        found = plan.plan(request, table, look, self.place, forwarded)
        if early is None and found.now:
            self.everybody.await_moment(request)
        denied = self.send_to(found, request.signum, seen)
        if found.now or not found.unsure:
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
        if not (denied or found.unsure or found.resume):
            self.end(request, seen)
        now = system.monotonic()
        return self.lifecycle.on_delivered(request, found, now, now - began)

    def heard(self, table: "dict[int, Process]") -> "dict[int, tuple[int, int]]":
        """Those whom a stop request has reached that was delivered blindly, once /proc tells again; as Request.told has them.

        Who has started in the tick of that moment counts as one who came later: better told twice than never.
        """
        until = self.everybody.heard_at or 0
        heard = (process for process in table.values() if self.everybody.told_blindly or process.group == self.command.pid)
        return {process.pid: (process.started, process.image) for process in heard if process.started < until}

    def send_to(self, found: "Plan", signum: int, seen: Seen) -> set[int]:
        """Signal whom the plan names; return those whom we have no right to signal."""
        seen.told += [(-self.command.pid, signum)] if found.whole_group else found.now.items()
        if found.whole_group:
            system.send(-self.command.pid, signum)
            return {pid for pid in found.now if not system.send(pid, 0)}  # one that was reached hides those who were not
        return {pid for pid, own in found.now.items() if not system.send(pid, own)}

    def tell_command_first(self, request: "Request", seen: Seen) -> "Process | None":
        """Signal the command before looking at anybody else, if it is a handler by any rule; return it if it was told.

        That it is a shell, a wrapper, or wants a signal of its own takes a closer look.
        """
        is_first = request.scope == IN_GROUP and not request.told and request.seen is None and not request.is_last_call
        if not is_first or request.signum in (*signals.SUSPENDS, *signals.IGNORED_BY_DEFAULT):
            return None
        command = seen.read(self.command.pid, request.signum)
        if command is None or not command.catches(request.signum):
            return None
        if not plan.is_plain_handler(request, command, seen.look):
            return None
        self.everybody.await_moment(request)
        if not system.send(command.pid, request.signum):
            return None
        seen.told.append((command.pid, request.signum))
        self.command.owed = 0
        return command

    def end(self, request: "Request", seen: Seen) -> None:
        """All who were to be told were: there is nothing more to do about this signal."""
        if system.IS_FROZEN and not (request.is_stop or request.looks or seen.is_blind):
            self.done = seen

    def take_done(self) -> Seen | None:
        """What was seen for the last signal, if all was done; asked for once."""
        done, self.done = self.done, None
        return done

    def tell_of_one(self, request: "Request", told: "Process") -> None:
        """Log that the command was told, and nobody else was looked at."""
        name = signals.name(request.signum)
        text = f"{name} to {told.pid} ({told.name})"
        self.log.say("debug", "forwarded", text, signal=name, pids=[told.pid], held=[], ignored_by=[])

    def tell_of(self, request: "Request", found: "Plan", table: "dict[int, Process]", denied: "Collection[int]") -> None:
        """Log who was signalled, who is held back and why."""
        now = {pid: signum for pid, signum in found.now.items() if pid not in denied}
        is_starved = bool(found.unsure) and request.waits < MANY_WAITS <= found.next.waits
        is_told = request.scope == LEFT or request.seen is not None or bool(found.unsure)
        is_told = is_told and not (found.spared or found.draining or is_starved)
        if not now and (is_told or request.is_last_call):
            return
        name = signals.name(request.signum)
        parts = []
        for signum in sorted(set(now.values()), key=lambda signum: signum != request.signum):
            pids = [pid for pid in now if now[pid] == signum]
            reason = next((f", {found.reasons[pid]}" for pid in pids if pid in found.reasons), "")
            parts.append(f"{signals.name(signum)} to {named(pids, table)}{reason}")
        parts = parts or ([f"{name} to nobody"] if request.seen is None and not found.draining else [])
        if is_starved:
            parts.append(f"looked at again: {named(found.unsure, table)}, which gets no CPU")
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

    def find_left(self) -> "tuple[dict[int, Process], list[int]]":
        """Those below us, and what is known of them: nothing, where there is no time for it."""
        try:
            table = self.look_around(0, True, system.monotonic() + NAMES_MAY_TAKE if self.place.own_pid == 1 else None) or {}
        except processes.TimeIsOver:
            return {}, [pid for pid in system.list_processes() if pid != self.place.own_pid]
        return table, [process.pid for process in processes.below_us(table, self.place.own_pid)]

    def kill_all(self) -> None:
        """SIGKILL everybody below us; as PID 1 everybody but us, and those who are left once more without a look at them."""
        if self.place.own_pid == 1 and self.everybody.has_killed:
            system.send(-1, signal.SIGKILL)  # who has got it already does not mind
            return
        if self.place.own_pid == 1 and self.everybody.care is not None:
            self.everybody.care.end()
        self.everybody.has_killed = True
        table, left = self.find_left()
        self.everybody.tell_traffic(lambda traffic: traffic.on_kill())
        if self.place.own_pid == 1:
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
