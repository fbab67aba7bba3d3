"""How an orchestrator stops a container: what comes before the signal, the signal, and SIGKILL when the time is over."""

import contextlib
import time
from typing import NamedTuple

import requests
from docker.errors import APIError
from docker.models.containers import Container

#: Seconds for the engine to tell of an end that SIGKILL has brought about: the machine may be busy with others.
AFTER_KILL = 60.0

#: The least that the engine is asked to wait for.
LEAST = 1.0


class Ended(NamedTuple):
    """How a container ended: its exit status, and whether SIGKILL had to be sent."""

    status: int
    killed: bool


def stop(container: Container, signum: str, requested: float, grace: float, pre_stop: float = 0.0) -> Ended:
    """Stop a container that was asked to at the moment `requested` (time.monotonic()).

    `signum`: the signal by name or number, sent when `pre_stop` seconds are over. `grace`: seconds from the request to SIGKILL.
    """
    time.sleep(max(0.0, requested + pre_stop - time.monotonic()))
    with contextlib.suppress(APIError):  # 409: it has ended just now
        container.kill(signum)
    try:
        return Ended(wait(container, requested + grace - time.monotonic()), killed=False)
    except requests.exceptions.RequestException:  # of the SDK: a timeout is either ConnectionError or ReadTimeout
        with contextlib.suppress(APIError):
            container.kill("SIGKILL")
        return Ended(wait(container, AFTER_KILL), killed=True)


def wait(container: Container, seconds: float) -> int:
    """Wait for its end; return its exit status. Raises RequestException where it does not end in time."""
    return int(container.wait(timeout=max(LEAST, seconds))["StatusCode"])
