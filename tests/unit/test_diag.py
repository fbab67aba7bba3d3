"""Diag: whatever the kernel answers, it neither runs for ever nor fails in an unforeseen way."""

import contextlib
import struct
from collections.abc import Iterable
from typing import NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.settings.config import OWN_SOURCE
from pyinit.traffic import diag
from pyinit.traffic.diag import Connections, Diag

#: The end of a dump (linux/netlink.h).
NLMSG_DONE = 3

#: What the callers are ready for: supervise.py goes on without the traffic then.
FORESEEN = (OSError, ValueError, IndexError)

ESTABLISHED = 1


class Kernel:
    """A netlink socket that answers with these datagrams, one by one, and then has nothing to say."""

    def __init__(self, answers: Iterable[bytes]) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []

    def send(self, request: bytes) -> int:
        """Take a request."""
        self.requests.append(request)
        return len(request)

    def recv_into(self, buffer: bytearray) -> int:
        """Give the next answer; a real socket that does not block has this error."""
        if not self.answers:
            raise BlockingIOError
        answer = self.answers.pop(0)[: len(buffer)]
        buffer[: len(answer)] = answer
        return len(answer)

    def close(self) -> None:
        """Nothing."""


def view(*answers: bytes) -> Diag:
    """A view of what such a kernel tells."""
    made = Diag.__new__(Diag)
    made._buffer = bytearray(diag.BUFFER)  # noqa: SLF001 - as __init__ does, which asks the real kernel
    made._bytes = memoryview(made._buffer)  # noqa: SLF001
    made._halves = made._bytes.cast("H")  # noqa: SLF001
    made._words = made._bytes.cast("I")  # noqa: SLF001
    made._socket = made._obituaries = Kernel(answers)  # type: ignore[assignment]  # noqa: SLF001
    return made


def header(kind: int, length: int) -> bytes:
    """A struct nlmsghdr."""
    return struct.pack("=IHHII", length, kind, 2, 0, 0)


def row(
    port: int, *attributes: bytes, state: int = ESTABLISHED, queued: int = 0, peer: int = 4711, address: bytes = bytes(16)
) -> bytes:
    """A message about one socket."""
    body = struct.pack("=BBBB", 2, state, 0, 0) + struct.pack(">HH", port, peer) + bytes(16) + address + bytes(12)
    body += struct.pack("=IIIII", 0, queued, 0, 0, 0)
    body += b"".join(attributes)
    return header(diag.SOCK_DIAG_BY_FAMILY, diag.HEADER + len(body)) + body


def attribute(kind: int, value: bytes) -> bytes:
    """A struct nlattr."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def info(idle: int, segments: int = 0, words: int = 60) -> bytes:
    """A struct tcp_info with so many words."""
    values = [0] * 60
    values[diag.LAST_DATA_RECEIVED], values[diag.DATA_SEGMENTS_IN] = idle, segments
    return attribute(diag.INET_DIAG_INFO, struct.pack("=60I", *values)[: 4 * words])


def error(number: int) -> bytes:
    """A struct nlmsgerr."""
    return header(diag.NLMSG_ERROR, 36) + struct.pack("=i", -number) + bytes(16)


DONE = header(NLMSG_DONE, 20) + bytes(4)


def all_of(made: Diag) -> Connections:
    """All connections, active for ever."""
    return made.connections(lambda _: True, 1e6)


def test_nobody_is_nobody() -> None:
    assert view(DONE, DONE).listeners() == {}
    assert all_of(view(DONE, DONE)) == Connections(0, 0, None, 0, 0)


def test_rows_come_in_several_datagrams_of_both_families() -> None:
    made = view(row(80, queued=3) + row(80, queued=1), row(443), DONE, row(80, queued=2) + DONE)
    assert made.listeners() == {80: 6, 443: 0}


def test_a_row_is_told_by_its_port_its_state_and_its_tcp_info() -> None:
    rows = row(80, info(1500, 7)) + row(443, info(10, 3), state=8) + row(9000, info(1, 9))
    found = view(rows, DONE, DONE).connections(lambda port: port != 9000, 1.0)
    assert found == Connections(count=2, established=1, idle=0.01, active=1, segments=10)


def test_attributes_before_the_tcp_info_change_from_row_to_row() -> None:
    shutdown = attribute(8, b"\x01")
    rows = (
        row(80, info(10, 1)) + row(80, shutdown, info(20, 1)) + row(80, shutdown, shutdown, info(30, 1)) + row(80, info(40, 1))
    )
    assert all_of(view(rows, DONE, DONE)) == Connections(4, 4, 0.01, 4, 4)


def test_a_row_without_a_tcp_info_is_a_note_of_a_connection_that_is_gone() -> None:
    assert all_of(view(row(80) + row(80, attribute(8, b"\x01")) + row(80, info(5)), DONE, DONE)).count == 1


def test_a_short_tcp_info_is_that_of_an_old_kernel() -> None:
    rows = row(80, info(20, 99, words=30)) + row(80, info(30, 99, words=26), attribute(9, bytes(60)))
    assert all_of(view(rows, DONE, DONE)) == Connections(2, 2, 0.02, 2, 0)


def test_a_kernel_that_has_no_sock_diag_says_so() -> None:
    with pytest.raises(OSError, match="sock_diag"):
        view(error(2)).listeners()


def test_a_kernel_that_has_no_ipv6_has_no_connections_of_it() -> None:
    assert view(row(80), DONE, error(2)).listeners() == {80: 0}


def test_a_kernel_that_says_nothing_is_not_waited_for() -> None:
    with pytest.raises(BlockingIOError):
        view().listeners()
    with pytest.raises(BlockingIOError):
        view(row(80)).listeners()


def test_the_dead_are_told_by_port_and_listening_sockets_are_not_among_them() -> None:
    assert list(view(row(80), row(80, peer=0) + row(443)).deaths()) == [80, 443]


def test_our_own_probes_are_not_mourned() -> None:
    own, mapped = diag.OWN_PEERS
    assert own[:4] == mapped[12:] == bytes(map(int, OWN_SOURCE.split(".")))
    told = row(80, address=own) + row(81, address=mapped) + row(82, address=bytes(12) + own[:4]) + row(83)
    assert list(view(told).deaths()) == [82, 83]


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 71, 1 << 16, (1 << 32) - 1, (1 << 32) - 3])
def test_a_length_that_is_a_lie_ends_in_good_order(length: int) -> None:
    spoilt = struct.pack("=I", length) + row(80, info(1))[4:]
    made = view(spoilt + DONE, DONE, spoilt, DONE)
    with contextlib.suppress(*FORESEEN):
        assert all_of(made).count <= 4


#: Datagrams: what a kernel says, cut off anywhere, with some bytes changed; or any bytes.
MESSAGES = st.sampled_from([DONE, error(2), error(0), row(80), row(80, info(1, 2)), row(443, attribute(8, b"x"), info(3))])
LIES = st.lists(st.tuples(st.integers(0, 400), st.sampled_from([0, 1, 2, 3, 16, 127, 128, 255])), max_size=6)


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """One datagram."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    said = bytearray(b"".join(draw(st.lists(MESSAGES, max_size=5))))
    for place, value in draw(LIES):
        if place < len(said):
            said[place] = value
    return bytes(said[: draw(st.integers(0, len(said)))] if draw(st.booleans()) else said)


@given(st.lists(datagrams(), max_size=8))
def test_whatever_the_kernel_answers_a_look_comes_to_an_end(answers: list[bytes]) -> None:
    made = view(*answers)
    with contextlib.suppress(*FORESEEN):
        made.listeners()
    with contextlib.suppress(*FORESEEN):
        all_of(made)
    with contextlib.suppress(*FORESEEN):
        list(made.deaths())


@given(st.lists(datagrams(), max_size=8))
@example([row(80, info(1))[:18], DONE, DONE])
@example([row(80, info(1))[:100], DONE, DONE])
def test_no_row_is_told_that_was_not_received(answers: list[bytes]) -> None:
    """What the buffer holds from before is nobody's connection."""
    made = view(row(6666, info(1)) * 20 + DONE, DONE, *answers)

    def is_ghost(port: int) -> bool:
        return port == 6666

    assert made.connections(is_ghost, 0).count == 20
    received = b"".join(answers).count(struct.pack(">H", 6666))
    with contextlib.suppress(*FORESEEN):
        assert made.connections(is_ghost, 0).count <= received


def test_a_socket_that_cannot_be_read_any_more_ends_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    made = view(row(80))

    def fails(_: bytearray) -> NoReturn:
        raise OSError(105, "no buffer space")

    monkeypatch.setattr(made._socket, "recv_into", fails)  # noqa: SLF001 - as above
    with pytest.raises(OSError, match="no buffer space"):
        made.listeners()
