"""PID 1 outlives what containers do to it: crowds of processes, daemons, limits, a root without write access."""

import ast
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.namespace import APP, ROOT, Namespace, after, need_another_user
from tests.waiting import wait_until

CROWD = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "crowd.py")]

#: Becomes a user of no privileges (but the right to read this checkout, wherever it lies), whom the limits bind.
UNPRIVILEGED = "--clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search"

NO_MORE_PROCESSES = """
import resource, os, sys
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
os.execv(sys.argv[1], sys.argv[1:])
"""


def zombies(namespace: Namespace) -> list[psutil.Process]:
    """The processes below PID 1 that wait to be reaped."""
    return [process for process in namespace.processes() if process.status() == psutil.STATUS_ZOMBIE]


def unprivileged(line: str = ":") -> tuple[str, ...]:
    """What makes a namespace whose PID 1 is a user of its own: limits count the processes of a user everywhere."""
    uid = 100_000 + os.getpid()
    return (*after(line), "setpriv", "--reuid", str(uid), "--regid", str(uid), *UNPRIVILEGED.split())


def test_twenty_thousand_orphans_are_reaped_and_no_zombie_is_left(start: Start) -> None:
    namespace = start("--", *CROWD, "orphans", "20000")
    namespace.wait_for_output("left", timeout=60)
    wait_until(lambda: len(namespace.processes()) == 1, "all orphans are reaped, the command is left")
    assert zombies(namespace) == []
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 6


#: Runs pyinit as where each search among all children is a dear one: from the first on, nearly all exits are taken one by one.
DEAR = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from pyinit.kernel import signals
mask = signals.block_all()
from pyinit import cli
from pyinit.life import supervise
supervise.DEAR_SEARCH, supervise.SHARE_OF_SEARCHES = 0.0, 0.0001
cli.main(sys.argv[1:], mask, "pyinit")
"""


def test_where_searches_are_dear_nobody_stays_a_zombie_and_the_status_is_the_command_s(tmp_path: Path) -> None:
    words = [sys.executable, "-IS", "-c", DEAR, str(ROOT), "--", *CROWD, "orphans", "2000"]
    with Namespace(words, tmp_path) as namespace:
        namespace.wait_for_output("left", timeout=60)
        wait_until(lambda: len(namespace.processes()) == 1, "all orphans are reaped, the command is left")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 6


def test_every_member_of_a_group_of_two_thousand_is_signalled_once(start: Start, tmp_path: Path) -> None:
    told = tmp_path / "told"
    namespace = start("--forward", "handlers", "--", *CROWD, "members", "2000", str(told))
    namespace.wait_for_output("ready", timeout=60)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait(60) == 6
    assert told.stat().st_size == 2000


def test_inherited_zombies_and_children_are_reaped_and_the_status_is_the_command_s(start: Start) -> None:
    inherited = after("true & true & (exit 9) & sleep 1000 & sleep 0.2 & while kill -0 $! 2>&-; do :; done")
    namespace = start("--", *APP_WORDS.split(), unshare=inherited)
    namespace.wait_for_output("app ready")
    wait_until(lambda: len(namespace.processes()) == 2, "the inherited zombies are reaped")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_a_daemon_in_a_session_of_its_own_finishes_its_work_after_the_command_s_exit(
    start: Start, script: Callable[[str], str], tmp_path: Path
) -> None:
    said = tmp_path / "daemon"
    lines = f"(setsid APP >{said} &)\nuntil grep -q ready {said}; do sleep 0.02; done\necho started\nAPP --drain 0.1 --status 4"
    namespace = start("--", script(lines))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 4
    assert said.read_text() == "app ready\napp got SIGTERM\napp done\n"


def test_a_stopped_application_is_resumed_and_finishes(start: Start) -> None:
    namespace = start("--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    application = namespace.processes()[0]
    application.suspend()
    wait_until(lambda: application.status() == psutil.STATUS_STOPPED, "the application is stopped")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


def test_a_stopped_daemon_is_resumed_in_the_sweep(start: Start, tmp_path: Path) -> None:
    said = tmp_path / "daemon"
    namespace = start("--", "sh", "-c", f"setsid {APP_WORDS} >{said} & read line", stdin=(pipe := os.pipe())[0])
    wait_until(lambda: said.exists() and "ready" in said.read_text(), "the daemon runs")
    daemon = namespace.named(Path(sys.executable).name)[0]
    daemon.suspend()
    wait_until(lambda: daemon.status() == psutil.STATUS_STOPPED, "the daemon is stopped")
    for descriptor in pipe:
        os.close(descriptor)
    assert namespace.wait() == 1  # of `read` at the end of its input
    assert said.read_text() == "app ready\napp got SIGTERM\napp done\n"


def test_under_a_read_only_root_everything_works_and_nothing_is_written(tmp_path: Path) -> None:
    copy = tmp_path / "lib"
    shutil.copytree(ROOT / "pyinit", copy / "pyinit", ignore=shutil.ignore_patterns("__pycache__"))
    read_only = (
        f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path}\nmount -o remount,ro,bind / || exit 99"
    )
    words = [
        sys.executable,
        "-IS",
        str(copy / "pyinit" / "__main__.py"),
        "--",
        "sh",
        "-c",
        f"(: >{copy}/new); exec {APP_WORDS}",
    ]
    with Namespace(words, tmp_path, unshare=after(read_only)) as namespace:
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7
    assert "app done" in namespace.stdout
    assert "Read-only file system" in namespace.stderr  # said by the shell
    assert sorted(path.name for path in copy.rglob("*") if path.name in ("new", "__pycache__")) == []


@pytest.mark.parametrize("environment", [{}, {"LISTEN_PID": "1"}], ids=["spawned", "forked"])
def test_a_limit_that_makes_fork_fail_is_told_in_one_line(start: Start, environment: dict[str, str]) -> None:
    need_another_user()
    limited = (*unprivileged(), sys.executable, "-c", NO_MORE_PROCESSES)
    namespace = start("--", "true", unshare=limited, env={"PATH": os.environ["PATH"], **environment})
    assert namespace.wait() == 125
    assert namespace.stderr == (
        "pyinit: error: cannot start true: Resource temporarily unavailable; is a pids or memory limit reached?\n"
    )


def test_a_limit_reached_during_the_stop_skips_the_pre_stop_command_and_nothing_else(start: Start) -> None:
    need_another_user()
    limited = (*unprivileged(), sys.executable, "-c", NO_MORE_PROCESSES.replace("(1, 1)", "(2, 2)"))
    namespace = start("--pre-stop", "exit 0", "--", sys.executable, "-IS", str(APP), unshare=limited)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert "pre-stop command is skipped" in namespace.stderr


def test_no_deadline_hangs_on_a_clock_that_can_be_set() -> None:
    """The kernel takes its timeouts relative, on the monotonic clock (sigtimedwait(2), poll(2)); the rest is up to us."""
    used = {
        (path.stem, node.attr)
        for path in (ROOT / "pyinit").rglob("*.py")
        if path.parent.name not in ("rehearse", "protocols")  # a tool outside of containers
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("time", "datetime")
    }
    of_log_lines = {("log", "time"), ("log", "gmtime"), ("log", "strftime")}
    since_boot = {("system", "clock_gettime"), ("system", "CLOCK_BOOTTIME")}
    monotonic = {("system", "monotonic"), ("libc", "monotonic"), ("system", "process_time"), ("system", "sleep")}
    assert used == monotonic | since_boot | of_log_lines
