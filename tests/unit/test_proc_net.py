"""/proc/net/tcp: every row that the kernel could write is read as it was meant, and whatever else is there is no row."""

from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.traffic.proc_net import OWN, rows

#: As the kernel writes it (net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c).
HEADING = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = b"%4d: %s:%04X %s:%04X %02X %08X:%08X %02X:%08X %08X %5u %8d %d 1 0000000000000000 100 0 0 10 0\n"

ADDRESSES = st.sampled_from(
    [b"0100007F", b"00000000", b"0200000A", b"0000000000000000FFFF00000100007F", bytes(32).hex()[:32].encode()]
)
PORTS = st.integers(0, 65535)
#: Local address and port, the peer's, the state, the receive queue.
SOCKETS = st.tuples(ADDRESSES, PORTS, ADDRESSES | st.just(OWN), PORTS, st.integers(1, 12), st.integers(0, 2**32 - 1))


def text_of(sockets: list[tuple[bytes, int, bytes, int, int, int]]) -> bytes:
    """The file that tells of these."""
    lines = [
        ROW % (number, local, port, peer, other, state, 0, queued, 0, 0, 0, 0, 0, 7 * number)
        for number, (local, port, peer, other, state, queued) in enumerate(sockets)
    ]
    return HEADING + b"".join(lines)


@given(st.lists(SOCKETS, max_size=20))
def test_what_the_kernel_writes_is_read(sockets: list[tuple[bytes, int, bytes, int, int, int]]) -> None:
    meant = [(port, state, queued, OWN in (local, peer)) for local, port, peer, _, state, queued in sockets]
    assert list(rows(text_of(sockets))) == meant


@given(st.lists(SOCKETS, min_size=1, max_size=3), st.integers(0, 600))
def test_a_file_that_is_cut_off_has_fewer_rows_and_none_of_another_port(
    sockets: list[tuple[bytes, int, bytes, int, int, int]], size: int
) -> None:
    found = list(rows(text_of(sockets)[:size]))
    assert [port for port, *_ in found] == [port for _, port, *_ in sockets][: len(found)]


@given(
    st.binary()
    | st.lists(st.sampled_from([*HEADING.split(), *text_of([(OWN, 80, OWN, 1, 10, 0)]).split(), b"\n"])).map(b" ".join)
)
@example(b"\n: 1:+1 2:1 1 1:1\n")
@example(b"\n: 1:1_0 2:1 1 1:1\n")
@example(b"\n: 1:-1 2:1 1 1:-1\n")
@example(b"\n: 1:fffff 2:1 1 1:1\n")
def test_whatever_is_there_no_row_is_nonsense(text: bytes) -> None:
    for port, state, queued, _ in rows(text):
        assert 0 <= port <= 65535
        assert 0 <= state <= 255
        assert 0 <= queued < 2**32
