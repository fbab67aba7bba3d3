"""Whether a replica can serve: by its HEALTHCHECK, by its readiness probe, or by its answers."""

import asyncio
import time
from collections.abc import Callable

from docker.errors import APIError
from docker.models.containers import Container

from pyinit.rehearse import outcome, protocols
from pyinit.rehearse.client import EVEN, Client, Plan
from pyinit.rehearse.faults import NoVerdict
from pyinit.rehearse.listening import takes
from pyinit.rehearse.outcome import Outcome
from pyinit.rehearse.subject import Probe

#: Seconds for which a port must answer without a failure, where neither HEALTHCHECK nor probe decides; and between two looks.
STEADY, PAUSE = 3.0, 0.1

#: Seconds for one answer.
PATIENCE = 5.0

#: Lines of a container's log that are told.
LINES = 20

#: Characters of a line of it that are told.
LONGEST_LINE = 500

#: Characters of what a HEALTHCHECK said that are told.
MOST_SAID = 200

#: Statuses that a kubelet takes for success end before this one.
FIRST_FAILURE = 400


def tail(container: Container) -> str:
    """The last lines that a container wrote."""
    return readable(container.logs(tail=LINES)).rstrip()


def readable(log: bytes) -> str:
    """A log for a person: text, whose long lines are cut."""
    lines = log.decode(errors="replace").splitlines()
    return "\n".join(
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}... ({len(line)} characters)" for line in lines
    )


def check_runs(container: Container) -> None:
    """Raises NoVerdict where the container has ended."""
    container.reload()
    if container.status not in ("created", "running"):
        status = container.attrs["State"]["ExitCode"]
        raise NoVerdict(f"the container has ended by itself, with exit status {status}", tail(container))


def wait_until(is_so: Callable[[], bool], container: Container, what: str, timeout: float, pause: float = PAUSE) -> float:
    """Wait for something; return when it was so. Raises NoVerdict where the container ends, or the time is over."""
    deadline = time.monotonic() + timeout
    while not is_so():
        check_runs(container)
        if time.monotonic() > deadline:
            raise NoVerdict(f"not within {timeout:g} s: {what}", tail(container))
        time.sleep(pause)
    return time.monotonic()


def ask(
    protocol: str, host: str, port: int, path: str, first_error: int = outcome.FIRST_SERVER_ERROR, *, tls: bool = False
) -> Outcome:
    """What becomes of one request now, over a connection of its own."""
    found: list[Outcome] = []
    plan = Plan(host, port, path, 0, 0, 0, PATIENCE, EVEN, protocol, first_error=first_error, tls=tls)

    async def once() -> None:
        await Client(plan, found.append).request(keep=False)

    asyncio.run(once())
    return found[0]


def burst(protocol: str, host: str, port: int, path: str, times: int, *, tls: bool = False) -> float:
    """Seconds in which so many requests that begin at once, each over a connection of its own, are answered or lost."""
    found: list[Outcome] = []
    plan = Plan(host, port, path, 0, 0, 0, PATIENCE, EVEN, protocol, first_error=outcome.FIRST_SERVER_ERROR, tls=tls)

    async def all_at_once() -> None:
        client = Client(plan, found.append)
        await asyncio.gather(*(client.request(keep=False) for _ in range(times)))

    asyncio.run(all_at_once())
    return max(one.ended for one in found) - min(one.at for one in found)


def await_health(container: Container, timeout: float) -> float:
    """Wait until the image's HEALTHCHECK says that it is healthy."""

    def is_healthy() -> bool:
        container.reload()
        return bool(container.attrs["State"].get("Health", {}).get("Status") == "healthy")

    try:
        return wait_until(is_healthy, container, "its HEALTHCHECK succeeds", timeout)
    except NoVerdict as error:
        raise NoVerdict(f"{error}{_last_check(container)}", error.log) from None


def _last_check(container: Container) -> str:
    """What came of the latest HEALTHCHECK, if there was one."""
    checks = container.attrs["State"].get("Health", {}).get("Log") or []
    if not checks:
        return ""
    said = " ".join(str(checks[-1].get("Output", "")).split())[:MOST_SAID]
    return f"; the latest one ended with status {checks[-1].get('ExitCode')}{f' and said: {said}' if said else ''}"


def await_probe(container: Container, probe: Probe, host: str, timeout: float) -> float:
    """Wait until the readiness probe succeeds as often as it has to."""
    time.sleep(probe.delay)
    row = 0

    def succeeds() -> bool:
        nonlocal row
        row = row + 1 if _succeeds(container, probe, host) else 0
        return row >= probe.successes

    return wait_until(succeeds, container, "its readiness probe succeeds", timeout, min(1.0, probe.period))


def _succeeds(container: Container, probe: Probe, host: str) -> bool:
    if probe.kind in ("http", "https"):
        return not ask(protocols.HTTP1, host, probe.port, probe.path, FIRST_FAILURE, tls=probe.kind == "https").is_lost
    if probe.kind == "tcp":
        return takes(host, probe.port)
    try:
        return bool(container.exec_run(list(probe.command)).exit_code == 0)
    except APIError:
        return False


def await_answers(
    container: Container, protocol: str, host: str, port: int, path: str, timeout: float, *, tls: bool = False
) -> float:
    """Wait until the port has answered for STEADY seconds without a failure; return when the first of these answers came."""
    first: float | None = None

    def is_steady() -> bool:
        nonlocal first
        one = ask(protocol, host, port, path, tls=tls)
        if one.is_lost:
            first = None
        elif first is None:
            first = one.ended
        return first is not None and time.monotonic() - first >= STEADY

    wait_until(is_steady, container, f"port {port} answers {path} with a status below 500 for {STEADY:g} s", timeout)
    assert first is not None
    return first
