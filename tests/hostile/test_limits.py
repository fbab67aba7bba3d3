"""The limits of a container are reached: of processes, memory, descriptors. PID 1 needs none of it to stop in good order."""

import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.hostile.cgroups import Cgroup
from tests.hostile.conftest import IS_LONG
from tests.hostile.pid1 import assert_asleep, assert_not_larger, phase, private, release, wait_for_phase
from tests.hostile.stages import PATIENT
from tests.live.conftest import Start
from tests.live.health import ask, helper
from tests.live.network import WITH_LOOPBACK, WITH_NETWORK, Network
from tests.namespace import ROOT, WITH_PROC, Namespace, after
from tests.waiting import wait_until

EATER = (sys.executable, "-IS", str(ROOT / "tests" / "hostile" / "eater.py"))
BOMB = (sys.executable, "-IS", str(ROOT / "tests" / "hostile" / "bomb.py"))

FINISHED = "app got SIGTERM\napp done\n"

#: Bytes of memory that are enough for PID 1, its helper and an application in Python, and soon used up.
SMALL = 48 << 20


@pytest.fixture
def pids(request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    """A group for 24 processes."""
    with Cgroup("pids", 24, f"{abs(hash(request.node.name))}") as group:
        yield group


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    """A group with little memory."""
    with Cgroup("memory", SMALL, f"{abs(hash(request.node.name))}") as group:
        yield group


def stop(namespace: Namespace, go: Path) -> int:
    """Ask for a stop, let the application finish once it was told, and return the exit status."""
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    release(go)
    return namespace.wait()


# --- processes ---


def test_a_fork_bomb_in_a_container_with_a_limit_of_processes_is_stopped_in_good_order(
    pids: Cgroup, start: Start, tmp_path: Path
) -> None:
    """The bomb goes off beside the application, and each of it forks again as soon as it can; some fork fails at any time."""
    go = tmp_path / "go"
    bomb = ["sh", "-c", '"$@" & shift 3; exec "$@"', "sh"]
    namespace = start("--grace-period=3", "--", *bomb, *BOMB, *PATIENT, str(go), unshare=after(pids.enter))
    namespace.wait_for_output("app ready")
    wait_until(lambda: pids.refused() > 100, "the limit is reached, again and again")
    before = private(namespace)
    refused = pids.refused()
    wait_until(lambda: pids.refused() > refused + 5000, "it goes on and on")
    assert_not_larger(namespace, before)
    assert stop(namespace, go) == 7
    assert namespace.stdout.count("app got SIGTERM") == 1
    assert namespace.stdout.endswith(FINISHED)
    assert "fault" not in namespace.stderr


def test_at_the_limit_of_processes_a_stop_needs_no_process_but_the_pre_stop_command_which_is_skipped(
    pids: Cgroup, start: Start, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    namespace = start("--pre-stop", "exit 0", "--", *PATIENT, str(go), unshare=after(pids.enter))
    namespace.wait_for_output("app ready")
    pids.limit(2)  # PID 1 and the application
    assert stop(namespace, go) == 7
    assert pids.refused() >= 1
    assert "the pre-stop command is skipped: cannot start /bin/sh: Resource temporarily unavailable" in namespace.stderr
    assert namespace.stdout == "app ready\n" + FINISHED


def test_a_health_helper_that_the_limit_forbids_comes_when_there_is_room_again(
    pids: Cgroup, start: Start, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    words = ("--health-listen=8081", "--", *PATIENT, str(go))
    namespace = start(*words, unshare=(*after(pids.enter, (*WITH_PROC, "--net")), *WITH_LOOPBACK))
    namespace.wait_for_output("app ready")
    pids.limit(2)
    helper(namespace).kill()
    namespace.wait_for_log("the health helper cannot be started, again in")
    assert_asleep_or_waiting(namespace)
    pids.limit(24)
    with Network(namespace.init.pid) as network:
        helper(namespace)
        assert ask(network).status == 200
    assert_asleep(namespace)
    assert stop(namespace, go) == 7


def assert_asleep_or_waiting(namespace: Namespace) -> None:
    """PID 1 is there, and sleeps until it tries again."""
    wait_until(lambda: psutil.Process(namespace.init.pid).status() == psutil.STATUS_SLEEPING, "PID 1 sleeps")
    assert phase(namespace) == "running"


# --- memory ---


def test_a_worker_that_is_killed_for_want_of_memory_is_reaped_and_the_application_goes_on(
    memory: Cgroup, start: Start, tmp_path: Path
) -> None:
    """Again and again: PID 1 keeps nothing of those who have gone."""
    go = tmp_path / "go"
    rounds = 40 if IS_LONG else 8
    line = f"for i in $(seq {rounds}); do {' '.join(EATER)}; echo eaten $?; done; exec {' '.join(PATIENT)} {go}"
    namespace = start("--", "sh", "-c", line, unshare=after(memory.enter))
    namespace.wait_for_output("eaten 137\n")
    namespace.wait_until_at_rest()
    before = private(namespace)
    namespace.wait_for_output("app ready", timeout=60)
    assert namespace.stdout.count("eaten 137\n") == rounds
    assert memory.kills() >= rounds
    assert_asleep(namespace)
    assert_not_larger(namespace, before)
    assert stop(namespace, go) == 7
    assert namespace.stdout.count("app got SIGTERM") == 1


def test_a_command_that_is_killed_for_want_of_memory_is_told_by_its_status_and_what_it_leaves_may_finish(
    memory: Cgroup, start: Start, tmp_path: Path
) -> None:
    go, said = tmp_path / "go", tmp_path / "daemon"
    daemon = f"setsid {' '.join(PATIENT)} --name daemon {go} >{said} & until grep -q ready {said}; do :; done"
    line = f"{daemon}; exec {' '.join(EATER)}"
    namespace = start("--sweep-timeout=15", "--", "sh", "-c", line, unshare=after(memory.enter))
    wait_until(lambda: said.exists() and "got SIGTERM" in said.read_text(), "the daemon is told in the sweep")
    assert phase(namespace) == "sweeping"
    assert_asleep_until(namespace, "sweeping")
    release(go)
    assert namespace.wait() == 137
    assert memory.kills() >= 1
    assert "the command was killed by SIGKILL" in namespace.stderr
    assert said.read_text() == "daemon ready\ndaemon got SIGTERM\ndaemon done\n"


def assert_asleep_until(namespace: Namespace, wanted: str) -> None:
    """PID 1 sleeps in a phase that a test holds."""
    wait_for_phase(namespace, wanted)
    assert_asleep(namespace)


def test_a_health_helper_that_is_killed_for_want_of_memory_is_started_anew(start: Start, tmp_path: Path) -> None:
    """The helper alone is put into a group that has no memory left; each new one is forked by PID 1, outside of it."""
    go = tmp_path / "go"
    namespace = start("--health-listen=8081", "--", *PATIENT, str(go), unshare=WITH_NETWORK)
    namespace.wait_for_output("app ready")
    with Network(namespace.init.pid) as network, Cgroup("memory", SMALL, "helper") as group:
        assert ask(network).status == 200
        before = private(namespace)
        for _ in range(3):
            killed = helper(namespace)
            group.add(killed.pid)
            group.limit(4096)
            kills = group.kills()

            def is_killed(pid: int = killed.pid) -> bool:
                with network.make() as asking:  # it cannot take a connection without memory for it
                    asking.connect(("127.0.0.1", 8081))
                    asking.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100)
                return not psutil.pid_exists(pid)

            wait_until(is_killed, "the helper is killed for want of memory")
            assert group.kills() > kills
            helper(namespace)
            assert ask(network).status == 200
        assert namespace.stderr.count("the health helper was killed by SIGKILL; it is started anew") == 3
        assert_asleep(namespace)
        assert_not_larger(namespace, before)
    assert stop(namespace, go) == 7
    assert namespace.stdout == "app ready\n" + FINISHED


@pytest.mark.parametrize("limit", ["memory of its own", "descriptors"])
def test_where_pid_1_gets_nothing_more_from_the_kernel_a_stop_is_a_stop(start: Start, tmp_path: Path, limit: str) -> None:
    """From the moment on that it is at rest: what it has imported and opened until then has to do."""
    go = tmp_path / "go"
    namespace = start("--grace-period=15", "--", *PATIENT, str(go))
    namespace.wait_for_output("app ready")
    assert_asleep(namespace)
    pid = namespace.init.pid
    if limit == "descriptors":
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))
    else:
        size = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(pid, resource.RLIMIT_AS, (size, size))
    assert stop(namespace, go) == 7
    assert namespace.stdout.endswith("app done\n")
    assert namespace.stdout.count("app got SIGTERM") == 1
