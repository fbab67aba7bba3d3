"""The loop of PID 1: wait, decide (lifecycle), carry out, and nothing else.

What nobody foresaw is met at the boundary in cli.py, and goes on in last_resort.py.
"""

from pyinit.kernel import signals, system
from pyinit.kernel.signals import signal
from pyinit.kernel.watch import Watch
from pyinit.life.actions import (
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
    Note,
    RunPreStop,
    Say,
    TellLosses,
    Unready,
    WatchExit,
    WatchTraffic,
)
from pyinit.life.everybody import Everybody
from pyinit.life.lifecycle import Lifecycle
from pyinit.log import printable
from pyinit.page import FALLEN, Page, State
from pyinit.settings.config import BY_PROGRAM, TERMINATION_LOG

if system.IS_FROZEN:
    from pyinit.kernel import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.delivery import Request
    from pyinit.health.doors import Doors
    from pyinit.kernel.rest import Rest
    from pyinit.kernel.terminal import JobControl
    from pyinit.life.actions import Action
    from pyinit.life.care import Care
    from pyinit.life.deliver import Messenger
    from pyinit.life.hook import Hook
    from pyinit.life.kept import Kept
    from pyinit.life.last_resort import Command
    from pyinit.log import Log
    from pyinit.settings.config import Config
    from pyinit.traffic.loss import Losses
    from pyinit.traffic.watcher import Watcher

#: Seconds of CPU from which on one search among all children is dear; and the share of a CPU that searches may cost then.
DEAR_SEARCH = 0.00003
SHARE_OF_SEARCHES = 0.05

#: Seconds for which PID 1 stays awake after a signal: another one may follow.
STAYS_AWAKE = 1.0

#: So many exits that SIGCHLD tells of one by one are taken before anything else.
EXITS_AT_ONCE = 64

#: Characters of the termination log's line. Kubernetes shows the last 4096 bytes of that file.
LONGEST_SUMMARY = 2000


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
        oom: tuple[str, int],
        doors: "Doors | None" = None,
        kept: "Kept | None" = None,
    ) -> None:
        """`oom` is of the time before the command; `kept` is what there was when PID 1 fell asleep, where it wakes."""
        self.command = command
        self.config = config
        self.log = log
        self.folder = folder  # in which we were started, and the command too
        self.lifecycle = Lifecycle(config, command.pid, system.monotonic() if kept is None else kept.started_at)
        self.jobs = jobs
        self.watch = Watch(command.arrivals)
        # The network namespace, and what it counts, may be much older than we: that of a pod outlives its containers.
        self.counters_at_start = b""
        if kept is not None:
            self.counters_at_start = kept.counters_at_start
        elif config.pre_stop_delay is None:
            self.counters_at_start = system.read_file("/proc/self/net/snmp")
        self.traffic: Watcher | None = None  # from the stop request on
        self.is_blind = False  # it has failed
        self.losses: Losses | None = None
        self.noted = b""  # what stands in the termination log by now
        self.oom_counter, self.oom_kills = oom
        self.exit_status: int | None = None
        self.search_at = 0.0  # no search among all children before then
        self.owes_search = False  # somebody may have exited who has not been found yet
        now = self.lifecycle.story.started_at
        asked = (config.forward, config.usual_stop_signal)
        by_program = int(config.stop_signal == BY_PROGRAM)
        self.orphans = 0 if kept is None else kept.orphans
        shown = self.orphans
        first = State(self.lifecycle.phase, now, now, None, command.pid, None, *asked, orphans=shown, by_program=by_program)
        self.page = Page(page, first, 0 if kept is None else kept.sequence)
        self.care = None if doors is None else self.take_care(doors, environment, mask)
        self.everybody = Everybody(command, config, log, self.lifecycle, self.care, self.tell_traffic)
        self.messenger: Messenger | None = None  # from the first signal on
        self.rest: Rest | None = None  # from the first one on that C may answer
        self.there: dict[int, int] = {} if kept is None else kept.there  # as in Rest
        self.cannot_look = False  # it could not be loaded
        self.hook: Hook | None = None
        if config.pre_stop is not None:
            from pyinit.life import hook  # loaded while all is well

            self.hook = hook.Hook(config.pre_stop, command.pid, environment, mask, folder, log)

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
            if system.IS_FROZEN:
                self.learn(received.signum)
            if received.signum in signals.SUSPENDS:
                self.jobs.suspend()  # before reap() tells that the command has stopped, which is no news then
        none_left = self.reap(received)
        exits = self.take_exits()
        if self.care is not None:
            none_left = self.mind_helper(self.care, exits, none_left, now)
            self.carry_out(self.care.turn(now))
        if none_left or any(child.killed_by == signal.SIGKILL for child in exits):
            self.look_for_oom_kills()
        self.carry_out(self.lifecycle.on_children(exits, none_left, now))
        now = system.monotonic()  # what was done meanwhile may have taken long
        if self.traffic is not None and self.traffic.due_at is not None and now >= self.traffic.due_at:
            self.carry_out(self.ask_traffic(lambda traffic: traffic.look(now, self.lifecycle.awaits_word)))
        self.carry_out(self.lifecycle.on_timeout(now))
        self.command.owed = self.lifecycle.owed
        self.show(now)

    def show(self, now: float) -> None:
        """Bring the state page up to date."""
        lifecycle, shown = self.lifecycle, self.page.state
        if lifecycle.phase != shown.phase or lifecycle.status != shown.status:
            is_asked = lifecycle.story.requested_at is not None
            self.page.on_phase(
                lifecycle.phase,
                now,
                status=lifecycle.status,
                requested_at=lifecycle.story.requested_at,
                stop_signal=lifecycle.stop_signal if is_asked else shown.stop_signal,
                orphans=self.orphans,
            )
            if system.IS_FROZEN:
                frozen.forget_answers()
            self.rest = None
        self.page.on_orphans(self.orphans, now)
        if self.care is not None:
            self.care.show()

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
                    started = None if self.hook is None else self.hook.start(signum)
                    actions += self.lifecycle.on_pre_stop_started(started, system.monotonic())
                case WatchTraffic(never_ready):
                    actions += self.ask_traffic(lambda traffic: traffic.begin(never_ready))
                case AwaitQueues(until):
                    actions += self.ask_traffic(lambda traffic: traffic.await_queues(until))
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
        for other in (self.traffic, self.care):
            due_at = None if other is None else other.due_at
            if due_at is not None:
                deadline = due_at if deadline is None else min(deadline, due_at)
        if self.owes_search:
            deadline = self.search_at if deadline is None else min(deadline, self.search_at)
        if deadline is not None:
            if self.lifecycle.phase != RUNNING:
                system.prepare_to_wait()
            return self.watch.wait(max(0.0, deadline - system.monotonic()))
        return self.watch.wait(None, self.sleep if system.IS_FROZEN and self.may_sleep() else None)

    def may_sleep(self) -> bool:
        """Whether all that would be forgotten is in a Kept, or comes out the same when Python begins anew."""
        return (
            self.lifecycle.phase == RUNNING
            and not (self.command.exits or self.command.owed or self.command.status is not None)
            and self.care is None
            and not self.jobs.on_terminal
            and not self.log.lost
        )

    def sleep(self) -> system.Received | None:
        """Wait for a signal, asleep if it does not come soon; then a Supervisor of its own takes the place of this one."""
        received = system.wait_signal(STAYS_AWAKE)  # what is kept is put together for a sleep alone, and not for each signal
        if received is not None:
            return received
        from pyinit.life import kept

        self.page.update(orphans=self.orphans)
        page = self.page
        oom = (self.oom_counter, self.oom_kills)
        left = (self.lifecycle.story.started_at, page.descriptor, page.sequence, self.orphans, self.folder, *oom)
        words = kept.to_bytes(kept.Kept(*left, self.counters_at_start, self.there))
        return frozen.sleep(self.command.pid, page.descriptor, page.place_of_orphans(), self.orphans, words)

    def reap(self, received: system.Received | None) -> bool:
        """Reap whoever has exited, see take_exits(); return whether no child is left, as far as that is known by now.

        Who asks for any child has the kernel go through all of them: 0.3 ms, where there are 10,000. So after a dear search the
        next one has to wait, for some milliseconds. Meanwhile SIGCHLD says who has exited, and of several one at least.
        """
        now, exits, known = system.monotonic(), self.command.exits, self.lifecycle.known
        helper = 0 if self.care is None else self.care.pid
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

    def take_care(self, doors: "Doors", environment: dict[bytes, bytes], mask: frozenset[int]) -> "Care | None":
        """Have a health helper, which turn() starts; None, and a warning, where that cannot be."""
        try:
            from pyinit.health.keeper import Keeper
            from pyinit.life.care import Care

            keeper = Keeper(self.config, doors, environment, mask, self.folder, self.page, self.log, self.lifecycle)
            return Care(keeper, self.log)
        except Exception as error:  # noqa: BLE001 - what the helper serves is worth less than the command
            self.log.say("warning", "health_fault", f"there is no health helper: {error}")
            return None

    def fall(self, reason: str) -> None:
        """Readiness falls, and whoever asks from now on is told so."""
        now = system.monotonic()
        if self.care is None or self.care.is_lost:
            self.page.on_readiness(FALLEN, reason, now)
        else:
            self.care.fall(reason, now)
        self.show(now)

    def mind_helper(self, care: "Care", exits: list[system.Reaped], none_left: bool, now: float) -> bool:
        """Notice the end of the helper, and see to it that it holds up nobody's; return whether no child is left."""
        care.on_children(exits, now)
        is_over = self.lifecycle.status is not None or any(child.pid == self.command.pid for child in exits)
        if not is_over or none_left or not care.is_last():
            return none_left
        care.end()
        none_left = self.reap(None)
        exits += self.take_exits()
        return none_left

    # --- the traffic ---

    def ask_traffic(self, ask: "Callable[[Watcher], Finding | None]") -> "list[Action]":
        """Ask who watches the traffic, and what follows from the answer. It fails alone: a stop can do without it."""
        finding: Finding | None = Finding(QUEUES)
        now = system.monotonic()
        try:
            if self.traffic is None and not self.is_blind:
                from pyinit.traffic.watcher import Watcher

                story = self.lifecycle.story
                requested_at = now if story.requested_at is None else story.requested_at
                first_ready = None if self.care is None else self.care.traffic_since
                self.traffic = Watcher(self.config, (story.started_at, self.counters_at_start), requested_at, first_ready)
            if self.traffic is not None:
                finding = ask(self.traffic)
        except Exception as error:  # noqa: BLE001 - the kernel's tables hold surprises, and the stop must go on
            self.traffic, self.is_blind = None, True
            text = f"the traffic cannot be watched, so an automatic delay is as long as it may be: {error}"
            finding = Finding(QUEUES, "warning" if self.config.pre_stop_delay is None else "debug", "traffic_unseen", text)
        return [] if finding is None else self.lifecycle.on_finding(finding, now)

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

    def judge(self, signum: int) -> bool:
        """Whether a signal that may be a stop request is one; where that cannot be told it is not."""
        messenger = self.load_messenger()
        return messenger is not None and messenger.judge(signum)

    def learn(self, received: int) -> None:
        """Have C answer the next signal of this number as this one was answered, where that is not to be logged."""
        seen = None if self.messenger is None else self.messenger.take_done()
        if seen is None or self.lifecycle.phase != RUNNING or self.log.tells("debug"):
            return
        if self.rest is None:
            from pyinit.kernel.rest import Rest

            self.rest = Rest(self.command.pid, self.command.arrivals.first, self.there)
        try:
            self.rest.learn(received, seen)
        except Exception:  # noqa: BLE001 - that C answers is worth less than the command
            frozen.forget_answers()

    def deliver(self, request: "Request") -> "list[Action]":
        """Signal whom it is for; where that cannot be told, everybody; where SIGKILL is due, nobody."""
        # Those who are to stop are told for a first time, however long it takes to find them.
        is_first = request.is_stop and request.seen is None and not request.told
        began, until = system.monotonic(), None if is_first else self.lifecycle.kill_at
        if until is not None and began >= until:
            return []  # turn() goes on with what is due
        self.command.owed = request.signum
        if request.is_stop and not request.is_last_call:
            self.show(began)  # before anybody can act on it
            self.tell_traffic(lambda traffic: traffic.on_signalled(self.lifecycle.delay_ended_by))
        messenger = self.load_messenger()
        if messenger is None:
            self.everybody.deliver_blindly(request, None)
            return []
        return messenger.deliver(request, began, until)

    def kill_all(self) -> None:
        """SIGKILL all that is left."""
        messenger = self.load_messenger()
        if messenger is None:
            self.everybody.kill_blindly()
        else:
            messenger.kill_all()

    def load_messenger(self) -> "Messenger | None":
        """What decides who is told, loaded with the first signal; None, and a warning, where it cannot be loaded now."""
        if self.messenger is None:
            try:
                from pyinit.life.deliver import Messenger
            except (OSError, ImportError, MemoryError) as error:
                reason = "out of memory" if isinstance(error, MemoryError) else error
                if not self.cannot_look:
                    self.log.say("warning", "blind", f"/proc is not looked at, for what does that cannot be loaded: {reason}")
                self.cannot_look = True  # once is enough: while SIGKILL is at work it is tried for each exit
                return None
            self.messenger = Messenger(self.everybody)
        return self.messenger

    # --- what else is wanted ---

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
