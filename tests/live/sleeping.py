"""Whether PID 1 sleeps without its interpreter: the static binary alone does so."""

import os
import re
from pathlib import Path

from tests.namespace import Namespace
from tests.waiting import wait_until

#: KiB of the snapshot that are written to in a sleep at most: of some 3,200, and of 150 that a Python at rest has written to.
SLEEPER = 16


def written(pid: int) -> int:
    """KiB of a process's program file that it has in copies of its own, as it has written to them."""
    return written_in(Path(f"/proc/{pid}/smaps").read_text(), str(Path(f"/proc/{pid}/exe").readlink()))


def written_in(smaps: str, program: str) -> int:
    """As written(), by what a /proc/PID/smaps says."""
    found = re.findall(rf"^\S+ rw-p .* {re.escape(program)}\n(?:\w+:.*\n)*?Anonymous: +(\d+)", smaps, re.MULTILINE)
    assert found, smaps
    return sum(map(int, found))


def has_begun(namespace: Namespace) -> bool:
    """Whether Python has supervised already, in PID 1: its state page is there. Before that C waits as well, for a moment."""
    return any("memfd:pyinit" in os.readlink(each) for each in Path(f"/proc/{namespace.init.pid}/fd").iterdir())


def waits_for_ever(pid: int) -> bool:
    """Whether a process is in sigtimedwait() without an end: its third argument, the time, is NULL."""
    words = Path(f"/proc/{pid}/syscall").read_text().split()
    return "sigtimedwait" in Path(f"/proc/{pid}/wchan").read_text() and words[3:4] == ["0x0"]


def is_asleep(namespace: Namespace) -> bool:
    """Whether there is no interpreter in memory, and PID 1 waits for a signal for ever.

    A wait that has an end is none of a sleeper.
    """
    pid = namespace.init.pid
    return written(pid) <= SLEEPER and waits_for_ever(pid)


def wait_until_asleep(namespace: Namespace) -> None:
    """Which takes a second without a signal."""
    wait_until(lambda: is_asleep(namespace), "PID 1 to sleep")
