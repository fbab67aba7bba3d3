"""One trial of an image without a port: it is stopped in the middle of its work, and its log tells what it finished."""

import re
import time
from collections.abc import Callable, Iterable, Iterator

from docker.models.containers import Container

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

        if begin:
            pattern = re.compile(begin)
            what = f"a line of its log matches {begin!r}"
            ready.wait_until(lambda: any(map(pattern.search, lines(container))), container, what, setting.start_timeout)
        moment = time.monotonic() + SETTLED
        ready.wait_until(lambda: time.monotonic() >= moment, container, "it runs", 2 * SETTLED + 60.0)
        state = state_of(container)
        crew = looks.look(container, state)
        tell("stopping")
        requested = time.monotonic()
        ended = stop(container, setting.signal, requested, setting.grace, hook_seconds(setting, container))
        gone = time.monotonic()
        found = units(lines(container), begin, end) if begin and end else None
        log, state = ready.readable(container.logs(tail=200)), state_of(container)
    stopped = Stop(OLD, requested, requested, gone, ended.status, log)
    seconds = {"starting": requested - begun, "stopping": gone - requested, "looking on": time.monotonic() - gone}
    return Trial(
        arm.name, number, stopped, ended.killed, bool(state["OOMKilled"]), None, crew, (), (), stopped.log, seconds, found
    )


def lines(container: Container) -> Iterator[str]:
    """All lines that a container has written, however many: none is kept here."""
    rest = b""
    for part in container.logs(stream=True, follow=False):
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def units(log: Iterable[str], begin: str, end: str) -> Units:
    """The jobs in the lines of a log. Where both patterns have a group, that names the job, and each is counted once.

    Raises NoVerdict where more jobs have ended than begun.
    """
    first, last = re.compile(begin), re.compile(end)
    have_names = bool(first.groups and last.groups)
    begun: list[str] = []
    ended: list[str] = []
    for line in log:
        for pattern, found in ((first, begun), (last, ended)):
            found += [match[1] if have_names else "" for match in pattern.finditer(line)]
    if have_names:
        return Units(len(set(begun)), len(set(begun) & set(ended)))
    if len(ended) > len(begun):
        raise NoVerdict(f"{len(ended)} lines of the log match --unit-end, but only {len(begun)} match --unit-begin")
    return Units(len(begun), len(ended))
