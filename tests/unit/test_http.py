"""The answers of an HTTP server, good and bad, in pieces of any size."""

import contextlib

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.probe import http
from pyinit.probe.http import LONGEST_BODY, LONGEST_HEAD, Answer, BadAnswerError, judge
from pyinit.probe.target import Expected, parse

OK = b"HTTP/1.1 200 OK\r\n"


def given_to(answer: Answer, data: bytes, sizes: list[int]) -> bool:
    """Feed it in pieces of these sizes in turn, the end of it last, until it is over."""
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        if answer.feed(data[at : at + size]):
            return True
        at, turn = at + size, turn + 1
    return answer.feed(b"")


def answer_to(data: bytes, sizes: list[int] | None = None) -> tuple[int | None, bytes]:
    """Status and body of an answer."""
    answer = Answer()
    assert given_to(answer, data, sizes or [])
    return answer.status, bytes(answer.body)


SIZES = st.lists(st.integers(1, 50), max_size=5)

GOOD = [
    (OK + b"Content-Length: 5\r\n\r\nhello", (200, b"hello")),
    (OK + b"Content-Length: 0\r\n\r\n", (200, b"")),
    (OK + b"content-length:5\n\nhello, and more", (200, b"hello")),
    (OK + b"\r\nhello until the end", (200, b"hello until the end")),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n", (200, b"hello")),
    (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
    (b"HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n", (304, b"")),
    (b"HTTP/1.0 503 \r\nContent-Length: 1\r\n\r\nx", (503, b"x")),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\ny", (200, b"y")),
    (b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 2\r\n\r\nno", (302, b"no")),
]


@pytest.mark.parametrize(("data", "meant"), GOOD)
@given(sizes=SIZES)
def test_an_answer_is_understood_in_any_pieces(data: bytes, meant: tuple[int, bytes], sizes: list[int]) -> None:
    assert answer_to(data, sizes) == meant


BAD = [
    (b"", "closed without an answer"),
    (b"HTTP/1.1 100 Continue\r\n\r\n", "closed without an answer"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "is no HTTP/1: it begins with 'S"),
    (b"\x00\xff" * 40, "is no HTTP/1"),
    (b"HTTP/2.0 200 OK\r\n\r\n", "is no HTTP/1"),
    (b"HTTP/1.1 OK\r\n\r\n", "has no status"),
    (b"HTTP/1.1 20 OK\r\n\r\n", "has no status"),
    (b"HTTP/1.1 2000 OK\r\n\r\n", "has no status"),
    (b"HTTP/1.1\r\n\r\n", "has no status"),
    (OK, "in the middle"),
    (OK + b"Content-Length: 5\r\n\r\nhell", "in the middle"),
    (OK + b"Content-Length: -5\r\n\r\n", "is no number"),
    (OK + b"Content-Length: " + 400 * b"9" + b"\r\n\r\n", "is no number"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "in the middle"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello, too long\r\n0\r\n\r\n", "longer than announced"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\nfive\r\n", "has no length"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n" + 2000 * b"1", "too long a line"),
    (OK + 9000 * b"A: b\r\n", "bytes of header fields"),
    (9000 * b"HTTP/1.1 100 Continue\r\n\r\n", "bytes of header fields"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + 9000 * b"A: b\r\n", "bytes of header fields"),
]


@pytest.mark.parametrize(("data", "words"), BAD)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_a_bad_answer_has_a_reason(data: bytes, words: str, size: int) -> None:
    with pytest.raises(BadAnswerError, match=words):
        answer_to(data, [size])


@pytest.mark.parametrize(
    "head", [b"\r\n", b"Content-Length: 1000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"]
)
def test_of_gigabytes_only_the_beginning_is_wanted(head: bytes) -> None:
    answer = Answer()
    assert not answer.feed(OK + head)
    fed = 0
    while not answer.feed(b"x" * 10000):
        fed += 10000
    assert fed <= LONGEST_BODY
    assert len(answer.body) == LONGEST_BODY


@given(
    st.lists(
        st.sampled_from([*(data for data, _ in GOOD + BAD[:-3]), OK, b"\r\n", b"0\r\n", b"f\r\n"]) | st.binary(max_size=40)
    ),
    SIZES,
)
def test_whatever_is_answered_the_end_comes_and_little_is_kept(parts: list[bytes], sizes: list[int]) -> None:
    answer = Answer()
    with contextlib.suppress(BadAnswerError):
        given_to(answer, b"".join(parts), sizes)
    assert len(answer.body) <= LONGEST_BODY
    assert len(answer._buffer) <= LONGEST_HEAD + 50  # noqa: SLF001 - what an attacker would fill


@given(st.integers(200, 599), st.binary(max_size=300), st.booleans(), SIZES)
def test_what_another_implementation_sends_is_understood(status: int, body: bytes, chunked: bool, sizes: list[int]) -> None:
    if status in (204, 304):
        body = b""
    server = h11.Connection(h11.SERVER)
    server.receive_data(http.request(parse("http://127.0.0.1:80/x?y")))
    question = server.next_event()
    assert isinstance(question, h11.Request)
    assert (question.method, question.target) == (b"GET", b"/x?y")
    assert isinstance(server.next_event(), h11.EndOfMessage)
    length: list[tuple[str, str]] = [] if chunked else [("Content-Length", str(len(body)))]
    sent = server.send(h11.Response(status_code=status, headers=length)) or b""
    sent += (server.send(h11.Data(data=body)) or b"") + (server.send(h11.EndOfMessage()) or b"")
    assert answer_to(sent, sizes) == (status, body)


def answered(status: int | None, body: bytes = b"") -> Answer:
    """An answer that has come."""
    answer = Answer()
    answer.status = status
    answer.body += body
    return answer


@pytest.mark.parametrize(
    ("answer", "expect", "meant"),
    [
        (answered(200), Expected(), (True, "status 200")),
        (answered(301), Expected(), (True, "status 301")),
        (answered(404), Expected(), (False, "status 404, not 200-399")),
        (answered(199), Expected(), (False, "status 199, not 200-399")),
        (answered(503), Expected(((204, 204), (500, 503))), (True, "status 503")),
        (answered(200), Expected(((204, 204), (500, 503))), (False, "status 200, not 204,500-503")),
        (answered(200, b"all ready"), Expected(text=b"ready"), (True, "status 200, with the text expected")),
        (answered(200, b"all"), Expected(text=b"ready"), (False, "status 200, but without 'ready'")),
        (answered(500, b"ready"), Expected(text=b"ready"), (False, "status 500, not 200-399")),
        (answered(None), Expected(), (False, "no answer")),
    ],
)
def test_an_answer_is_judged_by_what_was_expected(answer: Answer, expect: Expected, meant: tuple[bool, str]) -> None:
    assert judge(answer, expect) == meant


def read_by_h11(data: bytes) -> tuple[int, bytes] | None:
    """Status and body of an answer as another implementation reads it; None where it finds none that is whole."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        client.receive_data(data)
        client.receive_data(b"")
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif not isinstance(event, h11.InformationalResponse):
                return None  # it wants more than there is, or the protocol is over
    except h11.RemoteProtocolError:
        return None
    return status, body


#: Pieces of answers that are nearly right.
PIECES_OF_FIELDS = st.sampled_from(
    [
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"content-length:\t3 \r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"transfer-encoding:CHUNKED\r\n",
        b"Connection: close\r\n",
        b"X: y\r\n",
        b"X:\r\n",
        b"Content-Length: 5\n",
    ]
)
PIECES_OF_BODIES = st.sampled_from(
    [b"hello", b"5\r\nhello\r\n", b"0\r\n\r\n", b"3;a=b\r\nabc\r\n", b"0\r\nT: 1\r\n\r\n", b"\r\n", b"A" * 70]
)
FIRST_LINES = st.sampled_from(
    [
        OK,
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.1 503 \r\n",
        b"HTTP/1.1 404 Not\r\n",
        b"HTTP/1.1 204 None\r\n",
        b"HTTP/1.1 304 Same\r\n",
        b"HTTP/1.1 302 F\n",
    ]
)
INTERIM = st.sampled_from([b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"])


@given(
    INTERIM,
    FIRST_LINES,
    st.lists(PIECES_OF_FIELDS, max_size=3, unique=True),
    st.lists(PIECES_OF_BODIES | st.binary(max_size=9), max_size=4),
    SIZES,
)
def test_what_another_implementation_understands_is_understood_alike(
    interim: bytes, first: bytes, fields: list[bytes], bodies: list[bytes], sizes: list[int]
) -> None:
    data = interim + first + b"".join(fields) + b"\r\n" + b"".join(bodies)
    meant = read_by_h11(data)
    if meant is not None:
        assert answer_to(data, sizes) == meant
