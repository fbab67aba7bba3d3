"""The probes of the application: each target is probed again and again, and none waits for another."""

from pyinit.health.readiness import Verdict
from pyinit.kernel import system
from pyinit.probe import run, target
from pyinit.probe.target import EXEC, Expected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyinit.health.poller import Poller
    from pyinit.probe.run import Given, Probe


#: Why there was no answer in time, where the probe was behind the accept queue. No figures: a reason is told when it changes.
QUEUED = "; connections wait there to be accepted, so it is busy, or hangs: more workers, or a longer --ready-timeout"


def is_queue_waiting(port: int) -> bool:
    """Whether connections to a port of ours wait to be accepted, the one of a probe that was given up included."""
    from pyinit.traffic.view import open_sockets  # only here: who answers in time does not pay

    try:
        sockets = open_sockets()
        try:
            return sockets.listeners().get(port, 0) > 0
        finally:
            sockets.close()
    except OSError:
        return False


class Prober:
    """Probes until close(). `found` is the newest verdict on each target; `on_found` is called after each."""

    def __init__(
        self,
        targets: "Sequence[str]",
        interval: float,
        timeout: float,
        given: "Given",
        folder: str,
        poller: "Poller",
        on_found: "Callable[[], None]",
        now: float,
    ) -> None:
        self.found: dict[str, Verdict] = {}
        self._targets = {text: target.parse(text) for text in targets}
        self._next = dict.fromkeys(self._targets, now)  # when each is to be probed next
        self._began: dict[str, float] = {}
        self._probes: dict[str, Probe] = {}  # those under way
        self._watched: dict[str, int] = {}  # the descriptors of them
        self._interval = interval
        self._timeout = timeout
        self._given = given
        self._folder = folder  # of the command, in which exec: targets run
        self._poller = poller
        self._on_found = on_found

    @property
    def due_at(self) -> float | None:
        """When on_time() wants to be called; None: not by the clock."""
        return min((*self._next.values(), *(probe.due_at for probe in self._probes.values())), default=None)

    def on_time(self, now: float) -> None:
        """Time has passed."""
        for text, at in list(self._next.items()):
            if now >= at:
                del self._next[text]
                self._began[text] = now
                self._probes[text] = self._begin(text, now)
                self._go_on(text)
        for text, probe in list(self._probes.items()):
            if now >= probe.due_at:
                self._go_on(text)

    def _begin(self, text: str, now: float) -> "Probe":
        asked = self._targets[text]
        if asked.kind != EXEC:
            return run.Probe(asked, Expected(), self._timeout, now)
        system.change_folder(self._folder)
        try:
            return run.Probe(asked, Expected(), self._timeout, now, self._given)
        finally:
            system.change_folder("/")

    def _go_on(self, text: str) -> None:
        """Let a probe do what it can do. What it waits for may be another descriptor afterwards, with the same number."""
        now = system.monotonic()
        probe = self._probes[text]
        self._forget(text)
        outcome = probe.on_ready(now)
        if outcome is None:
            if probe.descriptor is not None:
                self._watched[text] = probe.descriptor
                self._poller.watch(probe.descriptor, probe.events, lambda _: self._go_on(text))
            return
        del self._probes[text]
        self._next[text] = max(now, self._began[text] + self._interval)
        port = self._targets[text].port
        why = QUEUED if outcome.is_late and port and is_queue_waiting(port) else ""
        self.found[text] = Verdict(outcome.ok, f"{text}: {outcome.reason}{why}")
        self._on_found()

    def _forget(self, text: str) -> None:
        descriptor = self._watched.pop(text, None)
        if descriptor is not None:
            self._poller.forget(descriptor)

    def close(self) -> None:
        """Probe no more; what is under way is given up."""
        self._next.clear()
        for text, probe in self._probes.items():
            self._forget(text)
            probe.close()
        self._probes.clear()
