"""How many connections were opened to the ports that count, those that came and went between two looks included."""

from pyinit.traffic import counters
from pyinit.traffic.diag import Diag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.traffic.proc_net import ProcNet


class OfAllPorts:
    """By the kernel's counter of completed handshakes."""

    def __init__(self) -> None:
        self._counted: int | None = None

    def before_look(self) -> None:
        """Nothing: the counter forgets nobody."""

    def after_look(self, count: int) -> int:  # noqa: ARG002 - as OfSomePorts
        """How many were opened since the last call."""
        now = counters.read()
        opened = 0 if now is None else now.opened
        new = 0 if self._counted is None else max(0, opened - self._counted)
        self._counted = opened
        return new


class OfSomePorts:
    """The kernel's counter does not know ports. So, what was ever opened is: what is there now, and what was destroyed."""

    def __init__(self, view: Diag, counts: "Callable[[int], bool]") -> None:
        """Raises OSError where the kernel does not tell of the destroyed."""
        view.hear_of_the_dead()
        self._view = view
        self._counts = counts
        self._are_untold = False
        self._dead = 0
        self._most: int | None = None

    def before_look(self) -> None:
        """To be called before the connections are looked at: who dies in between is seen there, and mourned later."""
        for port in self._view.deaths():
            self._are_untold |= port == 0
            self._dead += self._counts(port)

    def after_look(self, count: int) -> int:
        """How many were opened since the last call, there being so many now."""
        opened = count + self._dead
        if self._most is None or self._are_untold:
            # More have died than could be told of: that is no silence, and how many there were is unknown.
            new, self._most, self._are_untold = int(self._are_untold), opened, False
            return new
        new = max(0, opened - self._most)
        # A connection may be out of sight for a while before it is destroyed. That makes no new one of it.
        self._most = max(opened, self._most)
        return new


class OfVisible(OfSomePorts):
    """Where the kernel does not tell of the destroyed either: those that come and go are missed."""

    def __init__(self) -> None:
        self._are_untold = False
        self._dead = 0
        self._most = None

    def before_look(self) -> None:
        """Nothing can be done."""


Arrivals = OfAllPorts | OfSomePorts


def choose(view: "Diag | ProcNet", counts: "Callable[[int], bool] | None", is_shared: bool) -> Arrivals:
    """The best way there is: `counts` says which ports count (None: all connections do, our own probes too).

    `is_shared` says that the kernel's counters count others' as well.
    """
    if counts is not None and isinstance(view, Diag):
        try:
            return OfSomePorts(view, counts)
        except OSError:
            pass  # before Linux 4.3
    return OfVisible() if is_shared else OfAllPorts()
