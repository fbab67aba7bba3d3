"""PURE. The life of a container: events in, actions out. No clock, no system call, no /proc.

Everything that decides what happens when must live in this file and in those of its parts, pre_stop.py and rounds.py. Times
are seconds on any clock that only goes forward; each event says what time it is, and `deadline` says when on_timeout() wants to
be called.

    running -> pre-stop -> stopping -> sweeping -> killing

* running: nothing is asked of us but to forward signals.
* pre-stop: a stop was requested; the command is not told yet, and serves on: for the delay, for the pre-stop command, and at
  last for a moment at which no connection waits to be accepted.
* stopping: the command has got the stop signal.
* sweeping: the command has exited; what it left behind has got the stop signal.
* killing: the time is over; SIGKILL for all that is left.

A phase may be skipped; none is ever gone back to. The way out, from sweeping or killing, is that no child is left.

Where the command is to become ready within a time (--start-timeout) and does not, it goes from running straight to stopping: no
traffic has come, so there is nothing to wait for.
"""

from pyinit.delivery import IN_GROUP, LEFT, Plan, Request
from pyinit.kernel import signals
from pyinit.kernel.signals import signal
from pyinit.life.actions import (
    CUT_SHORT,
    DELAY,
    KILLING,
    PRE_STOP,
    QUEUES,
    RUNNING,
    STOPPING,
    SWEEPING,
    Action,
    AwaitQueues,
    Deliver,
    Finding,
    Judge,
    KillAll,
    Say,
    Story,
    TellLosses,
    Unready,
    WatchTraffic,
    say,
)
from pyinit.life.pre_stop import PreStop
from pyinit.life.rounds import Rounds
from pyinit.log import seconds
from pyinit.settings.config import AT_REQUEST, AT_SIGNAL, BY_PROGRAM, MAY_ASK_FOR_STOP, QUEUES_MAY_TAKE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyinit.kernel.system import Reaped, Received
    from pyinit.settings.config import Config

#: The exit status of a command that had to be stopped because it was not ready in time; as `timeout` has it.
NOT_READY_IN_TIME = 124

#: Seconds that a command which was not ready in time has for finishing, where there is no --grace-period.
START_GRACE = 10.0

#: Seconds that SIGKILL is given to work. A process in an uninterruptible sleep does not die before its system call ends.
KILL_TAKES = 5.0


class Lifecycle:
    """Where the container stands in its life.

    Feed it each event as it comes; carry out each action it returns, in order, before the next event.
    """

    def __init__(self, config: "Config", command: int, now: float) -> None:
        self.phase = RUNNING
        self.status: int | None = None  # the command's, once it has exited
        self.known = {command}  # the children whose exit means something; of the others it is enough that they are reaped
        self._config = config
        self._command = command
        self.story = Story(now)
        self.rounds = Rounds(config.settle, self.story)
        self._pre_stop = PreStop(config, self.story)
        self.stop_signal = config.stop_signal or int(signal.SIGTERM)  # what the command gets, or has got
        self._by_program = config.stop_signal == BY_PROGRAM  # unless a well-known program wants another
        self._spared: int | None = None  # the process group of a pre-stop command that may finish
        self.kill_at: float | None = None  # when SIGKILL comes, unless all have gone by then
        self._give_up_at: float | None = None
        self._has_left = False
        self._grace_runs = False  # whether kill_at is the end of the grace period, not of the sweep
        self._start_over_at = None if config.start_timeout is None else now + config.start_timeout
        self._sent_too_late: set[int] = set()  # the stop signals that it got, by which it may say that it has died of one
        self._awaited = "nothing is known of it yet"  # why it is not ready
        self._never_ready = ""  # why it has not been ready yet, once something is known of it
        self._was_ready = False

    @property
    def deadline(self) -> float | None:
        """When on_timeout() wants to be called; None: not before another event."""
        times = (self._start_over_at, *self._pre_stop.times, *self.rounds.times, self.kill_at, self._give_up_at)
        return min((time for time in times if time is not None), default=None)

    @property
    def owed(self) -> int:
        """The stop signal while nobody has been told by it: it is not due, or all are looked at again; 0: nothing is owed."""
        is_owed = self.phase == PRE_STOP or (self.phase == STOPPING and self.rounds.has_told_nobody)
        return self.stop_signal if is_owed else 0

    @property
    def awaits_word(self) -> bool:
        """Whether a pre-stop command runs that has the last word about the delay: silence alone does not end it."""
        return self._pre_stop.awaits_word

    @property
    def delay_ended_by(self) -> str | None:
        """What has ended the delay before its time: CUT_SHORT or PRE_STOP_COMMAND; None for the traffic, and the time."""
        return self._pre_stop.delay_ended_by

    # --- events ---

    def on_signal(self, received: "Received", now: float) -> list[Action]:
        """A signal has arrived, other than SIGCHLD."""
        target = self._config.rewrite.get(received.signum, received.signum)
        if target == 0 or self.phase == KILLING:
            return []  # after SIGKILL there is nobody to whom it could be of use
        if received.signum in self._config.stop_on:
            return self._on_stop_request(received, self._config.stop_signal or target, now)
        is_doubtful = BY_PROGRAM in self._config.stop_on and received.signum in MAY_ASK_FOR_STOP and target == received.signum
        return [Judge(received)] if is_doubtful else self._forward(target)

    def on_judged(self, received: "Received", is_stop: bool, now: float) -> list[Action]:
        """It is known whether a signal is a stop request."""
        if is_stop:
            return self._on_stop_request(received, self._config.stop_signal or received.signum, now)
        return self._forward(received.signum)

    def _forward(self, signum: int) -> list[Action]:
        """Forward a signal that is no stop request."""
        return [Deliver(Request(signum, IN_GROUP, False, spares_mortals=self._spares_mortals))]

    @property
    def _spares_mortals(self) -> bool:
        """Whether a signal that is no stop request may end nobody: some are held back while a stop goes on."""
        return self.phase not in (RUNNING, PRE_STOP)

    def on_children(self, exits: "Iterable[Reaped]", none_left: bool, now: float) -> list[Action]:
        """Children have exited and were reaped; `none_left` says that there is no other child."""
        actions: list[Action] = []
        command_exited = False
        was_pre_stop = self.phase == PRE_STOP
        # The command first: with it gone, the end of the pre-stop command starts nothing any more.
        for child in sorted(exits, key=lambda child: child.pid != self._command):
            if child.pid == self._command and self.status is None:
                command_exited = True
                actions += self._on_command_exit(child, none_left, now)
            if child.pid == self._pre_stop.command_was:
                actions += [*self._pre_stop.on_command_exit(child, now), *self._stop_when_due(now)]
            actions += self.rounds.on_gone(child.pid, now)
        if none_left:
            return [*actions, *self._leave(now)]
        if command_exited and self.phase == SWEEPING:
            self._spared = self._pre_stop.command if was_pre_stop else None  # it was not cut short, so it may finish
            actions.append(Deliver(self._of_all_left()))
            if self.story.requested_at is not None:
                actions.append(self.story.note("processes that it has left behind have still to end"))
        elif self.phase == SWEEPING:
            actions += self._look_again({child.pid for child in exits}, now)
        elif self.phase == KILLING:
            actions.append(KillAll())  # who was forked meanwhile
        return actions

    def on_gone(self, pid: int, now: float) -> list[Action]:
        """The process that we watched has exited."""
        return self.rounds.on_gone(pid, now)

    def on_delivered(self, request: Request, plan: Plan, now: float, took: float = 0.0) -> list[Action]:
        """A request has been carried out as planned, which took so many seconds."""
        if not request.is_stop:
            self.rounds.on_forwarded(request, plan, now)
            return []
        if request.is_last_call:
            self.rounds.on_last_call(plan)
            return []
        self.known = {self._command, self._pre_stop.command_was or self._command, *plan.working, *plan.next.told}
        return self.rounds.on_delivered(request, plan, now, took, self.phase == SWEEPING)

    def on_blind(self, request: Request) -> None:
        """A stop request has gone to everybody at once: /proc did not tell whom it has reached."""
        self.rounds.on_blind(request)

    def on_pre_stop_started(self, pid: int | None, now: float) -> list[Action]:
        """The pre-stop command runs; or could not be started (None), which must not keep the container from stopping."""
        if pid is None:
            return self._stop_when_due(now)
        self._pre_stop.on_command_started(pid, now)
        self.known.add(pid)
        return []

    def on_finding(self, finding: Finding, now: float) -> list[Action]:
        """A look at the traffic has brought something."""
        said = self._pre_stop.tell_request(finding.ends == DELAY)
        if finding.message:
            said.append(Say(finding.level, finding.event, finding.message, finding.fields))
        if finding.ends == DELAY and self._pre_stop.delay_over_at is not None:
            self.story.add(finding.message)
            self._pre_stop.has_no_traffic = self.awaits_word
            return said if self.awaits_word else [*said, *self._end_delay(now)]
        if finding.ends == QUEUES and self._pre_stop.queues_over_at is not None:
            return [*said, *self._begin_stopping(now)]
        return said

    def on_verdict(self, is_ready: bool, reason: str) -> list[Action]:
        """The command is ready, or it is not, for this reason."""
        self._awaited = reason
        self._was_ready |= is_ready
        self._never_ready = "" if self._was_ready else reason
        if is_ready:
            self._start_over_at = None
        return []

    def on_oom_kills(self, count: int) -> list[Action]:
        """The kernel has killed so many more processes of the container because memory ran out."""
        text = f"the kernel has killed {count} process{'es' if count > 1 else ''} here for want of memory (OOM)"
        self.story.add(text)
        return [say("oom_kill", f"{text}; is the memory limit too low?", "warning", kills=count)]

    def on_extended(self, until: float, now: float) -> list[Action]:
        """The command asks for time until then (EXTEND_TIMEOUT_USEC): to become ready, or to finish. None is taken away."""
        if self._start_over_at is not None:
            self._start_over_at = max(self._start_over_at, until)
        if self.kill_at is None or not self._grace_runs or self.story.requested_at is None:
            return []
        if self._config.stop_timeout is not None:
            until = min(until, self.story.requested_at + self._config.stop_timeout)
        if until <= self.kill_at:
            return []
        self.kill_at = until
        left = until - now
        self.rounds.on_time_extended(now, left)
        return [say("extended", f"asked for more time: SIGKILL comes in {seconds(left)}, not earlier", "debug", seconds=left)]

    def on_timeout(self, now: float) -> list[Action]:
        """Time has passed; the deadline may have come, or not."""
        actions: list[Action] = []
        if self._has_left:
            return actions
        if self._start_over_at is not None and now >= self._start_over_at:
            actions += self._on_start_timeout(now)
        if self._pre_stop.command_over_at is not None and now >= self._pre_stop.command_over_at:
            actions += [*self._pre_stop.on_command_timeout(), *self._stop_when_due(now)]
            actions += self._look_again(set(), now) if self.phase == SWEEPING else []
        if self._pre_stop.delay_over_at is not None and now >= self._pre_stop.delay_over_at:
            actions += self._end_delay(now)
        if self._pre_stop.queues_over_at is not None and now >= self._pre_stop.queues_over_at:
            actions += self._begin_stopping(now)
        if self.kill_at is not None and now >= self.kill_at:
            actions += self._on_time_over(now)
        actions += self.rounds.on_timeout(now, self._spares_mortals)
        if self._give_up_at is not None and now >= self._give_up_at:
            self._give_up_at = None
            actions.append(say("not_dying", "some processes do not die of SIGKILL; leaving without them", "warning"))
            actions += self._leave(now)
        return actions

    # --- the stop sequence ---

    def _on_stop_request(self, received: "Received", stop_signal: int, now: float) -> list[Action]:
        if self.phase == KILLING:
            return []
        self.stop_signal = stop_signal
        self._by_program = self._config.stop_signal == BY_PROGRAM and received.signum not in self._config.rewrite
        self._sent_too_late.add(stop_signal)
        origin = "outside the container" if received.sender_pid == 0 else f"pid {received.sender_pid}"
        fields: dict[str, object] = {
            "signal": signals.name(received.signum),
            "sender_pid": received.sender_pid,
            "sender_uid": received.sender_uid,
            "phase": self.phase,
        }
        heading = f"stop requested: {signals.name(received.signum)} from {origin} (uid {received.sender_uid})"
        if self.story.requested_at is None:
            self.story.requested_at = now
            self.story.add(heading)
        if self.phase == RUNNING:
            return self._begin_pre_stop(heading, fields, received.signum, now)
        said = Say("info", "stop_requested", heading if self.story.was_too_late else f"{heading}, again", fields)
        if self.phase == PRE_STOP:
            self._pre_stop.delay_ended_by = CUT_SHORT
            return [said, *self._begin_stopping(now)]
        if self.phase == SWEEPING and self._config.grace_period is not None:
            self.kill_at = min(now + self._config.grace_period, self.kill_at or now + self._config.grace_period)
        self.rounds.on_new_request()
        # It is passed on as it came: who asks twice wants something else than the first time.
        request = Request(stop_signal, LEFT if self.phase == SWEEPING else IN_GROUP, True, has_drained=True)
        return [said, Deliver(self.rounds.after_the_same_looks(request))]

    def _begin_pre_stop(self, heading: str, fields: dict[str, object], signum: int, now: float) -> list[Action]:
        self.phase = PRE_STOP
        self._start_over_at = None
        fall = self._fall(AT_REQUEST, "a stop was requested")
        actions = self._pre_stop.begin(heading, fields, signum, fall, WatchTraffic(self._never_ready), now)
        return actions if self._pre_stop.is_wanted else [*actions, *self._await_queues(now)]

    def _end_delay(self, now: float) -> list[Action]:
        return [*self._pre_stop.on_delay_over(now), *self._stop_when_due(now)]

    def _stop_when_due(self, now: float) -> list[Action]:
        """Go on if the delay is over and the pre-stop command has exited."""
        return self._await_queues(now) if self.phase == PRE_STOP and self._pre_stop.is_over else []

    def _await_queues(self, now: float) -> list[Action]:
        """A connection that waits in an accept queue when its listener is closed is reset; so choose the moment."""
        self._pre_stop.queues_over_at = now + QUEUES_MAY_TAKE
        return [AwaitQueues(self._pre_stop.queues_over_at)]

    def _begin_stopping(self, now: float) -> list[Action]:
        self.phase = STOPPING
        self._pre_stop.end()
        self._begin_grace(now)
        request = Request(self.stop_signal, IN_GROUP, True, self._by_program)
        note = self.story.note(f"the command was told to stop {self.story.how_long(now)}")
        told = self._pre_stop.tell_request(has_no_delay=False)
        return [*told, *self._fall(AT_SIGNAL, "the command is being stopped"), Deliver(request), note]

    def _of_all_left(self) -> Request:
        """The request for all that the command has left behind: a further round, or the first one of a sweep without a stop."""
        if self.rounds.request is None:
            return Request(self.stop_signal, LEFT, True, self._by_program, spared=self._spared)
        return self.rounds.request.but(scope=LEFT, looks=0, waits=0, spared=self._spared)

    def _on_start_timeout(self, now: float) -> list[Action]:
        """Not ready in time: a stop in good order that nobody has requested, as if by the first of the stop requests."""
        self._start_over_at = None
        text = f"not ready within {seconds(self.story.since(now))} (--start-timeout): {self._awaited}"
        self.story.was_too_late = True
        self.story.requested_at = now
        self.story.add(text)
        self.stop_signal = self._config.usual_stop_signal
        self._sent_too_late.add(self.stop_signal)
        said = say("start_timeout", f"{text}; the command is stopped", "warning", reason=self._awaited)
        actions = [said, *self._begin_stopping(now)]
        if self.kill_at is None:
            # No orchestrator has asked for this stop, so none will put an end to it.
            self.kill_at = now + START_GRACE
            self.rounds.on_time_known(now, START_GRACE)
            self._grace_runs = True
        return actions

    def _fall(self, when: str, reason: str) -> list[Action]:
        """Readiness falls now, if it is asked for at all and --unready-at is not later."""
        is_asked = self._config.ready or self._config.health_listen is not None
        return [Unready(reason)] if is_asked and (when == AT_SIGNAL or self._config.unready_at == AT_REQUEST) else []

    def _begin_grace(self, now: float) -> None:
        grace, timeout = self._config.grace_period, self._config.stop_timeout
        if grace is not None:
            self.kill_at = now + grace
            self._grace_runs = True
        elif timeout is not None and self.story.requested_at is not None:
            grace = self.story.requested_at + timeout - now
        if grace is not None:
            self.rounds.on_time_known(now, grace)

    def _on_command_exit(self, child: "Reaped", none_left: bool, now: float) -> list[Action]:
        self.status = child.status
        how = f"was killed by {signals.name(child.killed_by)}" if child.killed_by else f"exited with status {child.status}"
        phase = self.phase
        text = f"the command {how}, {self.story.how_long(now)}"
        self.story.add(text)
        said = say(
            "command_exited",
            text,
            "debug" if self.story.requested_at is None and none_left else "info",
            pid=child.pid,
            status=child.status,
            killed_by=signals.name(child.killed_by) if child.killed_by else None,
            seconds=self.story.since(now),
        )
        fall = self._fall(AT_SIGNAL, "the command has exited")
        self._start_over_at = None
        if phase == KILLING:
            return [said, *fall]
        self.phase = SWEEPING
        self._pre_stop.end()
        self.rounds.on_sweep()
        if phase == RUNNING:
            self.kill_at = now + self._config.sweep_timeout
        elif phase == PRE_STOP:
            self._begin_grace(now)
        return [said, *fall, *self._pre_stop.on_command_gone()]

    def _look_again(self, gone: set[int], now: float) -> list[Action]:
        """In the sweep, when somebody has gone: who was started meanwhile, or spared, has not been told yet."""
        if self._spared is not None and self._pre_stop.command is None:
            self._spared = None
            return [Deliver(self._of_all_left())]
        if self.rounds.is_blind and self.rounds.request is not None:
            return [Deliver(self._of_all_left())]
        self.rounds.on_gone_in_sweep(gone, now)
        return []

    # --- the end ---

    def _on_time_over(self, now: float) -> list[Action]:
        option = "--grace-period" if self._grace_runs else "--sweep-timeout"
        self.phase = KILLING
        self.kill_at = self._pre_stop.delay_over_at = None
        self.rounds.on_kill()
        self._give_up_at = now + KILL_TAKES
        text = f"the time is over ({option}): SIGKILL for all that is left"
        self.story.add(text)
        return [say("killing", text, "warning", option=option), KillAll()]

    def _leave(self, now: float) -> list[Action]:
        if self._has_left:
            return []
        self._has_left = True
        own = self.status
        if own is None:  # it does not die of SIGKILL; or it is lost, which cannot be
            own = 137 if self.phase == KILLING else 125
        if self.story.was_too_late and own in {0, *(128 + signum for signum in self._sent_too_late)}:
            own = NOT_READY_IN_TIME  # or it would look like a stop that somebody wanted
        status = self._config.map_status.get(own, own)
        mapped = f" (mapped from {own})" if status != own else ""
        text = f"exit status {status}{mapped}, {self.story.how_long(now)}"
        level = "debug" if self.story.requested_at is None else "info"
        said = say("exit", text, level, status=status, command_status=self.status, seconds=self.story.since(now))
        return [TellLosses(), said, self.story.end(status, text)]
