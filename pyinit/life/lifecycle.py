"""PURE. The life of a container: events in, actions out. No clock, no system call, no /proc.

Everything that decides what happens when must live in this file. Times are seconds on any clock that only goes forward;
each event says what time it is, and `deadline` says when on_timeout() wants to be called.

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

from pyinit.delivery import IN_GROUP, LEFT, LOOKS, Plan, Request
from pyinit.kernel import signals
from pyinit.kernel.signals import signal
from pyinit.log import seconds
from pyinit.record import Record
from pyinit.settings.config import AT_REQUEST, AT_SIGNAL, BY_PROGRAM, MAY_ASK_FOR_STOP, QUEUES_MAY_TAKE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyinit.kernel.system import Reaped, Received
    from pyinit.settings.config import Config

RUNNING = "running"
PRE_STOP = "pre-stop"
STOPPING = "stopping"
SWEEPING = "sweeping"
KILLING = "killing"
PHASES = (RUNNING, PRE_STOP, STOPPING, SWEEPING, KILLING)

# What a finding about the traffic puts an end to.
NOTHING = ""
DELAY = "delay"
QUEUES = "queues"

# What has ended a delay before its time, besides the traffic.
CUT_SHORT = "cut short"
PRE_STOP_COMMAND = "pre-stop command"

#: The exit status of a command that had to be stopped because it was not ready in time; as `timeout` has it.
NOT_READY_IN_TIME = 124

#: Seconds that a command which was not ready in time has for finishing, where there is no --grace-period.
START_GRACE = 10.0

#: Seconds until those are looked at again who may have blocked every signal for a moment.
BLINK = 1 / 64

#: Seconds that what was started since the request may take, if it handles the signal, where no time is known that it has.
NEWCOMERS_MAY_TAKE = 10.0

#: Who was not told because of one above is told when this part of the time is over: two thirds, to what binary figures hold.
LAST_CALL_AT = 21 / 32

#: In the sweep, where somebody goes every moment: so many times what a look has taken lies between two looks. So to look at
#: thousands takes a tenth of the time at most.
REST = 9

#: Seconds that SIGKILL is given to work. A process in an uninterruptible sleep does not die before its system call ends.
KILL_TAKES = 5.0


class Deliver(Record):
    """Plan a request by delivery.plan(), carry it out and call on_delivered()."""

    request: Request


class Judge(Record):
    """Find out by delivery.plan.asks_for_stop() whether this signal is a stop request, and call on_judged()."""

    received: "Received"


class WatchExit(Record):
    """Call on_gone() when this process, which may be nobody's child of ours, has exited. It replaces any earlier watch."""

    pid: int


class RunPreStop(Record):
    """Start the pre-stop command, with this signal in PYINIT_SIGNAL, and call on_pre_stop_started()."""

    signum: int


class WatchTraffic(Record):
    """Watch the traffic from now on, and call on_finding() with what that brings.

    `never_ready` says why the command has never been ready, so that no traffic should have come; "" where it was, or where
    nobody knows.
    """

    never_ready: str = ""


class AwaitQueues(Record):
    """Call on_finding() when no connection waits in an accept queue: at once if none does, at this time if one still does."""

    until: float


class Unready(Record):
    """Readiness falls, for this reason, and does not come back: no more traffic is to be sent here."""

    reason: str


class Note(Record):
    """Put this into the termination log, in the place of what was noted before: should SIGKILL come, nobody can any more."""

    story: str


class TellLosses(Record):
    """Log what the stop has cost."""


class KillPreStop(Record):
    """SIGKILL the pre-stop command and its process group."""

    pid: int


class KillAll(Record):
    """SIGKILL all that is left."""


class Say(Record):
    """Log this: a line for people, and fields with stable keys."""

    level: str
    event: str
    message: str
    fields: dict[str, object]


class Exit(Record):
    """Leave with this exit status. The summary tells the whole story in one line."""

    status: int
    summary: str


Action = (
    Deliver
    | Judge
    | WatchExit
    | RunPreStop
    | WatchTraffic
    | AwaitQueues
    | Unready
    | Note
    | TellLosses
    | KillPreStop
    | KillAll
    | Say
    | Exit
)


class Finding(Record):
    """What a look at the traffic has brought: what it `ends`, and something to log, unless the message is empty."""

    ends: str
    level: str = "debug"
    event: str = ""
    message: str = ""
    fields: dict[str, object] = {}  # noqa: RUF012 - nobody changes it


def _blink(looks: int) -> float:
    """Seconds to the next look: most who spawn are done at once, and the others shall not hold PID 1 in a loop."""
    return min(BLINK, BLINK / 8 * (1 << looks))


def _say(event: str, message: str, /, level: str = "info", **fields: object) -> Say:
    return Say(level, event, message, fields)


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
        self.started_at = now
        self.requested_at: float | None = None  # the first stop request
        self._story: list[str] = []  # for the one line of summary
        self.stop_signal = config.stop_signal or int(signal.SIGTERM)  # what the command gets, or has got
        self._by_program = config.stop_signal == BY_PROGRAM  # unless a well-known program wants another
        self._request: Request | None = None  # the one whose later rounds are still to come
        self._working: list[int] = []  # those whose exit the next round waits for; the last one is watched
        self._gone: set[int] = set()  # those of them that have gone already
        self._held: tuple[int, ...] = ()
        self._has_looked_again = False  # in the sweep, once for each request
        self.is_blind = False  # /proc did not tell whom the newest stop request has reached
        self._second_looks: dict[int, Request] = {}  # signals that are no stop requests, by number
        self._second_look_at: float | None = None
        self._patience_over_at: float | None = None
        self._last_call_at: float | None = None
        self._pre_stop: int | None = None  # PID of the pre-stop command while it runs
        self._pre_stop_was = 0  # and also after it ran out of time
        self.delay_ended_by: str | None = None  # CUT_SHORT, PRE_STOP_COMMAND
        self._delay_over_at: float | None = None
        self._has_no_traffic = False  # nobody listens; but the pre-stop command has the last word
        self._queues_over_at: float | None = None
        self._pre_stop_over_at: float | None = None
        self._spared: int | None = None  # the process group of a pre-stop command that may finish
        self._round_at: float | None = None
        self._round_took = 0.0  # seconds, of the last one
        self.kill_at: float | None = None  # when SIGKILL comes, unless all have gone by then
        self._give_up_at: float | None = None
        self._has_left = False
        self._grace_runs = False  # whether kill_at is the end of the grace period, not of the sweep
        self._start_over_at = None if config.start_timeout is None else now + config.start_timeout
        self._was_too_late = False  # the command was not ready by then
        self._sent_too_late: set[int] = set()  # the stop signals that it got, by which it may say that it has died of one
        self._awaited = "nothing is known of it yet"  # why it is not ready
        self._never_ready = ""  # why it has not been ready yet, once something is known of it
        self._was_ready = False
        self._untold: tuple[list[Action], list[Action]] | None = None  # of the request: with a delay, and where there is none

    @property
    def deadline(self) -> float | None:
        """When on_timeout() wants to be called; None: not before another event."""
        pre_stop = (self._delay_over_at, self._queues_over_at, self._pre_stop_over_at)
        rounds = (self._round_at, self._second_look_at, self._patience_over_at, self._last_call_at)
        times = (self._start_over_at, *pre_stop, *rounds, self.kill_at, self._give_up_at)
        return min((time for time in times if time is not None), default=None)

    @property
    def awaits_word(self) -> bool:
        """Whether a pre-stop command runs that has the last word about the delay: silence alone does not end it."""
        return self._config.pre_stop_until and self._pre_stop is not None

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
            if child.pid == self._pre_stop_was:
                actions += self._on_pre_stop_exit(child, now)
            actions += self._no_longer_working(child.pid, now)
        if none_left:
            return [*actions, *self._leave(now)]
        if command_exited and self.phase == SWEEPING:
            self._spared = self._pre_stop if was_pre_stop else None  # it was not cut short, so it may finish
            actions.append(Deliver(self._of_all_left()))
            if self.requested_at is not None:
                actions.append(self._note("processes that it has left behind have still to end"))
        elif self.phase == SWEEPING:
            actions += self._look_again({child.pid for child in exits}, now)
        elif self.phase == KILLING:
            actions.append(KillAll())  # who was forked meanwhile
        return actions

    def on_gone(self, pid: int, now: float) -> list[Action]:
        """The process that we watched has exited."""
        return self._no_longer_working(pid, now)

    def on_delivered(self, request: Request, plan: Plan, now: float, took: float = 0.0) -> list[Action]:
        """A request has been carried out as planned, which took so many seconds."""
        if not request.is_stop:
            if plan.unsure and request.looks < LOOKS:
                self._second_looks[request.signum] = plan.next
                self._second_look_at = now + _blink(request.looks)
            return []
        if request.is_last_call:
            if self._request is not None:
                self._request = self._request.but(told=plan.next.told)
            return []
        self._request, self._held = plan.next, plan.held
        self._round_took = took
        self._working, self._gone = sorted(plan.working, reverse=True), set()
        self.known = {self._command, self._pre_stop_was or self._command, *self._working, *plan.next.told}
        if not plan.spared or request.has_waited:
            self._patience_over_at = None
        elif self._patience_over_at is None:
            self._patience_over_at = self._last_call_at or now + NEWCOMERS_MAY_TAKE
        if plan.unsure or (plan.held and not plan.working):  # or nobody to wait for: those who work may not be signalled
            self._round_at = now + (_blink(request.looks) if plan.unsure else BLINK)
            return []
        # In the sweep we look once more: one that was told between fork and exec is another program by then.
        looks_again = request.scope == LEFT and not self._has_looked_again and self.phase == SWEEPING and not plan.held
        self._has_looked_again |= looks_again
        self._round_at = now + self._config.settle if looks_again or plan.draining else None
        return self._wait_for_next(now)

    def on_blind(self, request: Request) -> None:
        """A stop request has gone to everybody at once: /proc did not tell whom it has reached."""
        self.is_blind, self._request = True, request

    def on_pre_stop_started(self, pid: int | None, now: float) -> list[Action]:
        """The pre-stop command runs; or could not be started (None), which must not keep the container from stopping."""
        if pid is None:
            return self._stop_when_due(now)
        self._pre_stop = self._pre_stop_was = pid
        self.known.add(pid)
        # With --pre-stop-until it is of use until the end of the delay, and no longer.
        self._pre_stop_over_at = None if self._config.pre_stop_until else now + self._config.pre_stop_timeout
        return []

    def on_finding(self, finding: Finding, now: float) -> list[Action]:
        """A look at the traffic has brought something."""
        said = self._tell_request(finding)
        if finding.message:
            said.append(Say(finding.level, finding.event, finding.message, finding.fields))
        if finding.ends == DELAY and self._delay_over_at is not None:
            self._story.append(finding.message)
            self._has_no_traffic = self.awaits_word
            return said if self.awaits_word else [*said, *self._end_delay(now)]
        if finding.ends == QUEUES and self._queues_over_at is not None:
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
        story = f"the kernel has killed {count} process{'es' if count > 1 else ''} here for want of memory (OOM)"
        self._story.append(story)
        return [_say("oom_kill", f"{story}; is the memory limit too low?", "warning", kills=count)]

    def on_extended(self, until: float, now: float) -> list[Action]:
        """The command asks for time until then (EXTEND_TIMEOUT_USEC): to become ready, or to finish. None is taken away."""
        if self._start_over_at is not None:
            self._start_over_at = max(self._start_over_at, until)
        if self.kill_at is None or not self._grace_runs or self.requested_at is None:
            return []
        if self._config.stop_timeout is not None:
            until = min(until, self.requested_at + self._config.stop_timeout)
        if until <= self.kill_at:
            return []
        self.kill_at = until
        left = until - now
        if self._last_call_at is not None:
            self._last_call_at = now + left * LAST_CALL_AT
        return [_say("extended", f"asked for more time: SIGKILL comes in {seconds(left)}, not earlier", "debug", seconds=left)]

    def on_timeout(self, now: float) -> list[Action]:
        """Time has passed; the deadline may have come, or not."""
        actions: list[Action] = []
        if self._has_left:
            return actions
        if self._start_over_at is not None and now >= self._start_over_at:
            actions += self._on_start_timeout(now)
        if self._pre_stop_over_at is not None and now >= self._pre_stop_over_at:
            actions += self._on_pre_stop_timeout(now)
        if self._delay_over_at is not None and now >= self._delay_over_at:
            actions += self._end_delay(now)
        if self._queues_over_at is not None and now >= self._queues_over_at:
            actions += self._begin_stopping(now)
        if self.kill_at is not None and now >= self.kill_at:
            actions += self._on_time_over(now)
        actions += self._on_round(now)
        if self._give_up_at is not None and now >= self._give_up_at:
            self._give_up_at = None
            actions.append(_say("not_dying", "some processes do not die of SIGKILL; leaving without them", "warning"))
            actions += self._leave(now)
        return actions

    def _on_round(self, now: float) -> list[Action]:
        """It may be time for a further round of what was asked."""
        actions: list[Action] = []
        if self._second_look_at is not None and now >= self._second_look_at:
            self._second_look_at = None
            looks = self._second_looks.values()
            actions += [Deliver(request.but(spares_mortals=self._spares_mortals)) for request in looks]
            self._second_looks = {}
        if self._last_call_at is not None and now >= self._last_call_at:
            self._last_call_at = None
            if self._request is not None and not self.is_blind:
                # No other round at the same moment: it would not know yet who is told by this one.
                return [*actions, Deliver(self._request.but(is_last_call=True, has_waited=True))]
        if self._patience_over_at is not None and now >= self._patience_over_at and self._request is not None:
            self._patience_over_at = None
            self._request = self._request.but(has_waited=True)
            self._round_at = now
        if self._round_at is not None and now >= self._round_at:
            self._round_at = None
            if self._request is not None:
                actions.append(Deliver(self._request))
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
        if self.requested_at is None:
            self.requested_at = now
            self._story.append(heading)
        if self.phase == RUNNING:
            return self._begin_pre_stop(heading, fields, received.signum, now)
        said = Say("info", "stop_requested", heading if self._was_too_late else f"{heading}, again", fields)
        if self.phase == PRE_STOP:
            self.delay_ended_by = CUT_SHORT
            return [said, *self._begin_stopping(now)]
        if self.phase == SWEEPING and self._config.grace_period is not None:
            self.kill_at = min(now + self._config.grace_period, self.kill_at or now + self._config.grace_period)
        self.is_blind = self._has_looked_again = False
        # It is passed on as it came: who asks twice wants something else than the first time.
        return [said, Deliver(Request(stop_signal, LEFT if self.phase == SWEEPING else IN_GROUP, True, has_drained=True))]

    def _begin_pre_stop(self, heading: str, fields: dict[str, object], signum: int, now: float) -> list[Action]:
        config = self._config
        waits = []
        delay, hook = config.pre_stop_delay, config.pre_stop
        longest = config.longest_delay if delay is None else delay
        if delay is None:
            times = [seconds(config.pre_stop_min)] if config.pre_stop_min < longest else []
            why = f"; {config.assumption}" if config.assumption else ""
            waits.append(f"keeps serving until the traffic is quiet ({' to '.join([*times, seconds(longest)])}{why})")
        elif delay:
            waits.append(f"keeps serving for {seconds(delay)}")
        if hook:
            until = "or until" if config.pre_stop_until else "and waits for"
            limit = "" if config.pre_stop_until else f", at most {seconds(config.pre_stop_timeout)}"
            waits.append(f"{until} the pre-stop command{' succeeds' if config.pre_stop_until else ''}{limit}")
        note = f"; the command {' '.join(waits).removeprefix('and ')}" if waits else ""
        shown = "auto" if delay is None else delay
        fields |= {"pre_stop_delay": shown, "pre_stop": hook}
        if delay is None and config.assumption:
            fields["assumed"] = config.assumption
        said = Say("info", "stop_requested", heading + note, fields)
        self.phase = PRE_STOP
        self._start_over_at = None
        fall, watch = self._fall(AT_REQUEST, "a stop was requested"), WatchTraffic(self._never_ready)
        if not waits:
            return [said, *fall, watch, *self._await_queues(now)]
        self._delay_over_at = now + longest if delay != 0 else None
        # The pre-stop command first: should there be no traffic at all, it must be waited for all the same.
        begin = [*fall, RunPreStop(signum), watch] if hook else [*fall, watch]
        noted = self._note(note.removeprefix("; "))
        if delay is not None:
            return [said, *begin, noted]
        # Whether there is a delay at all is known when the traffic has been looked at, and is told then.
        rest = " ".join(waits[1:]).removeprefix("and ").replace("or until", "keeps serving until")
        alone = Say("info", "stop_requested", heading + (f"; the command {rest}" if rest else ""), said.fields)
        self._untold = ([said, noted], [alone, self._note(f"the command {rest}")] if rest else [alone])
        return begin

    def _tell_request(self, finding: Finding) -> list[Action]:
        """What there is to tell of the request, if that has waited for the first finding about the traffic."""
        if self._untold is None:
            return []
        with_delay, without = self._untold
        self._untold = None
        return without if finding.ends == DELAY else with_delay

    def _note(self, unfinished: str) -> Note:
        """The story so far, and what goes on; to be read only if nobody could tell the end of it."""
        return Note("; ".join([*self._story, f"not finished yet: {unfinished}"]))

    def _end_delay(self, now: float) -> list[Action]:
        self._delay_over_at = None
        if not self.awaits_word:
            return self._stop_when_due(now)
        text = f"the pre-stop command has not succeeded within {seconds(self._since(now))}, and is killed"
        return [*self._kill_pre_stop("pre_stop_timeout", text, "warning"), *self._stop_when_due(now)]

    def _stop_when_due(self, now: float) -> list[Action]:
        """Go on if the delay is over and the pre-stop command has exited."""
        due = self.phase == PRE_STOP and self._delay_over_at is None and self._pre_stop is None
        return self._await_queues(now) if due and self._queues_over_at is None else []

    def _await_queues(self, now: float) -> list[Action]:
        """A connection that waits in an accept queue when its listener is closed is reset; so choose the moment."""
        self._queues_over_at = now + QUEUES_MAY_TAKE
        return [AwaitQueues(self._queues_over_at)]

    def _begin_stopping(self, now: float) -> list[Action]:
        self.phase = STOPPING
        self._delay_over_at = self._queues_over_at = None
        self._begin_grace(now)
        request = Request(self.stop_signal, IN_GROUP, True, self._by_program)
        note = self._note(f"the command was told to stop {seconds(self._since(now))} after {self._since_what}")
        told = self._tell_request(Finding(NOTHING))
        return [*told, *self._fall(AT_SIGNAL, "the command is being stopped"), Deliver(request), note]

    def _of_all_left(self) -> Request:
        """The request for all that the command has left behind: a further round, or the first one of a sweep without a stop."""
        if self._request is None:
            return Request(self.stop_signal, LEFT, True, self._by_program, spared=self._spared)
        return self._request.but(scope=LEFT, looks=0, spared=self._spared)

    def _on_start_timeout(self, now: float) -> list[Action]:
        """Not ready in time: a stop in good order that nobody has requested, as if by the first of the stop requests."""
        self._start_over_at = None
        self._was_too_late = True
        self.requested_at = now
        self.stop_signal = self._config.usual_stop_signal
        self._sent_too_late.add(self.stop_signal)
        story = f"not ready within {seconds(now - self.started_at)} (--start-timeout): {self._awaited}"
        self._story.append(story)
        said = _say("start_timeout", f"{story}; the command is stopped", "warning", reason=self._awaited)
        actions = [said, *self._begin_stopping(now)]
        if self.kill_at is None:
            # No orchestrator has asked for this stop, so none will put an end to it.
            self.kill_at = now + START_GRACE
            self._last_call_at = now + START_GRACE * LAST_CALL_AT
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
        elif timeout is not None and self.requested_at is not None:
            grace = self.requested_at + timeout - now
        if grace is not None:
            self._last_call_at = now + grace * LAST_CALL_AT

    def _on_pre_stop_exit(self, child: "Reaped", now: float) -> list[Action]:
        self._pre_stop = None
        self._pre_stop_was = 0
        self._pre_stop_over_at = None
        level = "warning" if child.status else "info"
        until = self._config.pre_stop_until and self._delay_over_at is not None
        ends = not child.status or self._has_no_traffic
        meaning = (", and the delay ends" if ends else "; the delay goes on") if until else ""
        said = _say(
            "pre_stop_exited",
            f"the pre-stop command exited with status {child.status} after {seconds(self._since(now))}{meaning}",
            level,
            status=child.status,
        )
        if until and ends:
            self._delay_over_at = None
            self.delay_ended_by = None if child.status else PRE_STOP_COMMAND
        return [said, *self._stop_when_due(now)]

    def _on_pre_stop_timeout(self, now: float) -> list[Action]:
        limit = seconds(self._config.pre_stop_timeout)
        text = f"the pre-stop command did not exit within {limit} and is killed (--pre-stop-timeout)"
        actions = [*self._kill_pre_stop("pre_stop_timeout", text, "warning"), *self._stop_when_due(now)]
        return actions + self._look_again(set(), now) if self.phase == SWEEPING else actions

    def _kill_pre_stop(self, event: str, text: str, level: str) -> list[Action]:
        """The time of the pre-stop command is over, for the reason in the text."""
        pid, self._pre_stop, self._pre_stop_over_at = self._pre_stop, None, None
        return [] if pid is None else [_say(event, text, level, pid=pid), KillPreStop(pid)]

    def _on_command_exit(self, child: "Reaped", none_left: bool, now: float) -> list[Action]:
        self.status = child.status
        how = f"was killed by {signals.name(child.killed_by)}" if child.killed_by else f"exited with status {child.status}"
        phase = self.phase
        since = self._since(now)
        story = f"the command {how}, {seconds(since)} after {self._since_what}"
        self._story.append(story)
        said = _say(
            "command_exited",
            story,
            "debug" if self.requested_at is None and none_left else "info",
            pid=child.pid,
            status=child.status,
            killed_by=signals.name(child.killed_by) if child.killed_by else None,
            seconds=since,
        )
        fall = self._fall(AT_SIGNAL, "the command has exited")
        self._start_over_at = None
        if phase == KILLING:
            return [said, *fall]
        self.phase = SWEEPING
        self._delay_over_at = self._queues_over_at = self._round_at = None
        if phase == RUNNING:
            self.kill_at = now + self._config.sweep_timeout
        elif phase == PRE_STOP:
            self._begin_grace(now)
        if not self.awaits_word:
            return [said, *fall]
        text = "the pre-stop command is killed: there is no command any more that could be told"
        return [said, *fall, *self._kill_pre_stop("pre_stop_killed", text, "info")]

    def _on_time_over(self, now: float) -> list[Action]:
        option = "--grace-period" if self._grace_runs else "--sweep-timeout"
        self.phase = KILLING
        self.kill_at = self._round_at = self._delay_over_at = self._last_call_at = self._patience_over_at = None
        self._give_up_at = now + KILL_TAKES
        story = f"the time is over ({option}): SIGKILL for all that is left"
        self._story.append(story)
        return [_say("killing", story, "warning", option=option), KillAll()]

    def _look_again(self, gone: set[int], now: float) -> list[Action]:
        """In the sweep, when somebody has gone: who was started meanwhile, or spared, has not been told yet."""
        if self._spared is not None and self._pre_stop is None:
            self._spared = None
            return [Deliver(self._of_all_left())]
        if self.is_blind and self._request is not None:
            return [Deliver(self._of_all_left())]
        told = self._request.told if self._request is not None else {}
        if self._round_at is None and not self._held and any(pid in told for pid in gone):
            self._round_at = now + max(self._config.settle, REST * self._round_took)
        return []

    # --- rounds: those held back come after those who work ---

    def _no_longer_working(self, pid: int, now: float) -> list[Action]:
        if not self._working or pid in self._gone:
            return []
        self._gone.add(pid)
        return self._wait_for_next(now) if pid == self._working[-1] else []

    def _wait_for_next(self, now: float) -> list[Action]:
        """Wait for one who still works; after the last one let things settle."""
        if self.phase == KILLING or not self._working:
            return []
        while self._working and self._working[-1] in self._gone:
            self._working.pop()
        if self._working:
            return [WatchExit(self._working[-1])]
        if self._round_at is None:
            self._round_at = now + self._config.settle
        return [
            _say(
                "settling",
                f"the last handler has gone, {seconds(self._since(now))} after {self._since_what}; those held back "
                f"have {seconds(self._config.settle)} to end by themselves",
                held=list(self._held),
            )
        ]

    # --- the end ---

    def _leave(self, now: float) -> list[Action]:
        if self._has_left:
            return []
        self._has_left = True
        own = self.status
        if own is None:  # it does not die of SIGKILL; or it is lost, which cannot be
            own = 137 if self.phase == KILLING else 125
        if self._was_too_late and own in {0, *(128 + signum for signum in self._sent_too_late)}:
            own = NOT_READY_IN_TIME  # or it would look like a stop that somebody wanted
        status = self._config.map_status.get(own, own)
        mapped = f" (mapped from {own})" if status != own else ""
        story = f"exit status {status}{mapped}, {seconds(self._since(now))} after {self._since_what}"
        level = "debug" if self.requested_at is None else "info"
        since = self._since(now)
        said = _say("exit", story, level, status=status, command_status=self.status, seconds=since)
        return [TellLosses(), said, Exit(status, "; ".join([*self._story, story]))]

    def _since(self, now: float) -> float:
        return now - (self.started_at if self.requested_at is None else self.requested_at)

    @property
    def _since_what(self) -> str:
        if self._was_too_late:
            return "the start timeout"
        return "the start" if self.requested_at is None else "the stop request"
