"""PID 1 with no command: it keeps namespaces alive and reaps orphans, until it is told to leave (catatonit -P).

Podman runs it in the infra container of a pod, whose containers may share its PID namespace, and as the process that holds
a rootless user's namespaces. Who lives in them are children of others, if not orphans of theirs, and stopped by others; so
it tells nobody and waits for nobody.
"""

from pyinit import last_resort, system
from pyinit.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config import Config
    from pyinit.log import Log

#: What it leaves for, with exit status 0. All other signals it takes, and does nothing about.
ENDS = frozenset({int(signal.SIGTERM), int(signal.SIGINT)})

#: Seconds between two attempts to wait for signals, where one has failed.
BREATH = 1.0


def until_told(config: "Config", log: "Log") -> int:
    """Sleep and reap until SIGTERM or SIGINT comes; return the exit status. All signals are blocked. Never fails."""
    is_told = False
    while True:
        try:
            system.reap([], (), with_stopped=False)
            received = system.wait_signal(None)
            if received is not None and received.signum in ENDS:
                log.say("debug", "exit", "told to leave: exit status 0", status=0)
                return 0
        except BaseException as error:  # noqa: BLE001 - our end is the end of all who live in these namespaces
            if not is_told:
                is_told = True
                last_resort.tell(error, config.log_format, "it goes on")
            _breathe()


def _breathe() -> None:
    """Wait before the next attempt: what has failed may go on failing."""
    try:
        system.nap(BREATH)
    except BaseException:  # noqa: BLE001, S110 - as above: out of memory
        pass
