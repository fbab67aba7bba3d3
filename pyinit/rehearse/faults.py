"""What ends a rehearsal without a result, each with its exit status."""

#: Exit statuses: nothing lost, or no more than allowed; lost; bad usage; no verdict; interrupted.
WELL, LOST, USAGE, NO_VERDICT, INTERRUPTED = 0, 1, 2, 3, 130


class UsageError(Exception):
    """What was asked for makes no sense; the message says how to mend it."""


class NoVerdict(Exception):
    """The rehearsal cannot judge; the message says why. `log` has the last lines that the container wrote, if they help."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class Unreachable(Exception):
    """The engine's containers cannot be reached from here."""
