"""Many rolling updates of many variants, side by side, under load."""

import contextlib
import fcntl
import itertools
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from docker import DockerClient
from docker.errors import DockerException

from pyinit.rehearse.engine import connect
from pyinit.rehearse.load import Load, LoadError
from pyinit.rehearse.outcome import Outcome, losses
from tests.rolling.build import WORK, build_images
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

#: Rollouts that follow each other in one deployment. More of them save starts, fewer leave more to do side by side.
IN_A_ROW = 5

#: A rollout, and what became of the requests of its time.
Told = Callable[[RolloutResult, Sequence[Outcome]], None]


def prepare(client: DockerClient) -> None:
    """Remove what those who were killed have left, and build the images."""
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several tests may begin at once
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


def run_all(plan: Sequence[tuple[Variant, int]], jobs: int, tell: Told) -> list[RolloutResult]:
    """So many rollouts of every variant, `jobs` deployments at a time; `tell` gets each rollout when its deployment is done.

    The results are in the order of the plan. A deployment that fails is made anew, once; where that fails, too, it ends it all,
    after those that run already.
    """
    found: defaultdict[Variant, list[RolloutResult]] = defaultdict(list)
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_run, variant, row): variant for variant, row in _rows(plan)}
        try:
            for future in as_completed(running):
                for result, outcomes in future.result():
                    found[running[future]].append(result)
                    tell(result, outcomes)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [result for variant, _ in plan for result in sorted(found[variant], key=lambda one: one.number)]


def _run(variant: Variant, row: Sequence[int]) -> list[tuple[RolloutResult, list[Outcome]]]:
    try:
        return run(variant, row)
    except (AssertionError, DockerException, LoadError, OSError) as error:
        print(f"{', '.join(variant.names)}: failed, so it is made anew: {error}", file=sys.stderr)
        return run(variant, row)


def _rows(plan: Sequence[tuple[Variant, int]]) -> Iterator[tuple[Variant, range]]:
    """First some rollouts of every variant, then some more: neighbours in a table are measured at about the same time."""
    most = max(rollouts for _, rollouts in plan)
    for first in range(1, most + 1, IN_A_ROW):
        for variant, rollouts in plan:
            if first <= rollouts:
                yield variant, range(first, min(first + IN_A_ROW, rollouts + 1))
