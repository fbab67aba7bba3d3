"""A control group of one's own, of version 1 or 2, with a limit; removed at its end.

`Cgroup.enter` is a shell's line for tests.namespace.after(): PID 1 is in the group from the beginning, and so are its children.
"""

import contextlib
import os
from pathlib import Path
from types import TracebackType

import pytest

from tests.waiting import wait_until

ROOT = Path("/sys/fs/cgroup")

#: The file of a limit, by controller and version.
LIMITS = {("pids", 1): "pids.max", ("pids", 2): "pids.max", ("memory", 1): "memory.limit_in_bytes", ("memory", 2): "memory.max"}


def hierarchy(controller: str) -> tuple[Path, int] | None:
    """Where a controller's groups are, and of which version it is; None where we may make none."""
    if os.access(ROOT / controller / "tasks", os.W_OK):
        return ROOT / controller, 1
    with contextlib.suppress(OSError):
        if controller in (ROOT / "cgroup.controllers").read_text().split():
            (ROOT / "cgroup.subtree_control").write_text(f"+{controller}")
            return ROOT, 2
    return None


def need_controller(controller: str) -> tuple[Path, int]:
    """Where a controller's groups are, and of which version it is; the test is skipped where there is none.

    That leaves no gap: tests/docker/test_hostile.py reaches the same limits by options of `docker run`.
    """
    found = hierarchy(controller)
    if found is None:
        pytest.skip(f"no control group with {controller} can be made here: run as root, where cgroups are writable")
    return found


class Cgroup:
    """A group with a limit: in processes, or in bytes. A context manager: nobody may be left in it at the end."""

    def __init__(self, controller: str, limit: int, name: str) -> None:
        folder, version = need_controller(controller)
        self._controller, self._version = controller, version
        self.path = folder / f"pyinit-hostile-{name}-{os.getpid()}"
        self.path.mkdir()
        try:
            if controller != "freezer":
                self.limit(limit)
        except OSError:
            self.path.rmdir()
            raise

    def limit(self, limit: int) -> None:
        """Set the limit. Of memory there is no swap that could be had instead, where the kernel lets us say so."""
        (self.path / LIMITS[self._controller, self._version]).write_text(str(limit))
        if self._controller == "memory":
            with contextlib.suppress(OSError):  # no accounting of swap in this kernel
                swap = ("memory.memsw.limit_in_bytes", limit) if self._version == 1 else ("memory.swap.max", 0)
                (self.path / swap[0]).write_text(str(swap[1]))

    def limit_to(self, headroom: int) -> None:
        """Limit the memory to so many bytes more than what is used now. Caches that could be given up are, first."""
        with contextlib.suppress(OSError):
            emptied = ("memory.force_empty", "0") if self._version == 1 else ("memory.reclaim", str(headroom))
            (self.path / emptied[0]).write_text(emptied[1])
        used = {1: "memory.usage_in_bytes", 2: "memory.current"}[self._version]
        self.limit(int(self.read(used)) + headroom)

    @property
    def enter(self) -> str:
        """A line of shell by which it enters."""
        return f"echo $$ >{self.path}/cgroup.procs"

    def add(self, pid: int) -> None:
        """Put a process into it, by its PID out here."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def read(self, name: str) -> str:
        """What a file of it says."""
        return (self.path / name).read_text()

    def refused(self) -> int:
        """How many forks the limit of processes has refused."""
        return int(self.read("pids.events").split()[1])

    def kills(self) -> int:
        """How many processes were killed for want of memory."""
        lines = self.read("memory.oom_control" if self._version == 1 else "memory.events").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def __enter__(self) -> "Cgroup":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        def is_removed() -> bool:
            with contextlib.suppress(OSError):  # EBUSY: they are on their way out
                self.path.rmdir()
            return not self.path.exists()

        wait_until(is_removed, f"{self.path} is empty")
