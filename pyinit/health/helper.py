"""The health helper: a process that PID 1 forks, which serves, probes and listens to the command, and reports to PID 1.

It has one thread and one loop, and waits for nobody but in epoll. There is no exec(): in a static binary there is no
interpreter that could be executed. What it knows of the state of PID 1 comes over a pipe, in the form of the state page
(page.py). The page itself would do for looking, but does not say when it has changed, and may not be had at all (seccomp).

It ends when PID 1 ends. Where it fails it exits, and PID 1 starts another.
"""

import posix

from pyinit.health import answers, doors, notify, readiness
from pyinit.health.outbox import Outbox
from pyinit.health.poller import GONE, READABLE, Poller
from pyinit.health.prober import Prober
from pyinit.health.reports import Described, Extended, Line, Notified, Stopping
from pyinit.kernel import signals, system
from pyinit.kernel.signals import signal
from pyinit.life import last_resort
from pyinit.life.actions import RUNNING
from pyinit.page import READY, SIZE
from pyinit.probe import run as probing
from pyinit.probe.state import from_bytes
from pyinit.settings.config import NOTIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from pyinit.health.doors import Given
    from pyinit.health.notify import Facts
    from pyinit.health.request import Asked, Refused
    from pyinit.health.server import Server

#: The name that `ps` shows, of 15 characters at most.
NAME = b"pyinit-health"

#: Descriptors that are closed where nobody tells which are open.
MANY = 1024

#: How many different reasons for dropping a datagram are told.
MOST_REASONS = 16


def run(given: "Given") -> None:
    """Be a helper, in a process that was just forked from PID 1; return where that has failed."""
    detach((given.doors.http, given.doors.mail, given.doors.reports[1], given.doors.states[0]))
    outbox = Outbox(given.doors.reports[1])
    try:
        Helper(given, outbox).loop()
    except Exception as error:  # noqa: BLE001 - the boundary: PID 1 is told, and starts another
        line = Line("warning", "health_fault", f"a fault in the health helper: {last_resort.story(error)}")
        outbox.put(line, system.monotonic())


def detach(kept: "Collection[int | None]") -> None:
    """Part with PID 1: have a session of our own, no signal blocked or handled, and no descriptors but those kept."""
    posix.setsid()
    for signum in signals.ALL:
        if signum not in (signal.SIGPIPE, signal.SIGXFSZ):  # of which a write is to fail
            signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        null = posix.open("/dev/null", posix.O_RDWR | posix.O_CLOEXEC)
    except OSError:
        null = posix.open("/", posix.O_RDONLY | posix.O_CLOEXEC)  # it can be neither read nor written
    for stream in (system.STDIN, system.STDOUT, system.STDERR):
        posix.dup2(null, stream)
    for descriptor in _open_descriptors():
        if descriptor > system.STDERR and descriptor not in kept:
            system.close(descriptor)
    try:
        system.append_line("/proc/self/comm", NAME, create=False)
    except OSError:
        pass  # no /proc: then it is called as PID 1 is


def _open_descriptors() -> list[int]:
    try:
        if system.read_link("/proc/self") == str(system.getpid()):
            return [int(entry) for entry in posix.listdir("/proc/self/fd")]
    except OSError:
        pass
    return list(range(MANY))


class Helper:
    """What the loop works with. `state` is the newest of PID 1."""

    def __init__(self, given: "Given", outbox: Outbox) -> None:
        config, held = given.config, given.doors
        self.state = given.state
        self._given = given
        self._config = config
        self._outbox = outbox
        self._states = held.states[0]
        self._poller = Poller()
        self._poller.watch(held.reports[1], 0, self._on_end)
        self._poller.watch(self._states, READABLE, self._on_state)
        self._is_notified = given.is_notified
        self._verdict = given.verdict  # the newest that was reported
        self._reasons: set[str] = set()
        self._owes_ready = self._is_notified  # READY=1 is to be passed on
        self._has_ended = False
        self._server: Server | None = None
        if held.http is not None:
            from pyinit.health import server

            self._server = server.Server(held.http, self._poller, self._answer)
        self._relay = None
        if held.mail is not None:
            from pyinit.health import mail

            address = given.environment.get(doors.NOTIFY_SOCKET)
            self._relay = mail.Relay(address) if address else None
            self._poller.watch(held.mail, READABLE, mail.Mail(held.mail, self._on_facts, self._drop).on_mail)
        self._prober = self._probe()
        self._pass_ready_on()
        self._judge()

    def _probe(self) -> Prober:
        targets = [target for target in self._config.ready if target != NOTIFY] if self.state.phase == RUNNING else []
        given = probing.Given(self._given.environment, self._given.mask)
        times = (self._config.ready_interval, self._config.ready_timeout)
        return Prober(targets, *times, given, self._given.folder, self._poller, self._judge, system.monotonic())

    def loop(self) -> None:
        """Work until PID 1 is gone."""
        while not self._has_ended:
            now = system.monotonic()
            self._prober.on_time(now)
            if self._server is not None:
                self._server.on_time(now)
            if self._outbox.due_at is not None and now >= self._outbox.due_at:
                self._outbox.flush(now)
            times = (self._prober.due_at, self._outbox.due_at, None if self._server is None else self._server.due_at)
            due_at = min((time for time in times if time is not None), default=None)
            self._poller.wait(None if due_at is None else due_at - system.monotonic())

    # --- PID 1 ---

    def _on_end(self, _: int) -> None:
        """Nobody reads our reports any more."""
        self._has_ended = True

    def _on_state(self, events: int) -> None:
        """There is a newer state, or nobody to tell of one."""
        self._has_ended = self._has_ended or bool(events & GONE)
        self._look()

    def _look(self) -> None:
        """Take the newest state."""
        newest = b""
        while data := doors.read(self._states, SIZE):
            newest = data
        state = from_bytes(newest) if newest else None
        if state is None:
            return
        self.state = state
        if state.phase != RUNNING:
            self._prober.close()  # what it would find is no news to anybody, and looks like traffic
        self._pass_ready_on()

    def _judge(self) -> None:
        """Report whether all that is asked for holds, if that is new."""
        verdict = readiness.together(self._config.ready, self._prober.found, self._is_notified)
        if self.state.phase == RUNNING and verdict is not None and readiness.is_news(verdict, self._verdict):
            self._verdict = verdict
            self._outbox.put(verdict, system.monotonic())

    # --- those who ask ---

    def _answer(self, asked: "Asked | Refused") -> bytes:
        self._look()  # what PID 1 has written before it was asked is what is told
        return answers.answer(asked, self.state, bool(self._config.ready), system.monotonic())

    # --- the command ---

    def _on_facts(self, facts: "Facts") -> None:
        now = system.monotonic()
        if facts.is_ready:
            self._is_notified = self._owes_ready = True
            self._outbox.put(Notified(), now)
        if facts.is_stopping:
            self._outbox.put(Stopping(), now)
        if facts.status is not None:
            self._outbox.put(Described(facts.status), now)
        if facts.extend is not None:
            self._outbox.put(Extended(now + facts.extend), now)
        self._judge()
        self._pass_on(facts.lines)
        self._pass_ready_on()

    def _pass_ready_on(self) -> None:
        """READY=1 is passed on when readiness begins: what we were told is not all that there is to it."""
        if self._owes_ready and self.state.readiness == READY:
            self._owes_ready = False
            self._pass_on((notify.READY,))

    def _pass_on(self, lines: tuple[bytes, ...]) -> None:
        failure = self._relay.send(lines) if self._relay is not None and lines else ""
        if failure:
            self._tell(f"cannot be passed on: {failure}")

    def _drop(self, reason: str) -> None:
        self._tell(f"is dropped: {reason}")

    def _tell(self, what: str) -> None:
        """Log once what has become of a datagram."""
        if what not in self._reasons and len(self._reasons) < MOST_REASONS:
            self._reasons.add(what)
            self._outbox.put(Line("debug", "notify", f"a message to NOTIFY_SOCKET {what}"), system.monotonic())
