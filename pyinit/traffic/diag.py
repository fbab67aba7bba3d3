"""The TCP sockets of our network namespace, from the kernel: sock_diag(7) over netlink, with tcp_info. Needs no privilege.

MPTCP is seen through its subflows, which are TCP. All calls are non-blocking: the kernel answers within send().
"""

import _socket  # the C half of `socket`, which costs 5 ms and 1.2 MB more
import errno
import sys

from pyinit.config import OWN_SOURCE
from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
AF_NETLINK, NETLINK_SOCK_DIAG = 16, 4
NLMSG_ERROR, SOCK_DIAG_BY_FAMILY = 2, 20
NLM_F_REQUEST_AND_DUMP = 0x301
INET_DIAG_REQ_BYTECODE, INET_DIAG_INFO = 1, 2
AF_INET, AF_INET6, IPPROTO_TCP = 2, 10, 6

#: Groups that tell of each TCP socket when it is destroyed: SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY.
DESTROYED = 1 << 0 | 1 << 2

# States, and bits of the mask of them (net/tcp_states.h).
STATE_OF_ESTABLISHED = 1
STATE_OF_LISTENER = 10
LISTEN = 1 << STATE_OF_LISTENER
#: Established, or closed by one side: all that are somebody's connection still, and have a tcp_info.
CONNECTED = 1 << STATE_OF_ESTABLISHED | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11

#: Closed by us first, and kept for a minute lest a late segment be taken for another connection's.
TIME_WAIT = 1 << 6

#: Seconds, of TCP_TIMEWAIT_LEN (net/tcp.h).
TIME_WAIT_LASTS = 60.0

#: OWN_SOURCE as a peer in struct inet_diag_sockid: as it is, and as an IPv6 address (::ffff:...), where a socket serves both.
_OWN = bytes(map(int, OWN_SOURCE.split(".")))
OWN_PEERS = (_OWN + bytes(12), bytes(10) + b"\xff\xff" + _OWN)

# Offsets in 32-bit words from the beginning of a message: struct inet_diag_msg behind the header, its attributes behind that.
QUEUED = 18
PEER = 10
ATTRIBUTES = 22
# ... and in tcp_info.
LAST_DATA_RECEIVED = 13
DATA_SEGMENTS_IN = 38

#: Bytes of struct nlmsghdr.
HEADER = 16

#: Bytes of notices that may wait for us; the kernel allows what net.core.rmem_max says, without an error.
LARGEST_QUEUE = 1 << 23

#: Bytes; the kernel fills at most 32 KiB at a time.
BUFFER = 1 << 16


class Connections(Record):
    """What the connections to some listening ports tell together.

    `idle` is the age in seconds of the last inbound data on any of them, None where there is none; `active` is how many had
    some within the time asked about; `segments` are the data segments that they have received in their life.
    """

    count: int
    established: int
    idle: float | None
    active: int
    segments: int


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, sys.byteorder)


def _own_address(code: int) -> bytes:
    """Is an address OWN_SOURCE? A struct inet_diag_bc_op with an inet_diag_hostcond; if not, it goes on behind a jump."""
    return bytes((code, 16)) + _number(20, 2) + bytes((AF_INET, 32, 0, 0)) + _number(0xFFFFFFFF, 4) + _OWN


def _jump(distance: int) -> bytes:
    return bytes((1, 4)) + _number(distance, 2)  # INET_DIAG_BC_JMP


# Programs by which the kernel chooses sockets (linux/inet_diag.h). To end behind the last byte is yes, 4 bytes further no.
# As all of them choose by the peer, nothing is left to do here for each of 10,000 connections.
SOURCE_IS, PEER_IS = 7, 8  # INET_DIAG_BC_S_COND, _D_COND
NOT_OWN = _own_address(PEER_IS) + _jump(8)
OWN = _own_address(SOURCE_IS) + _jump(20) + _own_address(PEER_IS)


def _request(family: int, states: int, extensions: int, program: bytes) -> bytes:
    """A struct nlmsghdr, and a struct inet_diag_req_v2 that asks for sockets of a family in these states: all, or some."""
    body = bytes((family, IPPROTO_TCP, extensions, 0)) + _number(states, 4) + bytes(48)
    if program:
        body += _number(4 + len(program), 2) + _number(INET_DIAG_REQ_BYTECODE, 2) + program
    head = _number(HEADER + len(body), 4) + _number(SOCK_DIAG_BY_FAMILY, 2) + _number(NLM_F_REQUEST_AND_DUMP, 2)
    return head + bytes(8) + body


class Diag:
    """A view of the sockets. Raises OSError where there is none (gVisor, a seccomp profile that forbids netlink)."""

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER)
        self._bytes = memoryview(self._buffer)
        self._halves = self._bytes.cast("H")
        self._words = self._bytes.cast("I")
        self._socket = self._open(0)
        self._obituaries: _socket.socket | None = None
        self.listeners()  # a kernel that does not tell says so here

    def close(self) -> None:
        """Look no more."""
        self._socket.close()
        if self._obituaries is not None:
            self._obituaries.close()

    @staticmethod
    def _open(groups: int) -> "_socket.socket":
        opened = _socket.socket(AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
        opened.setblocking(False)
        opened.bind((0, groups))
        return opened

    def listeners(self) -> dict[int, int]:
        """By port: how many connections wait in the accept queue; of all listening sockets with that port together."""
        found: dict[int, int] = {}
        for at in self._dump(LISTEN, 0):
            port = self._port(at)
            found[port] = found.get(port, 0) + self._words[at + QUEUED]
        return found

    def connections(self, of: "Callable[[int], bool]", within: float) -> Connections:
        """The connections to the ports of which `of` holds; `within` is the time in seconds that `active` is about.

        Those of our own probes are not among them.
        """
        count = established = active = segments = 0
        least = 1 << 32
        limit = int(within * 1000)
        answers: dict[int, bool] = {}
        words, halves, octets = self._words, self._halves, self._bytes
        layout = info = 0
        for at in self._dump(CONNECTED, 1 << INET_DIAG_INFO - 1, NOT_OWN):
            port = octets[4 * at + 20] << 8 | octets[4 * at + 21]  # _port(), without a call for each of 10,000
            counts = answers.get(port)
            if counts is None:
                counts = answers[port] = of(port)
            if not counts:
                continue
            if words[at] != layout or halves[2 * (at + info) + 1] != INET_DIAG_INFO:
                info = self._find_info(at)
                layout = words[at] if info else 0
                if not info:
                    continue  # a socket that is gone, of which a note is kept (struct inet_timewait_sock)
            count += 1
            established += octets[4 * at + 17] == STATE_OF_ESTABLISHED
            idle = words[at + info + 1 + LAST_DATA_RECEIVED]
            least = min(least, idle)
            if idle <= limit:
                active += 1
            if halves[2 * (at + info)] > 4 * (1 + DATA_SEGMENTS_IN):  # not before Linux 4.6
                segments += words[at + info + 1 + DATA_SEGMENTS_IN]
        return Connections(count, established, least / 1000 if least < 1 << 32 else None, active, segments)

    def own_probes(self) -> int:
        """How many probes of ours there were in the last TIME_WAIT_LASTS, as far as they have left a trace."""
        return sum(1 for _ in self._dump(TIME_WAIT, 0, OWN))

    def hear_of_the_dead(self) -> None:
        """From now on deaths() tells. Raises OSError where the kernel does not (before Linux 4.3)."""
        self._obituaries = self._open(DESTROYED)
        self._obituaries.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, LARGEST_QUEUE)

    def deaths(self) -> "Iterator[int]":
        """The local port of each connection that was destroyed since the last call, but for those of our own probes.

        0 for those too many to be told of.
        """
        while self._obituaries is not None:
            try:
                size = self._obituaries.recv_into(self._buffer)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                yield 0
                continue
            for at in self._messages(size):
                peer = bytes(self._bytes[4 * (at + PEER) : 4 * (at + PEER + 4)])
                if self._halves[2 * at + 11] and peer not in OWN_PEERS:  # a listening socket has no peer, and no port of it
                    yield self._port(at)

    def _port(self, at: int) -> int:
        return self._buffer[4 * at + 20] << 8 | self._buffer[4 * at + 21]

    def _find_info(self, at: int) -> int:
        """The offset of the attribute with tcp_info from the beginning of a message, or 0."""
        offset, end = ATTRIBUTES, self._words[at] + 3 >> 2
        while offset < end:
            size, kind = self._halves[2 * (at + offset)], self._halves[2 * (at + offset) + 1]
            if kind == INET_DIAG_INFO:
                return offset
            offset += max(1, size + 3 >> 2)
        return 0

    def _dump(self, states: int, extensions: int, program: bytes = b"") -> "Iterator[int]":
        """Each socket in these states: the offset in words of its message in the buffer, valid until the next one."""
        for family in (AF_INET, AF_INET6):
            self._socket.send(_request(family, states, extensions, program))
            more = True
            while more:
                size = self._socket.recv_into(self._buffer)
                more = False
                for at in self._messages(size):
                    kind = self._halves[2 * at + 2]
                    more = kind == SOCK_DIAG_BY_FAMILY
                    if more:
                        yield at
                    elif kind == NLMSG_ERROR:
                        self._fail(at, family)

    def _messages(self, size: int) -> "Iterator[int]":
        at, end = 0, size >> 2
        words = self._words
        while at < end and HEADER <= words[at] <= 4 * (end - at):
            yield at
            at += words[at] + 3 >> 2

    def _fail(self, at: int, family: int) -> None:
        number = (1 << 32) - self._words[at + 4]
        if family == AF_INET:  # without IPv6 in the kernel there is nothing to be seen of it
            raise OSError(number, f"sock_diag: error {number}")
