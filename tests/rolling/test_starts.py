"""Rolling updates of an application that opens its port 3 s before it can serve, once each."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from docker import DockerClient

from pyinit.rehearse.outcome import EARLY
from tests.rolling.plans import LOADING, starts
from tests.rolling.results import RolloutResult
from tests.rolling.single import only, roll_out
from tests.rolling.swarm import swarm
from tests.rolling.variants import CHECKS, HAPROXY, INITS, READYZ, SWARM_BLIND, SWARM_PYINIT, TCP, Variant, select

#: Seconds that a test may take on a machine that has much else to do; else it is 40.
BUSY = 300


def both(one: Variant, other: Variant) -> tuple[RolloutResult, RolloutResult]:
    """A rollout of each, at the same time: they wait most of it."""
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(roll_out, (one, other))
    return first, second


@pytest.mark.timeout(BUSY)
@pytest.mark.usefixtures("images")
def test_checks_that_merely_connect_lose_requests_at_the_start_and_at_the_stop_and_checks_of_readyz_lose_none() -> None:
    connecting, asking = both(only(LOADING, "tini", TCP, "checks"), only(LOADING, "ready", READYZ, "checks"))
    assert connecting.lost[EARLY] > 0
    assert connecting.lost_in_all > connecting.lost[EARLY]
    assert not asking.lost
    assert asking.statuses == (0, 0, 0)
    for stop in asking.stops:
        assert stop.requested + 1 < stop.removed < stop.ended - 1, "three checks have failed, and it has served on"


@pytest.mark.timeout(BUSY)
def test_on_swarm_an_update_without_a_healthcheck_loses_requests_and_with_one_that_asks_pyinit_it_loses_none(
    images: DockerClient,
) -> None:
    with swarm(images):
        blind, checked = both(only(LOADING, "ready", SWARM_BLIND, "1"), only(LOADING, "ready", SWARM_PYINIT, "1"))
    assert blind.lost[EARLY] > 0
    assert not checked.lost
    assert checked.statuses == (0, 0, 0)


def test_every_variant_of_the_starting_half_is_measured_once() -> None:
    variants = [variant for variant, _ in starts()]
    assert len(set(variants)) == len(variants)
    assert {variant.server for variant in variants} == {LOADING}


def test_who_asks_pyinit_needs_one_that_can_tell() -> None:
    found = select([LOADING], ["start.sh"], ["tini", "auto", "ready"], [READYZ, SWARM_PYINIT], ["checks", "1"])
    assert {(variant.init, variant.router) for variant in found} == {(INITS["ready"], READYZ), (INITS["ready"], SWARM_PYINIT)}


def test_a_router_that_checks_is_told_of_no_removal() -> None:
    assert not select([LOADING], ["start.sh"], ["tini"], list(CHECKS), ["0", "1.5", "5", "straggler"])
    assert not select([LOADING], ["start.sh"], ["tini"], [HAPROXY], ["checks"])
