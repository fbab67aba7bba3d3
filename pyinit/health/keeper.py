"""In PID 1: keeps a health helper running, and hears what it reports. What follows is on the state page, for everybody.

The helper is a process of its own, for what listens to strangers may fail or be attacked. All that PID 1 takes from it are
short lines, which can make it say ready or not ready, log something, or give the command more time; it never waits for it.

Everything in here is of help and not of need: where it fails, a helper is started anew, and the rest goes on (supervise.py).
"""

import posix

from pyinit import page
from pyinit.health import readiness, reports
from pyinit.health.doors import PIPE_SIZE, Given
from pyinit.health.notify import LONGEST_EXTENSION
from pyinit.health.readiness import Verdict
from pyinit.kernel import signals, system
from pyinit.kernel.signals import signal
from pyinit.log import seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.health.doors import Doors
    from pyinit.kernel.system import Reaped
    from pyinit.life.actions import Action
    from pyinit.life.lifecycle import Lifecycle
    from pyinit.log import Log
    from pyinit.page import Page, State
    from pyinit.settings.config import Config

#: Seconds until a helper that has ended is started anew: the first time, and at most, doubling in between.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

#: Seconds after which a helper counts as one that works.
LASTS = 10.0

#: Log lines of the helper that are taken at a time; more are nonsense.
MOST_LINES = 20

#: Seconds that end() waits for the helper to be gone. It takes a fraction of a millisecond.
DIES_WITHIN = 0.05


#: Bytes of a list of children, more than one takes.
SOME_CHILDREN = 64


class Keeper:
    """Keeps the helper. `pid` is 0 while there is none.

    `traffic_since` is when the command first became ready, and /proc/net/snmp then; None before, and where nobody counts.
    """

    def __init__(
        self,
        config: "Config",
        doors: "Doors",
        environment: dict[bytes, bytes],
        mask: frozenset[int],
        folder: str,
        page: "Page",
        log: "Log",
        lifecycle: "Lifecycle",
    ) -> None:
        self.pid = 0
        self.traffic_since: tuple[float, bytes] | None = None
        self._counts = config.pre_stop_delay is None
        self._start_at: float | None = page.state.started_at
        self._is_behind = False
        self._given = (config, doors, environment, mask, folder)
        self._doors = doors
        self._page = page
        self._log = log
        self._lifecycle = lifecycle
        self._posted: State | None = None
        self._rest = b""  # of a line
        self._is_notified = False
        self._verdict: Verdict | None = None
        self._started_at = 0.0
        self._pause = FIRST_PAUSE
        self._is_over = False
        page.on_readiness(readiness.first(config.ready), "", page.state.started_at)

    @property
    def due_at(self) -> float | None:
        """When turn() wants to be called; None: not by the clock."""
        return 0.0 if self._is_behind else self._start_at

    # --- what it reports ---

    def turn(self, now: float) -> "list[Action]":
        """Hear what was reported; start a helper, if it is time.

        Returns what the lifecycle wants in consequence. Reports are read whatever has woken us: SIGIO is not queued, so that
        somebody else's may have taken the place of ours; and a deadline must not be judged before them.
        """
        wanted = self._hear(now)
        if self._start_at is not None and now >= self._start_at:
            self._start(now)
        return wanted

    def _hear(self, now: float) -> "list[Action]":
        data = self._doors.read_reports()
        self._is_behind = len(data) == PIPE_SIZE  # there may be more, of which nobody tells again
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[: reports.LONGEST]
        wanted: list[Action] = []
        said = 0
        for line in lines:
            match reports.from_bytes(line):
                case Verdict() as verdict:
                    self._on_verdict(verdict, now)
                    wanted += self._lifecycle.on_verdict(verdict.holds, verdict.reason)
                case reports.Extended(until):
                    wanted += self._lifecycle.on_extended(min(until, now + LONGEST_EXTENSION), now)
                case reports.Notified():
                    self._is_notified = True
                case reports.Stopping():
                    self.fall("the command has said STOPPING=1", now, "info")
                case reports.Described(text):
                    self._page.update(notify_status=text)
                case reports.Line(level, event, message) if said < MOST_LINES:
                    said += 1
                    self._log.say(level, event, message)
        return wanted

    def _on_verdict(self, verdict: Verdict, now: float) -> None:
        self._verdict = verdict
        state = self._page.state
        after = readiness.after(state.readiness, verdict.holds)
        if state.readiness == page.FALLEN:
            return
        self._page.on_readiness(after, verdict.reason, now)
        if after == state.readiness:
            return
        fields: dict[str, object] = {"readiness": after, "reason": verdict.reason}
        if after == page.READY:
            is_first = state.first_ready_at is None
            if is_first and self._counts:
                self.traffic_since = (now, system.read_file("/proc/self/net/snmp"))
            which = f", {seconds(now - state.started_at)} after the start" if is_first else " again"
            self._log.say("info", "ready", f"ready{which}: {verdict.reason}", **fields)
        else:
            self._log.say("info", "unready", f"not ready: {verdict.reason}", **fields)

    def fall(self, reason: str, now: float, level: str = "debug") -> None:
        """Readiness falls, for good."""
        if self._page.state.readiness != page.FALLEN:
            self._page.on_readiness(page.FALLEN, reason, now)
            self._log.say(level, "unready", f"not ready: {reason}", readiness=page.FALLEN, reason=reason)
        self.show()

    def show(self) -> None:
        """Let the helper know what is on the page, if it is new."""
        if self._page.state is not self._posted:
            self._doors.post(page.to_bytes(self._page.state, 0))
            self._posted = self._page.state

    # --- its life ---

    def _start(self, now: float) -> None:
        self._started_at = now
        found = (self._page.state, self._is_notified, self._verdict)
        try:
            self.pid = posix.fork()
        except OSError as error:  # EAGAIN, ENOMEM: a limit is reached
            text = f"the health helper cannot be started, again in {self._start_later(now)}: {error.strerror}"
            self._log.say("warning", "health_failed", text)
            return
        if self.pid == 0:
            _become_helper(Given(*self._given, *found))
        self._start_at = None
        self._page.update(health=self.pid)

    def _start_later(self, now: float) -> str:
        """Start another in a while, which is returned for people: longer each time."""
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        self._start_at = now + pause
        return seconds(pause)

    def on_exit(self, child: "Reaped", now: float) -> None:
        """The helper has exited."""
        self.pid = 0
        self._page.update(health=0)
        if self._is_over:
            return
        if now >= self._started_at + LASTS:
            self._pause = FIRST_PAUSE
        how = f"was killed by {signals.name(child.killed_by)}" if child.killed_by else f"exited with status {child.status}"
        text = f"the health helper {how}; it is started anew in {self._start_later(now)}"
        self._log.say("warning", "health_exited", text, pid=child.pid, status=child.status)

    def recover(self, now: float) -> None:
        """Something in here has failed. A helper that is started anew finds everything in order."""
        self._posted = None
        self._rest = b""
        if self.pid:
            system.send(self.pid, signal.SIGKILL)
        else:
            self._start_later(now)

    def is_last(self) -> bool:
        """Whether the helper is the only child that we have left, or nobody can tell: then it must not hold up the end."""
        own = system.getpid()
        if system.read_link("/proc/self") != str(own):
            return True
        children = system.read_file(f"/proc/self/task/{own}/children", SOME_CHILDREN).split()
        return children in ([], [b"%d" % self.pid])  # none at all: a kernel without CONFIG_PROC_CHILDREN

    def end(self) -> None:
        """No more helpers: it is over. The one that runs is killed, with its probes, and waited for if it is gone at once."""
        self._is_over = True
        self._start_at = None
        if not self.pid:
            return
        for probe in system.read_file(f"/proc/{self.pid}/task/{self.pid}/children").split():
            system.send(-int(probe), signal.SIGKILL)
        system.send(self.pid, signal.SIGKILL)
        until = system.monotonic() + DIES_WITHIN
        while system.monotonic() < until and system.is_running(self.pid):
            system.nap(DIES_WITHIN / 200)


def _become_helper(given: Given) -> None:
    """In the child: never returns."""
    try:
        from pyinit.health import helper

        helper.run(given)
    finally:
        posix._exit(1)
