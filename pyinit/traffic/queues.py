"""The accept queues: a connection that waits in one is reset when the listening socket closes."""

from pyinit.kernel import system
from pyinit.life.actions import QUEUES, Finding
from pyinit.log import seconds
from pyinit.settings.config import QUEUES_MAY_TAKE
from pyinit.traffic.view import Look, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.traffic.view import View

#: Seconds between two looks, at least.
PERIOD = 0.002

#: Seconds that await_moment() takes at most. Short, for PID 1 does nothing else meanwhile.
MOMENT = 0.02


class Queues:
    """Waits until they are empty. `due_at` is when look() wants to be called."""

    def __init__(self, view: "View", until: float) -> None:
        """Wait not beyond a time."""
        self.due_at: float | None = None
        self.were_full = False  # at that time
        self._view = view
        self._until = until

    def _waiting(self) -> list[int]:
        """The ports with connections that wait to be accepted. On the host's network strangers may let theirs wait for ever."""
        config = self._view.config
        waiting = [port for port, length in self._view.listeners().items() if length and not config.ignores(port)]
        if self._view.is_shared:
            return [port for port in waiting if config.ports and config.watches(port)]
        return waiting

    def look(self) -> Finding | None:
        """Whether the wait is over."""
        look = Look()
        waiting = self._waiting()
        self.due_at = None
        if not waiting:
            return Finding(QUEUES)
        if look.at < self._until:
            self.due_at = min(self._until, look.next_at(PERIOD))
            return None
        self.were_full = True
        waited = seconds(QUEUES_MAY_TAKE)
        text = f"connections wait to be accepted on port {listed(waiting)}, for {waited}; the stop signal waits no longer"
        return Finding(QUEUES, "warning", "not_accepted", text, {"ports": waiting})

    def await_moment(self) -> None:
        """Wait some milliseconds at most: the last look is older than what was done since."""
        until = system.monotonic() + MOMENT
        while self._waiting() and system.monotonic() < until:
            system.nap(MOMENT / 20)
