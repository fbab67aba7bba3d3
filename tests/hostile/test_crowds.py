"""As many processes as the machine gives: told once, killed all, reaped all, and nothing is left of them in PID 1.

In CI some 2,000; behind `make hostile` up to 50,000, or what the machine's limits of PIDs and memory allow.
"""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.hostile.conftest import IS_LONG
from tests.hostile.pid1 import SLACK, assert_asleep, assert_not_larger, private, wait_for_phase
from tests.hostile.stages import STORM, storm
from tests.live.conftest import Start
from tests.live.test_robustness import CROWD, zombies
from tests.namespace import ROOT, Namespace, need
from tests.waiting import wait_until

#: KiB of memory that a small process takes, its page tables and what the kernel has of it among that.
EACH_TAKES = 120

#: PIDs that are left to the rest of the machine.
SPARE = 3000


def as_many_as_there_can_be() -> int:
    """How many processes a large crowd has."""
    if not IS_LONG:
        return 2000
    limits = [int(Path(f"/proc/sys/kernel/{name}").read_text()) for name in ("pid_max", "threads-max")]
    room = min(limits) - len(psutil.pids()) - SPARE
    return max(2000, min(50_000, room, psutil.virtual_memory().available // 1024 // EACH_TAKES))


MANY = as_many_as_there_can_be()

#: Seconds for a crowd to come or to go.
LONG = 60 + MANY / 100

LARGE = pytest.mark.timeout(120 + int(LONG))

#: KiB of what decides who is told, which is loaded with the first signal.
MODULES = 1024

#: Bytes of private memory that PID 1 may need for each of the processes that it looks at, while it does.
PER_PROCESS = 1500


@pytest.fixture(scope="module")
def throng(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program of throng.c."""
    need("gcc")
    made = tmp_path_factory.mktemp("throng") / "throng"
    source = ROOT / "tests" / "hostile" / "throng.c"
    subprocess.run(["gcc", "-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", str(made), str(source)], check=True)
    return str(made)


@LARGE
def test_each_of_a_crowd_in_sessions_of_their_own_is_told_once_and_finishes(start: Start, throng: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    namespace = start("--sweep-timeout", str(LONG), "--", throng, str(MANY), str(told), "sessions")
    namespace.wait_for_output("ready", timeout=LONG)
    assert_asleep(namespace)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait(LONG) == 7
    assert told.stat().st_size == MANY
    assert namespace.stdout == "ready\ngot SIGTERM\n"


@LARGE
def test_a_crowd_that_is_deaf_is_killed_all_of_it_in_the_middle_of_a_storm(start: Start, throng: str, tmp_path: Path) -> None:
    """Each that dies wakes PID 1, and so does the storm; the work for that may not grow with the square of the crowd."""
    namespace = start("--grace-period=1", "--", throng, str(MANY), str(tmp_path / "told"), "deaf")
    namespace.wait_for_output("ready", timeout=LONG)
    assert_asleep(namespace)
    with storm(namespace, *STORM):
        namespace.signal(signal.SIGTERM)
        assert namespace.wait(LONG) == 7
    looks = namespace.stderr.count("warning: SIGKILL to ")
    assert 1 <= looks <= MANY / 50, "each look at those who are left costs as much as there are"
    print(f"{MANY} processes were killed in {looks} rounds")


@LARGE
def test_of_a_crowd_that_came_and_went_nothing_is_left_in_pid_1(start: Start) -> None:
    number = 200_000 if IS_LONG else 10_000
    reader, writer = os.pipe()
    namespace = start("--", "sh", "-c", 'read go; exec "$@"', "sh", *CROWD, "orphans", str(number), stdin=reader)
    wait_until(lambda: namespace.named("sh"), "the command")
    assert_asleep(namespace)
    before = private(namespace)
    os.write(writer, b"go\n")
    os.close(writer)
    os.close(reader)
    namespace.wait_for_output("left", timeout=LONG + number / 1000)
    wait_until(lambda: len(namespace.processes()) == 1, "all orphans are reaped, the command is left")
    assert zombies(namespace) == []
    assert_asleep(namespace)
    assert_not_larger(namespace, before)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 6


def memory_after_looks(namespace: Namespace, looks: int) -> int:
    """KiB of private memory, at most, at rest after each of some looks at everybody: WINCH with --forward handlers is one."""
    found = []
    for _ in range(looks):
        namespace.signal(signal.SIGWINCH)
        assert_asleep(namespace)
        found.append(private(namespace))
    return max(found)


def test_looks_at_a_crowd_leave_nothing_in_pid_1_however_many(start: Start, throng: str, tmp_path: Path) -> None:
    looks = 40 if IS_LONG else 6
    namespace = start("--forward=handlers", "--", throng, "2000", str(tmp_path / "told"), "sessions", "deaf")
    namespace.wait_for_output("ready", timeout=LONG)
    before = memory_after_looks(namespace, 6)  # the allocator keeps what the first ones needed, and lays it out anew in each
    assert memory_after_looks(namespace, looks) <= before + SLACK
    wait_for_phase(namespace, "running")


@LARGE
def test_what_looks_at_a_crowd_need_is_bounded_by_its_size(start: Start, throng: str, tmp_path: Path) -> None:
    """What the allocator keeps of many looks is at most what one of them needs."""
    namespace = start("--forward=handlers", "--", throng, str(MANY), str(tmp_path / "told"), "sessions", "deaf")
    namespace.wait_for_output("ready", timeout=LONG)
    assert_asleep(namespace)
    before = private(namespace)
    after = memory_after_looks(namespace, 6)
    print(f"{MANY} processes: {before} KiB before, {after} KiB after looking at them")
    assert after <= before + MODULES + SLACK + MANY * PER_PROCESS // 1024
