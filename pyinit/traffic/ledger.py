"""The kernel's counters, read at the right moments: what the report of loss.py is made from."""

from pyinit.kernel import system
from pyinit.traffic import counters, loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.traffic.view import View

#: Seconds between two looks, at least; and as a share of the time since the stop request.
PERIOD = 0.25
RESOLUTION = 0.025


class Ledger:
    """Notes the counters at the stop request, at the stop signal, and from then on when look() is called: at `due_at`."""

    def __init__(self, view: "View", requested_at: float) -> None:
        self.due_at: float | None = None
        self._view = view
        self._requested_at = requested_at
        # On the host's network the counters are everybody's, and where nobody listens nothing can be refused.
        self._requested = self._signalled = self._last = None if view.is_shared or not view.ports else counters.read()
        self._is_open = False  # something was listened on when the stop signal went out
        self._last_reset: float | None = None
        self._open_at_kill = 0

    @property
    def opened(self) -> int | None:
        """Connections opened until the stop request, since the network namespace was made; None where nobody has counted."""
        return None if self._requested is None else self._requested.opened

    def on_signalled(self) -> None:
        """The stop signal goes out now: from here on a reset is a loss."""
        self._is_open = bool(self._view.listeners())
        self.look(system.monotonic())
        self._signalled, self._last_reset = self._last, None

    def look(self, now: float) -> None:
        """Note the counters, and when it was that resets were sent."""
        read = counters.read()
        if read is None or self._last is None or not self._is_open:
            self.due_at = None
            return
        since = now - self._requested_at
        self.due_at = now + max(PERIOD, since * RESOLUTION)
        if read.resets > self._last.resets:
            self._last_reset = since
        self._last = read

    def on_kill(self) -> None:
        """SIGKILL goes out now, perhaps not for the first time."""
        self._open_at_kill = max(self._open_at_kill, self._view.established())

    def report(self, now: float, delay: str, last_event: float | None) -> loss.Losses | None:
        """What was lost, after a delay that ended so; None where nobody listened, or nothing can be known."""
        self.look(now)
        self.due_at = None
        if not self._is_open or self._requested is None or self._signalled is None or self._last is None:
            return None
        counted = (self._requested, self._signalled, self._last)
        return loss.report(loss.Story(delay, *counted, last_event, self._last_reset, self._open_at_kill))
