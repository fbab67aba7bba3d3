"""Clients that are slow, broken, many or mean: the helper answers whom it can, and PID 1 never hears of them."""

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import Start
from tests.live.health import PORT, ask, helper, receive, understood, wait_for_answer
from tests.live.network import WITH_NETWORK, Network
from tests.namespace import Namespace
from tests.waiting import PATIENCE, wait_until

REQUEST = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def namespace(start: Start) -> Namespace:
    """A container with a helper that serves."""
    made = start("--health-listen", str(PORT), "--", "sleep", "1000", unshare=WITH_NETWORK)
    helper(made)
    return made


@pytest.fixture
def network(namespace: Namespace) -> Iterator[Network]:
    """Its network."""
    with Network(namespace.init.pid) as made:
        wait_for_answer(made, 200)
        yield made


def send(network: Network, data: bytes) -> bytes:
    """Send something, and return what comes until the other side closes."""
    with network.connect(PORT) as connection:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(data)
        return receive(connection)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (REQUEST, 200),
        (b"GET /readyz HTTP/1.0\r\n\r\n", 200),
        (b"GET /readyz HTTP/1.0\n\n", 200),
        (b"GET http://a:1/readyz?x=y HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200),
        (b"POST /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET /readyz HTTP/3.0\r\n\r\n", 505),
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400),
        (b"\x80\x01\x02garbage", 400),
        (b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /readyz HTTP/1.1\r\nHost: a\r\n" + b"X-Flood: 0123456789\r\n" * 40_000, 431),
        (b"GET /readyz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000, 431),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_sent_is_answered_once_and_the_connection_is_closed(network: Network, data: bytes, status: int) -> None:
    for _ in range(3):
        answer = send(network, data)
        # Who pours on after being refused is reset in the end, and may lose the answer by that.
        if len(data) > 1 << 16 and not answer:
            continue
        assert understood(answer).status == status
        assert answer.count(b"HTTP/1.1 ") == 1
    assert ask(network).status == 200


def test_a_request_byte_by_byte_is_answered(network: Network) -> None:
    with network.connect(PORT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in REQUEST:
            connection.sendall(bytes([byte]))
        assert understood(receive(connection)).status == 200


def test_of_several_requests_at_once_the_first_is_answered_and_the_answer_arrives(network: Network) -> None:
    for _ in range(20):
        answer = send(network, REQUEST + b"GET /other HTTP/1.1\r\n\r\n" * 400)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.count(b"HTTP/1.1 ") == 1


def test_head_gets_the_head(network: Network) -> None:
    with network.connect(PORT) as connection:
        connection.sendall(REQUEST.replace(b"GET", b"HEAD"))
        head = receive(connection)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.endswith(b"\r\n\r\n")


def test_who_says_no_more_after_the_request_is_answered(network: Network) -> None:
    with network.connect(PORT) as connection:
        connection.sendall(REQUEST)
        connection.shutdown(socket.SHUT_WR)
        assert understood(receive(connection)).status == 200


def test_who_says_no_more_in_the_middle_of_it_is_refused(network: Network) -> None:
    with network.connect(PORT) as connection:
        connection.sendall(REQUEST[:20])
        connection.shutdown(socket.SHUT_WR)
        assert understood(receive(connection)).status == 400


def test_who_merely_connects_is_let_go(network: Network) -> None:
    with network.connect(PORT) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection) == b""


def test_nobody_has_more_than_two_seconds(network: Network) -> None:
    began = time.monotonic()
    with network.connect(PORT) as silent, network.connect(PORT) as slow:
        slow.sendall(REQUEST[:10])
        assert understood(receive(slow)).status == 408
        assert receive(silent) == b""
    assert 1.5 < time.monotonic() - began < PATIENCE


def test_resets_do_no_harm(network: Network, namespace: Namespace) -> None:
    process = helper(namespace)
    for number in range(200):
        with network.connect(PORT) as connection:
            connection.sendall(REQUEST[: number % (len(REQUEST) + 1)])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ask(network).status == 200
    assert helper(namespace).pid == process.pid


@pytest.mark.parametrize("words", [b"", b"GET ", REQUEST[:-1], b"GET /readyz HTTP/1.1\r\n" + b"X: y\r\n" * 600])
def test_real_probes_get_through_a_thousand_clients_that_never_finish(
    network: Network, namespace: Namespace, words: bytes
) -> None:
    process = helper(namespace)
    crowd: list[socket.socket] = []
    over = threading.Event()
    with Network(namespace.init.pid) as theirs:

        def come_again() -> None:
            while not over.is_set():
                for index, connection in enumerate(crowd):
                    if over.is_set():
                        return
                    connection.close()
                    with contextlib.suppress(OSError):
                        crowd[index] = theirs.connect(PORT)
                        crowd[index].sendall(words)

        for _ in range(1000):
            crowd.append(theirs.connect(PORT))
            crowd[-1].sendall(words)
        thread = threading.Thread(target=come_again)
        thread.start()
        try:
            for _ in range(50):  # how long each takes is printed by tests.bench.health
                assert ask(network, "/livez").status == 200
        finally:
            over.set()
            thread.join()
    assert helper(namespace).pid == process.pid
    assert process.num_fds() < 100


def test_a_crowd_that_stays_is_gone_after_two_seconds(network: Network, namespace: Namespace) -> None:
    process = helper(namespace)
    crowd = [network.connect(PORT) for _ in range(300)]
    assert len(crowd) == 300
    wait_until(lambda: process.num_fds() < 12, "their connections are closed", timeout=5)
    assert ask(network).status == 200


def test_memory_does_not_grow_with_what_is_sent(network: Network, namespace: Namespace) -> None:
    process = helper(namespace)
    noise = random.Random(7).randbytes(50_000)  # noqa: S311 - nothing secret
    kinds = [REQUEST, noise, b"GET /" + noise, REQUEST + noise, b"GET / HTTP/1.1\r\nX: " + b"x" * 50_000]
    for data in kinds * 10:
        send(network, data)
    before = process.memory_info().rss
    for data in kinds * 60:
        send(network, data)
    assert process.memory_info().rss - before < 1 << 20
    assert ask(network).status == 200


def test_where_no_descriptor_is_left_connections_wait_and_are_answered(start: Start) -> None:
    """With a limit that leaves room for some connections only."""
    limited = (*WITH_NETWORK, "sh", "-c", 'ulimit -n 24; exec "$@"', "sh")
    made = start("--health-listen", str(PORT), "--", "sleep", "1000", unshare=limited)
    process = helper(made)
    with Network(made.init.pid) as network:
        crowd = [network.connect(PORT) for _ in range(100)]
        for _ in range(20):
            assert ask(network).status == 200
        assert len(crowd) == 100
        assert helper(made).pid == process.pid


def test_on_one_address_nobody_else_is_served(start: Start) -> None:
    made = start("--health-listen", f"127.0.0.1:{PORT}", "--", "sleep", "1000", unshare=WITH_NETWORK)
    helper(made)
    with Network(made.init.pid) as network:
        assert ask(network).status == 200
        with pytest.raises(OSError, match=r"refused|unreachable|assign"), network.connect(PORT, "::1"):
            pass


def test_ipv6_and_ipv4_are_served_where_no_address_is_given(network: Network) -> None:
    if not Path("/proc/sys/net/ipv6").exists():
        pytest.skip("this kernel has no IPv6")
    with network.connect(PORT, "::1") as connection:
        connection.sendall(REQUEST)
        assert understood(receive(connection)).status == 200
