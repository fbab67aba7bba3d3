"""Requests over HTTP: in any pieces, from anybody."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyinit.health.request import BAD, BAD_VERSION, LONGEST, NOT_ALLOWED, TOO_LARGE, TOO_LONG_LINE, Asked, Refused, parse
from tests.http_reference import h11_takes

WHOLE = [
    (b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", Asked("/readyz")),
    (b"GET /readyz HTTP/1.0\r\n\r\n", Asked("/readyz")),
    (b"GET /readyz HTTP/1.0\n\n", Asked("/readyz")),
    (b"\r\n\r\nGET / HTTP/1.0\r\nA!#: \xff\t b\t\r\n\r\n", Asked("/")),
    (b"HEAD /livez?verbose=1 HTTP/1.1\r\nhost:\r\n\r\n", Asked("/livez", False)),
    (b"GET http://10.0.0.1:8081/livez HTTP/1.1\r\nHost: b\r\n\r\n", Asked("/livez")),
    (b"GET HTTP://a HTTP/1.0\r\n\r\n", Asked("/")),
    (b"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n\r\n", Asked("/a", True, False)),
    (b"GET /a HTTP/1.0\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nab", Asked("/a", True, False)),
]

REFUSED = [
    (b"POST / HTTP/1.1\r\n\r\n", NOT_ALLOWED),
    (b"GET / HTTP/1.1\r\n\r\n", BAD),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nA\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\n: b\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nA : b\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\n A: b\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nA\xff: b\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nA: b\0\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nA: b\rB: c\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nContent-Length: +2\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", BAD),
    (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", BAD),
    (b"GET /\0 HTTP/1.0\r\n\r\n", BAD),
    (b"GET /\x7f HTTP/1.0\r\n\r\n", BAD),
    (b"GET /\rx HTTP/1.0\r\n\r\n", BAD),
    (b"GET / HTTP/2.0\r\n\r\n", BAD_VERSION),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD_VERSION),
    (b"GET /\r\n", BAD),
    (b"GET  / HTTP/1.1\r\n", BAD),
    (b"GET x HTTP/1.1\r\n", BAD),
    (b"get / HTTP/1.1\r\n", BAD),
    (b"GET / HTTQ/1.1\r\n", BAD),
    (b"\x16\x03\x01\x02\x00\x01", BAD),
    (b"\0", BAD),
    (b" ", BAD),
    (b"ABCDEFGHIJKLMNOPQ", BAD),
    ("GET /\u00e9 HTTP/1.1\r\n".encode(), BAD),
    (b"GET /" + b"a" * LONGEST, TOO_LONG_LINE),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * LONGEST, TOO_LARGE),
]


@pytest.mark.parametrize(("data", "asked"), WHOLE)
def test_a_request_is_understood(data: bytes, asked: Asked) -> None:
    assert parse(data) == asked


@pytest.mark.parametrize(("data", "asked"), WHOLE)
def test_it_is_waited_for_until_its_last_byte(data: bytes, asked: Asked) -> None:
    end = data.index(b"\n\n" if b"\n\n" in data else b"\r\n\r\n", 5) + (2 if b"\n\n" in data else 4)
    assert [parse(data[:size]) for size in range(end)] == [None] * end
    assert parse(data[:end]) == Asked(asked.path, asked.has_body)


@pytest.mark.parametrize(("data", "status"), REFUSED)
def test_what_is_none_is_refused(data: bytes, status: int) -> None:
    assert parse(data) == Refused(status)


@given(st.binary(max_size=200) | st.text("GETHAD /HTP1.0\r\n", max_size=200).map(str.encode), st.integers(0, 200))
@example(b"GET / HTTP/1.1\r\n\r\n", 3)
def test_whatever_comes_there_is_an_answer_that_more_of_it_does_not_change(data: bytes, size: int) -> None:
    early, late = parse(data[:size]), parse(data)
    if isinstance(early, Asked):
        assert isinstance(late, Asked)
        assert (early.path, early.has_body) == (late.path, late.has_body)
    elif early is not None:
        assert early == late


@given(st.binary(min_size=1, max_size=100))
def test_nobody_is_waited_for_for_ever(data: bytes) -> None:
    assert parse((b"GET / HTTP/1.1\r\nA: " + data * LONGEST)[:LONGEST]) is not None


#: Pieces of which requests are made that are nearly right.
NAMES = st.sampled_from(
    [b"Host", b"host", b"Content-Length", b"Transfer-Encoding", b"Expect", b"A", b"A ", b"", b" A", b"\xe4", b"A\0"]
)
VALUES = st.sampled_from([b"", b"a", b"2", b"2, 2", b"2,3", b"+2", b"-1", b"chunked", b"Chunked", b"identity", b"\xff", b"\0"])
COLONS = st.sampled_from([b":", b": ", b":\t", b" :", b"", b"::", b"\r:"])
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\r\n\t", b"\0\r\n", b"\v\r\n", b"\r\n\r\n"])
TARGETS = st.sampled_from(
    [b"/", b"/readyz?a", b"http://a/", b"/\0", b"/\x7f", b"/\t", b"/\r", b"/\x01", b"/\xe4", b"*", b"a", b""]
)
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 ", b""])
METHODS = st.sampled_from([b"GET", b"HEAD", b"get", b"G\0T", b"", b" GET"])
FIELDS = st.lists(st.builds(lambda *parts: b"".join(parts), NAMES, COLONS, VALUES, ENDS), max_size=5)


@given(METHODS, TARGETS, VERSIONS, ENDS, FIELDS)
@settings(max_examples=2000)
@example(b"GET", b"/", b"HTTP/1.1", b"\r\n", [b"Host: a\r\n"])
def test_what_h11_refuses_is_refused(method: bytes, target: bytes, version: bytes, end: bytes, fields: list[bytes]) -> None:
    data = method + b" " + target + b" " + version + end + b"".join(fields) + b"\r\n"
    if isinstance(parse(data), Asked):
        assert h11_takes(data)


@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 10))
@settings(max_examples=2000)
def test_what_h11_refuses_is_refused_wherever_the_mistake_is(noise: bytes, at: int, cut: int) -> None:
    whole = b"GET /readyz HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"
    data = whole[:at] + noise[:3] + whole[at + cut :]
    if isinstance(parse(data), Asked):
        assert h11_takes(data)
