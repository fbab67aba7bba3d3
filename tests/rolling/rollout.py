"""Rolling updates of a variant, under load."""

import contextlib
import itertools
import math
import time
from collections.abc import Iterator, Sequence

from docker import DockerClient

from pyinit.rehearse.engine import connect
from pyinit.rehearse.load import Load
from pyinit.rehearse.outcome import Outcome, losses
from tests.rolling.build import build_images, builds
from tests.rolling.deployment import REPLICAS, START, Deployment, Rollout
from tests.rolling.engine import remove_stale
from tests.rolling.results import RolloutResult
from tests.rolling.swarm import SwarmDeployment, leave_stale, swarm
from tests.rolling.variants import GRACE_PERIOD, Variant

#: What the client does meanwhile: requests per second over new and over kept connections, kept connections, seconds to wait.
RATE_NEW, RATE_KEPT, CONNECTIONS, TIMEOUT = 15.0, 15.0, 6, 10.0

#: Seconds of load that nothing disturbs: before the first rollout, so that the replicas are not stopped in their first moments;
#: and after each.
WARM_UP, CALM = 5.0, 2.0


def prepare(client: DockerClient) -> None:
    """Remove what those who were killed have left, and build the images."""
    with builds():
        leave_stale(client)
        remove_stale(client)
        build_images(client)


@contextlib.contextmanager
def engine(variants: Sequence[Variant]) -> Iterator[DockerClient]:
    """A client of an engine that has the images, and is in a swarm where a variant needs that."""
    with contextlib.closing(connect()) as client:
        prepare(client)
        with swarm(client) if any(variant.is_on_swarm for variant in variants) else contextlib.nullcontext():
            yield client


def run(variant: Variant, numbers: Sequence[int] = (1,)) -> list[tuple[RolloutResult, list[Outcome]]]:
    """Rollouts with these numbers, one after the other in one deployment; each with the outcomes of its time."""
    rollouts: list[Rollout] = []
    longest = len(numbers) * (REPLICAS * START + 2 * GRACE_PERIOD)
    deployment = SwarmDeployment if variant.is_on_swarm else Deployment
    with (
        contextlib.closing(connect()) as client,
        deployment(client, variant) as deployed,
        Load(deployed.host, deployed.port, RATE_NEW, RATE_KEPT, CONNECTIONS, TIMEOUT, longest=longest) as load,
    ):
        time.sleep(WARM_UP)
        for _ in numbers:
            rollouts.append(deployed.roll_out())
            time.sleep(CALM)
        outcomes = load.stop()
    begins = [-math.inf, *(rollout.began for rollout in rollouts[1:]), math.inf]
    found = []
    for number, rollout, (begin, end) in zip(numbers, rollouts, itertools.pairwise(begins), strict=True):
        its_own = [one for one in outcomes if begin <= one.at < end]
        found.append((result(variant.names, number, rollout, its_own), its_own))
    return found


def result(names: tuple[str, str, str, str, str], number: int, rollout: Rollout, outcomes: Sequence[Outcome]) -> RolloutResult:
    """What a rollout with this number was, of a variant with these names, as Variant.names has them."""
    server, form, init, router, removal = names
    return RolloutResult(
        server=server,
        form=form,
        init=init,
        router=router,
        removal=removal,
        number=number,
        began=rollout.began,
        ended=rollout.ended,
        requests=len(outcomes),
        lost=losses(outcomes),
        stops=rollout.stops,
        admissions=rollout.admissions,
    )
