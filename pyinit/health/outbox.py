"""Reports on their way to PID 1, over a pipe that is never waited for: what it does not take now is written a little later."""

import posix

from pyinit.health import reports
from pyinit.health.reports import Described, Line, Report

#: Seconds after which a full pipe is tried again.
AGAIN = 0.1

#: Seconds between two descriptions (STATUS=), at least: a command may give thousands, and PID 1 wakes up for each.
DESCRIBED_EACH = 0.25

#: Log lines that are kept while the pipe is full.
MOST_LINES = 16


class Outbox:
    """Writes reports in order; of each kind but log lines only the newest matters, if it could not be written yet."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending: dict[object, Report] = {}
        self._described_at = float("-inf")
        self.due_at: float | None = None

    def put(self, report: Report, now: float) -> None:
        """Report this."""
        if isinstance(report, Line):
            if len(self._pending) < MOST_LINES:
                self._pending[report] = report
        else:
            self._pending.pop(type(report), None)
            self._pending[type(report)] = report
        self.flush(now)

    def flush(self, now: float) -> None:
        """Write what can be written."""
        self.due_at = None
        for key, report in list(self._pending.items()):
            if isinstance(report, Described) and now < self._described_at + DESCRIBED_EACH:
                self.due_at = self._described_at + DESCRIBED_EACH
                continue
            try:
                posix.write(self._descriptor, reports.to_bytes(report))
            except BlockingIOError:
                self.due_at = now + AGAIN
                return
            del self._pending[key]
            if isinstance(report, Described):
                self._described_at = now
