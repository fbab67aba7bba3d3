"""The moments of a rolling update, in seconds of time.monotonic() of the machine that ran it."""

from dataclasses import dataclass

#: What a mark can stand for: the first requests can go to a new replica; the stop request, the last router that has removed the
#: endpoint, the end of the container, of an old one.
ADMISSION, STOP, REMOVAL, END = "admission", "stop", "removal", "end"


@dataclass(frozen=True)
class Mark:
    """A moment of a rolling update, for a line in its timeline."""

    at: float
    kind: str
    replica: str


@dataclass(frozen=True)
class Stop:
    """The end of one old replica.

    `replica`: the container's hostname, as in the header X-Replica. `requested`: when the orchestrator asked for the stop (a
    preStop hook begins then). `removed`: when the last router knew. `ended`: when the container was gone. `status`: its exit
    status. `log`: what its init said of the stop, where that is pyinit and not on Swarm.
    """

    replica: str
    requested: float
    removed: float
    ended: float
    status: int
    log: str = ""

    @property
    def seconds(self) -> float:
        """The stop time: from the request to the container's end."""
        return self.ended - self.requested

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Its moments, for a timeline."""
        return (
            Mark(self.requested, STOP, self.replica),
            Mark(self.removed, REMOVAL, self.replica),
            Mark(self.ended, END, self.replica),
        )
