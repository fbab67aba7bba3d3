r"""The state page: what PID 1 tells of itself to whoever looks, by `pyinit --status`, `--probe pyinit` and the health helper.

It is an anonymous file of at most SIZE bytes that PID 1 alone writes to. Whoever may look at PID 1 finds it at
/proc/1/fd/N, where the link says "/memfd:pyinit (deleted)", and reads it (probe/state.py). No protocol, no socket: there is
nothing for PID 1 to answer, so nobody can hold it up or lead it astray.

    pyinit 1 SEQUENCE
    key TAB value
    ...
    end SEQUENCE

UTF-8, a line for each field of State that is not None, in any order. In a value a backslash is `\\` and a line end `\n`. The
first figure is the version of the format; a reader leaves out keys that it does not know. The sequence number changes with
each writing: where the two differ, the page was read while it was written. The count of orphans has ten digits, so that it
can be changed alone (docker/static/sleep.c).
"""

import pyinit
from pyinit.kernel import system
from pyinit.record import Record

#: Bytes of the page.
SIZE = 4096

#: Bytes that a text may take in it; more is cut off.
LONGEST_TEXT = 600

#: The first word and the last.
BEGIN, END = "pyinit 1", "end"

#: Readiness: nobody has asked for it; never ready so far; ready; it was, and is not any more; not any more, for we stop.
UNASKED = "unasked"
WAITING = "waiting"
READY = "ready"
UNREADY = "unready"
FALLEN = "fallen"

#: Seconds between two writings on account of orphans alone, at least.
ORPHANS_EACH = 1.0


class State(Record):
    """What is on the page. Times are seconds on CLOCK_MONOTONIC.

    `command` is the PID of the command, `status` its exit status once that is known; `stop_signal` is what it would get for
    a stop request, or has got, and `by_program` whether a well-known program gets its own; `forward` is as in Config; `orphans`
    counts those that were reaped, and may be a second old; `health` is the PID of the health helper, or 0.
    """

    phase: str = ""
    phase_since: float = 0.0
    started_at: float = 0.0
    requested_at: float | None = None
    command: int = 0
    status: int | None = None
    forward: str = ""
    stop_signal: int = 0
    readiness: str = UNASKED
    readiness_since: float | None = None
    first_ready_at: float | None = None
    reason: str = ""
    notify_status: str = ""
    orphans: int = 0
    health: int = 0
    version: str = pyinit.__version__
    by_program: int = 0


#: Where the count of orphans begins.
COUNT = b"\norphans\t"


def _line(value: object) -> bytes:
    text = str(value)
    while True:
        line = text.replace("\\", "\\\\").replace("\n", "\\n").encode("utf-8", "replace")
        if len(line) <= LONGEST_TEXT:
            return line
        text = text[: min(LONGEST_TEXT, len(text) * 7 // 8)]


def to_bytes(state: State, sequence: int) -> bytes:
    """PURE. The page, filled up with empty lines to its size: what a longer one has left behind is overwritten."""
    values = {**vars(state), "orphans": f"{state.orphans:010d}"}
    lines = [b"%s\t%s\n" % (key.encode(), _line(value)) for key, value in values.items() if value is not None]
    return (b"%s %d\n%s%s %d\n" % (BEGIN.encode(), sequence, b"".join(lines), END.encode(), sequence)).ljust(SIZE, b"\n")


class Page:
    """The page's writer. It never fails: without the page all else works."""

    def __init__(self, descriptor: int | None, state: State, sequence: int = 0) -> None:
        """`descriptor` is that of system.create_page(), None where there is none; with a `sequence` it has been written."""
        self.descriptor = descriptor
        self.state = state
        self.sequence = sequence
        self._written_at = state.started_at
        if not sequence:
            self._write()

    def update(self, **changed: object) -> None:
        """Change some fields, and write if that makes a difference."""
        state = State(**(vars(self.state) | changed))
        if state != self.state:
            self.state = state
            self._write()

    def on_readiness(self, readiness: str, reason: str, now: float) -> None:
        """The readiness, one of the words above, and its reason for people: they hold from now on, if they are new."""
        if readiness == self.state.readiness:
            self.update(reason=reason)
            return
        first = now if readiness == READY and self.state.first_ready_at is None else self.state.first_ready_at
        self.update(readiness=readiness, readiness_since=now, reason=reason, first_ready_at=first)

    def on_phase(self, phase: str, now: float, **changed: object) -> None:
        """The phase of the lifecycle, and other fields that go with it."""
        since = self.state.phase_since if phase == self.state.phase else now
        self.update(phase=phase, phase_since=since, **changed)

    def on_orphans(self, orphans: int, now: float) -> None:
        """So many orphans were reaped until now. There may be thousands in a second: that is not written each time."""
        if orphans != self.state.orphans and now >= self._written_at + ORPHANS_EACH:
            self._written_at = now
            self.update(orphans=orphans)

    def place_of_orphans(self) -> int:
        """Where in the file the count of orphans is."""
        return to_bytes(self.state, self.sequence).index(COUNT) + len(COUNT)

    def _write(self) -> None:
        self.sequence += 1
        if self.descriptor is not None:
            try:
                system.write_page(self.descriptor, to_bytes(self.state, self.sequence))
            except MemoryError:
                pass  # then it tells of what was before
