"""Three replicas of a server behind routers, and how an orchestrator replaces them: as Kubernetes does it.

For each replica in turn: a new one is started and put into the routers once it answers. At the same moment the old one is
asked to stop and the removal of its endpoint begins, which reaches the routers some time later. Nobody waits for the end of
the old one before the next replica has its turn.

Where the router has checks of its own, it alone decides: a new replica is in rotation when the router says so; then the old one
is asked to stop, and nobody tells the router.
"""

import contextlib
import http.client
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from docker import DockerClient
from docker.models.containers import Container
from docker.models.networks import Network

from pyinit.rehearse.engine import remove
from pyinit.rehearse.moments import Stop
from pyinit.rehearse.stopping import stop
from tests.rolling.build import ROUTERS, SERVERS, image
from tests.rolling.dnat import Dnat
from tests.rolling.engine import network, started
from tests.rolling.haproxy import CheckingHAProxy, HAProxy, addresses, control_ports
from tests.rolling.servers import PORT
from tests.rolling.variants import CHECKS, DNAT, GRACE_PERIOD, Variant
from tests.waiting import wait_until

REPLICAS = 3

#: Seconds for a replica or a router to answer: the machine may be busy with others.
START = 60.0


class Router(Protocol):
    """Where clients ask: `host` and `port`. It sends requests to the endpoints that it has been told of."""

    host: str
    port: int

    def admit(self, address: str) -> None:
        """A new endpoint."""

    def dismiss(self, address: str, routers: Sequence[int]) -> None:
        """An endpoint less, in these of the routers."""


@dataclass(frozen=True)
class Replica:
    """A running container, and where it listens."""

    container: Container
    address: str

    @property
    def hostname(self) -> str:
        """Its own name for itself, as in X-Replica."""
        return str(self.container.id)[:12]


@dataclass(frozen=True)
class Rollout:
    """A rolling update that has ended; moments as in results."""

    began: float
    ended: float
    stops: tuple[Stop, ...]
    admissions: tuple[float, ...]


class Deployment:
    """Replicas and routers of one variant, for clients at `host` and `port`.

    A context manager; nothing is left of it at the end.
    """

    def __init__(self, client: DockerClient, variant: Variant) -> None:
        self._client, self._variant = client, variant
        self._replicas: list[Replica] = []
        self.host, self.port = "", 0

    def __enter__(self) -> "Deployment":
        with contextlib.ExitStack() as stack:
            self._network, self._addresses = stack.enter_context(network(self._client))
            self._stack = stack.enter_context(contextlib.ExitStack())
            router = _router(self._client, self._variant, self._network, next(self._addresses))
            self._router = self._stack.enter_context(router)
            self.host, self.port = self._router.host, self._router.port
            for _ in range(REPLICAS):
                self._replicas.append(self._start())
            for replica in self._replicas:
                self._admit(replica)
            self._await_all()
            self._all = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._all.close()

    def roll_out(self) -> Rollout:
        """Replace all replicas; return when the old ones are gone, every router knows of it, and all new ones answer."""
        began = time.monotonic()
        admissions = []
        with ThreadPoolExecutor(2 * REPLICAS) as pool:
            stopped: list[Future[Stop]] = []
            for number, old in enumerate(self._replicas.copy()):
                new = self._start()
                self._admit(new)
                admissions.append(time.monotonic())
                self._replicas[number] = new
                stopped.append(pool.submit(self._stop, pool, old, time.monotonic()))
            stops = tuple(future.result() for future in stopped)
        ended = time.monotonic()
        self._await_all()
        return Rollout(began, ended, stops, tuple(admissions))

    def _start(self) -> Replica:
        address = next(self._addresses)
        variant = self._variant
        container = self._stack.enter_context(
            started(
                self._client,
                image(SERVERS),
                variant.command,
                self._network,
                address,
                environment=variant.env,
                init=variant.init.from_engine,
                stop_signal=f"SIG{variant.server.stop_signal}",
            )
        )
        return Replica(container, address)

    def _admit(self, replica: Replica) -> None:
        router = self._router
        if isinstance(router, CheckingHAProxy):
            router.admit(replica.address)
            wait_until(lambda: router.sends_to(replica.address), f"{self._variant.names} gets requests", START)
            return
        self._await(replica)
        router.admit(replica.address)

    def _await(self, replica: Replica) -> None:
        wait_until(lambda: _serves(replica), f"{self._variant.names} answers", START)

    def _await_all(self) -> None:
        for replica in self._replicas:
            self._await(replica)

    def _stop(self, pool: ThreadPoolExecutor, replica: Replica, requested: float) -> Stop:
        removal = pool.submit(self._remove, replica.address, requested)
        variant = self._variant
        signum = f"SIG{variant.server.stop_signal}"
        status = stop(replica.container, signum, requested, GRACE_PERIOD, variant.init.pre_stop).status
        ended = time.monotonic()
        removed = removal.result()
        if isinstance(self._router, CheckingHAProxy):
            self._router.dismiss(replica.address, [0])  # the next one may have its slot
        lines = replica.container.logs().decode(errors="replace").splitlines()
        log = "\n".join(line for line in lines if line.startswith("pyinit:"))
        remove(self._client, str(replica.container.id))
        return Stop(replica.hostname, requested, removed, ended, status, log)

    def _remove(self, address: str, requested: float) -> float:
        """Let each router know when its time has come, or wait until it does; return when the last one did."""
        router = self._router
        if isinstance(router, CheckingHAProxy):
            wait_until(lambda: not router.sends_to(address), f"{self._variant.names} is taken out", GRACE_PERIOD + START)
            return time.monotonic()
        delays = self._variant.removal.delays
        for delay in sorted(set(delays)):
            time.sleep(max(0.0, requested + delay - time.monotonic()))
            router.dismiss(address, [number for number, its_own in enumerate(delays) if its_own == delay])
        return time.monotonic()


def answers(host: str, port: int) -> bool:
    """Whether a request, on a connection of its own, is answered as it should be."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _serves(replica: Replica) -> bool:
    if answers(replica.address, PORT):
        return True
    replica.container.reload()
    assert replica.container.status in ("created", "running"), f"it has ended: {replica.container.logs().decode()}"
    return False


@contextlib.contextmanager
def _router(client: DockerClient, variant: Variant, where: Network, address: str) -> Iterator[Router]:
    if variant.router == DNAT:
        with started(client, image(ROUTERS), ["sleep", "infinity"], where, address, cap_add=["NET_ADMIN"]) as container:
            yield Dnat(address, container)
        return
    routers = len(variant.removal.delays)
    configuration, environment = "haproxy.cfg", {}
    if variant.router in CHECKS:
        port, path = CHECKS[variant.router]
        configuration, environment = "checks.cfg", {"CHECK_PORT": str(port), **({"CHECK_PATH": path} if path else {})}
    command = ["/routers/haproxies.sh", f"/routers/{configuration}", *control_ports(routers)]
    with started(client, image(ROUTERS), command, where, address, environment=environment):
        for router in range(routers):
            wait_until(lambda router=router: _listens(address, router), "HAProxy listens", START)  # type: ignore[misc]
        yield CheckingHAProxy(address) if variant.router in CHECKS else HAProxy(address, routers)


def _listens(host: str, router: int) -> bool:
    try:
        addresses(host, router)
    except OSError:
        return False
    return True
