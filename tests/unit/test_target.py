"""Targets of probes: what is understood, and the one line for what is not."""

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.probe import target
from pyinit.probe.command import TIMEOUT, parse
from pyinit.probe.target import Expected, Target
from pyinit.settings.config import UsageError

LOCALHOST = ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://127.0.0.1:8080/healthz", ("http", ("127.0.0.1",), 8080, "/healthz", "127.0.0.1:8080")),
        ("http://127.0.0.1", ("http", ("127.0.0.1",), 80, "/", "127.0.0.1")),
        ("http://10.0.0.1?full=1", ("http", ("10.0.0.1",), 80, "/?full=1", "10.0.0.1")),
        ("http://localhost:80/a/b?c=d", ("http", LOCALHOST, 80, "/a/b?c=d", "localhost")),
        ("http://:8080/ü", ("http", ("127.0.0.1",), 8080, "/%C3%BC", "127.0.0.1:8080")),
        ("http://[::1]:8080/", ("http", ("::1",), 8080, "/", "[::1]:8080")),
        ("https://[fd00::1]", ("https", ("fd00::1",), 443, "/", "[fd00::1]")),
        ("https://127.0.0.1:8443", ("https", ("127.0.0.1",), 8443, "/", "127.0.0.1:8443")),
        ("tcp:8080", ("tcp", ("127.0.0.1",), 8080)),
        ("tcp:localhost:8080", ("tcp", LOCALHOST, 8080)),
        ("tcp:[::1]:8080", ("tcp", ("::1",), 8080)),
        ("tcp:10.1.2.3:1", ("tcp", ("10.1.2.3",), 1)),
        ("unix:/run/app.sock", ("unix", (), 0, "/run/app.sock")),
        ("unix:@app", ("unix", (), 0, "@app")),
        ("grpc:50051", ("grpc", ("127.0.0.1",), 50051, "", "127.0.0.1:50051")),
        ("grpc:10.1.2.3:1/shop.Orders", ("grpc", ("10.1.2.3",), 1, "shop.Orders", "10.1.2.3:1")),
        ("grpc:[::1]:50051/a/b", ("grpc", ("::1",), 50051, "a/b", "[::1]:50051")),
        ("grpc:localhost:50051/", ("grpc", LOCALHOST, 50051, "", "localhost:50051")),
        ("exec:pg_isready -q", ("exec", (), 0, "pg_isready -q")),
        ("file:/run/ready", ("file", (), 0, "/run/ready")),
        ("pyinit", ("pyinit",)),
    ],
)
def test_a_target_is_understood(text: str, meant: tuple[str, ...]) -> None:
    kind, *rest = meant
    assert target.parse(text) == Target(kind, text, *rest)  # type: ignore[arg-type]  # each at its place


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no target: give http://"),
        ("8080", "is no target"),
        ("ftp://127.0.0.1/", "is no target"),
        ("pyinit:1", "is no target"),
        ("http:127.0.0.1", "two slashes are missing"),
        ("grpc:", "is not a port"),
        ("grpc:/shop", "no slashes stand before the address"),
        ("grpc://127.0.0.1:50051", "no slashes stand before the address"),
        ("grpc:example.com:50051", "'example.com' is a name"),
        ("grpc:[::1]", "a port is missing"),
        ("http://", "a host is missing"),
        ("http:///path", "a host is missing"),
        ("http://example.com/", "'example.com' is a name"),
        ("http://127.0.0.1:80:90/", "brackets"),
        ("http://::1/", "brackets"),
        ("http://[::1/", "no IPv6 address in brackets"),
        ("http://[::1]x/", "no IPv6 address in brackets"),
        ("http://[::g]/", "no IPv6 address in brackets"),
        ("http://[fe80::1%eth0]/", "no IPv6 address in brackets"),
        ("http://127.0.0.1:0/", "is not a port"),
        ("http://127.0.0.1:65536/", "is not a port"),
        ("http://127.0.0.1:/", "is not a port"),
        ("http://127.0.0.1:٣/", "is not a port"),
        ("http://user@127.0.0.1/", "has no place"),
        ("http://127.0.0.1/#top", "has no place"),
        ("http://127.0.0.1/a b", "has no place"),
        ("http://127.0.0.1/\r\nX: y", "control character"),
        ("http://127.0.0.01/", "is a name"),
        ("http://127.0.1/", "is a name"),
        ("http://127.0.0.256/", "is a name"),
        ("tcp:", "is not a port"),
        ("tcp:http", "is not a port"),
        ("tcp:[::1]", "a port is missing"),
        ("unix:", "absolute path or @name"),
        ("unix:app.sock", "absolute path or @name"),
        ("unix:@", "absolute path or @name"),
        ("unix:/" + 107 * "x", "107 bytes"),
        ("exec:", "a command is missing"),
        ("exec:  ", "a command is missing"),
        ("exec:a\0b", "control character"),
        ("file:ready", "absolute path"),
        ("file:/" + 3000 * "x", "too long"),
    ],
)
def test_what_is_no_target_is_refused_with_one_helpful_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("(", r"\(")) as refused:
        target.parse(text)
    assert "\n" not in str(refused.value)


@given(st.ip_addresses(v=6), st.booleans())
def test_every_ipv6_address_is_one(address: ipaddress.IPv6Address, exploded: bool) -> None:
    text = address.exploded if exploded else str(address)
    assert target.parse(f"tcp:[{text}]:1").hosts == (text,)


@given(st.text("0123456789abcdefg:.", max_size=42))
def test_nothing_else_is_one(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
        is_one = True
    except ValueError:
        is_one = False
    try:
        found = target.parse(f"tcp:[{text}]:1").hosts == (text,)
    except ValueError:
        found = False
    assert found == is_one


PARTS = ("http", "https", ":", "//", "tcp:", "127.0.0.1", "[", "]", "::", "@", "/", "8", "é")


@given(st.text(max_size=60) | st.builds("".join, st.lists(st.sampled_from(PARTS))))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        found = target.parse(text)
        assert found.text == text
        assert (found.place + found.authority).isprintable()


HTTP = target.parse("http://127.0.0.1/")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, Expected(((200, 399),))),
        ("204", Expected(((204, 204),))),
        ("200-299", Expected(((200, 299),))),
        ("200, 204,300-302", Expected(((200, 200), (204, 204), (300, 302)))),
        ("ready", Expected(((200, 399),), b"ready")),
        ("2xx", Expected(((200, 399),), b"2xx")),
        ("text:204", Expected(((200, 399),), b"204")),
        ("ü", Expected(((200, 399),), "ü".encode())),
    ],
)
def test_what_is_expected_is_understood(text: str | None, meant: Expected) -> None:
    assert target.expected(text, HTTP) == meant


@pytest.mark.parametrize(
    "text", ["", "text:", "20", "2000", "99", "600", "299-200", "200-", "-200", "200,", "200-300-400", "-", ","]
)
def test_nonsense_is_not_expected(text: str) -> None:
    with pytest.raises(ValueError, match="status"):
        target.expected(text, HTTP)


@pytest.mark.parametrize("text", ["tcp:80", "unix:/x", "exec:true", "file:/x", "pyinit"])
def test_only_of_an_http_answer_something_can_be_expected(text: str) -> None:
    with pytest.raises(ValueError, match="only of http"):
        target.expected("200", target.parse(text))
    assert target.expected(None, target.parse(text)) == Expected()


def test_the_options_of_a_probe_are_given_with_and_without_an_equals_sign() -> None:
    words = ["--probe=http://127.0.0.1/", "--probe-expect", "204", "--probe-timeout=500ms"]
    assert parse(words) == (HTTP, Expected(((204, 204),)), 0.5)
    assert parse(["--probe", "http://127.0.0.1/"]) == (HTTP, Expected(), TIMEOUT)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--probe"], "a value must follow"),
        (["--probe-timeout", "1"], "--probe is missing"),
        (["--probe", "tcp:1", "--probe", "tcp:2"], "given twice"),
        (["--probe", "tcp:1", "--forward", "group"], "'--forward' has no place here"),
        (["--probe", "tcp:1", "sleep"], "'sleep' has no place here"),
        (["--probe", "tcp:1", "--probe-timeout", "0"], "more than 0 s"),
        (["--probe", "tcp:1", "--probe-timeout", "2h"], "an hour at most"),
        (["--probe", "tcp:1", "--probe-timeout", "soon"], "is not a time"),
        (["--probe", "tcp:x"], "--probe: 'tcp:x'"),
        (["--probe", "http://127.0.0.1/", "--probe-expect", "999"], "--probe-expect: '999'"),
    ],
)
def test_bad_options_of_a_probe_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(words)
