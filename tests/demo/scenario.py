"""What an orchestrator does to stop a container, done to all at the same time, and what came of it."""

import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.demo.app import REQUEST
from tests.demo.ways import Stage, Way

#: Seconds from SIGTERM to SIGKILL. (docker stop takes 10, Kubernetes 30.)
TIMEOUT = 5.0

#: Seconds for a container to start.
PATIENCE = 20.0


@dataclass(frozen=True)
class Result:
    """What was seen of one init: how often the application heard of it, the status, the seconds from SIGTERM to the end."""

    init: str
    told: int
    finished: bool
    status: int
    seconds: float
    killed: bool


class DidNotStart(Exception):
    """The application has not said that it is ready."""


class Interrupted(Exception):
    """Somebody does not want to see the end."""


def _pause(interrupted: Callable[[], object]) -> None:
    time.sleep(0.01)
    if interrupted():
        raise Interrupted


def run(way: Way, interrupted: Callable[[], object]) -> list[Result]:
    """Start every init with start.sh behind it, stop them all, and say what happened to each.

    Raises Interrupted once `interrupted()` is true. (An exception out of a signal handler could fall between the start of
    a process and the note of it, and leave that process behind.)
    """
    with contextlib.ExitStack() as stack:
        stages = {init: stack.enter_context(Stage(way, init, number)) for number, init in enumerate(way.inits)}
        deadline = time.monotonic() + PATIENCE
        for init, stage in stages.items():
            while "ready" not in stage.said:
                if time.monotonic() >= deadline or stage.status is not None:
                    raise DidNotStart(f"the application does not start behind {init}: it said {stage.said}")
                _pause(interrupted)
        return _stop(stages, interrupted)


def _stop(stages: dict[str, Stage], interrupted: Callable[[], object]) -> list[Result]:
    sent: dict[str, float] = {}
    ended: dict[str, float] = {}
    killed: set[str] = set()
    answered: set[str] = set()
    for init, stage in stages.items():
        sent[init] = time.monotonic()
        stage.send(signal.SIGTERM)
    while len(ended) < len(stages):
        for init, stage in stages.items():
            now = time.monotonic()
            if init not in ended and stage.status is not None:
                ended[init] = now
            elif init not in ended and init not in answered and now >= sent[init] + REQUEST:
                answered.add(init)
                stage.end_request()
            elif init not in ended and init not in killed and now >= sent[init] + TIMEOUT:
                killed.add(init)
                stage.send(signal.SIGKILL)
        _pause(interrupted)
    return [
        Result(
            init,
            stage.said.count("told"),
            "finished" in stage.said,
            int(stage.status or 0),
            ended[init] - sent[init],
            init in killed,
        )
        for init, stage in stages.items()
    ]
