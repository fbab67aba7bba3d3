"""One trial: an old replica is replaced by a new one under load, as an orchestrator does it, with one arm."""

import contextlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from docker import DockerClient
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network

from pyinit.rehearse import binary, looks, orchestrators, outcome, place, protocols, ready
from pyinit.rehearse.arms import Arm
from pyinit.rehearse.engine import Owner, start
from pyinit.rehearse.faults import NoVerdict, UsageError
from pyinit.rehearse.listening import takes
from pyinit.rehearse.load import Load
from pyinit.rehearse.moments import Stop
from pyinit.rehearse.orchestrators import Orchestrator, Removal
from pyinit.rehearse.outcome import Outcome
from pyinit.rehearse.resets import Resets
from pyinit.rehearse.result import NEW, OLD, Trial, with_early_ones
from pyinit.rehearse.stopping import stop
from pyinit.rehearse.subject import SECOND, Found

#: Seconds: of one window of the warm-up, of which two must agree; at which it is over in any case; of calm at the end; between
#: two looks.
WINDOW, LONGEST_WARM_UP, CALM, PAUSE = 2.0, 12.0, 2.0, 0.1

#: Two windows agree where their median times differ by less than this part, or by so many seconds.
PART, LEAST = 0.25, 0.005

#: Requests per second for the slow path, and seconds for an answer, without one and with one.
RATE_SLOW, TIMEOUT, SLOW_TIMEOUT = 0.5, 10.0, 30.0

#: Seconds that a trial may take beside what is set, before its load ends by itself.
SPARE = 120.0

#: Seconds between two questions of the HEALTHCHECK: a rehearsal does not wait for 30 s, which is Docker's default.
CHECK_INTERVAL = 1


#: Where there is none, or where the orchestrator does not look at that of the image.
_NO_CHECK = {"test": ["NONE"]}


@dataclass(frozen=True)
class Setting:
    """What all trials have in common."""

    client: DockerClient
    owner: Owner
    found: Found
    orchestrator: Orchestrator
    removal: Removal
    signal: str  #: by name, "SIGTERM"
    grace: float  #: seconds
    binary: bytes
    port: int  #: 0: none is listened to
    protocol: str
    tls: bool  #: whether the protocol is spoken over TLS
    path: str
    rate: float  #: requests per second, in all
    kept: int  #: connections that are kept
    slow_path: str
    network: str  #: of the user's; empty: one of our own
    start_timeout: float  #: seconds for a replica to get ready
    guest: Container | None = None  #: we, where we are a container that has to join the network


class Stage:
    """A network, and containers in it. A context manager; nothing is left of it."""

    def __init__(self, setting: Setting, arm: Arm) -> None:
        self._setting, self._arm = setting, arm
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Stage":
        setting = self._setting
        self._addresses: Iterator[str] | None = None
        if setting.network:
            found = setting.client.networks.list(names=[setting.network])
            exact = [network for network in found if network.name == setting.network]
            if not exact:
                raise UsageError(f"--network {setting.network}: the engine has no such network; see `docker network ls`")
            self._network: Network = exact[0]
        else:
            self._network, self._addresses = self._stack.enter_context(setting.owner.network(setting.client))
        address = None if setting.guest is None or self._addresses is None else next(self._addresses)
        self._stack.enter_context(place.joined(self._network, setting.guest, address))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self) -> tuple[Container, str]:
        """A container of the arm that has been started, and its address. Raises UsageError where it cannot be started."""
        setting, arm, subject = self._setting, self._arm, self._setting.found.subject
        address = None if self._addresses is None else next(self._addresses)
        health = setting.found.healthcheck
        keywords = dict(subject.keywords)
        if arm.needs_binary and keywords.get("read_only"):  # into such a root nothing can be put, but into a volume
            keywords["volumes"] = [*keywords.get("volumes", []), binary.FOLDER]
        try:
            container = self._stack.enter_context(
                setting.owner.created(
                    setting.client,
                    subject.image,
                    list(arm.command),
                    self._network,
                    address,
                    entrypoint=list(arm.entrypoint),
                    environment=dict(arm.environment),
                    init=arm.init,
                    stop_signal=setting.signal,
                    healthcheck=_NO_CHECK if health is None else {**_lower(health), "interval": CHECK_INTERVAL * SECOND},
                    **keywords,
                )
            )
            if arm.needs_binary:
                binary.put(container, setting.binary)
            start(container)
        except APIError as error:
            raise UsageError(f"{subject.image} cannot be started: {error.explanation}") from None
        container.reload()
        return container, container.attrs["NetworkSettings"]["Networks"][str(self._network.name)]["IPAddress"]

    def tables(self, container: Container) -> place.Read:
        """The tables of a running container's network namespace, for as long as we are on the stage."""
        return self._stack.enter_context(place.tables(self._setting.client, self._setting.owner, container))


def _lower(health: "dict[str, object] | object") -> dict[str, object]:
    """A HEALTHCHECK in the words of the SDK."""
    assert isinstance(health, dict)
    names = {"Test": "test", "Timeout": "timeout", "Retries": "retries", "StartPeriod": "start_period"}
    return {names[name]: value for name, value in health.items() if name in names and value}


def await_ready(setting: Setting, container: Container, address: str) -> float:
    """Wait until a replica is ready by whatever tells it best; return when it was."""
    subject, timeout = setting.found.subject, setting.start_timeout
    if setting.found.healthcheck is not None:
        return ready.await_health(container, timeout)
    if subject.probe is not None:
        return ready.await_probe(container, subject.probe, address, timeout)
    return ready.await_answers(container, setting.protocol, address, setting.port, setting.path, timeout, tls=setting.tls)


def await_admission(setting: Setting, container: Container, address: str) -> None:
    """Wait until the orchestrator would let a new replica have traffic: at once, where it has nothing to ask."""
    found, timeout = setting.found, setting.start_timeout
    decides = setting.orchestrator.admits
    if decides == orchestrators.ANSWERS:
        await_ready(setting, container, address)
    elif decides == orchestrators.HEALTHCHECK and found.healthcheck is not None:
        ready.await_health(container, timeout)
    elif decides == orchestrators.PROBE and found.subject.probe is not None:
        ready.await_probe(container, found.subject.probe, address, timeout)
    elif decides == orchestrators.LISTENS:
        ready.wait_until(lambda: takes(address, setting.port), container, f"port {setting.port} is listened to", timeout)


def load(setting: Setting) -> Load:
    """The load that all trials have alike; replicas are to be admitted."""
    is_kept = setting.protocol in protocols.KEPT and setting.kept
    rate_kept = setting.rate / 2 if is_kept else 0.0
    return Load(
        f"pyinit-rehearse:{setting.port}",
        0,
        setting.rate - rate_kept,
        rate_kept,
        max(setting.kept, len(setting.removal.delays)),
        path=setting.path,
        timeout=SLOW_TIMEOUT if setting.slow_path else TIMEOUT,
        longest=4 * setting.start_timeout + setting.grace + setting.removal.last + SPARE,
        protocol=setting.protocol,
        routers=len(setting.removal.delays),
        first_error=outcome.FIRST_SERVER_ERROR,
        slow_path=setting.slow_path,
        tls=setting.tls,
        rate_slow=RATE_SLOW if setting.slow_path else 0.0,
    )


def _warm_up(running: Load, container: Container) -> tuple[Outcome, ...]:
    """Wait until two windows agree; return the requests of the last one."""
    began = time.monotonic()
    before: tuple[Outcome, ...] = ()
    while True:
        _sleep_until(time.monotonic() + WINDOW, container)
        now = time.monotonic()
        window = tuple(one for one in running.so_far() if one.at >= now - WINDOW and not one.slow)
        if now - began >= LONGEST_WARM_UP or agree(before, window):
            return window
        before = window


def agree(before: Sequence[Outcome], now: Sequence[Outcome]) -> bool:
    """Whether two windows tell of the same load: nothing is lost, and about as fast."""
    if not before or not now or any(one.is_lost for one in (*before, *now)):
        return False
    first, second = (statistics.median(one.took for one in window) for window in (before, now))
    return abs(first - second) <= max(LEAST, PART * max(first, second))


def _sleep_until(moment: float, container: Container) -> None:
    """Sleep. Raises NoVerdict where the container ends meanwhile."""
    ready.wait_until(lambda: time.monotonic() >= moment, container, "the time is over", moment - time.monotonic() + 60.0)


def hook_seconds(setting: Setting, container: Container) -> float:
    """Run the preStop hook, if it is a command; return how many seconds are to be slept for one."""
    hook = setting.found.subject.pre_stop
    if not isinstance(hook, tuple):
        return float(hook)
    with contextlib.suppress(APIError):  # an image without that command: Kubernetes goes on as well
        container.exec_run(list(hook))
    return 0.0


def run(setting: Setting, arm: Arm, number: int, tell: Callable[[str], object]) -> Trial:
    """A trial with load. `tell` gets what is going on. Raises NoVerdict."""
    phases: list[tuple[str, float]] = []

    def enter(phase: str) -> None:
        phases.append((phase, time.monotonic()))
        tell(phase)

    with Stage(setting, arm) as stage:
        enter("starting")
        old, address = stage.run()
        await_ready(setting, old, address)
        crew = looks.look(old, state_of(old))
        enter("warming up")
        with load(setting) as running:
            running.admit(OLD, address, setting.port)
            baseline = _warm_up(running, old)
            enter("starting the next one")
            new, its_address = stage.run()
            await_admission(setting, new, its_address)
            admitted = time.monotonic()
            running.admit(NEW, its_address, setting.port)
            ready.check_runs(old)  # an end of its own is none that a stop can be blamed for
            enter("stopping")
            resets = Resets(stage.tables(old))
            requested = time.monotonic()
            for delay in sorted(set(setting.removal.delays)):
                routers = [router for router, its_own in enumerate(setting.removal.delays) if its_own == delay]
                running.dismiss(OLD, routers, requested + delay)
            ended = stop(old, setting.signal, requested, setting.grace, hook_seconds(setting, old))
            gone = time.monotonic()
            sent = resets.count()
            enter("looking on")
            removed = requested + setting.removal.last
            await_first_answer(running, new, setting.start_timeout)
            _sleep_until(max(gone, removed) + CALM, new)
            outcomes = running.stop()
        state, log = state_of(old), ready.readable(old.logs(tail=200))
    phases.append(("", time.monotonic()))
    seconds = {phase: end - begin for (phase, begin), (_, end) in itertools.pairwise(phases)}
    stopped = Stop(OLD, requested, removed, gone, ended.status, log)
    return Trial(
        arm.name,
        number,
        stopped,
        ended.killed,
        bool(state["OOMKilled"]),
        admitted,
        crew,
        tuple(with_early_ones(outcomes)),
        baseline,
        log,
        seconds,
        resets=sent,
    )


def await_first_answer(running: Load, new: Container, timeout: float) -> None:
    """Wait until the new replica has answered a request of the load."""
    ready.wait_until(
        lambda: any(one.replica == NEW and not one.is_lost for one in running.so_far()),
        new,
        "the new replica answers a request",
        timeout,
        2 * PAUSE,
    )


def state_of(container: Container) -> dict[str, object]:
    """A container's state, as the engine has it now."""
    container.reload()
    state = container.attrs["State"]
    if not isinstance(state, dict):
        raise NoVerdict("the engine tells nothing of the container")
    return state
