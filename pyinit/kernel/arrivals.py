"""The order in which signals are taken: stop requests first, and nobody is held up by others that come again and again.

The kernel hands out the lowest number first. A SIGHUP that comes again before its turn is over would be next for ever, and
a SIGTERM behind it would never be taken. So after a signal that is no stop request we look for stop requests alone, and now
and then for whatever has not been taken of late. What is pending stays with the kernel until its turn has come: there it is
merged with its like, SIGCONT takes back a SIGTSTP, and nothing is lost should our own code fail.

A look is a system call. Those that come often and cannot stand before a stop request, SIGCHLD above all, cost none.
"""

from pyinit.kernel import signals, system
from pyinit.kernel.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

#: So many signals are taken between two looks for those that have not been taken of late.
PATIENCE = 8


class Arrivals:
    """Takes signals one by one. `first` are the numbers of the stop requests."""

    def __init__(self, first: "Collection[int]") -> None:
        self.first = frozenset(first)
        self._highest = max(first, default=0)
        self._may_hide_one = False  # whether a stop request may be pending behind what was taken last
        self._taken: set[int] = set()  # since a look has last found nothing else
        self._left = PATIENCE  # until the next look for the others

    def take(
        self, seconds: float | None, sleep: "Callable[[], system.Received | None] | None" = None
    ) -> system.Received | None:
        """As system.wait_signal(): the next signal, or None when the time is over. `sleep` waits in its place."""
        received = self._look() or (system.wait_signal(seconds) if sleep is None else sleep())
        if received is not None:
            signum = received.signum
            # SIGSYS is one of the faults, which the kernel hands out before all others (next_signal() in kernel/signal.c).
            is_low = signum < self._highest or signum == signal.SIGSYS
            self._may_hide_one = is_low and signum not in self.first
            self._taken.add(signum)
            self._left -= 1
        return received

    def _look(self) -> system.Received | None:
        found = system.look_for_signal(self.first) if self._may_hide_one else None
        if found is None and self._left <= 0:
            found = system.look_for_signal(signals.ALL - self._taken)
            if found is None:
                self._taken.clear()
                self._left = PATIENCE
        return found
