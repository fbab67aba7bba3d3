"""Waiting for signals and, at the same time, for the exit of a process that is not our child.

The handler in a `start.sh` is the shell's child: the shell gets its SIGCHLD, not we. A pidfd tells us of its exit without
polling; a signalfd lets one poll() wait for it and for signals. Neither is there before somebody is held back.
"""

from pyinit.kernel import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.kernel.arrivals import Arrivals

#: Seconds between two looks at a process that cannot be watched (a kernel before 5.3, a Python without ctypes).
LOOK_AGAIN = 0.25


class Watch:
    """Waits for signals, in the order of `arrivals`, and for one process at most."""

    def __init__(self, arrivals: "Arrivals") -> None:
        self._arrivals = arrivals
        self.pid: int | None = None
        self._process: int | None = None  # a pidfd and a signalfd; none where they cannot be had
        self._signals: int | None = None  # kept for the next one who is watched
        self._has_exited = False

    def set(self, pid: int) -> bool:
        """Watch this process instead of any other; False where it has gone already, and nobody is watched."""
        self._let_go()
        try:
            self._process = system.open_process(pid)
            if self._signals is None:
                from pyinit.kernel import libc

                self._signals = libc.signal_descriptor()
        except ProcessLookupError:
            return False
        except (OSError, ImportError, AttributeError, MemoryError):
            self.clear()  # ENOSYS, EPERM (seccomp), no ctypes, no pidfd_open(): look now and then instead
        self.pid = pid
        return True

    def clear(self) -> None:
        """Watch nobody."""
        self._let_go()
        if self._signals is not None:
            system.close(self._signals)
        self._signals = None

    def _let_go(self) -> None:
        if self._process is not None:
            system.close(self._process)
        self._process, self.pid, self._has_exited = None, None, False

    def wait(
        self, seconds: float | None, sleep: "Callable[[], system.Received | None] | None" = None
    ) -> system.Received | None:
        """Sleep until a signal arrives, which is returned, or the process exits, or the time is over.

        `seconds` None means for ever. None may be returned early. `sleep` is as in Arrivals.take(), where nobody is watched.
        """
        if self.pid is None:
            if self._signals is not None:
                self.clear()
            return self._arrivals.take(seconds, sleep)
        if self._process is not None and self._signals is not None:
            self._has_exited = self._process in system.wait_readable((self._process, self._signals), seconds)
            return self._arrivals.take(0)
        received = self._arrivals.take(LOOK_AGAIN if seconds is None else min(seconds, LOOK_AGAIN))
        from pyinit.kernel import processes  # whoever names somebody to be watched has loaded it

        self._has_exited = not processes.is_alive(self.pid)
        return received

    def take_exited(self) -> int | None:
        """The watched process if it has exited; it is watched no longer then."""
        if not self._has_exited:
            return None
        pid = self.pid
        self._let_go()
        return pid
