"""The health port and NOTIFY_SOCKET under attack: PID 1 is not woken by it, or hardly, and a stop in the middle is a stop.

That the helper itself answers whom it can is in tests/live/test_health_clients.py and test_health_notify.py.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.conftest import IS_LONG
from tests.hostile.pid1 import assert_asleep, assert_not_larger, private, release, used
from tests.hostile.stages import PATIENT
from tests.http_reference import h11_takes
from tests.live.conftest import Start
from tests.live.health import PORT, ask, helper, receive, shown, wait_for_answer
from tests.live.network import WITH_NETWORK, Network
from tests.live.test_health_notify import address
from tests.namespace import ROOT, Namespace
from tests.waiting import wait_until

HTTP_ATTACK = (sys.executable, "-IS", str(ROOT / "tests" / "hostile" / "http_attack.py"))
MAIL_ATTACK = (sys.executable, "-IS", str(ROOT / "tests" / "hostile" / "mail_attack.py"))

OPTIONS = ("--health-listen", str(PORT), "--ready", "notify", "--log-level", "debug")


class Attack:
    """A process that attacks until it is told to end, and says each time that another thousand blows have been dealt."""

    def __init__(self, words: list[str]) -> None:
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def go_on_for(self, thousands: int) -> None:
        """Return when that many more have been dealt."""
        assert self._process.stdout is not None
        for _ in range(thousands):
            assert self._process.stdout.readline() == "1000\n"

    def end(self) -> None:
        """No more."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def attack(namespace: Namespace, *words: str) -> Iterator[Attack]:
    """While inside, somebody who has entered the container as `docker exec` does attacks it."""
    made = Attack(["nsenter", f"--target={namespace.init.pid}", "--all", "--", *words])
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that lets the application finish."""
    return tmp_path / "go"


@pytest.fixture
def namespace(start: Start, go: Path) -> Namespace:
    """A container with a helper that serves, and an application that is not ready yet."""
    made = start(*OPTIONS, "--", *PATIENT, str(go), unshare=WITH_NETWORK)
    made.wait_for_output("app ready")
    with Network(made.init.pid) as network:
        wait_for_answer(network, 503)
    return made


def stop(namespace: Namespace, go: Path) -> None:
    """A stop, of which all is as it should be."""
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    release(go)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


@pytest.mark.parametrize("way", ["loris", "reset", "garbage", "pour"])
def test_an_attack_on_the_health_port_does_not_wake_pid_1_and_a_stop_in_it_is_a_stop(
    namespace: Namespace, go: Path, way: str
) -> None:
    """A thousand clients that never finish; that reset; that send what is none; that send more than anybody reads."""
    assert_asleep(namespace)
    before, process, memory = used(namespace.init.pid), helper(namespace), private(namespace)
    with attack(namespace, *HTTP_ATTACK, way, str(PORT)) as blows:
        blows.go_on_for(20 if IS_LONG else 2)
        assert used(namespace.init.pid) == before, "PID 1 has been woken"
        assert private(namespace) == memory
        assert helper(namespace).pid == process.pid
        with Network(namespace.init.pid) as network:
            assert ask(network).status == 503
        stop(namespace, go)


def test_what_another_implementation_refuses_is_refused_by_the_port_as_well(namespace: Namespace) -> None:
    """Requests that are nearly right, over real connections. That the parser agrees with h11 is tried in tests/unit as well."""
    chance = random.Random(11)  # noqa: S311 - nothing secret
    whole = b"GET /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nA: b\r\n\r\n"
    fields = [b"Host: b\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 1\r\n"]
    pieces = [b"\0", b"\r", b"\n", b" ", b":", b"\t", b"\xff", *fields]
    refused = 0
    with Network(namespace.init.pid) as network:
        for _ in range(2000 if IS_LONG else 150):
            at = chance.randrange(len(whole))
            data = whole[:at] + chance.choice(pieces) + whole[at + chance.randrange(3) :]
            with network.connect(PORT) as connection:
                with contextlib.suppress(OSError):
                    connection.sendall(data)
                    connection.shutdown(1)
                answer = receive(connection)
            if not h11_takes(data):
                refused += 1
                assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), (data, answer)
        assert refused > 50, "or this would prove little"
        assert ask(network).status == 503
    assert_asleep(namespace)


@pytest.mark.parametrize("datagram", ["READY=1", "STATUS=%d", "\\xff\\x00", "EXTEND_TIMEOUT_USEC=1000000"])
def test_a_flood_from_one_who_has_entered_is_not_believed_and_hardly_wakes_pid_1(
    namespace: Namespace, go: Path, datagram: str
) -> None:
    """As `docker exec` does. PID 1 hears that there was something, at most sixteen times, at the level debug."""
    where = address(namespace)
    assert_asleep(namespace)
    with attack(namespace, *MAIL_ATTACK, where, datagram) as blows:
        blows.go_on_for(1)
        before, memory = used(namespace.init.pid), private(namespace)
        blows.go_on_for(50 if IS_LONG else 5)
        assert used(namespace.init.pid).switches <= before.switches + 2
        assert_not_larger(namespace, memory)
        assert shown(namespace).readiness == "waiting"
        assert shown(namespace).notify_status == ""
        stop(namespace, go)
    assert 1 <= namespace.stderr.count("is none of ours") <= 16


def test_who_is_of_another_pid_namespace_is_not_believed_however_often(namespace: Namespace, go: Path) -> None:
    """Beside it in a pod, or on the host, with the same network."""
    where = address(namespace)
    made = Attack(["nsenter", f"--target={namespace.init.pid}", "--net", "--", *MAIL_ATTACK, where, "READY=1"])
    try:
        made.go_on_for(5)
        assert shown(namespace).readiness == "waiting"
        assert namespace.stderr.count("pid 0 is none of ours") == 1
        stop(namespace, go)
    finally:
        made.end()


def test_the_command_is_heard_in_the_middle_of_a_flood_of_lies(start: Start, go: Path) -> None:
    reader, writer = os.pipe()
    say = f"{sys.executable} -IS {ROOT / 'tests' / 'live' / 'notify.py'} STATUS=true READY=1"
    with os.fdopen(reader), os.fdopen(writer, "wb", buffering=0) as tell:
        line = f"read x; {say} >/dev/null; exec {' '.join(PATIENT)} {go}"
        made = start(*OPTIONS, "--", "sh", "-c", line, unshare=WITH_NETWORK, stdin=reader)
        where = address(made)
        with attack(made, *MAIL_ATTACK, where, "STATUS=false") as blows:
            blows.go_on_for(1)
            tell.write(b"go\n")
            wait_until(lambda: shown(made).readiness == "ready", "the command is believed")
            assert shown(made).notify_status == "true"
            blows.go_on_for(1)
            made.wait_for_output("app ready")
            stop(made, go)


def test_a_flood_from_the_command_itself_leaves_nothing_in_pid_1(start: Start, go: Path) -> None:
    """It may say what it likes, as often as it likes. A stop in the middle of it is told at once."""
    flood = f"{' '.join(MAIL_ATTACK)} $NOTIFY_SOCKET STATUS=%d"
    line = f"{flood} >/dev/null </dev/zero & exec {' '.join(PATIENT)} {go}"
    made = start(*OPTIONS, "--grace-period=3", "--", "sh", "-c", line, unshare=WITH_NETWORK)
    made.wait_for_output("app ready")

    def said() -> int:
        return int(shown(made).notify_status or 0)

    wait_until(lambda: said() > 1000, "it is heard")
    memory, until = private(made), said() + (100_000 if IS_LONG else 5_000)
    wait_until(lambda: said() > until, "it is heard, and heard", timeout=60)
    assert_not_larger(made, memory)
    stop(made, go)
