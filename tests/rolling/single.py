"""One rolling update, for tests."""

from tests.rolling.results import RolloutResult
from tests.rolling.rollout import run
from tests.rolling.servers import Server
from tests.rolling.variants import Variant, select


def only(server: Server, init: str, router: str, removal: str) -> Variant:
    """The variant of these, in the form of a start script."""
    (variant,) = select([server], ["start.sh"], [init], [router], [removal])
    return variant


def roll_out(variant: Variant) -> RolloutResult:
    """One rollout of it, which must be whole: all replicas are replaced, and all have served."""
    ((result, outcomes),) = run(variant)
    assert result.requests == len(outcomes) > 100
    assert (len(result.stops), len(result.admissions)) == (3, 3)
    assert {one.replica for one in outcomes} >= {stop.replica for stop in result.stops}, "the old replicas have served"
    return result
