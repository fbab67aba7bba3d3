"""What PID 1 does when its own code has failed: forward to the group, reap, and leave with the command's exit status."""

from pyinit.kernel import system
from pyinit.kernel.arrivals import Arrivals
from pyinit.kernel.signals import signal

if system.IS_FROZEN:
    from pyinit.kernel import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

#: Seconds for what the command leaves behind.
PATIENCE = 5.0

#: The exit status where nobody knows the command's: a fault of ours.
UNKNOWN = 125


class Command:
    """The command, and what must be known of it should all else fail.

    `arrivals` takes the signals, stop requests first. `status` is its exit status once it has been reaped; `exits` are children
    that were reaped and not looked at yet; `owed` is a signal that was received for it and not delivered yet.
    """

    def __init__(self, pid: int, stop_on: "Collection[int]" = ()) -> None:
        self.pid = pid
        self.arrivals = Arrivals(stop_on)
        self.status: int | None = None
        self.owed = 0
        self.exits: list[system.Reaped] = []

    def look_for_status(self) -> int | None:
        """The status, from those who were reaped if need be."""
        for child in self.exits:
            if child.pid == self.pid and not child.stopped_by:
                self.status = child.status
        self.exits.clear()
        return self.status


def tell(error: BaseException, layout: str, consequence: str) -> None:
    """Log an error that nobody foresaw, with its traceback and what follows from it; never fails."""
    try:
        complain("fault", f"a fault in pyinit; {consequence}: {story(error)}", layout)
    except BaseException:
        pass  # out of memory: what comes next matters more


def complain(event: str, message: str, layout: str = "text") -> None:
    """Log an error; as text, where no descriptor is left to load what logs."""
    try:
        from pyinit.log import Log
    except (OSError, ImportError):
        system.write_stderr(f"pyinit: error: {message}\n".encode("ascii", "backslashreplace"))
        return
    Log("error", layout).say("error", event, message)


def story(error: BaseException) -> str:
    """For people: an error and the places that it came through, and before it what it came from.

    By hand: `traceback` imports a tenth of the standard library, of which the static binary has nothing.
    """
    before = error.__cause__ or error.__context__
    told = "" if before is None else f"{story(before)}; then "
    told += f"{type(error).__name__}: {error}{system.hint(error)}"
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        told += f" / {code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} in {code.co_name}"
        trace = trace.tb_next
    return told


def loop(command: Command, error: BaseException | None = None) -> int:
    """Forward signals and reap until no child is left, or the command is gone and the patience too; return its status.

    `error` is what has led here. Where that is a lack of memory the static binary does it in C: Python loses a child's status
    for which it has no memory.
    """
    if system.IS_FROZEN and isinstance(error, MemoryError):
        return frozen.go_on_without_python(command.pid, command.owed, command.look_for_status())
    swept = False
    leave_at = 0.0
    while True:
        try:
            if system.IS_FROZEN:
                frozen.forget_answers()  # from here on all goes to the group
            if command.owed:
                system.send(-command.pid, command.owed)
                command.owed = 0
            none_left, _ = system.reap(command.exits, (command.pid,), 0, with_stopped=False)
            status = command.look_for_status()
            if none_left:
                return UNKNOWN if status is None else status
            if status is not None and not swept:
                swept = True
                leave_at = system.monotonic() + PATIENCE
                system.send(-1 if system.getpid() == 1 else -command.pid, signal.SIGTERM)
            left = None if status is None else leave_at - system.monotonic()
            if left is not None and left <= 0:  # however many signals come meanwhile
                return UNKNOWN if status is None else status
            received = command.arrivals.take(left)
            if received is None:
                continue
            is_ours = received.is_word or received.signum in (signal.SIGCHLD, *system.BY_PRODUCTS)
            if not is_ours:
                command.owed = received.signum
        except BaseException as another:
            if system.IS_FROZEN and isinstance(another, MemoryError):
                return loop(command, another)
            # Even this fails. Sleep until a child exits: it is the one thing left that keeps everybody alive.
            try:
                command.exits.append(system.wait_blocking())
            except ChildProcessError:
                status = command.look_for_status()
                return UNKNOWN if status is None else status
            except BaseException:
                continue
