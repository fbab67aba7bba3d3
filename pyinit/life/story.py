"""PURE. What has happened to the container so far, and since when: for the log, and for the one line of summary."""

from pyinit.life.actions import Exit, Note
from pyinit.log import seconds


class Story:
    """What has happened so far, in the order in which it did, and the two moments from which times are counted."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.requested_at: float | None = None  # the first stop request, or the end of the start timeout
        self.was_too_late = False  # the command was not ready within the start timeout
        self._parts: list[str] = []

    def add(self, part: str) -> None:
        """One thing more has happened."""
        self._parts.append(part)

    def since(self, now: float) -> float:
        """Seconds since the stop request; where there is none, since the start."""
        return now - (self.started_at if self.requested_at is None else self.requested_at)

    def how_long(self, now: float) -> str:
        """For people: "3 s after the stop request"."""
        what = "the start" if self.requested_at is None else "the stop request"
        return f"{seconds(self.since(now))} after {'the start timeout' if self.was_too_late else what}"

    def note(self, unfinished: str) -> Note:
        """The story so far, and what goes on; to be read only if nobody could tell the end of it."""
        return Note("; ".join([*self._parts, f"not finished yet: {unfinished}"]))

    def end(self, status: int, part: str) -> Exit:
        """The whole story: the last of it is the exit status."""
        return Exit(status, "; ".join([*self._parts, part]))
