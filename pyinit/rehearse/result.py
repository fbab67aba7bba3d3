"""PURE. What came out of one trial."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pyinit.rehearse.crew import Crew
from pyinit.rehearse.moments import ADMISSION, Mark, Stop
from pyinit.rehearse.outcome import EARLY, Outcome

#: The two replicas.
OLD, NEW = "old", "new"


@dataclass(frozen=True)
class Units:
    """Jobs of a worker, by its log: how many were begun, and how many of them were finished."""

    begun: int
    finished: int


@dataclass(frozen=True)
class Trial:
    """What came out of one trial. Moments are seconds of time.monotonic().

    `stop`: of the old replica. `admitted`: when the new one got traffic. `crew`: who was in the old one. `baseline`: requests
    of the last window before anything happened. `log`: the last lines of the old one.
    """

    arm: str
    round: int
    stop: Stop
    killed: bool
    out_of_memory: bool
    admitted: float | None
    crew: Crew | None
    outcomes: tuple[Outcome, ...]
    baseline: tuple[Outcome, ...]
    log: str
    seconds: dict[str, float] = field(default_factory=dict)  #: where the time went, by phase
    units: Units | None = None
    resets: int | None = None  #: that the kernel of the old one sent, from the stop request to its end

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All moments, for a timeline."""
        new = () if self.admitted is None else (Mark(self.admitted, ADMISSION, NEW),)
        return (*self.stop.marks, *new)


def with_early_ones(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The same, where those that the new replica lost before it had ever answered are of the kind EARLY."""
    answered = min((one.at for one in outcomes if one.replica == NEW and not one.is_lost), default=float("inf"))

    def is_early(one: Outcome) -> bool:
        return one.replica == NEW and one.is_lost and one.at < answered

    return [replace(one, kind=EARLY) if is_early(one) else one for one in outcomes]
