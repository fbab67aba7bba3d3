"""Readiness and liveness of a real container: at the start, at the stop, and whatever becomes of the helper."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.live.health import PORT, READY, SLOW_START, ask, helper, shown
from tests.live.interpreters import INTERPRETERS, name_of
from tests.live.network import WITH_LOOPBACK, WITH_NETWORK, Network
from tests.namespace import ROOT, UNSHARE, Namespace
from tests.waiting import wait_until

#: Runs pyinit with a call that fails.
FAULTY = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "faulty.py")]


def become(network: Network, path: str, status: int) -> None:
    """Wait until a path is answered so; there may be nobody yet."""

    def is_so() -> bool:
        with contextlib.suppress(OSError):
            return ask(network, path).status == status
        return False

    wait_until(is_so, f"{path} is {status}")


def say(network: Network, reason: str) -> None:
    """Wait until this is the reason."""

    def is_so() -> bool:
        with contextlib.suppress(OSError):
            return reason in ask(network).body["reason"]
        return False

    wait_until(is_so, reason)


# --- the start ---

#: Accepts all connections, and answers none.
MUTE = """
import socket
door, held = socket.create_server(("", 8080)), []
print("app listens", flush=True)
while True:
    held.append(door.accept())
"""


@pytest.mark.parametrize("accepts", ["none", "all"])
def test_a_probe_that_waits_behind_the_accept_queue_says_so(start: Start, accepts: str) -> None:
    mute = [sys.executable, "-IS", "-c", MUTE]
    deaf = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "server.py"), "--listen", "tcp:8080", "--accept", "none"]
    words = mute if accepts == "all" else deaf
    namespace = start(*READY, "--ready-timeout=0.2", "--", *words, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        namespace.wait_for_output("listens" if accepts == "all" else "server ready")
        say(network, "timed out after 0.2 s, waiting for an answer")
        is_told = "connections wait there to be accepted, so it is busy, or hangs: more workers" in ask(network).body["reason"]
        assert is_told is (accepts == "none")


def test_it_is_ready_when_the_application_can_serve_and_not_when_its_port_is_open(start: Start) -> None:
    namespace = start(*READY, "--", *SLOW_START, "--load", "1", unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        namespace.wait_for_output("app listens")
        assert ask(network, "/livez").status == 200
        assert ask(network, "/startupz").status == 503
        answer = ask(network)
        assert (answer.status, answer.body["readiness"]) == (503, "waiting")
        say(network, "status 503")
        namespace.wait_for_output("app loaded")
        become(network, "/readyz", 200)
        assert ask(network, "/startupz").status == 200
        assert ask(network).body["phase"] == "running"
    namespace.wait_for_log("after the start: http://127.0.0.1:8080/: status 200")
    assert shown(namespace).readiness == "ready"


def test_it_is_no_longer_ready_when_the_application_cannot_serve_and_ready_again_when_it_can(start: Start) -> None:
    namespace = start(*READY, "--", *SLOW_START, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        namespace.signal(signal.SIGUSR1)
        become(network, "/readyz", 503)
        assert ask(network).body["readiness"] == "unready"
        assert ask(network, "/startupz").status == 200
        namespace.signal(signal.SIGUSR2)
        become(network, "/readyz", 200)
    assert "pyinit: not ready: http://127.0.0.1:8080/: status 503" in namespace.stderr
    assert "pyinit: ready again: " in namespace.stderr


def test_without_a_target_it_is_ready_as_long_as_it_runs(start: Start) -> None:
    namespace = start("--health-listen", str(PORT), "--pre-stop-delay=0.5", "--", *APP_WORDS.split(), unshare=WITH_NETWORK)
    namespace.wait_for_output("app ready")
    with Network(namespace.init.pid) as network:
        assert [ask(network, path).status for path in ("/readyz", "/livez", "/startupz", "/other")] == [200, 200, 200, 404]
        namespace.signal(signal.SIGTERM)
        become(network, "/readyz", 503)
        assert [ask(network, path).status for path in ("/livez", "/startupz")] == [200, 200]
    assert namespace.wait() == 7


@pytest.mark.forms("source")
@pytest.mark.parametrize("python", INTERPRETERS, ids=name_of)
def test_every_python_will_do(start: Start, python: str) -> None:
    words = ("--ready", "notify", *READY, "--", *SLOW_START, "--notify", "READY=1")
    namespace = start(*words, python=python, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_a_pyinit_inside_has_a_readiness_of_its_own_or_none(pyinit: list[str], start: Start) -> None:
    inner = " ".join([*pyinit, "--", *APP_WORDS.split()])
    variables = {"PYINIT_READY": "file:/", "PYINIT_HEALTH_LISTEN": str(PORT), "PYINIT_START_TIMEOUT": "10"}
    env = {"PATH": os.environ["PATH"], **variables}
    namespace = start("--", "sh", "-c", f"{inner}; exit $?", env=env, unshare=WITH_NETWORK)
    namespace.wait_for_output("app ready")
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_all_targets_must_hold(start: Start, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    words = (*READY, "--ready", f"file:{flag}", "--ready", f"exec:test -s {flag}")
    namespace = start(*words, "--", *SLOW_START, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        say(network, "no such file")
        flag.touch()
        say(network, "exec:test")
        flag.write_text("x")
        become(network, "/readyz", 200)


def test_a_command_of_a_probe_that_hangs_is_killed_with_its_group_and_nothing_is_left_of_it(start: Start) -> None:
    words = ("--ready-interval", "50ms", "--ready-timeout", "200ms", "--health-listen", str(PORT))
    namespace = start(*words, "--ready", "exec:sleep 1000 & sleep 1000", "--", *APP_WORDS.split(), unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        for _ in range(3):
            wait_until(lambda: namespace.named("sleep"), "the probe runs")
            say(network, "timed out")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7
    assert "restart" not in namespace.stderr


def test_a_command_that_is_not_ready_in_time_is_stopped_with_a_status_that_says_so(start: Start) -> None:
    words = (*READY, "--start-timeout", "1", "--pre-stop-delay", "100")
    namespace = start(*words, "--", "sh", "-c", "sleep 1000", unshare=WITH_NETWORK)
    assert namespace.wait() == 124
    assert "not ready within 1s (--start-timeout): http://127.0.0.1:8080/: connection refused" in namespace.stderr


def test_or_with_its_own_where_it_has_something_to_say(start: Start) -> None:
    namespace = start(*READY, "--start-timeout", "1", "--", *SLOW_START, "--load", "1000", unshare=WITH_NETWORK)
    assert namespace.wait() == 7
    assert "(--start-timeout): http://127.0.0.1:8080/: status 503" in namespace.stderr
    assert "app done" in namespace.stdout


def test_a_command_that_does_not_end_then_is_killed(start: Start) -> None:
    deaf = "trap '' TERM; exec sleep 1000"
    namespace = start(*READY, "--start-timeout=0.5", "--grace-period=0.5", "--", "sh", "-c", deaf, unshare=WITH_NETWORK)
    assert namespace.wait() == 137


def test_a_target_may_be_probed_as_rarely_as_one_likes(start: Start) -> None:
    words = ("--ready=file:/", "--ready-interval=1000h", "--health-listen=127.0.0.1:8081", "--log-level=debug")
    namespace = start(*words, "--", *APP_WORDS.split(), unshare=WITH_NETWORK)
    namespace.wait_for_output("app ready")
    namespace.wait_for_log("ready, ")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert "fault" not in namespace.stderr


SENDS_SIGIO = """
import os, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
print("sending", flush=True)
end = time.monotonic() + 1
while time.monotonic() < end:
    os.kill(1, signal.SIGIO)
print("sent", flush=True)
signal.pause()
"""


def test_the_word_of_the_helper_is_heard_among_others_sigios(start: Start, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    words = (f"--ready=file:{flag}", "--ready-interval=50ms", "--", sys.executable, "-IS", "-c", SENDS_SIGIO)
    namespace = start(*words)
    namespace.wait_for_output("sending")
    for _ in range(3):
        flag.touch()
        flag.unlink()
    flag.touch()
    namespace.wait_for_output("sent")
    namespace.wait_for_log("ready, ")
    flag.unlink()
    namespace.wait_for_log("not ready: ")


# --- the stop ---


def test_readiness_falls_before_the_delay_and_the_application_serves_on(start: Start) -> None:
    namespace = start(*READY, "--pre-stop-delay", "1", "--", *SLOW_START, "--drain", "0.5", unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        namespace.signal(signal.SIGTERM)
        become(network, "/readyz", 503)
        wait_until(lambda: ask(network).body["phase"] == "pre-stop", "the helper knows of the stop")
        answer = ask(network)
        assert (answer.status, answer.body["readiness"]) == (503, "fallen")
        assert answer.body["reason"] == "a stop was requested"
        assert "app got" not in namespace.stdout
        assert ask(network, "/livez").status == 200
    assert namespace.wait() == 7


def test_or_not_before_the_stop_signal(start: Start) -> None:
    env = {"PATH": os.environ["PATH"], "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    words = (*READY, "--pre-stop-delay", "0.7", "--", *SLOW_START, "--drain", "0.5")
    namespace = start(*words, unshare=WITH_NETWORK, env=env)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        namespace.signal(signal.SIGTERM)
        namespace.wait_for_log("stop requested")
        wait_until(lambda: ask(network).body["phase"] == "pre-stop", "the helper knows of the stop")
        assert ask(network).status == 200
        namespace.wait_for_output("app got SIGTERM")
        answer = ask(network)
        assert (answer.status, answer.body["reason"]) == (503, "the command is being stopped")
    assert namespace.wait() == 7


def test_it_is_alive_throughout_a_slow_stop_and_until_the_end_of_the_sweep(start: Start) -> None:
    daemon = f"setsid {APP_WORDS} --name daemon --drain 1.5 & "
    words = (*READY, "--grace-period", "10", "--", "sh", "-c", f"{daemon}exec {' '.join(SLOW_START)} --drain 0.7")
    namespace = start(*words, unshare=WITH_NETWORK)
    phases = set()
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        namespace.wait_for_output("daemon ready")
        namespace.signal(signal.SIGTERM)
        namespace.wait_for_output("app got SIGTERM")
        while "daemon done" not in namespace.stdout:
            try:
                answer = ask(network, "/livez")
            except (OSError, AssertionError):  # the container has just ended
                break
            assert answer.status == 200
            phases.add(answer.body["phase"])
    assert namespace.wait() == 7
    assert {"stopping", "sweeping"} <= phases
    assert "daemon done" in namespace.stdout
    assert "killed" not in namespace.stderr
    assert "pyinit-health" not in namespace.stderr, "it is nobody whom anybody should know of"


def test_the_helper_holds_up_no_end(start: Start) -> None:
    namespace = start(*READY, "--", "sh", "-c", "exit 3", unshare=WITH_NETWORK)
    assert namespace.wait(5) == 3
    assert namespace.stderr == ""


def test_the_helper_survives_what_the_command_is_told(start: Start) -> None:
    namespace = start(
        *READY,
        "--stop-on",
        "QUIT",
        "--",
        "sh",
        "-c",
        "trap : USR1 HUP TERM; sleep 1000 & wait; wait; wait; wait",
        unshare=WITH_NETWORK,
    )
    process = helper(namespace)
    for signum in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
        namespace.signal(signum)
    namespace.wait_until_at_rest()
    assert process.is_running()


def test_our_own_probes_and_those_of_our_health_are_no_traffic(start: Start) -> None:
    delay = ("--pre-stop-delay=auto", "--pre-stop-min=0.5", "--pre-stop-quiet=1", "--pre-stop-max=15", "--unready-at=signal")
    namespace = start(*READY, *delay, "--", *SLOW_START, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        for _ in range(60):
            with network.connect(8080) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert connection.recv(100)
        namespace.signal(signal.SIGTERM)
        began = time.monotonic()
        while "the traffic has been quiet" not in namespace.stderr:
            with contextlib.suppress(OSError, AssertionError):
                ask(network, "/livez")
            assert time.monotonic() < began + 14, namespace.stderr
    assert namespace.wait() == 7


# --- whatever becomes of the helper ---


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_helper_that_dies_is_started_anew_and_knows_what_the_other_knew(start: Start, signum: int) -> None:
    namespace = start(*READY, "--", *SLOW_START, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        first = helper(namespace)
        first.send_signal(signum)
        assert ask(network).status == 200, "it waits in the accept queue for the next one"
        assert helper(namespace).pid != first.pid
    namespace.wait_for_log(f"the health helper was killed by {signal.Signals(signum).name}; it is started anew in 0.1s")
    wait_until(lambda: shown(namespace).health, "its number is on the page")
    assert "not ready" not in namespace.stderr


def test_no_probe_fails_however_often_the_helper_dies_under_load(start: Start) -> None:
    namespace = start(*READY, "--", *SLOW_START, unshare=WITH_NETWORK)
    cut_off, asked, over = [0], [0], threading.Event()
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)

        def load() -> None:
            with Network(namespace.init.pid) as own:
                while not over.is_set():
                    try:
                        assert ask(own).status == 200
                        asked[0] += 1
                    except (AssertionError, OSError):
                        cut_off[0] += 1

        thread = threading.Thread(target=load)
        thread.start()
        kills = 5
        for _ in range(kills):
            process = helper(namespace)
            seen = asked[0]
            wait_until(lambda seen=seen: asked[0] > seen + 20, "requests are answered")  # type: ignore[misc]
            process.kill()
            wait_until(lambda process=process: not process.is_running(), "its end")  # type: ignore[misc]
        over.set()
        thread.join()
    assert cut_off[0] <= kills, "the request that was in the hands of one, at most"
    assert "not ready" not in namespace.stderr


def test_a_helper_that_hangs_holds_up_nobody(start: Start) -> None:
    namespace = start(*READY, "--pre-stop-delay=0.3", "--", *SLOW_START, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
    helper(namespace).suspend()
    for _ in range(40):
        namespace.signal(signal.SIGUSR2)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait(10) == 7
    assert "app done" in namespace.stdout


def test_pid_1_sleeps_while_the_helper_works(start: Start) -> None:
    namespace = start(*READY, "--", *SLOW_START, unshare=WITH_NETWORK)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        namespace.wait_until_at_rest()

        def switches() -> int:
            return int(namespace.init.num_ctx_switches().voluntary)

        before, answered = switches(), time.monotonic() + 2
        while time.monotonic() < answered:
            assert ask(network).status == 200
        assert switches() == before


def test_somebody_else_s_sigio_is_forwarded_and_storms_of_it_do_no_harm(start: Start) -> None:
    namespace = start(
        *READY, "--", sys.executable, "-IS", str(ROOT / "tests" / "app.py"), "--on", "TERM,IO", unshare=WITH_NETWORK
    )
    namespace.wait_for_output("app ready")
    helper(namespace)
    wait_until(lambda: shown(namespace).reason, "the first report, with which the kernel may merge a SIGIO")
    namespace.wait_until_at_rest()
    namespace.signal(signal.SIGIO)
    namespace.wait_for_output("app got SIGIO")
    for _ in range(2000):
        namespace.signal(signal.SIGIO)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


# --- where little is to be had ---


def test_a_port_that_is_in_use_is_told_before_anything_is_started(pyinit: list[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = ["--health-listen", f"127.0.0.1:{port}", "--", "touch", str(tmp_path / "started")]
        with Namespace([*pyinit, *words], tmp_path) as namespace:
            assert namespace.wait() == 125
    assert f"--health-listen: cannot listen on 127.0.0.1, port {port}: Address already in use" in namespace.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--ready", "ftp:x"),
        ("--start-timeout", "3"),
        ("--health-listen", "x:1"),
        ("--ready-interval", "0"),
        ("--unready-at", "x"),
    ],
)
def test_bad_options_are_told_before_anything_is_started(start: Start, tmp_path: Path, words: tuple[str, ...]) -> None:
    namespace = start(*words, "--", "touch", str(tmp_path / "started"))
    assert namespace.wait() == 125
    assert namespace.stderr.startswith(f"pyinit: error: {words[0]}: ")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ("posix.memfd_create ENOSYS", "start:always"),
        ("posix.pwrite ENOSPC", "start:always"),
        ("posix.read EIO", "start:3"),
        ("posix.fork EAGAIN", "start:1"),
        ("posix.fork MemoryError", "start:1"),
        ("posix.write EIO", "start:2"),
    ],
)
def test_what_fails_once_or_is_not_there_is_made_up_for(tmp_path: Path, fault: str, when: str) -> None:
    words = [*FAULTY, *fault.split(), when, *READY, "--pre-stop-delay=1", "--", *SLOW_START]
    with Namespace(words, tmp_path, unshare=WITH_NETWORK) as namespace, Network(namespace.init.pid) as network:
        wait_until(lambda: "app listens" in namespace.stdout, "the command")
        become(network, "/readyz", 200)
        namespace.signal(signal.SIGTERM)
        become(network, "/readyz", 503)
        assert namespace.wait() == 7


def test_where_no_helper_can_be_started_the_rest_works(tmp_path: Path) -> None:
    words = [*FAULTY, "posix.fork", "EAGAIN", "start:always", *READY, "--", *APP_WORDS.split()]
    with Namespace(words, tmp_path, unshare=WITH_NETWORK) as namespace:
        namespace.wait_for_output("app ready")
        namespace.wait_for_log("the health helper cannot be started")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7


NO_PROC = (
    *UNSHARE,
    "--mount",
    "--net",
    "sh",
    "-c",
    'umount -l /proc 2>/dev/null; mount -t tmpfs none /proc; exec "$@"',
    "sh",
    *WITH_LOOPBACK,
)


def test_without_proc_it_serves_until_the_sweep_and_holds_up_no_end(start: Start) -> None:
    namespace = start(*READY, "--pre-stop-delay=0.5", "--", *SLOW_START, unshare=NO_PROC)
    with Network(namespace.init.pid) as network:
        become(network, "/readyz", 200)
        namespace.signal(signal.SIGTERM)
        become(network, "/readyz", 503)
    assert namespace.wait(10) == 7


def test_a_pyinit_that_is_not_pid_1_takes_its_helper_with_it(pyinit: list[str], tmp_path: Path) -> None:
    inner = " ".join([*pyinit, *READY, "--", *SLOW_START])
    with Namespace(["sh", "-c", f"{inner} & wait; sleep 1000"], tmp_path, unshare=WITH_NETWORK) as namespace:
        process = helper(namespace)
        found = process.parent()
        assert found is not None
        with Network(namespace.init.pid) as network:
            become(network, "/readyz", 200)
        found.kill()
        wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the end of the helper")


def test_a_pyinit_that_is_not_pid_1_is_not_held_up_by_its_helper(pyinit: list[str], tmp_path: Path) -> None:
    inner = " ".join([*pyinit, *READY, "--", *SLOW_START, "--drain", "0.3"])
    script = f"{inner} & pid=$!; wait $pid; echo status $?; sleep 1000"
    with Namespace(["sh", "-c", script], tmp_path, unshare=WITH_NETWORK) as namespace:
        found = helper(namespace).parent()
        assert found is not None
        with Network(namespace.init.pid) as network:
            become(network, "/readyz", 200)
        found.terminate()
        namespace.wait_for_output("status 7")


def test_the_helper_holds_nothing_that_is_not_its_own(start: Start, script: Callable[[str], str]) -> None:
    namespace = start(*READY, "--ready", "notify", "--", script("APP; exit 3"), unshare=WITH_NETWORK)
    namespace.wait_for_output("app ready")
    process = helper(namespace)

    def opened() -> list[str]:
        folder = Path(f"/proc/{process.pid}/fd")
        return sorted(os.readlink(entry).partition(":")[0] for entry in folder.iterdir())

    wait_until(lambda: opened() == ["/dev/null"] * 3 + ["anon_inode"] + ["pipe"] * 2 + ["socket"] * 2, f"its own: {opened()}")
    status = dict(line.split(":\t") for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":\t" in line)
    assert int(status["SigBlk"], 16) == int(status["SigCgt"], 16) == 0
    assert os.getsid(process.pid) == process.pid
    assert process.cwd() == "/"


def test_the_command_inherits_nothing_of_it(start: Start) -> None:
    namespace = start(*READY, "--ready", "notify", "--", "sleep", "1000", unshare=WITH_NETWORK)
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]

    def opened() -> list[str]:
        return sorted(os.listdir(f"/proc/{command.pid}/fd"))

    wait_until(lambda: opened() == ["0", "1", "2"], f"nothing but these, once its loader has its libraries: {opened()}")
