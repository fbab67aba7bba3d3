"""PURE. A call of grpc.health.v1.Health/Check over HTTP/2 without TLS, as the kubelet makes it: bytes in, bytes out.

One connection has one call, on stream 1. Sources: RFC 9113 (HTTP/2), PROTOCOL-HTTP2.md and health-checking.md of gRPC's docs.
"""

from pyinit.probe.hpack import BadFieldsError, Decoder
from pyinit.probe.http import BadAnswerError
from pyinit.probe.target import Target

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATH = b"/grpc.health.v1.Health/Check"

#: Types of frames (RFC 9113, 6).
DATA, HEADERS, _PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, _WINDOW, CONTINUATION = range(10)

#: Flags; the first stands for ACK in others.
END_STREAM, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x4, 0x8, 0x20
ACK = END_STREAM

#: Bytes of the head of a frame; and of a frame at most, since we have not allowed more (6.5.2).
OF_HEAD, LARGEST_FRAME = 9, 16384

#: Bytes that we take from a server at most, before its answer is over.
LONGEST = 65536

#: Errors of HTTP/2 by number (7).
ERRORS = (
    "NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR REFUSED_STREAM "
    "CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED"
).split()

#: Values of grpc-status by number (statuscodes.md).
STATUSES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED "
    "FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split()

#: Of HealthCheckResponse, by number.
SERVING_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
SERVING = "SERVING"

#: What to say beside a status.
MEANINGS = {"NOT_FOUND": "the server does not know this service", "UNIMPLEMENTED": "the server has no grpc.health.v1.Health"}

#: Characters of grpc-message that are told.
LONGEST_MESSAGE = 200


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """The bytes of a frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def request(target: Target) -> bytes:
    """All that a client says: preface, settings (no pushes), the header fields, none of them compressed, and the message."""
    fields = b"\x83\x86"  # :method POST, :scheme http
    # Names from the static table (:path, :authority, content-type, user-agent), and one of our own.
    for name, value in (
        (b"\x04", PATH),
        (b"\x01", target.authority.encode()),
        (b"\x0f\x10", b"application/grpc"),
        (b"\x0f\x2b", b"pyinit-probe"),
        (b"\x00\x02te", b"trailers"),
    ):
        fields += name + bytes((len(value),)) + value  # all of them shorter than 127 bytes
    service = target.place.encode("utf-8", "surrogateescape")
    message = b"\x0a" + _varint(len(service)) + service if service else b""
    return (
        PREFACE
        + frame(SETTINGS, 0, 0, b"\0\x02\0\0\0\0")
        + frame(HEADERS, END_HEADERS, 1, fields)
        + frame(DATA, END_STREAM, 1, b"\0" + len(message).to_bytes(4, "big") + message)
    )


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))


def shown(data: bytes) -> str:
    """Bytes in quotes for people, as in http.py."""
    return repr(bytes(data[:20]))[1:]


def named(names: "list[str] | tuple[str, ...]", number: int) -> str:
    """The name of a number, or the number where it has none."""
    return names[number] if number < len(names) else str(number)


class Call:
    """A call under way: what is to be sent is in `outgoing`; feed() takes what has come."""

    def __init__(self, target: Target) -> None:
        self.outgoing = bytearray(request(target))
        self._incoming = bytearray()
        self._seen = 0
        self._is_http2 = False  # its settings have come
        self._decoder = Decoder()
        self._block: bytearray | None = None  # of header fields, of which more are to come
        self._ends = False  # the stream, with that block
        self._fields: dict[bytes, bytes] = {}  # the newest of each name
        self._message = bytearray()
        self._is_over = False

    @property
    def doing(self) -> str:
        """What we wait for, for people."""
        if not self._is_http2:
            return "waiting for an answer"
        return "with an answer without end" if self._fields else "waiting for the answer to the call"

    def feed(self, data: bytes) -> bool:
        """More has come, or with b"" the end. Returns whether the answer is over. Raises BadAnswerError."""
        if not data:
            raise BadAnswerError("closed in the middle of the answer" if self._is_http2 else "closed without an answer")
        self._seen += len(data)
        self._incoming += data
        while not self._is_over and self._frame():
            pass
        if not self._is_over and self._seen > LONGEST:
            raise BadAnswerError(f"the answer is longer than {LONGEST} bytes")
        return self._is_over

    def _frame(self) -> bool:
        """Take a frame; False if it has not come as a whole."""
        if not self._is_http2:
            self._refuse_others()
        if len(self._incoming) < OF_HEAD:
            return False
        size = int.from_bytes(self._incoming[:3], "big")
        kind, flags = self._incoming[3:5]
        stream = int.from_bytes(self._incoming[5:OF_HEAD], "big") & 0x7FFFFFFF
        if size > LARGEST_FRAME:
            raise BadAnswerError("a frame of the answer is larger than HTTP/2 allows")
        if len(self._incoming) < OF_HEAD + size:
            return False
        payload = bytes(self._incoming[OF_HEAD : OF_HEAD + size])
        del self._incoming[: OF_HEAD + size]
        if (self._block is not None) != (kind == CONTINUATION):
            raise BadAnswerError("the header fields of the answer are not in one piece")
        if kind in (DATA, HEADERS, RESET, PUSH, CONTINUATION) and stream != 1:
            raise BadAnswerError(f"the server speaks of stream {stream}, and there is 1 alone")
        self._take(kind, flags, payload)
        return True

    def _refuse_others(self) -> None:
        """What speaks HTTP/2 begins with SETTINGS on stream 0."""
        head = bytes(self._incoming[:OF_HEAD])
        if head[3:] != b"\4\0\0\0\0\0"[: max(0, len(head) - 3)] or head[:1] > b"\0":
            raise BadAnswerError(f"the answer is no HTTP/2 (without TLS): it begins with {shown(bytes(self._incoming))}")
        self._is_http2 = len(head) == OF_HEAD

    def _take(self, kind: int, flags: int, payload: bytes) -> None:
        if kind in (SETTINGS, PING) and not flags & ACK:
            self.outgoing += frame(kind, ACK, 0, payload if kind == PING else b"")
        elif kind == GOAWAY:
            self._go_away(payload)
        elif kind == RESET:
            raise BadAnswerError(f"the call was reset: {named(ERRORS, int.from_bytes(payload, 'big'))}")
        elif kind == PUSH:
            raise BadAnswerError("the server pushes what nobody has asked for")
        elif kind == DATA:
            self._message += _without_padding(flags, payload)
            self._is_over = bool(flags & END_STREAM)
        elif kind == HEADERS:
            payload = _without_padding(flags, payload)
            self._block = bytearray(payload[5 if flags & WITH_PRIORITY else 0 :])
            self._ends = bool(flags & END_STREAM)
        elif kind == CONTINUATION and self._block is not None:
            self._block += payload
        if self._block is not None and flags & END_HEADERS:
            self._head(bytes(self._block))
            self._block = None

    def _head(self, block: bytes) -> None:
        try:
            self._fields.update(self._decoder.decode(block))
        except BadFieldsError as error:
            raise BadAnswerError(f"the header fields of the answer cannot be read: {error}") from None
        self._is_over = self._ends

    def _go_away(self, payload: bytes) -> None:
        """The server ends the connection; a call that it names may still be answered (6.8)."""
        last, number = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF, int.from_bytes(payload[4:8], "big")
        if number or not last:
            why = payload[8 : 8 + LONGEST_MESSAGE]
            raise BadAnswerError(f"the server goes away: {named(ERRORS, number)}" + (f" {shown(why)}" if why else ""))

    def judge(self) -> tuple[bool, str]:
        """Whether the answer means that all is well, and a reason."""
        status = self._fields.get(b":status", b"none")
        if status != b"200":
            return False, f"HTTP status {text(status)}, so no gRPC"
        kind = self._fields.get(b"content-type", b"none")
        if not kind.startswith(b"application/grpc"):
            return False, f"content-type {text(kind)}, so no gRPC"
        number = self._fields.get(b"grpc-status")
        if number is None or not number.isdigit() or len(number) > len("16"):
            return False, "the answer has no grpc-status"
        if int(number):
            name = named(STATUSES, int(number))
            told = text(unescaped(self._fields.get(b"grpc-message", b"")))[:LONGEST_MESSAGE]
            meaning = MEANINGS.get(name, "")
            return False, f"grpc-status {int(number)} {name}" + "".join(f": {part}" for part in (meaning, told) if part)
        serving = self._serving()
        return serving == SERVING, serving

    def _serving(self) -> str:
        """What the message says: SERVING, or a reason."""
        size = int.from_bytes(self._message[1:5], "big")
        if len(self._message) != 5 + size or self._message[0]:
            return "the answer has no message, or not one alone, or it is compressed"
        try:
            status = named(SERVING_STATUSES, _first_field(bytes(self._message[5:])))
        except (IndexError, ValueError):
            return "the answer is no HealthCheckResponse"
        return status if status == SERVING else f"the server says {status}"


def text(value: bytes) -> str:
    """The value of a header field for people."""
    return value.decode("latin-1")


def unescaped(value: bytes) -> bytes:
    """A grpc-message without its escapes, of which "%20" is one."""
    first, *parts = value.split(b"%")
    found = bytearray(first)
    for part in parts:
        digits = part[:2]
        is_escape = len(digits) == len("20") and not digits.strip(b"0123456789abcdefABCDEF")
        found += bytes((int(digits, 16),)) + part[2:] if is_escape else b"%" + part
    return bytes(found)


def _without_padding(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise BadAnswerError("a frame of the answer has more padding than bytes")
    return payload[1 : len(payload) - payload[0]]


def _first_field(message: bytes) -> int:
    """The number in field 1 of a message, 0 where there is none (protobuf's encoding). Raises IndexError and ValueError."""
    found, at = 0, 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        if tag == 1 << 3:
            found, at = _read_varint(message, at)
        elif tag & 7 == 0:
            _, at = _read_varint(message, at)
        elif tag & 7 in (1, 5):
            at += 8 if tag & 7 == 1 else 4
        elif tag & 7 == 2:  # noqa: PLR2004 - bytes
            size, at = _read_varint(message, at)
            at += size
        else:
            raise ValueError
        if at > len(message) or not tag >> 3:
            raise ValueError
    return found


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """A number, and the place behind it."""
    number = 0
    for shift in range(0, 70, 7):
        number |= (message[at] & 0x7F) << shift
        at += 1
        if not message[at - 1] & 0x80:
            return number, at
    raise ValueError
