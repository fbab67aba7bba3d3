"""Waiting for signals and, at the same time, for the exit of a process that is not our child.

The handler in a `start.sh` is the shell's child: the shell gets its SIGCHLD, not we. A pidfd tells us of its exit without
polling; a signalfd lets one poll() wait for it and for signals. Neither is there before somebody is held back.
"""

from pyinit import processes, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.arrivals import Arrivals

#: Seconds between two looks at a process that cannot be watched (a kernel before 5.3, a Python without ctypes).
LOOK_AGAIN = 0.25


class Watch:
    """Waits for signals, in the order of `arrivals`, and for one process at most."""

    def __init__(self, arrivals: "Arrivals") -> None:
        self._arrivals = arrivals
        self.pid: int | None = None
        self._descriptors: tuple[int, ...] = ()  # a pidfd and a signalfd; none where they cannot be had
        self._has_exited = False

    def set(self, pid: int) -> None:
        """Watch this process instead of any other."""
        self.clear()
        self.pid = pid
        try:
            self._descriptors = (system.open_process(pid),)
            self._descriptors += (system.signal_descriptor(),)
        except ProcessLookupError:
            self._has_exited = True
        except (OSError, ImportError, AttributeError, MemoryError):
            self._close()  # ENOSYS, EPERM (seccomp), no ctypes, no pidfd_open(): look now and then instead

    def clear(self) -> None:
        """Watch nobody."""
        self._close()
        self.pid, self._has_exited = None, False

    def _close(self) -> None:
        for descriptor in self._descriptors:
            system.close(descriptor)
        self._descriptors = ()

    def wait(self, seconds: float | None) -> system.Received | None:
        """Sleep until a signal arrives, which is returned, or the process exits, or the time is over.

        `seconds` None means for ever. None may be returned early.
        """
        if self.pid is None:
            return self._arrivals.take(seconds)
        if self._has_exited:
            return self._arrivals.take(0)
        if self._descriptors:
            self._has_exited = self._descriptors[0] in system.wait_readable(self._descriptors, seconds)
            return self._arrivals.take(0)
        received = self._arrivals.take(LOOK_AGAIN if seconds is None else min(seconds, LOOK_AGAIN))
        self._has_exited = not processes.is_alive(self.pid)
        return received

    def take_exited(self) -> int | None:
        """The watched process if it has exited; it is watched no longer then."""
        if not self._has_exited:
            return None
        pid = self.pid
        self.clear()
        return pid
