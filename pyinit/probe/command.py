"""`pyinit --probe TARGET`: one probe, one line, exit status 0 or 1. For HEALTHCHECK and exec probes."""

import select

from pyinit.kernel import system
from pyinit.log import printable
from pyinit.probe import run, target
from pyinit.settings.config import UsageError
from pyinit.settings.values import duration

#: Seconds. Docker's own limit is 30, and Kubernetes' 1: whoever has set one knows it.
TIMEOUT = 5.0

#: Longest time for a probe, in seconds: an hour.
LONGEST = 3600.0

USAGE = "pyinit --probe TARGET [--probe-expect STATUS|TEXT] [--probe-timeout SECONDS]"


def parse(words: list[str]) -> tuple[target.Target, target.Expected, float]:
    """The target, what is expected of it, and the time limit. Raises UsageError."""
    given: dict[str, str] = {}
    while words:
        word, *words = words
        flag, equals, text = word.partition("=")
        if flag not in ("--probe", "--probe-expect", "--probe-timeout"):
            raise UsageError(f"{word!r} has no place here: {USAGE}")
        if not equals:
            if not words:
                raise UsageError(f"{flag}: a value must follow: {USAGE}")
            text, *words = words
        if flag in given:
            raise UsageError(f"{flag}: given twice; one probe has one of it")
        given[flag] = text
    if "--probe" not in given:
        raise UsageError(f"--probe is missing: {USAGE}")
    flag = ""
    try:
        flag = "--probe"
        asked = target.parse(given[flag])
        flag = "--probe-expect"
        expect = target.expected(given.get(flag), asked)
        flag = "--probe-timeout"
        timeout = duration(given[flag]) if flag in given else TIMEOUT
        if not 0 < timeout <= LONGEST:
            raise ValueError(f"{given[flag]!r}: a probe takes more than 0 s, and an hour at most")
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from None
    problem = run.impossible(asked)
    if problem:
        raise UsageError(f"--probe: {problem}")
    return asked, expect, timeout


def main(words: list[str], mask: frozenset[int]) -> int:
    """Probe, tell how it went, and return the exit status. `mask` is that of signals. Raises UsageError."""
    asked, expect, timeout = parse(words)
    began = system.monotonic()
    probe = run.Probe(asked, expect, timeout, began, run.Given(system.environ(), mask))
    while True:
        outcome = probe.on_ready(system.monotonic())
        if outcome is not None:
            break
        _wait(probe)
    took = (system.monotonic() - began) * 1000
    line = printable(f"{asked.text}: {outcome.reason}, {took:.1f} ms")
    if outcome.ok:
        system.write_stdout(f"ok: {line}\n".encode("utf-8", "backslashreplace"))
        return 0
    system.write_stderr(f"pyinit: probe failed: {line}"[:1000].encode("utf-8", "backslashreplace") + b"\n")
    return 1


def _wait(probe: run.Probe) -> None:
    poll = select.poll()
    if probe.descriptor is not None:
        poll.register(probe.descriptor, probe.events)
    poll.poll(max(0, int((probe.due_at - system.monotonic()) * 1000) + 1))
