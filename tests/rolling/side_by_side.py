"""Rollouts of many kinds, so many deployments at a time, behind routers of ours as in a cluster."""

import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Protocol, TypeVar

from docker.errors import DockerException

from pyinit.rehearse.load import LoadError
from pyinit.rehearse.outcome import Outcome
from tests.rolling.results import RolloutResult

#: Rollouts that follow each other in one deployment. More of them save starts, fewer leave more to do side by side.
IN_A_ROW = 5


class Named(Hashable, Protocol):
    """What is rolled out."""

    @property
    def names(self) -> tuple[str, ...]:
        """As results have them."""


Kind = TypeVar("Kind", bound=Named)

#: A result, and what became of the requests of its time.
Told = Callable[[RolloutResult, Sequence[Outcome]], None]

#: Makes rollouts of one kind with these numbers, one after the other in one deployment; one result each or more.
Run = Callable[[Kind, Sequence[int]], list[tuple[RolloutResult, list[Outcome]]]]


def run_all(plan: Sequence[tuple[Kind, int]], jobs: int, run: Run[Kind], tell: Told) -> list[RolloutResult]:
    """So many rollouts of every kind, `jobs` deployments at a time; `tell` gets each result when its deployment is done.

    The results are in the order of the plan. A deployment that fails is made anew, once; where that fails, too, it ends it all,
    after those that run already.
    """

    def run_twice(kind: Kind, row: Sequence[int]) -> list[tuple[RolloutResult, list[Outcome]]]:
        try:
            return run(kind, row)
        except (AssertionError, DockerException, LoadError, OSError) as error:
            print(f"{', '.join(kind.names)}: failed, so it is made anew: {error}", file=sys.stderr)
            return run(kind, row)

    found: defaultdict[Kind, list[RolloutResult]] = defaultdict(list)
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run_twice, kind, row): kind for kind, row in _rows(plan)}
        try:
            for future in as_completed(running):
                for result, outcomes in future.result():
                    found[running[future]].append(result)
                    tell(result, outcomes)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [result for kind, _ in plan for result in sorted(found[kind], key=lambda one: (one.router, one.number))]


def _rows(plan: Sequence[tuple[Kind, int]]) -> Iterator[tuple[Kind, range]]:
    """First some rollouts of every kind, then some more: neighbours in a table are measured at about the same time."""
    most = max(rollouts for _, rollouts in plan)
    for first in range(1, most + 1, IN_A_ROW):
        for kind, rollouts in plan:
            if first <= rollouts:
                yield kind, range(first, min(first + IN_A_ROW, rollouts + 1))
