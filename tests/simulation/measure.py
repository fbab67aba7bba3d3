"""Many stops of a scenario, and what a policy made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from random import Random
from statistics import fmean

from tests.simulation.policies import Delay
from tests.simulation.traffic import Scenario, draw


@dataclass(frozen=True)
class Outcome:
    """The share of stops that lost a request, and how many a stop lost on average; two quantiles of the delay, in seconds."""

    losing: float
    lost: float
    median: float
    p95: float


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(policies: Sequence[Delay], runs: int, seed: int, scenario: Scenario) -> list[Outcome]:
    """One outcome per policy, all of them from the same stops."""
    random = Random(f"{seed} {scenario}")  # noqa: S311 - no secret
    stops = [draw(scenario, random) for _ in range(runs)]
    outcomes = []
    for policy in policies:
        delays = [policy.end(stop) for stop in stops]
        lost = [stop.lost(delay) for stop, delay in zip(stops, delays, strict=True)]
        losing = sum(map(bool, lost)) / runs
        outcomes.append(Outcome(losing, fmean(lost), _quantile(delays, 0.5), _quantile(delays, 0.95)))
    return outcomes


def measure_all(
    scenarios: Sequence[Scenario], policies: Sequence[Delay], runs: int, seed: int, jobs: int
) -> list[list[Outcome]]:
    """The outcomes of each scenario, on so many processors."""
    with Pool(jobs) as pool:
        return pool.map(partial(measure, policies, runs, seed), scenarios, chunksize=1)
