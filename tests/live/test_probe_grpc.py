"""pyinit --probe grpc: and --ready grpc: real servers of two makers, and what is no gRPC at all."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyinit.settings.config import OWN_SOURCE
from tests.live.conftest import Start
from tests.live.health import PORT, shown
from tests.live.interpreters import INTERPRETERS, name_of
from tests.live.network import WITH_NETWORK
from tests.live.test_probe import free_port, hang, probe, saying, serving
from tests.namespace import CACHE, ROOT, need, pyinit_from_source
from tests.waiting import wait_until

PROGRAMS = ROOT / "tests" / "live"

NODE_MODULES = CACHE / "node_modules"

MAKERS = ("grpcio", "grpc-js")


class Server:
    """A server, and its words."""

    def __init__(self, running: "subprocess.Popen[str]") -> None:
        self._running = running
        self.port = int(self._line())

    def _line(self) -> str:
        assert self._running.stdout is not None
        return self._running.stdout.readline()

    def tell(self, service: str, status: str) -> None:
        """Set the status of a service, "-" for the server itself."""
        assert self._running.stdin is not None
        self._running.stdin.write(f"{service} {status}\n")
        self._running.stdin.flush()
        assert self._line() == "done\n"


@contextlib.contextmanager
def server(maker: str, *words: str) -> Iterator[Server]:
    """A server of gRPC."""
    command = [sys.executable, str(PROGRAMS / "grpc_server.py")]
    if maker == "grpc-js":
        need("node")
        if not (NODE_MODULES / "@grpc" / "grpc-js").is_dir():
            reason = "@grpc/grpc-js is not installed (tests/prepare.sh does that)"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        command = ["node", str(PROGRAMS / "grpc_server.js")]
    environment = {**os.environ, "NODE_MODULES": str(NODE_MODULES)}
    with subprocess.Popen(
        [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            yield Server(running)
        finally:
            running.kill()


@pytest.mark.parametrize("maker", MAKERS)
def test_a_server_is_judged_by_what_it_says_of_itself_and_of_a_service(pyinit: list[str], maker: str) -> None:
    with server(maker) as one:
        target = f"grpc:{one.port}"
        status, line = probe(pyinit, target)
        assert (status, line.startswith(f"ok: {target}: SERVING, ")) == (0, True), line
        assert probe(pyinit, f"grpc:localhost:{one.port}/")[0] == 0
        status, line = probe(pyinit, f"{target}/shop.Orders")
        assert status == 1
        assert f"{target}/shop.Orders: grpc-status 5 NOT_FOUND: the server does not know this service" in line
        for said in ("NOT_SERVING", "UNKNOWN", "SERVICE_UNKNOWN"):
            one.tell("shop.Orders", said)
            status, line = probe(pyinit, f"{target}/shop.Orders")
            assert (status, f": the server says {said}, " in line) == (1, True), line
        one.tell("shop.Orders", "SERVING")
        one.tell("-", "NOT_SERVING")
        assert probe(pyinit, f"{target}/shop.Orders")[0] == 0
        assert "the server says NOT_SERVING" in probe(pyinit, target)[1]


@pytest.mark.parametrize("maker", MAKERS)
def test_a_server_without_the_health_check_is_told_from_one_that_is_not_well(pyinit: list[str], maker: str) -> None:
    with server(maker, "none") as one:
        status, line = probe(pyinit, f"grpc:{one.port}")
    assert status == 1
    assert "grpc-status 12 UNIMPLEMENTED: the server has no grpc.health.v1.Health" in line


@pytest.mark.parametrize("maker", MAKERS)
def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_allowed(pyinit: list[str], maker: str) -> None:
    with server(maker, "hang") as one:
        status, line = probe(pyinit, f"grpc:{one.port}", "--probe-timeout=300ms")
    assert status == 1
    assert "timed out after 0.3 s, waiting for the answer to the call" in line


#: HTTP/2 to both sides, with header fields that HAProxy compresses in its own way.
PROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend grpc
  bind 127.0.0.1:{port} proto h2
  default_backend server
backend server
  server one 127.0.0.1:{server} proto h2
"""


def test_a_proxy_in_between_changes_nothing(pyinit: list[str], tmp_path: Path) -> None:
    need("haproxy")
    port = free_port()
    with server("grpcio") as one:
        (tmp_path / "proxy.cfg").write_text(PROXY.format(port=port, server=one.port))
        with subprocess.Popen(["haproxy", "-f", str(tmp_path / "proxy.cfg")], stderr=subprocess.DEVNULL) as proxy:
            try:
                wait_until(lambda: probe(pyinit, f"tcp:{port}")[0] == 0, "the proxy listens")
                assert "SERVING" in probe(pyinit, f"grpc:{port}")[1]
                assert "grpc-status 5 NOT_FOUND" in probe(pyinit, f"grpc:{port}/shop.Orders")[1]
            finally:
                proxy.terminate()


def test_many_probes_find_the_same(pyinit: list[str]) -> None:
    with server("grpcio") as one:
        assert [probe(pyinit, f"grpc:{one.port}")[0] for _ in range(20)] == [0] * 20


def test_what_does_not_speak_http2_is_said_to(pyinit: list[str]) -> None:
    with serving(saying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as (port, peers):
        status, line = probe(pyinit, f"grpc:{port}")
        assert {peer[0] for peer in peers if isinstance(peer, tuple)} == {OWN_SOURCE}
    assert status == 1
    assert "is no HTTP/2 (without TLS): it begins with 'HTTP/1.1 400 Bad Req'" in line
    with serving(saying(b"")) as (port, _):
        assert "closed without an answer" in probe(pyinit, f"grpc:{port}")[1]
    with serving(hang) as (port, _):
        assert "timed out after 0.3 s, waiting for an answer" in probe(pyinit, f"grpc:{port}", "--probe-timeout=0.3")[1]
    assert "connection refused" in probe(pyinit, f"grpc:{free_port()}")[1]


def pour(connection: socket.socket) -> None:
    """Settings without end, and nobody who reads the answers."""
    while True:
        connection.sendall(b"\0\0\0\4\0\0\0\0\0" * 10_000)


def test_a_server_that_pours_is_left(pyinit: list[str]) -> None:
    with serving(pour) as (port, _):
        assert "the answer is longer than 65536 bytes" in probe(pyinit, f"grpc:{port}")[1]


def test_over_http_and_tcp_a_server_of_grpc_is_another_thing(pyinit: list[str]) -> None:
    with server("grpcio") as one:
        assert probe(pyinit, f"tcp:{one.port}")[0] == 0
        assert "is no HTTP/1" in probe(pyinit, f"http://127.0.0.1:{one.port}/")[1]


@pytest.mark.parametrize("words", [["grpc:1", "--probe-expect", "200"], ["grpc:example.org:1"], ["grpc://127.0.0.1:1"]])
def test_what_cannot_be_meant_is_refused(pyinit: list[str], words: list[str]) -> None:
    status, line = probe(pyinit, *words)
    assert status == 125
    assert line.startswith("pyinit: error: --probe")


@pytest.mark.parametrize("python", INTERPRETERS, ids=name_of)
def test_every_python_probes(python: str) -> None:
    with server("grpcio") as one:
        assert probe(pyinit_from_source(python), f"grpc:{one.port}")[0] == 0


def test_readiness_follows_what_the_application_says_over_grpc(start: Start, tmp_path: Path) -> None:
    words = tmp_path / "words"
    os.mkfifo(words)
    line = f"exec {sys.executable} {PROGRAMS / 'grpc_server.py'} health 50051 <>{words}"
    options = ("--ready", "grpc:50051", "--ready", "grpc:50051/shop.Orders", "--ready-interval=100ms")
    namespace = start(*options, f"--health-listen={PORT}", "--", "sh", "-c", line, unshare=WITH_NETWORK)
    namespace.wait_for_output("50051")
    wait_until(lambda: "NOT_FOUND" in shown(namespace).reason, "it says why it waits")
    words.write_text("shop.Orders SERVING\n")
    namespace.wait_for_log("after the start: ")
    assert shown(namespace).readiness == "ready"
    words.write_text("- NOT_SERVING\n")
    namespace.wait_for_log("not ready: grpc:50051: the server says NOT_SERVING")
