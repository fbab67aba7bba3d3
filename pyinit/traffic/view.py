"""What we look through: the sockets of our network namespace, and which of their ports matter."""

from pyinit.kernel import system
from pyinit.traffic import surroundings
from pyinit.traffic.diag import Connections, Diag
from pyinit.traffic.proc_net import ProcNet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyinit.settings.config import Config

#: A look may cost this share of a CPU; where it costs more, looks become rarer. With all else that is done then it is 5 %.
SHARE = 0.04


#: How many ports a log line names.
NAMED = 8


def listed(ports: "Iterable[int]") -> str:
    """Ports for people: "80, 8080"."""
    return ", ".join(map(str, sorted(ports)[:NAMED]))


def open_sockets() -> Diag | ProcNet:
    """A view of the sockets. Raises OSError where nothing can be seen."""
    try:
        return Diag()
    except OSError:
        return ProcNet()


class View:
    """The sockets, seen in the best way there is.

    `is_shared`: on the host's network, where they are not ours alone. `ports` are listened on, or were when we looked.
    """

    def __init__(self, config: "Config") -> None:
        """Raises OSError where nothing can be seen."""
        self.config = config
        self.sockets = open_sockets()
        self.is_shared = surroundings.on_host_network()
        self.ports: set[int] = set()
        self.listeners()

    def listeners(self) -> dict[int, int]:
        """By port that is listened on: how many connections wait to be accepted. Our own health helper is nobody here."""
        found = self.sockets.listeners()
        if self.config.health_listen is not None:
            found.pop(self.config.health_listen[1], None)
        self.ports.update(found)
        return found

    def counts(self, port: int) -> bool:
        """Whether connections to a port count as traffic."""
        return port in self.ports and self.config.watches(port)

    def connections(self, within: float) -> Connections:
        """Those to the ports that count; `within` is the time in seconds that `active` is about."""
        return self.sockets.connections(self.counts, within, self.ports)

    def established(self) -> int:
        """How many connections there are to any of the ports."""
        return self.sockets.connections(self.ports.__contains__, 0, self.ports).established


class Look:
    """Made at the beginning of a look, it knows at its end when the next one may be."""

    def __init__(self) -> None:
        self.at = system.monotonic()
        self._cost = system.cpu_time()

    def next_at(self, period: float) -> float:
        """After so many seconds, or later, if this look has cost too much."""
        return self.at + max(period, (system.cpu_time() - self._cost) / SHARE)
