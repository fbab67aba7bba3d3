"""What is to be found out before the first trial: the port, the protocol, and how much load the image can bear."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from docker.models.containers import Container

from pyinit.rehearse import listening, place, protocols, ready, spoken
from pyinit.rehearse.arms import AS_IS, arm
from pyinit.rehearse.faults import NoVerdict, Unreachable
from pyinit.rehearse.spoken import Spoken
from pyinit.rehearse.trial import Setting, Stage

#: Seconds for an image that names no port to listen to one: it counts as a worker after that.
WITHOUT_PORT = 8.0

#: Requests at once, and how often, by which it is seen what the image can do in a second. The load is this part of that, and so
#: many requests per second at most and at least.
AT_ONCE, TIMES, MOST, LEAST, BUSY = 6, 3, 30.0, 2.0, 0.4

#: Seconds of silence after which a port counts as one where the client has to speak another protocol than HTTP.
SILENT = 15.0

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Scouted:
    """What was found. `port` is 0 where none is listened to."""

    port: int
    protocol: str
    rate: float
    tls: bool = False
    note: str = ""


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
        read = stage.tables(container)
        candidates = _listens(container, read, address, declared, setting.start_timeout)
        if not candidates:
            return Scouted(0, protocols.TCP, 0.0)
        tell("waiting for its first answer")
        chosen, found, seen = _answers(container, read, address, candidates, protocol, setting)
        note = _note(chosen, seen) if found == protocols.TCP and protocol is None else ""
        tls = seen.tls and found != protocols.TCP
        return Scouted(chosen, found, rate or _bearable(found, address, chosen, setting.path, tls), tls, note)


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
    container: Container, read: place.Read, address: str, candidates: list[int], protocol: str | None, setting: Setting
) -> tuple[int, str, Spoken]:
    """The port that answers, its protocol, and what was seen of that. Raises NoVerdict where none does in time."""
    if protocol == protocols.TCP:
        return candidates[0], protocol, Spoken(protocol, serves=True, says="was not looked at")
    deadline = time.monotonic() + setting.start_timeout
    speaks_else: dict[int, float] = {}  # since when it is there, and speaks something else than HTTP, or closes without a word
    is_silent: dict[int, float] = {}  # since when it accepts connections, and says nothing
    is_elsewhere: dict[int, float] = {}  # since when it is listened to, and takes no connection at this address
    while True:
        heard = {}
        for port in candidates:
            began = time.monotonic()
            one = heard[port] = spoken.look(address, port, setting.path)
            if _is_answered(one, protocol, address, port, setting.path):
                return port, protocol or one.protocol or protocols.HTTP1, one
            _keep(speaks_else, port, began, one.protocol == protocols.TCP)
            _keep(is_elsewhere, port, began, one is spoken.NOBODY)
            _keep(is_silent, port, began, one.is_silent and not _waits(read, port))
        for since, long_enough in ((speaks_else, ready.STEADY), (is_silent, SILENT)):
            if protocol is None and _is_steady(since, candidates, long_enough):
                return candidates[0], protocols.TCP, heard[candidates[0]]
        ready.check_runs(container)
        if _is_steady(is_elsewhere, candidates, ready.STEADY) and candidates == _listened_to(read, candidates):
            raise NoVerdict(_elsewhere(candidates, address), ready.tail(container))
        if time.monotonic() > deadline:
            raise NoVerdict(_unanswered(heard, setting), ready.tail(container))
        time.sleep(ready.PAUSE)


def _is_answered(one: Spoken, protocol: str | None, address: str, port: int, path: str) -> bool:
    """Whether requests can be sent, in this protocol where one is given."""
    if protocol is None or protocol == one.protocol:
        return one.serves and one.protocol != protocols.TCP
    return not ready.ask(protocol, address, port, path, tls=one.tls).is_lost


def _keep(since: dict[int, float], port: int, began: float, is_so: bool) -> None:
    if is_so:
        since.setdefault(port, began)
    else:
        since.pop(port, None)


def _is_steady(since: Mapping[int, float], candidates: Sequence[int], seconds: float) -> bool:
    """Whether it is so for all ports, and for so long."""
    return set(since) == set(candidates) and time.monotonic() - max(since.values()) >= seconds


def _listened_to(read: place.Read, candidates: Sequence[int]) -> list[int]:
    """Those of the ports that somebody in the container listens to, as far as that can be seen."""
    found = listening.listeners(read) or ()
    return [port for port in candidates if any(one.port == port for one in found)]


def _elsewhere(candidates: Sequence[int], address: str) -> str:
    ports = " and ".join(map(str, candidates))
    return f"it listens to port {ports}, but not at its address {address}: let it bind to 0.0.0.0, and not to IPv6 alone"


def _waits(read: place.Read, port: int) -> bool:
    """Whether connections wait to be accepted, so that its silence says nothing of what it speaks: it is busy, or starts."""
    return any(one.port == port and one.waiting for one in listening.listeners(read) or ())


def _unanswered(heard: Mapping[int, Spoken], setting: Setting) -> str:
    seen = "; ".join(f"port {port} {one.says}" for port, one in heard.items())
    return (
        f"not within {setting.start_timeout:g} s: an answer with a status below 500 to GET {setting.path} ({seen}); "
        "give --port, --path or --proto, or --start-timeout for one that needs longer"
    )


def _note(port: int, one: Spoken) -> str:
    """What the user should know where less than requests is counted."""
    return f"port {port} {one.says}: only its connections are counted; give --path or --proto if there are requests to be sent"


def _bearable(protocol: str, address: str, port: int, path: str, tls: bool) -> float:
    """Requests per second that keep it below half busy, by the time in which it answers some that come at once."""
    seconds = [ready.burst(protocol, address, port, path, AT_ONCE, tls=tls) for _ in range(TIMES)]
    return max(LEAST, min(MOST, BUSY * AT_ONCE / statistics.median(seconds)))
