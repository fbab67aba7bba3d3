"""What PID 1 does when its own code has failed: forward to the group, reap, and leave with the command's exit status."""

from pyinit import system
from pyinit.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.log import Log

#: Seconds for what the command leaves behind.
PATIENCE = 5.0


def tell(error: BaseException, log: "Log") -> None:
    """Log an error that nobody foresaw, with its traceback; never fails."""
    try:
        import traceback

        story = " / ".join(" ".join(line.split()) for line in traceback.format_exception(error))
        log.say("error", "fault", f"a fault in pyinit; it goes on with less care: {story}")
    except BaseException:
        pass  # out of memory, or the standard library is gone: the loop matters more


def loop(command: int, status: int | None, unfinished: int) -> int:
    """Forward signals and reap until no child is left, or the command is gone and the patience too; return its status.

    `status` is the command's where it has exited already; `unfinished` a signal that was received and not forwarded yet.
    """
    if unfinished:
        system.send(-command, unfinished)
    swept = False
    while True:
        try:
            for child in system.reap(with_stopped=False):
                status = child.status if child.pid == command else status
            if status is not None and not swept:
                swept = True
                system.send(-1 if system.getpid() == 1 else -command, signal.SIGTERM)
            received = system.wait_signal(None if status is None else PATIENCE)
            if received is None:
                return 125 if status is None else status
            if received.signum != signal.SIGCHLD and received.sender_pid != system.getpid():
                system.send(-command, received.signum)
        except ChildProcessError:
            return 125 if status is None else status
        except BaseException:
            # Even this fails. Sleep until a child exits: it is the one thing left that keeps everybody alive.
            try:
                child = system.wait_blocking()
                status = child.status if child.pid == command else status
            except ChildProcessError:
                return 125 if status is None else status
            except BaseException:
                continue
