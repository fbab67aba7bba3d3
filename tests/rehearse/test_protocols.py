"""HTTP/2, gRPC, WebSockets and TCP, against servers on loopback that end their connections in every way."""

import socket
import threading
from collections.abc import Callable

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request, TextMessage

from pyinit.rehearse import outcome, protocols
from pyinit.rehearse.outcome import Outcome
from tests.rehearse.test_client import Peer, Server, answering, by_clock, in_turn, plan

Answer = Callable[[h2.connection.H2Connection, int, Peer], object]


def http2(answer: Answer) -> Callable[[Peer], None]:
    """A server of HTTP/2 that does this with the stream of every request, until the client leaves."""

    def behave(peer: Peer) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        peer.send(http.data_to_send())
        while data := peer.connection.recv(1 << 16):
            ended = [event.stream_id for event in http.receive_data(data) if isinstance(event, h2.events.StreamEnded)]
            for stream in ended:
                if answer(http, stream, peer) is False:
                    return
            peer.send(http.data_to_send())

    return behave


def well(http: h2.connection.H2Connection, stream: int, _: Peer) -> None:
    http.send_headers(stream, [(":status", "200"), ("x-replica", "first")])
    http.send_data(stream, b"hello", end_stream=True)


def with_status(status: str) -> Answer:
    return lambda http, stream, _: http.send_headers(stream, [(":status", status)], end_stream=True)


def grpc(status: str) -> Answer:
    def answer(http: h2.connection.H2Connection, stream: int, _: Peer) -> None:
        http.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        http.send_data(stream, b"\0\0\0\0\2\x08\1")
        http.send_headers(stream, [("grpc-status", status)], end_stream=True)

    return answer


def in_part(http: h2.connection.H2Connection, stream: int, peer: Peer) -> bool:
    http.send_headers(stream, [(":status", "200")])
    peer.send(http.data_to_send())
    return False


def reset_stream(code: h2.errors.ErrorCodes) -> Answer:
    return lambda http, stream, _: http.reset_stream(stream, code)


def going_away(http: h2.connection.H2Connection, _: int, peer: Peer) -> bool:
    http.close_connection(last_stream_id=0)
    peer.send(http.data_to_send())
    return False


def one(behaviour: Callable[[Peer], object], protocol: str, keep: bool = False) -> Outcome:
    with Server(behaviour) as server:
        return in_turn(plan(server.port, protocol=protocol, first_error=500, timeout=5), 1, keep=keep)[0]


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (well, outcome.OK, 200),
        (with_status("404"), outcome.OK, 404),
        (with_status("500"), outcome.SERVER_ERROR, 500),
        (in_part, outcome.CUT, 200),
        (lambda *_: False, outcome.RESET_AFTER, None),
        (reset_stream(h2.errors.ErrorCodes.CANCEL), outcome.RESET_AFTER, None),
        (reset_stream(h2.errors.ErrorCodes.REFUSED_STREAM), outcome.RESET_BEFORE, None),
        (going_away, outcome.RESET_BEFORE, None),
    ],
)
def test_a_request_of_http2_ends_as_its_stream_does(answer: Answer, kind: str, status: int | None) -> None:
    found = one(http2(answer), protocols.H2C)
    assert (found.kind, found.status) == (kind, status)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("0", outcome.OK), ("12", outcome.OK), ("14", outcome.SERVER_ERROR), ("13", outcome.SERVER_ERROR)],
)
def test_the_status_of_grpc_decides(status: str, kind: str) -> None:
    assert one(http2(grpc(status)), protocols.GRPC).kind == kind


def test_http2_keeps_a_connection_until_the_server_says_that_it_goes() -> None:
    count = 0

    def answer(http: h2.connection.H2Connection, stream: int, peer: Peer) -> None:
        nonlocal count
        count += 1
        well(http, stream, peer)
        if count == 3:
            http.close_connection(last_stream_id=stream)

    with Server(http2(answer)) as server:
        found = in_turn(plan(server.port, protocol=protocols.H2C), 5, keep=True)
        assert server.connections == 2
    assert [(each.kind, each.kept) for each in found] == [(outcome.OK, kept) for kept in (False, True, True, False, True)]
    assert found[0].replica == "first"


def test_who_speaks_no_http2_has_not_answered() -> None:
    assert one(answering(b"220 mail.example.org ESMTP\r\n" * 9), protocols.H2C).is_lost


def websocket(pong: Callable[[WSConnection, Peer, Ping], object], reject: int = 0) -> Callable[[Peer], None]:
    """A server of WebSockets that does this with every Ping, until the client leaves."""

    def behave(peer: Peer) -> None:
        ws = WSConnection(ConnectionType.SERVER)
        while data := peer.connection.recv(1 << 16):
            ws.receive_data(data)
            for event in ws.events():
                if isinstance(event, Request):
                    peer.send(ws.send(RejectConnection(status_code=reject) if reject else AcceptConnection()))
                elif isinstance(event, Ping) and pong(ws, peer, event) is False:
                    return
                elif isinstance(event, CloseConnection):
                    peer.send(ws.send(event.response()))
                    return

    return behave


def answered(ws: WSConnection, peer: Peer, ping: Ping) -> None:
    peer.send(ws.send(TextMessage("unasked")))
    peer.send(ws.send(Ping(b"and you?")))
    peer.send(ws.send(ping.response()))


def closing(ws: WSConnection, peer: Peer, _: Ping) -> None:
    peer.send(ws.send(CloseConnection(1001)))


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (websocket(answered), outcome.OK),
        (websocket(closing), outcome.RESET_AFTER),
        (websocket(lambda *_: False), outcome.RESET_AFTER),
        (websocket(lambda *_: None), outcome.TIMEOUT),
        (websocket(answered, reject=503), outcome.SERVER_ERROR),
        (websocket(answered, reject=404), outcome.ERROR),
        (answering(b"220 mail.example.org ESMTP\r\n\r\n"), outcome.ERROR),
    ],
    ids=["pong", "close", "end", "silence", "503", "404", "no websocket"],
)
@pytest.mark.parametrize("keep", [False, True])
def test_a_ping_ends_as_its_websocket_does(behaviour: Callable[[Peer], object], kind: str, keep: bool) -> None:
    with Server(behaviour) as server:
        (found,) = in_turn(plan(server.port, protocol=protocols.WS, first_error=500, timeout=1), 1, keep=keep)
    assert found.kind == kind


def test_a_websocket_is_kept_and_one_that_the_server_has_closed_in_good_order_is_nobodys_loss() -> None:
    closed = threading.Event()
    pings = 0

    def pong(ws: WSConnection, peer: Peer, ping: Ping) -> None:
        nonlocal pings
        pings += 1
        answered(ws, peer, ping)
        if pings == 2:
            peer.send(ws.send(CloseConnection(1001)))
            closed.set()

    with Server(websocket(pong)) as server:
        found = in_turn(plan(server.port, protocol=protocols.WS), 4, keep=True)
        assert server.connections == 2
    assert closed.is_set()
    assert [(each.kind, each.kept) for each in found] == [(outcome.OK, kept) for kept in (False, True, False, True)]


def test_tcp_counts_who_takes_a_connection_and_leaves_it_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (found,) = in_turn(plan(silent.getsockname()[1], protocol=protocols.TCP), 1, keep=False)
        assert (found.kind, found.status) == (outcome.OK, None)
        port = silent.getsockname()[1]
    (found,) = in_turn(plan(port, protocol=protocols.TCP), 1, keep=False)
    assert found.kind == outcome.REFUSED
    assert one(Peer.reset, protocols.TCP).kind == outcome.RESET_BEFORE
    assert one(lambda peer: peer.send(b"220 hello\r\n"), protocols.TCP).kind == outcome.OK


@pytest.mark.parametrize(
    ("protocol", "behaviour"),
    [(protocols.H2C, http2(well)), (protocols.GRPC, http2(grpc("0"))), (protocols.WS, websocket(answered))],
)
def test_the_clock_begins_requests_of_every_protocol(protocol: str, behaviour: Callable[[Peer], object]) -> None:
    with Server(behaviour) as server:
        found = by_clock(plan(server.port, protocol=protocol, rate_new=40, rate_kept=40, connections=3), 120)
    assert {each.kind for each in found} == {outcome.OK}
    assert {each.kept for each in found} == {False, True}
