"""The loop of PID 1: wait, decide (lifecycle), carry out, and nothing else.

What nobody foresaw is met at the boundary in cli.py, and goes on in last_resort.py.
"""

from pyinit.delivery import BELONGS, IN_GROUP, LEFT, MAY_FINISH, READS
from pyinit.kernel import processes, signals, system
from pyinit.kernel.signals import signal
from pyinit.kernel.watch import Watch
from pyinit.life.lifecycle import (
    CUT_SHORT,
    PRE_STOP,
    QUEUES,
    RUNNING,
    AwaitQueues,
    Deliver,
    Exit,
    Finding,
    Judge,
    KillAll,
    KillPreStop,
    Lifecycle,
    Note,
    RunPreStop,
    Say,
    TellLosses,
    Unready,
    WatchExit,
    WatchTraffic,
)
from pyinit.log import printable
from pyinit.page import FALLEN, Page, State
from pyinit.settings.config import BY_PROGRAM, COMMAND, HANDLERS, TERMINATION_LOG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeVar

    from pyinit.delivery import Plan, Request
    from pyinit.health.doors import Doors
    from pyinit.health.keeper import Keeper
    from pyinit.kernel.processes import Process
    from pyinit.kernel.terminal import JobControl
    from pyinit.life.last_resort import Command
    from pyinit.life.lifecycle import Action
    from pyinit.log import Log
    from pyinit.settings.config import Config
    from pyinit.traffic.loss import Losses
    from pyinit.traffic.watcher import Watcher

    Answer = TypeVar("Answer")

#: How many processes a log line names.
NAMED = 8

#: Seconds of CPU from which on one search among all children is dear; and the share of a CPU that searches may cost then.
DEAR_SEARCH = 0.00003
SHARE_OF_SEARCHES = 0.05

#: So many exits that SIGCHLD tells of one by one are taken before anything else.
EXITS_AT_ONCE = 64

#: Seconds that SIGKILL waits until it is known whom it is for. It is for all, and that is only to be logged.
NAMES_MAY_TAKE = 0.02

#: Characters of the termination log's line. Kubernetes shows the last 4096 bytes of that file.
LONGEST_SUMMARY = 2000


def named(pids: "Collection[int]", table: "dict[int, Process]") -> str:
    """Processes for people: "7 (python3), 9 (tee)"."""
    names = [f"{pid} ({table[pid].name})" for pid in sorted(pids)[:NAMED]]
    return ", ".join(names) + (f" and {len(pids) - NAMED} more" if len(pids) > NAMED else "")


class Supervisor:
    """What the loop works with: the command, the options, the log, and where the container stands in its life."""

    def __init__(
        self,
        command: "Command",
        config: "Config",
        log: "Log",
        environment: dict[bytes, bytes],
        mask: frozenset[int],
        folder: str,
        jobs: "JobControl",
        page: int | None,
        doors: "Doors | None" = None,
    ) -> None:
        self.command = command
        self.config = config
        self.log = log
        self.environment = environment
        self.mask = mask
        self.folder = folder  # in which we were started, and the command too
        self.own_pid = system.getpid()
        self.lifecycle = Lifecycle(config, command.pid, system.monotonic())
        self.jobs = jobs
        self.watch = Watch(command.arrivals)
        # The network namespace, and what it counts, may be much older than we: that of a pod outlives its containers.
        self.counters_at_start = system.read_file("/proc/self/net/snmp") if config.pre_stop_delay is None else b""
        self.traffic: Watcher | None = None  # from the stop request on
        self.is_blind = False  # it has failed
        self.losses: Losses | None = None
        self.noted = b""  # what stands in the termination log by now
        self.oom_counter, self.oom_kills = system.oom_kills()
        self.exit_status: int | None = None
        self.has_killed = False
        self.search_at = 0.0  # no search among all children before then
        self.owes_search = False  # somebody may have exited who has not been found yet
        #: The signal that was judged last, what was seen by the way, and its plan: for deliver(), which comes next.
        self.judged: tuple[int, processes.Look, dict[int, Process], Plan] | None = None
        self.told_blindly = False  # a request has gone to all who are left, and /proc does not tell to whom
        self.heard_at: int | None = None  # when a stop request went to the group or to all like that, in ticks
        now = self.lifecycle.started_at
        asked = (config.forward, config.usual_stop_signal)
        by_program = int(config.stop_signal == BY_PROGRAM)
        first = State(self.lifecycle.phase, now, now, None, command.pid, None, *asked, by_program=by_program)
        self.page = Page(page, first)
        self.orphans = 0
        self.keeper: Keeper | None = None
        if doors is not None:
            self.keep_health(doors)
        if config.pre_stop is not None:
            from pyinit.kernel import spawn  # noqa: F401 - loaded while all is well, for run_pre_stop()
            from pyinit.settings import words  # noqa: F401 - loaded while all is well, for run_pre_stop()

    def loop(self) -> int:
        """Run until it is time to leave; return the exit status."""
        received: system.Received | None = system.Received(signal.SIGCHLD, 0, 0)  # there may be inherited zombies
        while True:
            self.turn(received)
            if self.exit_status is not None:
                return self.exit_status
            received = self.wait()

    def turn(self, received: system.Received | None) -> None:
        """Tell the lifecycle what has happened, an event at a time, and do what it wants before the next."""
        now = system.monotonic()
        gone = self.watch.take_exited()
        if gone is not None:
            self.carry_out(self.lifecycle.on_gone(gone, now))
        if received is not None and received.signum != signal.SIGCHLD and not system.is_own(received):
            if self.lifecycle.phase != PRE_STOP:
                self.command.owed = received.signum  # before a stop signal nothing is owed but that
            if received.signum == signal.SIGCONT:
                self.jobs.take_up()
            self.carry_out(self.lifecycle.on_signal(received, now))
            if received.signum in signals.SUSPENDS:
                self.jobs.suspend()  # before reap() tells that the command has stopped, which is no news then
        none_left = self.reap(received)
        exits = self.take_exits()
        if self.keeper is not None:
            none_left = self.mind_helper(exits, none_left, now)
            self.carry_out(self.ask_keeper(lambda keeper: keeper.turn(now), []))
        if none_left or any(child.killed_by == signal.SIGKILL for child in exits):
            self.look_for_oom_kills()
        self.carry_out(self.lifecycle.on_children(exits, none_left, now))
        now = system.monotonic()  # what was done meanwhile may have taken long
        if self.traffic is not None and self.traffic.due_at is not None and now >= self.traffic.due_at:
            self.carry_out(self.ask_traffic(lambda traffic: traffic.look(now, self.lifecycle.awaits_word)))
        self.carry_out(self.lifecycle.on_timeout(now))
        self.command.owed = self.lifecycle.stop_signal if self.lifecycle.phase == PRE_STOP else 0
        self.show(now)

    def show(self, now: float) -> None:
        """Bring the state page up to date."""
        lifecycle, shown = self.lifecycle, self.page.state
        if lifecycle.phase != shown.phase or lifecycle.status != shown.status:
            is_asked = lifecycle.requested_at is not None
            self.page.on_phase(
                lifecycle.phase,
                now,
                status=lifecycle.status,
                requested_at=lifecycle.requested_at,
                stop_signal=lifecycle.stop_signal if is_asked else shown.stop_signal,
                orphans=self.orphans,
            )
        self.page.on_orphans(self.orphans, now)
        if self.keeper is not None:
            self.ask_keeper(lambda keeper: keeper.show(), None)

    def carry_out(self, actions: "list[Action]") -> None:
        """Do what the lifecycle wants, in order, and what it wants in consequence."""
        for action in actions:
            match action:
                case Deliver(request):
                    actions += self.deliver(request)
                case Judge(received):
                    is_stop = self.judge(received.signum)
                    actions += self.lifecycle.on_judged(received, is_stop, system.monotonic())
                case WatchExit(pid):
                    if not self.watch.set(pid):
                        actions += self.lifecycle.on_gone(pid, system.monotonic())
                case RunPreStop(signum):
                    actions += self.lifecycle.on_pre_stop_started(self.run_pre_stop(signum), system.monotonic())
                case WatchTraffic(never_ready):
                    actions += self.watch_traffic(never_ready)
                case AwaitQueues(until):
                    actions += self.await_queues(until)
                case Unready(reason):
                    self.fall(reason)
                case Note(story):
                    self.write_termination_log(story, is_last=False)
                case TellLosses():
                    self.tell_losses()
                case KillPreStop(pid):
                    system.send(-pid, signal.SIGKILL)
                case KillAll():
                    self.kill_all()
                case Say(level, event, message, fields):
                    self.log.say(level, event, message, **fields)
                case Exit(status, summary):
                    self.write_termination_log(f"{summary}; {self.losses.message}" if self.losses else summary)
                    self.exit_status = status

    def wait(self) -> system.Received | None:
        """Sleep until a signal arrives, the deadline comes (None), or the watched process exits (None)."""
        deadline = self.lifecycle.deadline
        for other in (self.traffic, self.keeper):
            due_at = None if other is None else other.due_at
            if due_at is not None:
                deadline = due_at if deadline is None else min(deadline, due_at)
        if self.owes_search:
            deadline = self.search_at if deadline is None else min(deadline, self.search_at)
        return self.watch.wait(None if deadline is None else max(0.0, deadline - system.monotonic()))

    def reap(self, received: system.Received | None) -> bool:
        """Reap whoever has exited, see take_exits(); return whether no child is left, as far as that is known by now.

        Who asks for any child has the kernel go through all of them: 0.3 ms, where there are 10,000. So after a dear search the
        next one has to wait, for some milliseconds. Meanwhile SIGCHLD says who has exited, and of several one at least.
        """
        now, exits, known = system.monotonic(), self.command.exits, self.lifecycle.known
        helper = 0 if self.keeper is None else self.keeper.pid
        if received is not None and now < self.search_at:
            told: system.Received | None = received
            for _ in range(EXITS_AT_ONCE):
                if told is not None and told.signum == signal.SIGCHLD and told.sender_pid:
                    self.orphans += system.reap(exits, known, helper, self.jobs.on_terminal, told.sender_pid)[1]
                    told = system.look_for_signal((signal.SIGCHLD,))
            system.reap(exits, known, helper, self.jobs.on_terminal, self.command.pid)
            if not any(child.pid == self.command.pid for child in exits):  # with its end it matters whether anybody is left
                self.owes_search = True
                return False
        before, count = system.cpu_time(), len(exits)
        none_left, orphans = system.reap(exits, known, helper, self.jobs.on_terminal)
        cost = (system.cpu_time() - before) / (1 + len(exits) - count + orphans)
        self.search_at, self.owes_search = now + cost / SHARE_OF_SEARCHES if cost > DEAR_SEARCH else 0.0, False
        self.orphans += orphans
        return none_left

    def take_exits(self) -> list[system.Reaped]:
        """Those who have exited. A command that stopped on its terminal stops us as well."""
        taken = self.command.exits
        for child in taken:
            if child.pid == self.command.pid:
                if child.stopped_by:
                    self.jobs.on_command_stopped(child.stopped_by)
                else:
                    self.command.status = child.status
        self.command.exits = []
        return [child for child in taken if not child.stopped_by]

    # --- the health helper ---

    def keep_health(self, doors: "Doors") -> None:
        """Have a health helper, which turn() starts."""
        try:
            from pyinit.health.keeper import Keeper

            given = (self.environment, self.mask, self.folder)
            self.keeper = Keeper(self.config, doors, *given, self.page, self.log, self.lifecycle)
        except Exception as error:  # noqa: BLE001 - as in ask_keeper()
            self.log.say("warning", "health_fault", f"there is no health helper: {error}")

    def ask_keeper(self, ask: "Callable[[Keeper], Answer]", otherwise: "Answer") -> "Answer":
        """Ask who keeps the helper. It fails alone: then a helper is started anew, or at worst there is none any more."""
        keeper = self.keeper
        if keeper is None:
            return otherwise
        try:
            return ask(keeper)
        except Exception as error:  # noqa: BLE001 - what the helper serves is worth less than the command
            try:
                keeper.recover(system.monotonic())
                self.log.say("warning", "health_fault", f"the health helper is to start anew: {error}")
            except Exception as another:  # noqa: BLE001 - as above
                self.keeper = None
                if keeper.pid:
                    system.send(keeper.pid, signal.SIGKILL)
                self.log.say("warning", "health_fault", f"there is no health helper any more: {another}")
            return otherwise

    def fall(self, reason: str) -> None:
        """Readiness falls, and whoever asks from now on is told so."""
        now = system.monotonic()
        if self.keeper is None:
            self.page.on_readiness(FALLEN, reason, now)
        self.ask_keeper(lambda keeper: keeper.fall(reason, now), None)
        self.show(now)

    def mind_helper(self, exits: list[system.Reaped], none_left: bool, now: float) -> bool:
        """Notice the end of the helper, and see to it that it holds up nobody's; return whether no child is left."""
        gone = [child for child in exits if self.keeper is not None and child.pid == self.keeper.pid]
        if gone:
            self.ask_keeper(lambda keeper: keeper.on_exit(gone[0], now), None)
        is_over = self.lifecycle.status is not None or any(child.pid == self.command.pid for child in exits)
        if not is_over or none_left or not self.ask_keeper(lambda keeper: keeper.is_last(), True):
            return none_left
        self.ask_keeper(lambda keeper: keeper.end(), None)
        none_left = self.reap(None)
        exits += self.take_exits()
        return none_left

    def look_around(self, signum: int, is_stop: bool, until: float | None) -> "dict[int, Process] | None":
        """As processes.snapshot(), without the health helper and what it has started: they are nobody's to signal.

        Where it is no stop, also without our own children that are not in the command's group: they are never told.
        """
        must_show = self.command.pid if self.lifecycle.status is None else None
        left_out = () if is_stop else processes.own_children_outside(self.command.pid)
        table = processes.snapshot(must_show, signum, left_out, until)
        if table is not None and self.keeper is not None and self.keeper.pid:
            for process in processes.below_us(table, self.keeper.pid):
                del table[process.pid]
            table.pop(self.keeper.pid, None)
        return table

    # --- the traffic ---

    def ask_traffic(self, ask: "Callable[[Watcher], Finding | None]") -> "list[Action]":
        """Ask who watches the traffic, and what follows from the answer. It fails alone: a stop can do without it."""
        finding: Finding | None = Finding(QUEUES)
        now = system.monotonic()
        try:
            if self.traffic is None and not self.is_blind:
                from pyinit.traffic.watcher import Watcher

                requested_at = self.lifecycle.requested_at
                times = (self.lifecycle.started_at, now if requested_at is None else requested_at)
                self.traffic = Watcher(self.config, *times, self.counters_at_start)
            if self.traffic is not None:
                finding = ask(self.traffic)
        except Exception as error:  # noqa: BLE001 - the kernel's tables hold surprises, and the stop must go on
            self.traffic, self.is_blind = None, True
            text = f"the traffic cannot be watched, so an automatic delay is as long as it may be: {error}"
            finding = Finding(QUEUES, "warning" if self.config.pre_stop_delay is None else "debug", "traffic_unseen", text)
        return [] if finding is None else self.lifecycle.on_finding(finding, now)

    def watch_traffic(self, never_ready: str) -> "list[Action]":
        """Watch the traffic from now on; `never_ready` is as in lifecycle.WatchTraffic."""
        return self.ask_traffic(lambda traffic: traffic.begin(never_ready))

    def await_queues(self, until: float) -> "list[Action]":
        """Wait for empty accept queues, and not beyond a time."""
        return self.ask_traffic(lambda traffic: traffic.await_queues(until))

    def tell_traffic(self, tell: "Callable[[Watcher], None]") -> None:
        """Tell who watches the traffic of something, if anybody does."""
        if self.traffic is not None:
            self.carry_out(self.ask_traffic(tell))

    def tell_losses(self) -> None:
        """Log what the stop has cost."""

        def ask(traffic: "Watcher") -> None:
            self.losses = traffic.losses(system.monotonic())

        self.tell_traffic(ask)
        if self.losses is not None:
            self.log.say(self.losses.level, "losses", self.losses.message, **self.losses.fields)

    # --- delivering ---

    def can_plan(self) -> bool:
        """Load what decides who is told, with the first signal; False, and a warning, where it cannot be loaded now."""
        try:
            from pyinit.delivery import plan  # noqa: F401 - for those who are called next
        except (OSError, ImportError, MemoryError) as error:
            self.log.say("warning", "blind", f"/proc is not looked at, for what does that cannot be loaded: {error}")
            return False
        return True

    def judge(self, signum: int) -> bool:
        """Whether a signal that may be a stop request is one; where that cannot be told it is not."""
        if not self.can_plan():
            return False
        from pyinit.delivery import plan

        until = self.lifecycle.kill_at
        command, look = processes.read(self.command.pid), processes.Look(until)
        place = plan.Place(self.own_pid, self.command.pid, self.config.forward)
        is_first = self.lifecycle.phase in (RUNNING, PRE_STOP)
        try:
            if command is not None and plan.takes_as_it_is(command, signum, look):
                return False  # nobody else needs to be looked at
            table = self.look_around(signum, False, until)
            if table is None:
                return False
            found = plan.forwarding(signum, table, look, place)
            is_stop = plan.asks_for_stop(found, signum, table, look, self.command.pid, is_first=is_first)
        except processes.TimeIsOver:
            return False  # SIGKILL is due
        self.judged = None if is_stop else (signum, look, table, found)
        return is_stop

    def deliver(self, request: "Request") -> "list[Action]":
        """Signal whom plan.plan() names; where /proc does not tell, everybody; where SIGKILL is due, nobody."""
        # Those who are to stop are told for a first time, however long it takes to find them.
        is_first = request.is_stop and request.seen is None and not request.told
        until = None if is_first else self.lifecycle.kill_at
        try:
            if until is not None and system.monotonic() >= until:
                raise processes.TimeIsOver
            return self.deliver_until(request, until)
        except processes.TimeIsOver:
            return []  # turn() goes on with what is due

    def deliver_until(self, request: "Request", until: float | None) -> "list[Action]":
        """As deliver(). Raises TimeIsOver at a time, before anybody but perhaps the command has been told."""
        began = system.monotonic()
        self.command.owed = request.signum
        if request.is_stop and not request.is_last_call:
            self.show(system.monotonic())  # before anybody can act on it
            self.tell_traffic(lambda traffic: traffic.on_signalled(self.lifecycle.delay_ended_by))
        if not self.can_plan():
            self.deliver_blindly(request, None)
            return []
        from pyinit.delivery import plan

        look, table, forwarded = processes.Look(until), None, None
        if self.judged is not None and self.judged[0] == request.signum and not request.is_stop:
            _, look, table, forwarded = self.judged
        self.judged = None
        early = self.tell_command_first(request, look)
        if early is not None and not request.is_stop and self.config.forward != HANDLERS:
            self.tell_of_one(request, early)
            return []
        table = table or self.look_around(request.signum, request.is_stop, until)
        if table is None:
            self.deliver_blindly(request, early)
            return []
        if request.scope == LEFT and self.lifecycle.is_blind:
            request = request.but(told={**request.told, **self.heard(table)})
        if early is not None:
            table.setdefault(early.pid, early)  # it may have gone since; what was below it has been told in its person
            request = request.but(told={early.pid: (early.started, early.image)})
        place = plan.Place(self.own_pid, self.command.pid, self.config.forward)
        found = plan.plan(request, table, look, place, forwarded)
        if early is None and found.now:
            self.await_moment(request)
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
        from pyinit.delivery import plan

        if not plan.is_plain_handler(request, command, look):
            return None
        self.await_moment(request)
        if not system.send(command.pid, request.signum):
            return None
        self.command.owed = 0
        return command

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

    def kill_all(self) -> None:
        """SIGKILL everybody below us; as PID 1 everybody but us, and those who are left once more without a look at them."""
        if self.own_pid == 1 and self.has_killed:
            system.send(-1, signal.SIGKILL)  # who has got it already does not mind
            return
        if self.own_pid == 1:
            self.ask_keeper(lambda keeper: keeper.end(), None)
        self.has_killed = True
        try:
            table = self.look_around(0, True, system.monotonic() + NAMES_MAY_TAKE if self.own_pid == 1 else None) or {}
            left = [process.pid for process in processes.below_us(table, self.own_pid)]
        except processes.TimeIsOver:
            table, left = {}, [pid for pid in system.list_processes() if pid != self.own_pid]
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

    def run_pre_stop(self, signum: int) -> int | None:
        """Start the pre-stop command; None, and a warning, where it cannot be started."""
        told = {b"PYINIT_SIGNAL": signals.name(signum).encode(), b"PYINIT_COMMAND_PID": str(self.command.pid).encode()}
        environment = self.environment | told
        from pyinit.kernel import spawn
        from pyinit.settings import words

        system.change_folder(self.folder)
        try:
            arguments = words.as_shell(self.config.pre_stop or "", (), environment)
            return spawn.spawn(arguments, environment, self.mask)
        except spawn.SpawnError as error:
            self.log.say("warning", "pre_stop_failed", f"the pre-stop command is skipped: {error}")
            return None
        finally:
            system.change_folder("/")

    def look_for_oom_kills(self) -> None:
        """Tell of what the kernel has killed because memory ran out: nobody else does, unless it was PID 1."""
        _, kills = system.oom_kills(self.oom_counter)
        if kills > self.oom_kills:
            self.carry_out(self.lifecycle.on_oom_kills(kills - self.oom_kills))
            self.oom_kills = kills

    def write_termination_log(self, summary: str, is_last: bool = True) -> None:
        """Add the summary to the termination log, in the place of what was noted there before.

        Before the end it is of use in a regular file alone, where it can be replaced. What fails then fails at the end as well.
        """
        path = self.config.termination_log
        if path is not None:
            path = path if path.startswith("/") else f"{self.folder}/{path}"
            may_make = path != TERMINATION_LOG
            if not is_last and system.exists(path) and not system.is_regular_file(path):
                return
            line = printable(f"pyinit: {summary}")[:LONGEST_SUMMARY].encode("utf-8") + b"\n"
            try:
                if not self.noted or not system.replace_line(path, self.noted, line):
                    system.append_line(path, line, create=may_make)
                self.noted = line
            except (OSError, MemoryError) as error:
                if is_last and may_make:
                    reason = error.strerror if isinstance(error, OSError) else "out of memory"
                    self.log.say("warning", "termination_log", f"--termination-log: {path}: {reason}")
