"""A call of gRPC's health check: what `h2` and `protobuf` understand of it, and what is made of all that may come."""

import contextlib
from collections.abc import Callable

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from grpc_health.v1 import health_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.probe import grpc
from pyinit.probe.grpc import Call, frame
from pyinit.probe.http import BadAnswerError
from pyinit.probe.target import parse

Fields = list[tuple[str, str]]

HEAD: Fields = [(":status", "200"), ("content-type", "application/grpc")]
TAIL: Fields = [("grpc-status", "0"), ("grpc-message", "")]

SETTINGS = frame(grpc.SETTINGS, 0, 0)


class Server:
    """What `h2` makes of a call, as the server of it."""

    def __init__(self, call: Call) -> None:
        self.events: list[h2.events.Event] = []
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.http2.initiate_connection()
        self._call = call

    def hear(self) -> None:
        """Take what the call has to say. Fails where that is no HTTP/2."""
        self.events += self.http2.receive_data(bytes(self._call.outgoing))
        self._call.outgoing.clear()

    def one(self, kind: type[h2.events.Event]) -> h2.events.Event:
        """The only event of a kind."""
        (event,) = (event for event in self.events if type(event) is kind)
        return event


def prefixed(message: bytes, compressed: int = 0) -> bytes:
    """A message as gRPC frames it."""
    return bytes((compressed,)) + len(message).to_bytes(4, "big") + message


def response(status: int) -> bytes:
    """A HealthCheckResponse."""
    return bytes(health_pb2.HealthCheckResponse(status=status).SerializeToString())


def answer(head: Fields, body: bytes | None = None, tail: Fields | None = None) -> tuple[Call, bytes]:
    """A call, and what an `h2` server says to it."""
    call = Call(parse("grpc:50051"))
    server = Server(call)
    server.hear()
    server.http2.send_headers(1, head, end_stream=body is None and tail is None)
    if body is not None:
        server.http2.send_data(1, body, end_stream=tail is None)
    if tail is not None:
        server.http2.send_headers(1, tail, end_stream=True)
    return call, server.http2.data_to_send()


def judged(head: Fields, body: bytes | None = None, tail: Fields | None = None) -> tuple[bool, str]:
    """What is made of an answer."""
    call, data = answer(head, body, tail)
    assert call.feed(data)
    return call.judge()


# --- what is asked ---


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=300))
@example("x" * 1900)
@example("")
def test_h2_and_protobuf_understand_the_request(service: str) -> None:
    call = Call(parse(f"grpc:[::1]:50051/{service}"))
    server = Server(call)
    server.hear()
    request = server.one(h2.events.RequestReceived)
    assert isinstance(request, h2.events.RequestReceived)
    assert [(str(name), str(value)) for name, value in request.headers or ()] == [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", "[::1]:50051"),
        ("content-type", "application/grpc"),
        ("user-agent", "pyinit-probe"),
        ("te", "trailers"),
    ]
    data = server.one(h2.events.DataReceived)
    assert isinstance(data, h2.events.DataReceived)
    body = bytes(data.data or b"")
    assert body[:5] == b"\0" + (len(body) - 5).to_bytes(4, "big")
    assert health_pb2.HealthCheckRequest.FromString(body[5:]).service == service
    server.one(h2.events.StreamEnded)


def test_settings_and_pings_are_answered_and_pushes_are_not_wanted() -> None:
    call = Call(parse("grpc:50051"))
    server = Server(call)
    server.hear()
    assert server.http2.remote_settings.enable_push == 0
    server.http2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 5})
    server.http2.ping(b"12345678")
    assert not call.feed(server.http2.data_to_send())
    server.hear()
    acknowledged = server.one(h2.events.PingAckReceived)
    assert isinstance(acknowledged, h2.events.PingAckReceived)
    assert acknowledged.ping_data == b"12345678"
    assert sum(isinstance(event, h2.events.SettingsAcknowledged) for event in server.events) == 2
    assert not call.feed(frame(grpc.SETTINGS, grpc.ACK, 0) + frame(grpc.PING, grpc.ACK, 0, bytes(8)))
    assert call.outgoing == b"", "or it would go on for ever"


# --- what is answered ---


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        (1, (True, "SERVING")),
        (0, (False, "the server says UNKNOWN")),
        (2, (False, "the server says NOT_SERVING")),
        (3, (False, "the server says SERVICE_UNKNOWN")),
        (9, (False, "the server says 9")),
        (-1, (False, f"the server says {2**64 - 1}")),
    ],
)
def test_the_message_decides(status: int, meant: tuple[bool, str]) -> None:
    assert judged(HEAD, prefixed(response(status)), TAIL) == meant


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([("grpc-status", "5"), ("grpc-message", "unknown")], "grpc-status 5 NOT_FOUND: the server does not know this service"),
        (
            [("grpc-status", "12"), ("grpc-message", "")],
            "grpc-status 12 UNIMPLEMENTED: the server has no grpc.health.v1.Health",
        ),
        ([("grpc-status", "14"), ("grpc-message", "drained")], "grpc-status 14 UNAVAILABLE: drained"),
        ([("grpc-status", "14"), ("grpc-message", "50%25 %zz%2")], "grpc-status 14 UNAVAILABLE: 50% %zz%2"),
        ([("grpc-status", "99")], "grpc-status 99 99"),
        ([("grpc-status", "")], "the answer has no grpc-status"),
        ([("grpc-status", "x")], "the answer has no grpc-status"),
        ([], "the answer has no grpc-status"),
    ],
)
def test_a_status_that_is_not_ok_fails_in_trailers_and_alone(fields: Fields, reason: str) -> None:
    for found in (judged(HEAD + fields), judged(HEAD, prefixed(response(1)), fields or [("x", "y")])):
        assert found[0] is False
        assert found[1].startswith(reason)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ([(":status", "404"), ("content-type", "text/html")], "HTTP status 404, so no gRPC"),
        ([(":status", "200"), ("content-type", "text/html")], "content-type text/html, so no gRPC"),
        ([(":status", "200")], "content-type none, so no gRPC"),
    ],
)
def test_http2_that_is_no_grpc_is_told_from_it(head: Fields, reason: str) -> None:
    assert judged(head, b"<html>") == (False, reason)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the answer has no message"),
        (b"\0\0", "the answer has no message"),
        (prefixed(response(1)) * 2, "or not one alone"),
        (prefixed(response(1), 1), "it is compressed"),
        (prefixed(b"\x08"), "no HealthCheckResponse"),
        (prefixed(b"\x08" + b"\xff" * 20), "no HealthCheckResponse"),
        (prefixed(b"\x0b"), "no HealthCheckResponse"),
        (prefixed(b"\x12\x7f"), "no HealthCheckResponse"),
    ],
)
def test_a_message_that_is_none_fails(body: bytes, reason: str) -> None:
    well, found = judged(HEAD, body, TAIL)
    assert (well, reason in found) == (False, True), found


@given(st.integers(0, 3), st.binary(max_size=12), st.binary(max_size=12))
def test_fields_that_nobody_knows_are_passed_over_as_protobuf_does(status: int, before: bytes, behind: bytes) -> None:
    message = before + response(status) + behind
    try:
        expected = health_pb2.HealthCheckResponse.FromString(message).status
    except Exception:  # noqa: BLE001 - protobuf's own kind of error, of which every version has another
        return
    well, reason = judged(HEAD, prefixed(message), TAIL)
    if reason != "the answer is no HealthCheckResponse":  # groups, which protobuf has given up
        assert well == (expected == 1)


def test_an_interim_answer_comes_before_the_real_one() -> None:
    call = Call(parse("grpc:50051"))
    server = Server(call)
    server.hear()
    server.http2.send_headers(1, [(":status", "103")])
    server.http2.send_headers(1, HEAD)
    server.http2.send_data(1, prefixed(response(1)))
    server.http2.send_headers(1, TAIL, end_stream=True)
    assert call.feed(server.http2.data_to_send())
    assert call.judge() == (True, "SERVING")


@given(st.lists(st.integers(1, 40)), st.binary(max_size=20), st.booleans())
def test_it_comes_in_pieces_of_any_size_with_padding_and_in_many_frames(sizes: list[int], junk: bytes, padded: bool) -> None:
    call, _ = answer(HEAD)
    block = call_block(HEAD)
    cut = len(block) // 2
    data = SETTINGS + frame(77, 255, 9, junk)
    data += frame(grpc.HEADERS, grpc.WITH_PRIORITY, 1, bytes(5) + block[:cut]) + frame(grpc.CONTINUATION, 4, 1, block[cut:])
    body = prefixed(response(1))
    for byte in body:
        data += (
            frame(grpc.DATA, grpc.PADDED, 1, b"\3" + bytes((byte,)) + bytes(3))
            if padded
            else frame(grpc.DATA, 0, 1, bytes((byte,)))
        )
    data += frame(grpc.HEADERS, 5, 1, call_block(TAIL))
    is_over = False
    for size in [*sizes, len(data)]:
        piece, data = data[:size], data[size:]
        if piece:
            assert not is_over
            is_over = call.feed(piece)
    assert is_over
    assert call.judge() == (True, "SERVING")


def call_block(fields: Fields) -> bytes:
    """A block of header fields that needs no table."""
    return b"".join(
        b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode() for name, value in fields
    )


def go_away(number: int, last: int = 0, why: bytes = b"") -> bytes:
    """A GOAWAY."""
    return frame(grpc.GOAWAY, 0, 0, last.to_bytes(4, "big") + number.to_bytes(4, "big") + why)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no HTTP/2 (without TLS): it begins with 'HTTP/1.1 400 Bad Req'"),
        (b"H", "is no HTTP/2"),
        (b"\x15\x03\x01\x00\x02\x02", "is no HTTP/2 (without TLS): it begins with '\\x15\\x03"),
        (frame(grpc.DATA, 0, 1), "is no HTTP/2"),
        (b"", "closed without an answer"),
        (SETTINGS, "closed in the middle of the answer"),
        (SETTINGS + b"\0\x40\x01\0\0\0\0\0\1", "larger than HTTP/2 allows"),
        (SETTINGS + frame(grpc.HEADERS, 0, 1, b"\x88") + frame(grpc.DATA, 0, 1), "not in one piece"),
        (SETTINGS + frame(grpc.CONTINUATION, 4, 1, b"\x88"), "not in one piece"),
        (SETTINGS + frame(grpc.DATA, 1, 3), "speaks of stream 3"),
        (SETTINGS + frame(grpc.PUSH, 4, 1, bytes(4)), "pushes what nobody has asked for"),
        (SETTINGS + frame(grpc.DATA, grpc.PADDED, 1, b"\1"), "more padding than bytes"),
        (SETTINGS + frame(grpc.DATA, grpc.PADDED, 1), "more padding than bytes"),
        (SETTINGS + frame(grpc.HEADERS, 5, 1, b"\x80"), "cannot be read: a field has the index 0"),
        (SETTINGS + frame(grpc.RESET, 0, 1, b"\0\0\0\7"), "the call was reset: REFUSED_STREAM"),
        (SETTINGS + frame(grpc.RESET, 0, 1, b"\0\0\1\0"), "the call was reset: 256"),
        (SETTINGS + go_away(11, 1, b"too_many_pings"), "goes away: ENHANCE_YOUR_CALM 'too_many_pings'"),
        (SETTINGS + go_away(0), "goes away: NO_ERROR"),
        (SETTINGS + frame(grpc.PING, 0, 0, bytes(8)) * 5000, "longer than 65536 bytes"),
    ],
)
def test_each_way_to_fail_has_a_reason_of_its_own(data: bytes, reason: str) -> None:
    call = Call(parse("grpc:50051"))
    with pytest.raises(BadAnswerError) as caught:  # noqa: PT012 - it may be the end that tells
        call.feed(data)
        call.feed(b"")
    assert reason in str(caught.value)


def test_a_server_that_is_about_to_go_still_answers() -> None:
    call, data = answer(HEAD, prefixed(response(1)), TAIL)
    head, rest = data[: 9 + int.from_bytes(data[:3], "big")], data[9 + int.from_bytes(data[:3], "big") :]
    assert call.feed(head + go_away(0, 1) + rest)
    assert call.judge() == (True, "SERVING")


def test_it_tells_what_it_waits_for() -> None:
    call, data = answer(HEAD, prefixed(response(1)))
    assert call.doing == "waiting for an answer"
    call.feed(SETTINGS)
    assert call.doing == "waiting for the answer to the call"
    call.feed(frame(grpc.HEADERS, 4, 1, call_block(HEAD)))
    assert call.doing == "with an answer without end"
    assert data


# --- whatever comes ---


def bytes_of(make: Callable[[], tuple[Call, bytes]]) -> bytes:
    """What a server says."""
    return make()[1]


GOOD = bytes_of(lambda: answer(HEAD, prefixed(response(1)), TAIL))
FRAMES = st.builds(
    frame,
    st.integers(0, 12),
    st.integers(0, 255),
    st.sampled_from([0, 1, 1, 1, 3]),
    st.binary(max_size=30) | st.sampled_from([prefixed(response(1)), call_block(HEAD), call_block(TAIL)]),
)


@given(
    st.lists(FRAMES | st.binary(max_size=30), max_size=12).map(b"".join)
    | st.lists(FRAMES, max_size=12).map(lambda frames: SETTINGS + b"".join(frames))
    | st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=4), st.integers(0, 4)).map(
        lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + change[2] :]
    ),
    st.lists(st.integers(1, 50), max_size=10),
)
def test_whatever_comes_there_is_an_outcome_or_a_reason(data: bytes, sizes: list[int]) -> None:
    call = Call(parse("grpc:50051/service"))
    with contextlib.suppress(BadAnswerError):
        for size in [*sizes, max(1, len(data))]:
            piece, data = data[:size], data[size:]
            if call.feed(piece):
                well, reason = call.judge()
                assert well == (reason == "SERVING")
                assert reason
                return
