"""The tables, as Markdown."""

from collections.abc import Iterator, Sequence
from itertools import chain

from tests.simulation.measure import Outcome
from tests.simulation.policies import Auto, Delay
from tests.simulation.scenarios import COSTS, RISKS
from tests.simulation.traffic import Scenario

LEGEND = """\
{runs} stops each. Share of the stops that lost a request, and in brackets how many requests a stop lost on average;
behind it, where the delay depends on the traffic, its median and in brackets its 95th percentile."""

SWEEP_LEGEND = """\
{runs} stops each. Share of the stops that lost a request, where one of twenty routers hears after 12 s and the others after
1.5 s, by requests/s; behind that, where all of them hear after 1.5 s, the median of the delay and in brackets its 95th
percentile, in seconds."""


def share(value: float) -> str:
    """Per cent, in which few are not none, and nearly all not all."""
    if 0 < value < 0.01:
        return "< 1 %"
    if 0.99 < value < 1:
        return "> 99 %"
    return f"{100 * value:.0f} %" if value else "0"


def _lost(outcome: Outcome) -> str:
    number = f"{outcome.lost:.0f}" if outcome.lost >= 10 else f"{outcome.lost:.2g}"
    return f"{share(outcome.losing)} ({number})" if outcome.losing else "0"


def _delay(outcome: Outcome) -> str:
    return f"{outcome.median:.1f} ({outcome.p95:.1f})"


def _markdown(heads: Sequence[str], left: int, rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * left + ["---:"] * (len(heads) - left)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows))


def _cells(policies: Sequence[Delay], outcomes: Sequence[Outcome]) -> Iterator[str]:
    for policy, outcome in zip(policies, outcomes, strict=True):
        yield _lost(outcome)
        if policy.watches:
            yield _delay(outcome)


def main_table(scenarios: Sequence[Scenario], policies: Sequence[Delay], found: Sequence[Sequence[Outcome]]) -> str:
    """One row per scenario."""
    names = chain.from_iterable([policy.name, "s"] if policy.watches else [policy.name] for policy in policies)
    heads = ["routers", "hear after", "requests/s", "", *names]
    rows = [
        [str(scenario.routers), scenario.hears, f"{scenario.rate:g}", scenario.remarks, *_cells(policies, outcomes)]
        for scenario, outcomes in zip(scenarios, found, strict=True)
    ]
    return _markdown(heads, 2, rows)


def _title(scenario: Scenario) -> str:
    return f"{scenario.rate:g} {scenario.remarks}".rstrip()


def sweep_table(policies: Sequence[Auto], found: Sequence[Sequence[Outcome]]) -> str:
    """One row per choice of the constants; `found` is by scenario, the RISKS first and then the COSTS."""
    heads = [
        "quiet",
        "EVENTS",
        *(f"lost at {_title(one)}" for one in RISKS),
        *(f"s at {_title(one)}" for one in COSTS),
    ]
    rows = []
    for policy, outcomes in zip(policies, zip(*found, strict=True), strict=True):
        risks, costs = outcomes[: len(RISKS)], outcomes[len(RISKS) :]
        cells = [*(share(outcome.losing) for outcome in risks), *map(_delay, costs)]
        rows.append([f"{policy.policy.quiet:g}", str(policy.events), *cells])
    return _markdown(heads, 0, rows)
