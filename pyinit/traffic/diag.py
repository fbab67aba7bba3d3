"""The TCP sockets of our network namespace, from the kernel: sock_diag(7) over netlink, with tcp_info. Needs no privilege.

MPTCP is seen through its subflows, which are TCP. All calls are non-blocking: the kernel answers within send().
"""

import _socket  # the C half of `socket`, which costs 5 ms and 1.2 MB more
import errno
import sys

from pyinit.record import Record
from pyinit.settings.config import OWN_SOURCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

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
STATE_OF_REMEMBERED = 6
STATE_OF_LISTENER = 10
LISTEN = 1 << STATE_OF_LISTENER
#: Established, or closed by one side: all that are somebody's connection still, and have a tcp_info.
CONNECTED = 1 << STATE_OF_ESTABLISHED | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11

#: Closed by us first, and kept for a minute lest a late segment be taken for another connection's.
TIME_WAIT = 1 << STATE_OF_REMEMBERED

#: Seconds, of TCP_TIMEWAIT_LEN (net/tcp.h).
TIME_WAIT_LASTS = 60.0

#: OWN_SOURCE as a peer in struct inet_diag_sockid: as it is, and as an IPv6 address (::ffff:...), where a socket serves both.
_OWN = bytes(map(int, OWN_SOURCE.split(".")))
OWN_PEERS = (_OWN + bytes(12), bytes(10) + b"\xff\xff" + _OWN)

# Offsets in 32-bit words from the beginning of a message: struct inet_diag_msg behind the header, its attributes behind that.
QUEUED = 18
EXPIRES = 17
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
BUFFER = 1 << 15


class Sum:
    """What is added up on the way to a Connections."""

    def __init__(self, of: "Callable[[int], bool]", limit: int) -> None:
        self.count = self.established = self.active = self.segments = 0
        self.least = 1 << 32  # milliseconds
        self.limit = limit
        self._of = of
        self._answers: dict[int, bool] = {}

    def counts(self, port: int) -> bool:
        """Whether connections to a port count; asked for each port once."""
        answer = self._answers.get(port)
        if answer is None:
            answer = self._answers[port] = self._of(port)
        return answer


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
# What they choose by, nothing is left to do about here for each of 10,000 connections.
SOURCE_IS, PEER_IS = 7, 8  # INET_DIAG_BC_S_COND, _D_COND
OWN = _own_address(SOURCE_IS) + _jump(20) + _own_address(PEER_IS)

#: More local ports than this are told apart here, and not by the kernel, which would ask for one after the other.
MOST_PORTS = 16

#: Bytes of the part of a program that asks for one port.
ASKS_FOR_PORT = 20


def _port_is(port: int, otherwise: int) -> bytes:
    """Is this the local port? If not, it goes on so many bytes behind the beginning; if so, behind these 16 bytes."""
    at_least = bytes((2, 8)) + _number(otherwise, 2) + bytes(2) + _number(port, 2)  # INET_DIAG_BC_S_GE
    at_most = bytes((3, 8)) + _number(otherwise - 8, 2) + bytes(2) + _number(port, 2)  # INET_DIAG_BC_S_LE
    return at_least + at_most


def not_own(ports: "Collection[int]") -> bytes:
    """The program for connections to these local ports (none: to all) that are none of our own probes."""
    wanted = sorted(ports) if len(ports) <= MOST_PORTS else []
    length = ASKS_FOR_PORT * len(wanted)
    program = _own_address(PEER_IS) + _jump(length + 8)
    for number, port in enumerate(wanted):
        left = length - ASKS_FOR_PORT * number
        is_last = left == ASKS_FOR_PORT
        program += _port_is(port, left + 4 if is_last else ASKS_FOR_PORT) + _jump(left - 16)
    return program


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

    def connections(self, of: "Callable[[int], bool]", within: float, ports: "Collection[int]" = ()) -> Connections:
        """The connections to the ports of which `of` holds; `within` is the time in seconds that `active` is about.

        Those of our own probes are not among them. If `ports` are given, it holds of no others, and the kernel leaves them out.
        """
        found = Sum(of, int(within * 1000))
        for size, step in self._answers(CONNECTED, 1 << INET_DIAG_INFO - 1, not_own(ports)):
            if not (step and self._add_all(found, size >> 2, step)):
                for at in self._messages(size):
                    if self._halves[2 * at + 2] == SOCK_DIAG_BY_FAMILY:
                        self._add(found, at)
        idle = found.least / 1000 if found.least < 1 << 32 else None
        return Connections(found.count, found.established, idle, found.active, found.segments)

    def _add_all(self, found: "Sum", end: int, step: int) -> bool:
        """Add a piece of an answer in which a connection begins every so many words; False where one is unlike the first.

        Each column is taken at once, which for thousands of connections is ten times cheaper than one after the other.
        """
        words, info = self._words, self._find_info(0)
        heads = words[info:end:step].tolist()
        if not info or heads.count(heads[0]) != len(heads):
            return False
        ports = zip(self._bytes[20 : 4 * end : 4 * step].tolist(), self._bytes[21 : 4 * end : 4 * step].tolist())  # noqa: B905
        if not all(found.counts(high << 8 | low) for high, low in set(ports)):
            return False
        idle = words[info + 1 + LAST_DATA_RECEIVED : end : step].tolist()
        found.count += len(heads)
        found.established += self._bytes[17 : 4 * end : 4 * step].tolist().count(STATE_OF_ESTABLISHED)
        least = min(idle)
        found.least = min(found.least, least)
        if least <= found.limit:
            found.active += sum(map(found.limit.__ge__, idle))
        if self._halves[2 * info] > 4 * (1 + DATA_SEGMENTS_IN):  # not before Linux 4.6
            found.segments += sum(words[info + 1 + DATA_SEGMENTS_IN : end : step].tolist())
        return True

    def _add(self, found: "Sum", at: int) -> None:
        """Add the connection of one message, if it counts."""
        info = self._find_info(at)
        if not found.counts(self._port(at)) or not info:
            return  # the latter of a socket that is gone, of which a note is kept (struct inet_timewait_sock)
        words = self._words
        idle = words[at + info + 1 + LAST_DATA_RECEIVED]
        found.count += 1
        found.established += self._bytes[4 * at + 17] == STATE_OF_ESTABLISHED
        found.least = min(found.least, idle)
        found.active += idle <= found.limit
        if self._halves[2 * (at + info)] > 4 * (1 + DATA_SEGMENTS_IN):
            found.segments += words[at + info + 1 + DATA_SEGMENTS_IN]

    def own_probes(self) -> int:
        """How many probes of ours there were in the last TIME_WAIT_LASTS, as far as they have left a trace."""
        return sum(1 for _ in self._dump(TIME_WAIT, 0, OWN))

    def closed(self, of: "Callable[[int], bool]", within: float, ports: "Collection[int]") -> int:
        """How many connections to `ports` of which `of` holds were closed by our side in the last `within` seconds.

        Of those alone the kernel keeps a note, for TIME_WAIT_LASTS, and it keeps no more than net.ipv4.tcp_max_tw_buckets.
        """
        count, least = 0, int((TIME_WAIT_LASTS - within) * 1000)
        for at in self._dump(TIME_WAIT, 0, not_own(ports)):
            is_recent = self._buffer[4 * at + 17] == STATE_OF_REMEMBERED and self._words[at + EXPIRES] >= least
            count += is_recent and of(self._port(at))
        return count

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
        for size, _ in self._answers(states, extensions, program):
            for at in self._messages(size):
                if self._halves[2 * at + 2] == SOCK_DIAG_BY_FAMILY:
                    yield at

    def _answers(self, states: int, extensions: int, program: bytes) -> "Iterator[tuple[int, int]]":
        """The answer about sockets in these states, by pieces: how many bytes are in the buffer until the next, and _step()."""
        for family in (AF_INET, AF_INET6):
            self._socket.send(_request(family, states, extensions, program))
            more = True
            while more:
                size = self._socket.recv_into(self._buffer)
                step = self._step(size >> 2)
                yield size, step
                more = bool(step)
                for at in () if step else self._messages(size):
                    kind = self._halves[2 * at + 2]
                    more = kind == SOCK_DIAG_BY_FAMILY
                    if kind == NLMSG_ERROR:
                        self._fail(at, family)

    def _step(self, end: int) -> int:
        """Words from one socket to the next, where a piece of an answer is sockets of one length alone; 0 where it is not."""
        length = self._words[0]
        step = length + 3 >> 2
        if not HEADER < length <= 4 * end or end % step:
            return 0
        count = end // step
        is_even = self._words[:end:step].tolist().count(length) == count
        return step if is_even and self._halves[2 : 2 * end : 2 * step].tolist().count(SOCK_DIAG_BY_FAMILY) == count else 0

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
