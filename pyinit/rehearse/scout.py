"""What is to be found out before the first trial: the port, the protocol, and how much load the image can bear."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from docker.models.containers import Container

from pyinit.rehearse import listening, outcome, place, protocols, ready
from pyinit.rehearse.arms import AS_IS, arm
from pyinit.rehearse.faults import NoVerdict, Unreachable
from pyinit.rehearse.recognize import recognize
from pyinit.rehearse.trial import Setting, Stage

#: Seconds for an image that names no port to listen to one: it counts as a worker after that.
WITHOUT_PORT = 8.0

#: Requests at once, and how often, by which it is seen what the image can do in a second. The load is this part of that, and so
#: many requests per second at most and at least.
AT_ONCE, TIMES, MOST, LEAST, BUSY = 6, 3, 30.0, 2.0, 0.4


#: What becomes of an HTTP request where something else is spoken.
NO_HTTP = (outcome.ERROR, outcome.RESET_AFTER)

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Scouted:
    """What was found. `port` is 0 where none is listened to."""

    port: int
    protocol: str
    rate: float


def scout(
    setting: Setting, port: int | None, protocol: str | None, rate: float | None, tell: Callable[[str], object]
) -> Scouted:
    """Start the image as it is, and look. What is given is not looked for. Raises NoVerdict, UsageError, Unreachable."""
    tell("looking for its port")
    with Stage(setting, arm(AS_IS, setting.found, setting.grace, serves=False)) as stage:
        container, address = stage.run()
        if not place.is_reachable(address):
            ready.check_runs(container)
            raise Unreachable
        declared = [port] if port else list(setting.found.ports)
        with place.tables(setting.client, setting.owner, container) as read:
            candidates = _listens(container, read, address, declared, setting.start_timeout)
        if not candidates:
            return Scouted(0, protocols.TCP, 0.0)
        tell("waiting for its first answer")
        chosen, spoken = _answers(container, address, candidates, protocol, setting)
        return Scouted(chosen, spoken, rate or _bearable(spoken, address, chosen, setting.path))


def _listens(container: Container, read: place.Read, address: str, declared: list[int], timeout: float) -> list[int]:
    """The ports that may be meant; none for a worker. Raises NoVerdict where a declared one is not listened to."""
    found: list[int] = []

    def is_found() -> bool:
        nonlocal found
        sockets = listening.listeners(read)
        found = listening.choose(declared, sockets, address)
        return bool(found) and (not declared or found[0] in declared)

    what = f"it listens to {' or '.join(map(str, declared)) or 'a port'}"
    try:
        ready.wait_until(is_found, container, what, timeout if declared else WITHOUT_PORT)
    except NoVerdict as error:
        container.reload()
        if container.status != "running":
            raise
        sockets = listening.listeners(read) or []
        local = sorted({one.port for one in sockets if one.is_local})
        if found:
            ports = ", ".join(map(str, found))
            raise NoVerdict(f"{error}; it does listen to {ports}: give --port {found[0]}, if that is it", error.log) from None
        if local:
            ports = ", ".join(map(str, local))
            raise NoVerdict(
                f"it listens to 127.0.0.1 only (port {ports}), so nobody outside can reach it: let it bind to 0.0.0.0, "
                "or give --proto none for a worker",
                error.log,
            ) from None
        if declared:
            raise
    return found


def _answers(
    container: Container, address: str, candidates: list[int], protocol: str | None, setting: Setting
) -> tuple[int, str]:
    """The port that answers, and its protocol. Raises NoVerdict where none does in time."""
    if protocol == protocols.TCP:
        return candidates[0], protocol
    deadline = time.monotonic() + setting.start_timeout
    speaks_else: dict[int, float] = {}  # since when it is there, and answers otherwise than HTTP, or closes without a word
    while True:
        for port in candidates:
            one = ready.ask(protocol or protocols.HTTP1, address, port, setting.path)
            if protocol is not None:
                if not one.is_lost:
                    return port, protocol
                continue
            if one.kind not in NO_HTTP:
                speaks_else.pop(port, None)
            if not one.is_lost or (one.kind in NO_HTTP and port not in speaks_else):
                spoken = recognize(one, address, port, setting.path)
                if spoken is not None:
                    return port, spoken
                speaks_else[port] = one.at
        if set(speaks_else) == set(candidates) and time.monotonic() - max(speaks_else.values()) >= ready.STEADY:
            return candidates[0], protocols.TCP
        ready.check_runs(container)
        if time.monotonic() > deadline:
            raise NoVerdict(_unanswered(candidates, setting), ready.tail(container))
        time.sleep(ready.PAUSE)


def _unanswered(candidates: list[int], setting: Setting) -> str:
    ports = ", ".join(map(str, candidates))
    return (
        f"not within {setting.start_timeout:g} s: an answer with a status below 500 to GET {setting.path} on port {ports}; "
        "give --port, --path or --proto, or --start-timeout for one that needs longer"
    )


def _bearable(protocol: str, address: str, port: int, path: str) -> float:
    """Requests per second that keep it below half busy, by the time in which it answers some that come at once."""
    seconds = [ready.burst(protocol, address, port, path, AT_ONCE) for _ in range(TIMES)]
    return max(LEAST, min(MOST, BUSY * AT_ONCE / statistics.median(seconds)))
