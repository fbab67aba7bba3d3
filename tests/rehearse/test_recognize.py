"""Which protocol is spoken is found out, with nothing but GET."""

import socket
from collections.abc import Callable

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest

from pyinit.rehearse import outcome, protocols, ready
from pyinit.rehearse.recognize import recognize
from tests.rehearse.test_client import ANSWER, Peer, Server, for_ever
from tests.rehearse.test_protocols import Answer, answered, http2, reset_stream, websocket, well

REFUSAL = b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"


def found(behaviour: Callable[[Peer], object]) -> str | None:
    with Server(behaviour) as server:
        one = ready.ask(protocols.HTTP1, "127.0.0.1", server.port, "/")
        return recognize(one, "127.0.0.1", server.port, "/")


def as_grpc(http: h2.connection.H2Connection, stream: int, _: Peer) -> None:
    http.send_headers(stream, [(":status", "405"), ("content-type", "application/grpc")], end_stream=True)


def only_websocket(peer: Peer) -> None:
    """A server that opens WebSockets, and answers everything else with 426."""
    begin = b""
    while b"\r\n\r\n" not in begin:
        begin = peer.connection.recv(1 << 16, socket.MSG_PEEK)
        if not begin:
            return
    if b"upgrade: websocket" in begin.lower():
        websocket(answered)(peer)
    else:
        peer.request()
        peer.send(REFUSAL)


@pytest.mark.parametrize("answer", [ANSWER, REFUSAL, ANSWER.replace(b"200", b"404")])
def test_what_answers_a_get_and_opens_no_websocket_is_http(answer: bytes) -> None:
    assert found(for_ever(answer)) == protocols.HTTP1


def test_what_refuses_a_get_and_opens_a_websocket_is_one() -> None:
    assert found(only_websocket) == protocols.WS


@pytest.mark.parametrize(
    ("answer", "protocol"),
    [
        (well, protocols.H2C),
        (as_grpc, protocols.GRPC),
        (reset_stream(h2.errors.ErrorCodes.INTERNAL_ERROR), protocols.GRPC),
    ],
)
def test_http2_is_known_by_its_preface_and_grpc_by_what_it_makes_of_a_get(answer: Answer, protocol: str) -> None:
    def behave(peer: Peer) -> None:
        if peer.connection.recv(3, socket.MSG_PEEK) == b"GET":
            peer.request()  # and closes without a word, as servers of HTTP/2 do
        else:
            http2(answer)(peer)

    assert found(behave) == protocol


def test_whoever_greets_before_he_was_asked_speaks_no_http() -> None:
    def greet(peer: Peer) -> None:
        peer.send(b"220 mail.example.com ESMTP\r\n")
        peer.connection.recv(1 << 16)

    with Server(greet) as server:
        one = ready.ask(protocols.HTTP1, "127.0.0.1", server.port, "/")
        assert one.kind == outcome.ERROR
        assert recognize(one, "127.0.0.1", server.port, "/") is None


def test_nothing_but_get_is_sent() -> None:
    seen: list[bytes] = []
    methods: list[object] = []

    def behave(peer: Peer) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        http.initiate_connection()
        data = peer.connection.recv(1 << 16)
        if not data.startswith(b"PRI"):
            seen.append(data)
            return
        peer.send(http.data_to_send())
        while data:
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    methods.extend(value for name, value in event.headers or () if name in (":method", b":method"))
                    well(http, event.stream_id or 0, peer)
            peer.send(http.data_to_send())
            data = peer.connection.recv(1 << 16)

    assert found(behave) == protocols.H2C
    assert {line.split(b" ")[0] for line in seen} == {b"GET"}
    assert methods == ["GET"]
