"""One trial of an image without a port: it is stopped in the middle of its work, and its log tells what it finished."""

import re
import time
from collections.abc import Callable

from pyinit.rehearse import looks, ready
from pyinit.rehearse.arms import Arm
from pyinit.rehearse.faults import NoVerdict
from pyinit.rehearse.moments import Stop
from pyinit.rehearse.result import OLD, Trial, Units
from pyinit.rehearse.stopping import stop
from pyinit.rehearse.trial import Setting, Stage, hook_seconds, state_of

#: Seconds for which a worker runs before it is stopped, where nothing in its log tells that it has begun.
SETTLED = 4.0


def run(setting: Setting, arm: Arm, number: int, begin: str, end: str, tell: Callable[[str], object]) -> Trial:
    """A trial. `begin` and `end`: patterns of the lines by which a job begins and ends; empty: none. Raises NoVerdict."""
    begun = time.monotonic()
    with Stage(setting, arm) as stage:
        tell("starting")
        container, _ = stage.run()

        def log() -> str:
            return container.logs().decode(errors="replace")

        if begin:
            pattern = re.compile(begin)
            what = f"a line of its log matches {begin!r}"
            ready.wait_until(lambda: pattern.search(log()) is not None, container, what, setting.start_timeout)
        moment = time.monotonic() + SETTLED
        ready.wait_until(lambda: time.monotonic() >= moment, container, "it runs", 2 * SETTLED + 60.0)
        state = state_of(container)
        crew = looks.look(container, state)
        tell("stopping")
        requested = time.monotonic()
        ended = stop(container, setting.signal, requested, setting.grace, hook_seconds(setting, container))
        gone = time.monotonic()
        text, state = log(), state_of(container)
    stopped = Stop(OLD, requested, requested, gone, ended.status, "\n".join(text.splitlines()[-200:]))
    found = units(text, begin, end) if begin and end else None
    seconds = {"starting": requested - begun, "stopping": gone - requested, "looking on": time.monotonic() - gone}
    return Trial(
        arm.name, number, stopped, ended.killed, bool(state["OOMKilled"]), None, crew, (), (), stopped.log, seconds, found
    )


def units(log: str, begin: str, end: str) -> Units:
    """The jobs in a log. Where both patterns have a group, that names the job, and each is counted once. Raises NoVerdict."""
    first, last = re.compile(begin), re.compile(end)
    if first.groups and last.groups:
        begun = {match[1] for match in first.finditer(log)}
        return Units(len(begun), len(begun & {match[1] for match in last.finditer(log)}))
    begins, ends = len(first.findall(log)), len(last.findall(log))
    if ends > begins:
        raise NoVerdict(f"{ends} lines of the log match --unit-end, but only {begins} match --unit-begin", log[-2000:])
    return Units(begins, ends)
