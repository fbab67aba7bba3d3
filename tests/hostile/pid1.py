"""What can be said of PID 1 from outside, exactly: alive, asleep, and as large as it was.

Asleep means that it was not woken at all, by the kernel's own count of how often it has given up the CPU, over a window that
ends when somebody else has used a certain time of a CPU. No clock decides.
"""

import os
import re
import time
from pathlib import Path
from typing import NamedTuple

from tests.live.health import shown
from tests.namespace import Namespace
from tests.waiting import wait_until

#: Seconds of CPU of ours that a window takes. Who spins meanwhile uses about as much; a clock tick is 10 ms.
WINDOW = 0.1

#: KiB by which private memory may differ without anything having grown: the allocator moves in pages, an arena at a time.
SLACK = 256


class Used(NamedTuple):
    """What a process has used so far: how often it has given up the CPU, and ticks of CPU time."""

    switches: int
    ticks: int


def used(pid: int) -> Used:
    """As of now."""
    status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    switches = sum(int(number) for number in re.findall(r"ctxt_switches:\s+(\d+)", status))
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    return Used(switches, int(fields[11]) + int(fields[12]))


def sleeps(pid: int) -> bool:
    """Whether a process sleeps in the system call that waits for signals, and none is pending that would wake it."""
    status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    is_quiet = re.search(r"\nState:\s+S ", status) and not re.search(r"\n(Sig|Shd)Pnd:\s+0*[1-9a-f]", status)
    return bool(is_quiet) and "sigtimedwait" in Path(f"/proc/{pid}/wchan").read_text()


def work() -> None:
    """Use CPU time: the window of assert_asleep()."""
    until = time.process_time() + WINDOW
    while time.process_time() < until:
        pass


def assert_asleep(namespace: Namespace) -> None:
    """PID 1 comes to rest, and is then not woken once while we use some CPU time."""
    pid = namespace.init.pid
    namespace.wait_until_at_rest()

    def is_still() -> bool:
        before = used(pid)
        work()
        return sleeps(pid) and used(pid) == before

    wait_until(is_still, f"PID 1 sleeps: {used(pid)}")


def private(namespace: Namespace) -> int:
    """KiB of memory that is PID 1's alone. What it has mapped of files is left out: that is its own once others have gone."""
    rollup = Path(f"/proc/{namespace.init.pid}/smaps_rollup").read_text()
    return int(rollup.partition("\nAnonymous:")[2].split()[0])


def assert_not_larger(namespace: Namespace, than: int, slack: int = SLACK) -> None:
    """The private memory of PID 1 is what it was before an attack, in KiB."""
    assert private(namespace) <= than + slack, f"{private(namespace)} KiB of private memory, and it was {than} KiB"


def phase(namespace: Namespace) -> str:
    """The phase that the state page shows."""
    return shown(namespace).phase


def wait_for_phase(namespace: Namespace, wanted: str) -> None:
    """Wait until the state page shows it."""
    wait_until(lambda: phase(namespace) == wanted, f"{wanted}, not {phase(namespace)}: {namespace.stderr!r}")


def release(path: Path) -> None:
    """Let go whoever waits for this file."""
    path.touch()
    assert os.path.exists(path)
