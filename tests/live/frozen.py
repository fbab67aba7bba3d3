"""A shell that is stopped in the middle of starting somebody, from outside of its namespace, for as long as a test likes.

strace(1) holds whoever makes a certain system call before the kernel carries it out: for the others it looks as if that one got
no CPU. When strace is ended, all go on as if it had not been there.
"""

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from tests.namespace import Namespace
from tests.waiting import wait_until

#: The moments: what the shell, or its child, is about to call then. Not every kernel has each of these calls.
FORK = "fork"  # the shell is about to start somebody
BORN = "born"  # its child has just been forked, and is as the shell is
EXEC = "exec"  # the child is about to become another program
CALLS = {FORK: ("clone", "clone3", "fork", "vfork"), BORN: ("set_robust_list",), EXEC: ("execve",)}

#: The numbers of these calls, as /proc/PID/syscall has them.
NUMBERS = {
    "x86_64": {"clone": 56, "clone3": 435, "fork": 57, "vfork": 58, "set_robust_list": 273, "execve": 59},
    "aarch64": {"clone": 220, "clone3": 435, "set_robust_list": 99, "execve": 221},
}


class Freezer:
    """strace on a process and those that it starts, which holds the first of them that comes to a moment."""

    def __init__(self, namespace: Namespace, pid: int, moment: str) -> None:
        numbers = NUMBERS[platform.machine()]
        calls = [call for call in CALLS[moment] if call in numbers]
        self._namespace = namespace
        self._numbers = {numbers[call] for call in calls}
        inject = f"inject={','.join(calls)}:delay_enter=1000s"
        self._strace = subprocess.Popen(["strace", "-f", "-qq", "-o", os.devnull, "-e", inject, "-p", str(pid)])
        traced = f"TracerPid:\t{self._strace.pid}\n"
        wait_until(lambda: traced in Path(f"/proc/{pid}/status").read_text(), "strace is there")

    def __enter__(self) -> "Freezer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.let_go()

    def wait(self) -> None:
        """Wait until somebody is held."""
        wait_until(lambda: list(self._held()), "somebody has come to this moment")

    def let_go(self) -> None:
        """Let all go on."""
        self._strace.kill()  # not SIGTERM: it would wait for the end of the delay
        self._strace.wait()

    def _held(self) -> Iterator[int]:
        for process in self._namespace.processes():
            with contextlib.suppress(OSError):
                folder = Path(f"/proc/{process.pid}")
                number = (folder / "syscall").read_text().split()[0]
                if number.isdecimal() and int(number) in self._numbers and "(tracing stop)" in (folder / "status").read_text():
                    yield process.pid
