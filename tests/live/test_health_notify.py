"""sd_notify: what the command says of itself is believed, what others say of it is not, and all is passed on."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.live.health import SLOW_START, helper, shown
from tests.live.network import WITH_NETWORK
from tests.namespace import ROOT, WITH_PROC, Namespace, enter, need, need_another_user
from tests.waiting import wait_until

#: The words that send datagrams.
SAY = f"{sys.executable} -IS {ROOT / 'tests' / 'live' / 'notify.py'}"

NOTIFY = ("--ready", "notify")


def become(namespace: Namespace, readiness: str) -> None:
    """Wait until the page shows a readiness."""
    wait_until(lambda: shown(namespace).readiness == readiness, f"{readiness}, not {shown(namespace)}")


def address(namespace: Namespace) -> str:
    """The NOTIFY_SOCKET of the command, which is the child of PID 1 that is no helper."""
    process = helper(namespace)

    def find() -> str | None:
        for child in namespace.init.children():
            if child.pid != process.pid and (found := child.environ().get("NOTIFY_SOCKET")):
                return found
        return None

    return wait_until(find, "NOTIFY_SOCKET")


def settled(namespace: Namespace) -> None:
    """Wait until the helper has taken all that was sent: what comes from the command itself comes last."""
    wait_until(lambda: shown(namespace).notify_status == "last", "the last word")


def test_the_command_says_when_it_is_ready(start: Start) -> None:
    words = (*SLOW_START, "--load", "0.5", "--notify", "STATUS=loaded", "--notify", "READY=1")
    namespace = start(*NOTIFY, "--", *words, unshare=WITH_NETWORK)
    namespace.wait_for_output("app listens")
    assert shown(namespace).readiness == "waiting"
    become(namespace, "ready")
    assert shown(namespace).notify_status == "loaded"
    assert "READY=1" in shown(namespace).reason
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_a_script_may_say_so_by_a_program_that_exits_at_once(start: Start) -> None:
    namespace = start(*NOTIFY, "--", "sh", "-c", f"{SAY} STATUS=up READY=1; sleep 1000")
    become(namespace, "ready")
    assert shown(namespace).notify_status == "up"


@pytest.mark.parametrize("extra", [(), ("--no-block",)], ids=["waits", "does not wait"])
def test_systemd_notify_is_understood(start: Start, extra: tuple[str, ...]) -> None:
    need("systemd-notify")
    namespace = start(
        *NOTIFY, "--", "sh", "-c", f"systemd-notify {' '.join(extra)} --ready --status=fine; echo said $?; sleep 1000"
    )
    namespace.wait_for_output("said 0")  # it says 1, 5 s later, where nobody takes what it says
    become(namespace, "ready")
    assert shown(namespace).notify_status == "fine"


def test_haproxy_is_understood(start: Start, tmp_path: Path) -> None:
    need("haproxy")
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "global\n  master-worker\ndefaults\n  mode http\n  timeout client 1s\n  timeout server 1s\n  timeout connect 1s\n"
        "frontend a\n  bind 127.0.0.1:8080\n"
    )
    namespace = start(*NOTIFY, "--stop-signal", "USR1", "--", "haproxy", "-Ws", "-f", str(config), unshare=WITH_NETWORK)
    become(namespace, "ready")
    namespace.signal(signal.SIGTERM)
    namespace.wait()


def test_stopping_is_believed_at_once_and_for_good(start: Start) -> None:
    line = f"{SAY} READY=1; read x; {SAY} STOPPING=1 READY=1; sleep 1000"
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as tell:
        namespace = start(*NOTIFY, "--", "sh", "-c", line, stdin=reader)
        become(namespace, "ready")
        print("go", file=tell, flush=True)
        become(namespace, "fallen")
    assert "pyinit: not ready: the command has said STOPPING=1\n" in namespace.stderr
    assert shown(namespace).phase == "running"


def test_time_can_be_had_for_the_start(start: Start) -> None:
    line = f"{SAY} EXTEND_TIMEOUT_USEC=3000000; sleep 2; {SAY} READY=1; sleep 1000"
    namespace = start(*NOTIFY, "--start-timeout", "1", "--", "sh", "-c", line)
    become(namespace, "ready")
    assert shown(namespace).phase == "running"


def test_time_can_be_had_for_the_end(start: Start) -> None:
    trap = f"trap '{SAY} EXTEND_TIMEOUT_USEC=2000000; sleep 1.2; exit 9' TERM"
    line = f"{trap}; echo ready; while :; do sleep 0.05; done"
    namespace = start(*NOTIFY, "--grace-period", "0.7", "--", "sh", "-c", line)
    namespace.wait_for_output("ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 9


def test_but_not_more_than_the_orchestrator_allows(start: Start) -> None:
    trap = f"trap '{SAY} EXTEND_TIMEOUT_USEC=20000000; sleep 20; exit 9' TERM"
    line = f"{trap}; echo ready; while :; do sleep 0.05; done"
    namespace = start(*NOTIFY, "--grace-period", "0.7", "--stop-timeout", "2", "--", "sh", "-c", line)
    namespace.wait_for_output("ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 137  # of the 20 s that were asked for two are left
    assert "SIGKILL for all that is left" in namespace.stderr


# --- lies ---


def test_who_has_entered_the_container_cannot_speak_for_the_command(start: Start) -> None:
    namespace = start(
        *NOTIFY,
        "--log-level=debug",
        "--",
        "sh",
        "-c",
        f"echo up; read x; {SAY} STATUS=last; sleep 1000",
        stdin=(pipe := os.pipe())[0],
    )
    where = address(namespace)
    liar = subprocess.Popen(
        [*enter(namespace.init.pid), *SAY.split(), "--to", where, "--stay", "READY=1"],
        stdout=subprocess.PIPE,
    )
    try:
        assert liar.stdout is not None
        assert liar.stdout.readline() == b"sent\n"
        namespace.wait_for_log("is none of ours")
        os.write(pipe[1], b"go\n")
        settled(namespace)
        assert shown(namespace).readiness == "waiting"
    finally:
        liar.kill()
        liar.wait()
        assert liar.stdout is not None
        liar.stdout.close()
        for descriptor in pipe:
            os.close(descriptor)


def test_who_is_outside_cannot_either(start: Start) -> None:
    """Another PID namespace with the same network: a container beside it in a pod."""
    namespace = start(*NOTIFY, "--log-level=debug", "--", "sleep", "1000")
    subprocess.run([*SAY.split(), "--to", address(namespace), "READY=1"], check=True, timeout=20)
    namespace.wait_for_log("pid 0 is none of ours")
    assert shown(namespace).readiness == "waiting"


@pytest.mark.parametrize("pid", ["1", "2"])
def test_a_foreign_name_takes_a_privilege(start: Start, pid: str) -> None:
    """Whoever has CAP_SYS_ADMIN in there may say anything; no container has it by default."""
    need_another_user()
    namespace = start(*NOTIFY, "--", "sleep", "1000")
    where = address(namespace)
    unprivileged = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups"]
    words = [
        *enter(namespace.init.pid),
        *unprivileged,
        *SAY.split(),
        "--to",
        where,
        "--as",
        pid,
        "READY=1",
    ]
    done = subprocess.run(words, check=False, capture_output=True, timeout=20)
    assert b"PermissionError" in done.stderr or b"denied" in done.stderr, done
    assert shown(namespace).readiness == "waiting"


GARBAGE = [r"READY", "=1", "", "\u00ff\u00fe=1", r"READY=1\nrubbish", "A%5000", r"READY=1\nSTATUS=%4097", "x%100000"]


@pytest.mark.parametrize("datagram", GARBAGE)
def test_garbage_is_dropped_and_told_once(start: Start, datagram: str) -> None:
    quoted = f"'{datagram}' " * 50
    namespace = start(*NOTIFY, "--log-level=debug", "--", "sh", "-c", f"{SAY} {quoted} STATUS=last; sleep 1000")
    settled(namespace)
    assert shown(namespace).readiness == "waiting"
    assert namespace.stderr.count("a message to NOTIFY_SOCKET is dropped") == 1


def test_descriptors_that_come_along_are_closed(start: Start) -> None:
    quoted = "WATCHDOG=1 " * 200
    namespace = start(*NOTIFY, "--", "sh", "-c", f"{SAY} --with-descriptors {quoted} READY=1 STATUS=last; sleep 1000")
    settled(namespace)
    become(namespace, "ready")
    assert helper(namespace).num_fds() < 12


def test_a_storm_of_words_does_not_keep_pid_1_from_its_work(start: Start) -> None:
    words = "STATUS=a STATUS=b EXTEND_TIMEOUT_USEC=1000000 READY=1 " * 1000
    namespace = start(*NOTIFY, "--", "sh", "-c", f"{SAY} {words} STATUS=last; exec {APP_WORDS}")
    settled(namespace)
    become(namespace, "ready")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_what_is_said_while_there_is_no_helper_is_not_lost(start: Start) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as tell:
        namespace = start(*NOTIFY, "--", "sh", "-c", f"read x; {SAY} READY=1; read x; sleep 1000", stdin=reader)
        process = helper(namespace)
        process.suspend()
        print("go", file=tell, flush=True)
        namespace.wait_for_output("sent")
        process.kill()
        become(namespace, "ready")
        helper(namespace).kill()
        wait_until(lambda: helper(namespace).pid != process.pid, "the third helper")
        assert shown(namespace).readiness == "ready"


def test_without_proc_those_inside_are_believed(start: Start) -> None:
    hide = 'umount -l /proc 2>/dev/null; mount -t tmpfs none /proc; exec "$@"'
    unshare = [*WITH_PROC[:-1], "--mount", "sh", "-c", hide, "sh"]
    namespace = start(*NOTIFY, "--", "sh", "-c", f"{SAY} READY=1; sleep 1000", unshare=unshare)
    namespace.wait_for_log("ready, ")


# --- passing on ---


@pytest.fixture
def above(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket of whoever has started us, and wants to be told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.settimeout(20)
        yield made


def test_all_is_passed_on_and_readiness_when_all_targets_hold(start: Start, above: socket.socket, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    env = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": above.getsockname()}
    words = (*NOTIFY, "--ready", f"file:{flag}", "--ready-interval", "50ms")
    line = rf"{SAY} 'READY=1\nSTATUS=up\nMAINPID=7' WATCHDOG=1; sleep 1000"
    namespace = start(*words, "--", "sh", "-c", line, env=env)
    assert above.recv(4096) == b"STATUS=up"
    assert above.recv(4096) == b"WATCHDOG=1"
    flag.touch()
    assert above.recv(4096) == b"READY=1"
    assert shown(namespace).readiness == "ready"


def test_an_abstract_name_will_do_and_one_where_nobody_listens_does_no_harm(start: Start) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind("")
        made.settimeout(20)
        env = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": "@" + made.getsockname()[1:].decode()}
        start(*NOTIFY, "--", "sh", "-c", f"{SAY} READY=1; sleep 1000", env=env)
        assert made.recv(4096) == b"READY=1"


def test_where_nobody_listens_above_it_is_told_once_and_the_rest_works(start: Start) -> None:
    env = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": "/nowhere"}
    namespace = start(*NOTIFY, "--log-level=debug", "--", "sh", "-c", f"{SAY} STATUS=a STATUS=b READY=1; sleep 1000", env=env)
    become(namespace, "ready")
    namespace.wait_for_log("cannot be passed on")
    assert namespace.stderr.count("cannot be passed on") == 1


def test_without_notify_the_command_speaks_to_whom_we_were_given(start: Start, above: socket.socket) -> None:
    env = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": above.getsockname()}
    start("--ready", "file:/", "--", "sh", "-c", f"{SAY} READY=1; sleep 1000", env=env)
    assert above.recv(4096) == b"READY=1"
