"""PID 1 with no command: it keeps namespaces alive and reaps orphans, until it is told to leave (catatonit -P).

Podman runs it in the infra container of a pod, whose containers may share its PID namespace, and as the process that holds
a rootless user's namespaces. Who lives in them are children of others, if not orphans of theirs, and stopped by others; so
it tells nobody. But the end of PID 1 is everybody's end, and `podman pod stop` tells all containers at the same moment. So as
PID 1 it waits for those who came from outside; a second request ends that.
"""

from pyinit.kernel import system
from pyinit.kernel.arrivals import Arrivals
from pyinit.kernel.signals import signal
from pyinit.life import last_resort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.kernel.watch import Watch
    from pyinit.log import Log
    from pyinit.settings.config import Config

#: What it leaves for, with exit status 0. All other signals it takes, and does nothing about.
ENDS = frozenset({int(signal.SIGTERM), int(signal.SIGINT)})

#: Seconds between two attempts to wait for signals, where one has failed.
BREATH = 1.0


def until_told(config: "Config", log: "Log") -> int:
    """Sleep and reap until SIGTERM or SIGINT comes; return the exit status. All signals are blocked. Never fails."""
    is_told = False
    arrivals = Arrivals(ENDS)
    watch: Watch | None = None  # from the request on
    while True:
        try:
            system.reap([], (), 0, with_stopped=False)
            received = arrivals.take(None) if watch is None else watch.wait(None)
            is_request = received is not None and received.signum in ENDS
            if is_request and watch is None:
                from pyinit.kernel import watch as watching

                watch = watching.Watch(arrivals)
            elif watch is None or not (is_request or watch.take_exited()):
                continue
            guest = None if is_request and watch.pid is not None else _a_guest()
            while guest is not None and not watch.set(guest):
                guest = _a_guest()  # that one has gone meanwhile
            if guest is None:
                log.say("debug", "exit", "told to leave: exit status 0", status=0)
                return 0
            log.say("info", "awaited", f"told to leave; first those who live here, such as {guest}", pid=guest)
        except BaseException as error:  # noqa: BLE001 - our end is the end of all who live in these namespaces
            if not is_told:
                is_told = True
                last_resort.tell(error, config.log_format, "it goes on")
            _breathe()


def _a_guest() -> int | None:
    """One who lives in our PID namespace as its PID 1 does, with a parent outside; None where there is none.

    In another's namespace we hold up nobody's life.
    """
    if system.getpid() != 1:
        return None
    from pyinit.kernel import processes

    return next((pid for pid, process in (processes.snapshot(None) or {}).items() if process.parent == 0), None)


def _breathe() -> None:
    """Wait before the next attempt: what has failed may go on failing."""
    try:
        system.nap(BREATH)
    except BaseException:  # noqa: BLE001, S110 - as above: out of memory
        pass
