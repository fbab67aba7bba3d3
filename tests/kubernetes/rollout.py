"""Rolling updates of a cell in a cluster, under load."""

import contextlib
import itertools
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubernetes import client, config

from pyinit.rehearse.load import Load
from pyinit.rehearse.outcome import Outcome
from tests.kubernetes import arms
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.deployment import PATIENCE, Deployment, network_of
from tests.kubernetes.images import bring
from tests.kubernetes.observer import Observer
from tests.rolling.deployment import Rollout
from tests.rolling.results import RolloutResult
from tests.rolling.rollout import CALM, CONNECTIONS, TIMEOUT, WARM_UP, result
from tests.rolling.variants import Variant

#: Requests per second of each of the two clients of a deployment.
RATE = 12.5

#: How the clients connect: a new connection for each request, or a pool of kept ones.
NEW, KEPT = "new", "kept"

#: By which pods ask for pyinit in front of an untouched image.
RUNTIME_CLASS = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "pyinit"}, "handler": "pyinit"}


@dataclass(frozen=True)
class Cell:
    """What is measured: an arm and a strategy of arms, and a server."""

    variant: Variant
    strategy: arms.Strategy

    @property
    def names(self) -> tuple[str, str, str, str, str]:
        """As Variant has them."""
        return self.variant.names


@contextlib.contextmanager
def observed(cluster: Cluster) -> Iterator[Observer]:
    """A cluster that has the images and the RuntimeClass, and is watched."""
    bring(cluster)
    cluster.kubectl("apply", "--filename=-", text=json.dumps(RUNTIME_CLASS))
    with api(cluster) as core, Observer(cluster, core) as observer:
        yield observer


@contextlib.contextmanager
def api(cluster: Cluster) -> Iterator[client.CoreV1Api]:
    """The Python client of a cluster."""
    with config.new_client_from_config(str(cluster.kubeconfig)) as connection:
        yield client.CoreV1Api(connection)


def run(cluster: Cluster, observer: Observer, cell: Cell, numbers: Sequence[int]) -> list[tuple[RolloutResult, list[Outcome]]]:
    """Rollouts with these numbers, one after the other; two results each: of new connections, and of kept ones."""
    rollouts: list[Rollout] = []
    with Deployment(cluster, observer, cell.variant, cell.strategy) as deployed, contextlib.ExitStack() as stack:
        with network_of(cluster.pid) if cluster.pid else contextlib.nullcontext():
            loads = {
                kind: stack.enter_context(
                    Load(
                        deployed.host,
                        deployed.port,
                        RATE if kind == NEW else 0.0,
                        RATE if kind == KEPT else 0.0,
                        CONNECTIONS if kind == KEPT else 0,
                        TIMEOUT,
                        longest=len(numbers) * PATIENCE,
                    )
                )
                for kind in (NEW, KEPT)
            }
        time.sleep(WARM_UP)
        for _ in numbers:
            rollouts.append(deployed.roll_out())
            time.sleep(CALM)
        outcomes = {kind: load.stop() for kind, load in loads.items()}
    # Before the first one kube-proxy may still be learning of the Service, which is nobody's loss.
    begins = [rollouts[0].began - CALM, *(rollout.began for rollout in rollouts[1:]), math.inf]
    found = []
    for number, rollout, (begin, end) in zip(numbers, rollouts, itertools.pairwise(begins), strict=True):
        for kind in (NEW, KEPT):
            its_own = [one for one in outcomes[kind] if begin <= one.at < end]
            server, form, init, router, strategy = cell.names
            names = server, form, init, f"{router}, {kind}", strategy
            found.append((result(names, number, rollout, its_own), its_own))
    return found
