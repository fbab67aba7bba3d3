"""What PID 1 does when its own code has failed: forward to the group, reap, and leave with the command's exit status."""

from pyinit import system
from pyinit.signals import signal

#: Seconds for what the command leaves behind.
PATIENCE = 5.0

#: The exit status where nobody knows the command's: a fault of ours.
UNKNOWN = 125


class Command:
    """The command, and what must be known of it should all else fail.

    `status` is its exit status once it has been reaped; `owed` a signal that was received for it and not delivered yet.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self.owed = 0


def tell(error: BaseException, layout: str, consequence: str) -> None:
    """Log an error that nobody foresaw, with its traceback and what follows from it; never fails."""
    try:
        import traceback

        from pyinit.log import Log

        story = " / ".join(" ".join(line.split()) for line in traceback.format_exception(error))
        Log("error", layout).say("error", "fault", f"a fault in pyinit; {consequence}: {story}")
    except BaseException:
        pass  # out of memory, or the standard library is gone: what comes next matters more


def loop(command: Command) -> int:
    """Forward signals and reap until no child is left, or the command is gone and the patience too; return its status."""
    swept = False
    while True:
        try:
            if command.owed:
                system.send(-command.pid, command.owed)
                command.owed = 0
            for child in system.reap(with_stopped=False):
                command.status = child.status if child.pid == command.pid else command.status
            if command.status is not None and not swept:
                swept = True
                system.send(-1 if system.getpid() == 1 else -command.pid, signal.SIGTERM)
            received = system.wait_signal(None if command.status is None else PATIENCE)
            if received is None:
                return UNKNOWN if command.status is None else command.status
            if received.signum != signal.SIGCHLD and received.signum not in system.BY_PRODUCTS:
                command.owed = received.signum
        except ChildProcessError:
            return UNKNOWN if command.status is None else command.status
        except BaseException:
            # Even this fails. Sleep until a child exits: it is the one thing left that keeps everybody alive.
            try:
                child = system.wait_blocking()
                command.status = child.status if child.pid == command.pid else command.status
            except ChildProcessError:
                return UNKNOWN if command.status is None else command.status
            except BaseException:
                continue
