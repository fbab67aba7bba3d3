"""What one rolling update gave: when each replica was stopped and how it ended, and how many requests were lost.

Moments are seconds of time.monotonic() of the machine that ran the laboratory; a file of results has one JSON object per line.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyinit.rehearse.moments import ADMISSION, Mark, Stop


@dataclass(frozen=True)
class RolloutResult:
    """One rolling update of one variant.

    `server`, `form`, `init`, `router` and `removal` name the variant, in the words of a table; `number` counts its rollouts
    from 1. `began` and `ended`: from the start of the first new replica to the moment when every old one was gone and every
    router knew. `admissions`: when each new replica was in rotation. `requests`: how many were begun until the next rollout
    began, and with the first one those before it, too.
    `lost`: how many of them by kind, without those that were ok.
    """

    server: str
    form: str
    init: str
    router: str
    removal: str
    number: int
    began: float
    ended: float
    requests: int
    lost: Mapping[str, int]
    stops: tuple[Stop, ...]
    admissions: tuple[float, ...] = ()

    @property
    def variant(self) -> tuple[str, str, str, str, str]:
        """What the rollouts of one row of a table have in common."""
        return (self.server, self.form, self.init, self.router, self.removal)

    @property
    def seconds(self) -> float:
        """The rollout time."""
        return self.ended - self.began

    @property
    def lost_in_all(self) -> int:
        """How many requests were lost, of whatever kind."""
        return sum(self.lost.values())

    @property
    def stop_times(self) -> tuple[float, ...]:
        """Of each replica, in seconds."""
        return tuple(stop.seconds for stop in self.stops)

    @property
    def statuses(self) -> tuple[int, ...]:
        """The exit status of each replica."""
        return tuple(stop.status for stop in self.stops)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All moments of all replicas, for a timeline."""
        new = [Mark(at, ADMISSION, f"new {number}") for number, at in enumerate(self.admissions, 1)]
        return (*(mark for stop in self.stops for mark in stop.marks), *new)

    def as_json(self) -> str:
        """One line."""
        return json.dumps({**asdict(self), "lost": dict(self.lost)})


def from_json(line: str) -> RolloutResult:
    """What as_json() wrote."""
    fields: dict[str, Any] = json.loads(line)
    stops = tuple(Stop(**stop) for stop in fields["stops"])
    return RolloutResult(**{**fields, "stops": stops, "admissions": tuple(fields.get("admissions", ()))})


def by_variant(results: Iterable[RolloutResult]) -> dict[tuple[str, str, str, str, str], list[RolloutResult]]:
    """The results of each variant, in the order of their first one."""
    found: dict[tuple[str, str, str, str, str], list[RolloutResult]] = {}
    for result in results:
        found.setdefault(result.variant, []).append(result)
    return found


def read(path: Path) -> Iterator[RolloutResult]:
    """The results in a file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield from_json(line)
