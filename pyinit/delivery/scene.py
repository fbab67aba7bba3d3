"""PURE. What is to be decided: a request, and who is there, as one look at all processes has found them."""

from pyinit.kernel.processes import children_of
from pyinit.kernel.signals import signal
from pyinit.record import Record
from pyinit.settings.config import GROUP, HANDLERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.delivery import Request
    from pyinit.kernel.processes import Look, Process

TERM = int(signal.SIGTERM)


class Place(Record):
    """Where we stand: our own PID, the command's, which is its group too; `forward` is as in Config."""

    own_pid: int
    command: int
    forward: str = GROUP


class Scene:
    """A request, all processes by PID, what a closer look at single ones tells, and where we stand. Nothing of it is changed.

    `choices` are the signals that may be sent: that of the request, and SIGTERM for a stop that somebody does not hear.
    `children` are those of each process. `is_deep`: handlers below handlers are told as well.
    """

    def __init__(
        self,
        request: "Request",
        processes: "Mapping[int, Process]",
        look: "Look",
        place: Place,
        children: "Mapping[int, list[int]] | None" = None,
    ) -> None:
        self.request = request
        self.processes = processes
        self.look = look
        self.place = place
        self.children = children_of(processes) if children is None else children
        self.choices = (request.signum, TERM) if request.is_stop and request.signum != TERM else (request.signum,)
        self.is_deep = request.is_last_call or place.forward == HANDLERS

    def but(self, **changed: object) -> "Scene":
        """The same processes, and the same request with other values in some fields."""
        return Scene(self.request.but(**changed), self.processes, self.look, self.place, self.children)

    def is_shell(self, process: "Process") -> bool:
        """Whether a process is a shell."""
        return self.look.is_shell(process.pid, process.name)

    def hears(self, process: "Process") -> bool:
        """Whether a process has a handler for the signal, or at a stop for SIGTERM, and be it a shell that has no trap."""
        return any(process.catches(one) or process.blocks(one) for one in self.choices)
