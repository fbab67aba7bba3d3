"""Datagrams of sd_notify: what they say, and what is none."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.health.notify import LONGEST, LONGEST_EXTENSION, LONGEST_STATUS, Facts, parse


@pytest.mark.parametrize(
    ("datagram", "facts"),
    [
        (b"READY=1", Facts(is_ready=True)),
        (b"READY=1\n", Facts(is_ready=True)),
        (b"READY=0", Facts(lines=(b"READY=0",))),
        (b"STOPPING=1", Facts(is_stopping=True, lines=(b"STOPPING=1",))),
        (b"STATUS=warming up", Facts(status="warming up", lines=(b"STATUS=warming up",))),
        (b"STATUS=", Facts(status="", lines=(b"STATUS=",))),
        (b"STATUS=a=b", Facts(status="a=b", lines=(b"STATUS=a=b",))),
        (b"EXTEND_TIMEOUT_USEC=1500000", Facts(extend=1.5, lines=(b"EXTEND_TIMEOUT_USEC=1500000",))),
        (b"READY=1\nSTATUS=up\nMAINPID=7\nWATCHDOG=1", Facts(is_ready=True, status="up", lines=(b"STATUS=up", b"WATCHDOG=1"))),
        (b"RELOADING=1\nMONOTONIC_USEC=5", Facts(lines=(b"RELOADING=1", b"MONOTONIC_USEC=5"))),
        (b"BARRIER=1", Facts()),
        (b"FDSTORE=1\nFDNAME=a\nX_OWN=1", Facts(lines=(b"X_OWN=1",))),
    ],
)
def test_what_a_datagram_says(datagram: bytes, facts: Facts) -> None:
    assert parse(datagram) == facts


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\n\n",
        b"READY",
        b"=1",
        b"READY=1\0",
        b"\xff\xfe=1",
        b"GET / HTTP/1.1\r\n\r\n",
        b"1READY=1",
        b"re ady=1",
        b"A=" + bytes([65]) * LONGEST,
    ],
)
def test_what_is_none_of_this_protocol_is_refused_as_a_whole(datagram: bytes) -> None:
    with pytest.raises(ValueError, match=r"it |line|codec"):
        parse(b"READY=1\n" + datagram if datagram.strip() else datagram)


@pytest.mark.parametrize("text", ["", "-1", "1e9", "0x10", "9" * 30, "1 ", "\u0661"])
def test_a_time_that_is_none_asks_for_nothing(text: str) -> None:
    assert parse(f"EXTEND_TIMEOUT_USEC={text}".encode()).extend is None


def test_nobody_gets_more_time_than_there_is() -> None:
    assert parse(b"EXTEND_TIMEOUT_USEC=18446744073709551615").extend == LONGEST_EXTENSION
    assert parse(b"STATUS=" + b"x" * 4000).status == "x" * LONGEST_STATUS


@given(st.binary(max_size=LONGEST + 10))
@example(b"READY=1\nEXTEND_TIMEOUT_USEC=" + b"9" * 4000)
def test_whatever_comes_is_understood_or_refused(datagram: bytes) -> None:
    try:
        facts = parse(datagram)
    except ValueError:
        return
    assert facts.extend is None or 0 <= facts.extend <= LONGEST_EXTENSION
    assert b"READY=1" not in facts.lines
    assert len(b"\n".join(facts.lines)) <= len(datagram)
