"""pyinit --status in real containers, entered as `docker exec` does."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.live.health import page_of
from tests.live.interpreters import INTERPRETERS, name_of
from tests.live.network import WITH_NETWORK, Network, talk
from tests.live.test_traffic import SERVER
from tests.namespace import ROOT, UNSHARE, Namespace, after, enter, need_another_user, pyinit_from_source
from tests.waiting import PATIENCE, wait_until

#: Becomes another user, who may read the checkout wherever it lies.
OTHER = "setpriv --reuid=12345 --regid=12345 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"


def status(
    pyinit: list[str], namespace: Namespace, *words: str, prefix: str = "", **keywords: Any
) -> subprocess.CompletedProcess[str]:
    """Look inside."""
    return subprocess.run(
        [*enter(namespace.init.pid), *prefix.split(), *pyinit, "--status", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        **keywords,
    )


def looked(pyinit: list[str], namespace: Namespace, **keywords: Any) -> dict[str, Any]:
    """What --json tells, where all is well."""
    done = status(pyinit, namespace, "--json", **keywords)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_name(found: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """What each process does about the stop signal, and what happens to it at a stop."""
    return {one["name"]: (one["disposition"], one["at_stop"]) for one in found["processes"]}


def test_it_says_what_a_stop_then_does(pyinit: list[str], start: Start, script: Callable[[str], str]) -> None:
    namespace = start(
        "--", script("sleep 1000 & sh -c 'trap \"\" TERM; echo deaf; while :; do sleep 1000; done' & APP\nexit 3")
    )
    namespace.wait_for_output("app ready")
    namespace.wait_for_output("deaf")
    found = looked(pyinit, namespace)
    app = Path(sys.executable).name
    assert found["pyinit"]["phase"] == "running"
    assert found["stop"]["signal"] == "SIGTERM"
    names = {one["pid"]: one["name"] for one in found["processes"]}
    told = {key: sorted(names[pid] for pid in found["stop"][key]) for key in ("signalled", "held_back", "until_gone")}
    assert told["signalled"] == told["until_gone"] == [app]
    assert "start.sh" in told["held_back"]
    assert "sh" in [names[pid] for pid in found["stop"]["ignored_by"]]
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    namespace.wait_for_log("held back")
    line = next(line for line in namespace.stderr.splitlines() if "SIGTERM to" in line)
    assert all(f"{pid} (" in line for pid in (*found["stop"]["signalled"], *found["stop"]["held_back"]))


@pytest.mark.parametrize("words", [("--status", "--json"), ("--probe", "pyinit")], ids=["status", "probe"])
def test_it_may_be_the_first_thing_that_a_command_does(pyinit: list[str], start: Start, words: tuple[str, ...]) -> None:
    """PID 1 has no state page yet: in the static binary the command has the CPU before it."""
    namespace = start("--", "env", *pyinit, *words)
    assert (namespace.wait(), namespace.stderr) == (0, "")
    assert "running" in namespace.stdout


def test_people_are_told_in_plain_lines(pyinit: list[str], start: Start) -> None:
    namespace = start("--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    done = status(pyinit, namespace)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("pyinit 0.")
    assert ", pid 1: running for " in lines[0]
    assert lines[1] == "command: 2; orphans reaped: 0"
    assert lines[2] == "readiness: not asked for (--ready)"
    assert lines[3].startswith("a stop now: SIGTERM to 2 (")
    assert any("tests/app.py" in line and "handles" in line and " told " in line for line in lines)


def test_phases_and_the_status_of_the_command_are_told(pyinit: list[str], start: Start, tmp_path: Path) -> None:
    said = tmp_path / "said"
    left = f"setsid {APP_WORDS} --drain 1000 >{said} & until grep -q ready {said}; do sleep 0.02; done; exit 3"
    namespace = start("--sweep-timeout=100", "--", "sh", "-c", left)
    wait_until(lambda: said.exists() and "ready" in said.read_text(), "what is left behind")
    wait_until(lambda: looked(pyinit, namespace)["pyinit"]["phase"] == "sweeping", "the sweep")
    found = looked(pyinit, namespace)
    assert found["pyinit"]["command_status"] == 3
    assert len(found["stop"]["waited_for"]) == 1


def test_ports_are_told_with_their_connections_and_queues(pyinit: list[str], tmp_path: Path) -> None:
    words = [*pyinit, "--", *SERVER.split(), "--listen", "tcp:8000", "--listen", "tcp6:9000"]
    with Namespace(words, tmp_path, unshare=WITH_NETWORK) as namespace:
        namespace.wait_for_output("server ready")
        with Network(namespace.init.pid) as network:
            for _ in range(3):
                talk(network.connect(8000))
            found = looked(pyinit, namespace)
            assert not found["host_network"]
            assert [(port["port"], port["connections"], port["waiting"]) for port in found["ports"]] == [
                (8000, 3, 0),
                (9000, 0, 0),
            ]
            assert found["ports"][0]["idle"] < PATIENCE
            assert "   8000           3       0 " in status(pyinit, namespace).stdout


def test_it_is_not_seen_in_its_own_report_and_other_guests_are_not_told(pyinit: list[str], start: Start) -> None:
    namespace = start("--", "sleep", "1000")
    wait_until(lambda: namespace.named("sleep"), "the command")
    page_of(namespace.init.pid)  # which comes after the command
    guest = [*enter(namespace.init.pid), "sleep", "2000"]
    with subprocess.Popen(guest) as running:
        try:
            wait_until(lambda: len(looked(pyinit, namespace)["processes"]) == 3, "the guest is there")
            found = looked(pyinit, namespace)
        finally:
            running.kill()
    assert [one["at_stop"] for one in found["processes"]] == ["pyinit", "told", "not told"]
    assert "--status" not in json.dumps(found)


def test_another_user_is_told_why_there_is_little_to_see(pyinit: list[str], start: Start) -> None:
    need_another_user()
    namespace = start("--", "sleep", "1000")
    wait_until(lambda: namespace.named("sleep"), "the command")
    page_of(namespace.init.pid)  # which comes after the command
    done = status(pyinit, namespace, prefix=OTHER)
    assert done.returncode == 1
    assert done.stderr.startswith("pyinit: no right to look at pid 1, which runs as uid 0, and this as uid 12345")
    assert done.stderr.count("\n") == 1
    assert "sleep 1000" in done.stdout


@pytest.mark.parametrize(
    "unshare", [after("mount -t tmpfs none /proc || exit 99"), UNSHARE], ids=["no /proc", "another's /proc"]
)
def test_without_a_proc_one_line_says_so(pyinit: list[str], unshare: tuple[str, ...], tmp_path: Path) -> None:
    words = " ".join([*pyinit, "--status"])
    with Namespace([*pyinit, "--", "sh", "-c", f"{words}; echo status $?"], tmp_path, unshare=unshare) as namespace:
        namespace.wait_for_output("status 1")
        assert namespace.stderr == "pyinit: there is no /proc of this PID namespace, so pyinit's state cannot be read\n"


def test_without_a_state_page_the_rest_is_told(pyinit: list[str], tmp_path: Path) -> None:
    faulty = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "faulty.py"), "posix.memfd_create", "ENOSYS", "start:always"]
    with Namespace([*faulty, "--", *APP_WORDS.split()], tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        done = status(pyinit, namespace)
        assert done.returncode == 1
        assert done.stderr == "pyinit: no process here is a pyinit that has a state page\n"
        assert "tests/app.py" in done.stdout


def test_of_several_pyinits_the_topmost_is_told_of_and_the_others_are_named(pyinit: list[str], start: Start) -> None:
    inner = [*pyinit, "--", "sleep", "1000"]
    namespace = start("--", "sh", "-c", f"{' '.join(inner)}; exit 3")
    wait_until(lambda: namespace.named("sleep"), "the command")
    page_of(namespace.init.pid)  # which comes after the command
    wait_until(lambda: looked(pyinit, namespace)["other_pyinits"], "the other one")
    found = looked(pyinit, namespace)
    assert found["pyinit"]["pid"] == 1
    assert len(found["other_pyinits"]) == 1


def test_where_pid_1_is_no_pyinit_the_topmost_one_is_told_of(pyinit: list[str], tmp_path: Path) -> None:
    inner = " ".join(pyinit)
    line = f"{inner} -- sh -c '{inner} -- sleep 1000; exit 3'; exit 4"
    with Namespace(["sh", "-c", line], tmp_path) as namespace:
        wait_until(lambda: namespace.named("sleep"), "the command")
        wait_until(
            lambda: status(pyinit, namespace).returncode == 0 and looked(pyinit, namespace)["other_pyinits"], "both have begun"
        )
        found = looked(pyinit, namespace)
        parents = {one["pid"]: one["parent"] for one in found["processes"]}
        assert parents[found["pyinit"]["pid"]] == 1


def test_where_containers_share_their_pids_each_is_told_of_its_own(pyinit: list[str], start: Start) -> None:
    """As `docker run --pid container:...` has it: PID 1 is a pyinit, but that of another container."""
    namespace = start("--", "sleep", "1000")
    wait_until(lambda: namespace.named("sleep"), "the command")
    page_of(namespace.init.pid)  # which comes after the command
    with subprocess.Popen([*enter(namespace.init.pid), "unshare", "--mount", *pyinit, "--", "sleep", "2000"]) as other:
        inside = wait_until(lambda: psutil.Process(other.pid).children(recursive=True)[:1], "it runs")[0]
        words = [*enter(inside.pid), *pyinit, "--status", "--json"]

        def told() -> list[str]:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            found = json.loads(done.stdout)
            ours = found["pyinit"]["command"] if found["pyinit"] else 0
            return [one["command"] for one in found["processes"] if one["pid"] == ours]

        wait_until(lambda: told() == ["sleep 2000"], "its own is told of")
        assert looked(pyinit, namespace)["pyinit"]["pid"] == 1
        inside.kill()


def test_processes_may_vanish_meanwhile(pyinit: list[str], start: Start) -> None:
    storm = "echo ready; while :; do (sleep 0.001 &) ; sh -c 'exit 3' | cat; done"
    namespace = start("--", "sh", "-c", storm)
    namespace.wait_for_output("ready")
    for _ in range(15):
        done = status(pyinit, namespace, "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        json.loads(done.stdout)


@pytest.mark.parametrize(("environment", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_is_told_in_colour_unless_that_is_not_wanted(
    pyinit: list[str], start: Start, environment: dict[str, str], is_coloured: bool
) -> None:
    namespace = start("--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    master, slave = pty.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm", **environment}
    with subprocess.Popen([*enter(namespace.init.pid), *pyinit, "--status"], stdout=slave, env=env) as running:
        assert running.wait(PATIENCE) == 0
    os.close(slave)
    shown = os.read(master, 1 << 16)
    os.close(master)
    assert (b"\x1b[32mrunning\x1b[0m" in shown) == is_coloured
    assert b"running" in shown


def test_what_is_told_of_processes_holds_nothing_that_a_terminal_obeys(pyinit: list[str], start: Start) -> None:
    namespace = start("--", "sh", "-c", "sleep 1000; : \x1b[2J")
    wait_until(lambda: namespace.named("sleep"), "the command")
    page_of(namespace.init.pid)  # which comes after the command
    done = status(pyinit, namespace)
    assert "\x1b" not in done.stdout
    assert "\\x1b[2J" in done.stdout


@pytest.mark.forms("source")  # which runs by the Python of the tests
def test_psutil_tells_more_where_it_is_installed(pyinit: list[str], start: Start) -> None:
    namespace = start("--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    command = looked(pyinit, namespace)["processes"][1]
    assert command["private_kib"] == pytest.approx(
        psutil.Process(namespace.init.children()[0].pid).memory_full_info().uss / 1024, rel=0.2
    )
    assert command["cpu_percent"] >= 0


@pytest.mark.forms("source")
@pytest.mark.parametrize("python", INTERPRETERS, ids=name_of)
def test_every_python_looks_inside(start: Start, python: str) -> None:
    namespace = start("--", "sleep", "1000", python=python)
    wait_until(lambda: namespace.named("sleep"), "the command")
    page_of(namespace.init.pid)  # which comes after the command
    done = subprocess.run(
        [*enter(namespace.init.pid), *pyinit_from_source(python), "--status"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "sleep 1000" in done.stdout


@pytest.mark.parametrize("words", [("--jason",), ("sleep", "1"), ("--status=1",)])
def test_other_words_are_refused(pyinit: list[str], words: tuple[str, ...]) -> None:
    done = subprocess.run([*pyinit, "--status", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (125, "")
    assert "pyinit: error: " in done.stderr
    assert "usage" in done.stderr or "pyinit --status [--json]" in done.stderr


def test_a_full_stdout_is_told_by_the_status(pyinit: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        assert subprocess.run([*pyinit, "--status"], stdout=full, stderr=subprocess.DEVNULL, check=False).returncode == 1
