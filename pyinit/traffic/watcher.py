"""Watches the traffic from the stop request to the end: for the delay, then for the accept queues, then for what is lost.

Everything in here is of help and not of need: where it fails, the stop goes on without it (supervise.py).
"""

from pyinit.traffic import counters, loss
from pyinit.traffic.delay import Delay
from pyinit.traffic.ledger import Ledger
from pyinit.traffic.queues import Queues
from pyinit.traffic.view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.life.actions import Finding
    from pyinit.settings.config import Config


class Watcher:
    """Who watches what, and when. Times are on the clock of system.monotonic()."""

    def __init__(
        self,
        config: "Config",
        start: tuple[float, bytes],
        requested_at: float,
        first_ready: tuple[float, bytes] | None = None,
    ) -> None:
        """When we were started, the command became ready for the first time, if that is known, and the stop was requested.

        With the former two, /proc/net/snmp at that time. Raises OSError where nothing can be seen.
        """
        self._view = View(config)
        self._ledger = Ledger(self._view, requested_at)
        # Where readiness is asked for, no traffic is to come before: until then there is nothing to average.
        begun_at, snmp = first_ready or start
        opened = self._ledger.opened
        if opened is not None:
            opened = max(0, opened - counters.opened_in(snmp))
        since = "it was first ready" if first_ready else "the start"
        self._delay = Delay(self._view, requested_at, requested_at - begun_at, opened, since)
        self._queues: Queues | None = None
        self._is_signalled = False

    @property
    def due_at(self) -> float | None:
        """When look() wants to be called next; None: not at all."""
        if self._is_signalled:
            return self._ledger.due_at
        return self._delay.due_at if self._queues is None else self._queues.due_at

    def begin(self, never_ready: str) -> "Finding | None":
        """The delay begins; `never_ready` is as in actions.WatchTraffic."""
        return self._delay.begin(never_ready)

    def await_queues(self, until: float) -> "Finding | None":
        """The delay is over: wait until no connection waits in an accept queue, and not beyond a time."""
        self._queues = Queues(self._view, until)
        return self._queues.look()

    def on_signalled(self, ended_by: str | None) -> None:
        """The stop signal goes out now; a later one changes nothing.

        `ended_by` is what has ended the delay, if it was neither the traffic nor the time.
        """
        if self._is_signalled:
            return
        self._is_signalled = True
        if ended_by and self._delay.ended != loss.NO_DELAY:
            self._delay.ended = ended_by
        if self._queues is not None and self._queues.were_full:
            self._delay.ended = loss.NOT_ACCEPTED
        self._ledger.on_signalled()

    def await_moment(self) -> None:
        """Right before the stop signal."""
        if self._queues is not None:
            self._queues.await_moment()

    def on_kill(self) -> None:
        """SIGKILL goes out now."""
        self._ledger.on_kill()

    def look(self, now: float, awaits_word: bool) -> "Finding | None":
        """Look at what is of interest now; see Delay.look() for `awaits_word`."""
        if self._is_signalled:
            self._ledger.look(now)
            return None
        return self._delay.look(now, awaits_word) if self._queues is None else self._queues.look()

    def losses(self, now: float) -> loss.Losses | None:
        """The report at the end; None where there is nothing to tell of."""
        return self._ledger.report(now, self._delay.ended, self._delay.last_event)
