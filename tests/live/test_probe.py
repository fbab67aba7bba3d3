"""pyinit --probe: real targets, good ones and those that hang, lie, dribble and pour."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyinit.settings.config import OWN_SOURCE
from tests.live.conftest import APP_WORDS, Start
from tests.live.interpreters import INTERPRETERS, name_of
from tests.namespace import ROOT, WITH_PROC, enter, need, need_another_user, pyinit_from_source
from tests.waiting import PATIENCE, wait_until

Reply = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\n"


def probe(pyinit: list[str], *words: str, inside: tuple[str, ...] = ()) -> tuple[int, str]:
    """Probe: exit status, and the one line that was said, on stdout where all is well."""
    done = subprocess.run([*inside, *pyinit, "--probe", *words], capture_output=True, text=True, check=False, timeout=PATIENCE)
    said, silent = (done.stdout, done.stderr) if done.returncode == 0 else (done.stderr, done.stdout)
    assert silent == ""
    assert said.count("\n") == 1
    return done.returncode, said


@contextlib.contextmanager
def serving(
    reply: Reply, family: int = socket.AF_INET, address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[tuple[int, list[object]]]:
    """A server that has its own way with each connection: its port, and the peers that have come."""
    peers: list[object] = []
    with socket.socket(family) as door, contextlib.ExitStack() as stack:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen()

        def serve() -> None:
            while True:
                try:
                    connection, peer = door.accept()
                except OSError:
                    return
                peers.append(peer)
                with contextlib.suppress(OSError), connection:
                    connection.settimeout(PATIENCE)
                    reply(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        stack.callback(lambda: thread.join(PATIENCE))
        stack.callback(lambda: door.shutdown(socket.SHUT_RDWR))
        name = door.getsockname()
        yield (name[1] if isinstance(name, tuple) else 0), peers


def saying(data: bytes) -> Reply:
    """Reads a request and says this."""

    def reply(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(data)

    return reply


def hang(connection: socket.socket) -> None:
    """Reads, and says nothing until the other hangs up."""
    while connection.recv(1 << 16):
        pass


def dribble(connection: socket.socket) -> None:
    """An answer without an end, a byte at a time."""
    connection.sendall(OK + b"\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.01)


def dribble_to_the_end(connection: socket.socket) -> None:
    """A good answer, a byte at a time."""
    for byte in OK + b"Content-Length: 5\r\n\r\nready":
        connection.sendall(bytes([byte]))
        time.sleep(0.002)


def pour(connection: socket.socket) -> None:
    """Gigabytes, if anybody takes them."""
    connection.recv(1 << 16)
    connection.sendall(OK + b"Content-Length: 100000000000\r\n\r\n")
    while True:
        connection.sendall(bytes(1 << 20))


def reset(connection: socket.socket) -> None:
    """Hangs up rudely."""
    connection.recv(1 << 16)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    ("reply", "words", "status", "said"),
    [
        (saying(OK + b"Content-Length: 2\r\n\r\nok"), (), 0, "status 200"),
        (saying(OK + b"\r\nuntil the end"), (), 0, "status 200"),
        (saying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), (), 0, "status 302"),
        (saying(b"HTTP/1.1 204 No Content\r\n\r\n"), ("--probe-expect", "204"), 0, "status 204"),
        (saying(OK + b"Content-Length: 2\r\n\r\nok"), ("--probe-expect", "204"), 1, "status 200, not 204"),
        (saying(OK + b"Content-Length: 5\r\n\r\nready"), ("--probe-expect", "ready"), 0, "with the text expected"),
        (saying(OK + b"Content-Length: 2\r\n\r\nok"), ("--probe-expect", "ready"), 1, "without 'ready'"),
        (saying(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), (), 1, "status 503, not 200-399"),
        (saying(b"220 smtp ready\r\n"), (), 1, "is no HTTP/1: it begins with '220 smtp ready"),
        (saying(b""), (), 1, "closed without an answer"),
        (saying(OK + b"Content-Length: 9\r\n\r\nshort"), (), 1, "closed in the middle of the answer"),
        (reset, (), 1, "connection reset by peer"),
        (dribble_to_the_end, ("--probe-expect", "ready"), 0, "with the text expected"),
        (pour, (), 0, "status 200"),
    ],
)
def test_an_http_server_is_judged_by_its_answer(
    pyinit: list[str], reply: Reply, words: tuple[str, ...], status: int, said: str
) -> None:
    with serving(reply) as (port, _):
        found, line = probe(pyinit, f"http://127.0.0.1:{port}/", *words)
    assert (found, said in line) == (status, True), line
    assert line.startswith("ok: http://" if status == 0 else "pyinit: probe failed: http://")
    assert re.search(r", \d+\.\d ms$", line)


@pytest.mark.parametrize(
    ("reply", "doing"), [(hang, "waiting for an answer"), (dribble, "with status 200 and an answer without end")]
)
def test_a_server_that_comes_to_no_end_is_waited_for_no_longer_than_allowed(
    pyinit: list[str], reply: Reply, doing: str
) -> None:
    with serving(reply) as (port, _):
        began = time.monotonic()
        status, line = probe(pyinit, f"http://127.0.0.1:{port}/", "--probe-timeout", "300ms")
        assert 0.3 <= time.monotonic() - began < 5
    assert status == 1
    assert f"timed out after 0.3 s, {doing}" in line


def test_a_full_accept_queue_is_waited_for_no_longer_than_allowed(pyinit: list[str]) -> None:
    with socket.socket() as door, contextlib.ExitStack() as stack:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(door.getsockname())
        status, line = probe(pyinit, f"tcp:{door.getsockname()[1]}", "--probe-timeout=0.2")
    assert status == 1
    assert "timed out after 0.2 s, connecting" in line


def test_probes_of_loopback_addresses_come_from_an_address_of_their_own(pyinit: list[str]) -> None:
    with serving(saying(OK + b"Content-Length: 0\r\n\r\n")) as (port, peers):
        assert probe(pyinit, f"http://localhost:{port}/")[0] == 0
        assert probe(pyinit, f"tcp:{port}")[0] == 0
        wait_until(lambda: len(peers) == 2, "both have come")
    assert {peer[0] for peer in peers if isinstance(peer, tuple)} == {OWN_SOURCE}


def test_ipv6_is_probed_by_its_address_and_as_localhost(pyinit: list[str]) -> None:
    try:
        door = serving(saying(OK + b"Content-Length: 0\r\n\r\n"), socket.AF_INET6, ("::1", 0))
        with door as (port, _):
            assert probe(pyinit, f"http://[::1]:{port}/")[0] == 0
            assert probe(pyinit, f"http://localhost:{port}/")[0] == 0
            assert probe(pyinit, f"tcp:[::1]:{port}")[0] == 0
            assert "connection refused" in probe(pyinit, f"tcp:127.0.0.1:{port}")[1]
    except OSError:
        pytest.skip("this machine has no IPv6")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return int(any_socket.getsockname()[1])


@pytest.mark.parametrize("target", ["tcp:{}", "tcp:localhost:{}", "http://127.0.0.1:{}/"])
def test_nobody_at_the_port_is_a_refusal(pyinit: list[str], target: str) -> None:
    status, line = probe(pyinit, target.format(free_port()))
    assert status == 1
    assert "connection refused" in line


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM])
def test_a_unix_socket_of_any_kind_is_connected_to(pyinit: list[str], kind: int, tmp_path: Path) -> None:
    for address, target in (
        (str(tmp_path / "s"), f"unix:{tmp_path}/s"),
        (f"\0pyinit-{os.getpid()}", f"unix:@pyinit-{os.getpid()}"),
    ):
        with socket.socket(socket.AF_UNIX, kind) as door:
            door.bind(address)
            if kind != socket.SOCK_DGRAM:
                door.listen()
            assert probe(pyinit, target)[0] == 0
        assert "connection refused" in probe(pyinit, target)[1]
    assert "no such file or directory" in probe(pyinit, f"unix:{tmp_path}/t")[1]


def test_a_unix_socket_whose_accept_queue_is_full_is_waited_for(pyinit: list[str], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door, socket.socket(socket.AF_UNIX) as filler:
        door.bind(str(tmp_path / "s"))
        door.listen(0)
        filler.connect(str(tmp_path / "s"))
        status, line = probe(pyinit, f"unix:{tmp_path}/s", "--probe-timeout", "0.2")
    assert status == 1
    assert "its accept queue is full" in line


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("true", 0, "exit status 0"),
        ("sh -c 'exit 3'", 1, "exit status 3"),
        ("exit 4", 1, "exit status 4"),
        ("test -e / && test -n $PATH", 0, "exit status 0"),
        ("kill -9 $$", 1, "killed by SIGKILL"),
        ("/no/such/program", 1, "cannot execute /no/such/program: no such file"),
    ],
)
def test_a_command_is_well_if_it_exits_with_0(pyinit: list[str], command: str, status: int, said: str) -> None:
    found, line = probe(pyinit, f"exec:{command}")
    assert (found, said in line) == (status, True), line


def test_a_command_that_hangs_is_killed_with_all_its_group(pyinit: list[str]) -> None:
    held, holder = os.pipe()
    os.set_inheritable(holder, True)
    with subprocess.Popen(
        [*pyinit, "--probe", "exec:trap '' TERM; sleep 1000 & sleep 1000", "--probe-timeout", "0.3"],
        pass_fds=[holder],
        stderr=subprocess.PIPE,
    ) as running:
        os.close(holder)
        assert running.wait(PATIENCE) == 1
        assert running.stderr is not None
        assert b"timed out after 0.3 s, running" in running.stderr.read()
    assert os.read(held, 1) == b""  # nobody is left that holds the other end
    os.close(held)


def test_a_command_finds_the_signals_as_they_were_given(pyinit: list[str]) -> None:
    assert probe(pyinit, "exec:grep -q 'SigBlk:.0000000000000000' /proc/self/status")[0] == 0


def test_ctrl_c_ends_a_probe(pyinit: list[str]) -> None:
    with serving(hang) as (port, peers):
        words = [*pyinit, "--probe", f"tcp:{port}", "--probe-timeout", "1000"]
        words[-3] = f"http://127.0.0.1:{port}/"
        with subprocess.Popen(words) as running:
            wait_until(lambda: peers, "it waits")
            running.send_signal(signal.SIGINT)
            assert running.wait(PATIENCE) == -signal.SIGINT


def test_a_file_is_well_if_it_is_there(pyinit: list[str], tmp_path: Path) -> None:
    assert probe(pyinit, f"file:{tmp_path}/ready")[0] == 1
    (tmp_path / "ready").touch()
    assert probe(pyinit, f"file:{tmp_path}/ready")[0] == 0


@pytest.mark.forms("source", "wheel")  # the static binary has no TLS
def test_https_is_answered_whatever_the_certificate(pyinit: list[str], tmp_path: Path) -> None:
    need("openssl")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody", "-days", "1"]
    subprocess.run([*made, "-keyout", tmp_path / "key", "-out", tmp_path / "cert"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")

    def over_tls(reply: Reply) -> Reply:
        def wrapped(connection: socket.socket) -> None:
            with contextlib.suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as tunnel:
                reply(tunnel)

        return wrapped

    with serving(over_tls(saying(OK + b"Content-Length: 5\r\n\r\nready"))) as (port, _):
        for host in ("127.0.0.1", "localhost"):
            assert probe(pyinit, f"https://{host}:{port}/", "--probe-expect", "ready")[0] == 0
    with serving(over_tls(dribble)) as (port, _):
        assert "timed out" in probe(pyinit, f"https://127.0.0.1:{port}/", "--probe-timeout=0.5")[1]
    with serving(over_tls(pour)) as (port, _):
        assert probe(pyinit, f"https://127.0.0.1:{port}/")[0] == 0
    with serving(saying(OK)) as (port, _):
        assert "TLS: " in probe(pyinit, f"https://127.0.0.1:{port}/")[1]
    with serving(hang) as (port, _):
        assert "timed out" in probe(pyinit, f"https://127.0.0.1:{port}/", "--probe-timeout=0.3")[1]


@pytest.mark.parametrize(
    "words", [["tcp:http"], ["http://example.com/"], ["tcp:1", "--probe-expect", "200"], ["tcp:1", "sleep", "1"]]
)
def test_what_cannot_be_understood_is_refused_before_anything_is_done(pyinit: list[str], words: list[str]) -> None:
    status, line = probe(pyinit, *words)
    assert status == 125
    assert line.startswith("pyinit: error: ")


@pytest.mark.forms("static")
def test_the_static_binary_says_in_one_line_that_it_has_no_tls(pyinit: list[str]) -> None:
    status, line = probe(pyinit, "https://127.0.0.1:8443/")
    assert status == 125
    assert "https" in line


@pytest.mark.parametrize("python", INTERPRETERS, ids=name_of)
def test_every_python_probes(python: str) -> None:
    with serving(saying(OK + b"Content-Length: 2\r\n\r\nok")) as (port, _):
        assert probe(pyinit_from_source(python), f"http://127.0.0.1:{port}/")[0] == 0
    assert probe(pyinit_from_source(python), "exec:true")[0] == 0


# --- the state of PID 1 --------------------------------------------------------------------------------------------------


def inside(pid: int, *users: str) -> tuple[str, ...]:
    """The words that enter the namespaces of a container, as `docker exec` does."""
    return (*enter(pid), *users)


def test_pyinit_is_well_while_its_command_serves(pyinit: list[str], start: Start) -> None:
    namespace = start("--pre-stop-delay=1000", "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    assert "ok: pyinit: running" in probe(pyinit, "pyinit", inside=inside(namespace.init.pid))[1]
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("stop requested")
    wait_until(lambda: "pre-stop" in probe(pyinit, "pyinit", inside=inside(namespace.init.pid))[1], "the delay is on the page")
    assert probe(pyinit, "pyinit", inside=inside(namespace.init.pid))[0] == 0


def test_pyinit_is_not_well_once_its_command_has_been_told(pyinit: list[str], start: Start) -> None:
    namespace = start("--", *APP_WORDS.split(), "--drain", "1000")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    status, line = probe(pyinit, "pyinit", inside=inside(namespace.init.pid))
    assert status == 1
    assert "stopping" in line


def test_a_pid_1_of_another_user_is_told_apart_from_a_bad_one(pyinit: list[str], start: Start) -> None:
    need_another_user()
    namespace = start("--", "sleep", "1000")
    wait_until(lambda: namespace.named("sleep"), "the command")
    other = (
        "setpriv",
        "--reuid=12345",
        "--regid=12345",
        "--clear-groups",
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
    )
    status, line = probe(pyinit, "pyinit", inside=inside(namespace.init.pid, *other))
    assert status == 1
    assert "no right to look at pid 1, which runs as uid 0, and this as uid 12345" in line


def test_where_pid_1_is_no_pyinit_and_nobody_else_is_the_probe_fails(pyinit: list[str]) -> None:
    words = [*pyinit, "--probe", "pyinit"]
    done = subprocess.run(
        [*WITH_PROC, "sh", "-c", f"{' '.join(words)}; exit $?"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no process here is a pyinit" in done.stderr


def test_the_package_of_probes_is_not_imported_by_a_command_line_without_one() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-IS", str(ROOT / "pyinit" / "__main__.py"), "--", "true"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pyinit.probe" not in done.stderr
    assert "pyinit.status" not in done.stderr


def test_it_is_a_command_like_others_to_a_pyinit_that_runs_it(pyinit: list[str], start: Start) -> None:
    """As ENTRYPOINT ["pyinit", "--"] has it, and a shell-form HEALTHCHECK under SHELL ["pyinit", "-c"]."""
    line = " ".join(pyinit)
    with serving(saying(OK + b"Content-Length: 2\r\n\r\nok")) as (port, _):
        for well, status in ((port, 0), (free_port(), 1)):
            namespace = start("-c", f"{line} --probe tcp:{well}")
            assert namespace.wait() == status
            assert ("ok: tcp:" in namespace.stdout) == (status == 0)


def test_among_other_options_it_is_refused(start: Start) -> None:
    namespace = start("--log-level", "debug", "--probe", "tcp:1")
    assert namespace.wait() == 125
    assert namespace.stderr == "pyinit: error: --probe: stands first, and alone: it runs no command (pyinit --help shows how)\n"


@pytest.mark.parametrize("name", ["tini", "dumb-init", "catatonit"])
def test_by_the_name_of_another_init_it_is_none_of_ours(name: str, tmp_path: Path) -> None:
    link = tmp_path / name
    link.symlink_to(ROOT / "pyinit" / "launcher.sh")
    for words in (["--probe", "tcp:1"], ["--status"]):
        done = subprocess.run([link, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "connection refused" not in done.stderr
        assert "command:" not in done.stdout
