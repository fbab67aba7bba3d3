"""PURE. HTTP/1.1 as a probe needs it: the bytes of a request, and an answer that comes in pieces of any size.

The answer may be anything: what is too long is cut off or refused, and what is no HTTP has a reason in one line.
"""

from pyinit.probe.target import Expected, Target

#: Bytes of the status line and the header fields together, of several answers if some are interim (1xx).
LONGEST_HEAD = 32768

#: Bytes of the body that are looked at, as it comes and without the framing of its chunks.
LONGEST_BODY = 65536

#: Bytes of one line between chunks.
LONGEST_LINE = 1024

#: Digits of a length that is believed.
LONGEST_LENGTH = 15

#: Statuses that have no body (RFC 9110, 6.4.1).
WITHOUT_BODY = (204, 304)

#: Where in an answer we are.
HEAD, COUNTED, UNTIL_END, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, DONE = range(8)


class BadAnswerError(Exception):
    """The answer cannot be understood; the message is a reason for people."""


def request(target: Target) -> bytes:
    """The bytes that ask for a target."""
    lines = (f"GET {target.place} HTTP/1.1", f"Host: {target.authority}", "User-Agent: pyinit-probe", "Accept: */*")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def _shown(data: bytes | bytearray) -> str:
    """Bytes in quotes for people. Decoding them with an error handler would need `codecs`, which a static binary has not."""
    return repr(bytes(data))[1:]


class Answer:
    """An answer as far as it has come. `status` is known once the head is there; `body` are its first bytes."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = bytearray()
        self._buffer = bytearray()
        self._state = HEAD
        self._left = 0  # of the body, or of the chunk
        self._seen = 0  # bytes of heads

    def feed(self, data: bytes) -> bool:
        """More has come, or with b"" the end. Returns whether the answer is over, or is longer than we want to know.

        Raises BadAnswerError.
        """
        if not data:
            self._end()
            return True
        self._buffer += data
        while self._state != DONE and self._step():
            pass
        return self._state == DONE or len(self.body) >= LONGEST_BODY

    def _end(self) -> None:
        if self._state in (UNTIL_END, DONE):
            return
        if self._state == HEAD and not self._buffer:
            raise BadAnswerError("closed without an answer")
        self._refuse_garbage()
        raise BadAnswerError("closed in the middle of the answer")

    def _step(self) -> bool:
        """Go on with what has come; False if more is needed for that."""
        if self._state == HEAD:
            return self._head()
        if self._state in (COUNTED, CHUNK, UNTIL_END):
            return self._content()
        line = self._line()
        if line is None:
            return False
        if self._state == CHUNK_SIZE:
            self._begin_chunk(line)
        elif self._state == CHUNK_END:
            if line:
                raise BadAnswerError("a chunk of the answer is longer than announced")
            self._state = CHUNK_SIZE
        elif not line:  # the last of the trailers
            self._state = DONE
        return True

    def _line(self) -> bytes | None:
        """The next line without its end, None where it is not complete."""
        at = self._buffer.find(b"\n")
        if max(at, len(self._buffer) if at < 0 else 0) > LONGEST_LINE:
            raise BadAnswerError("a chunk of the answer is announced by too long a line")
        if at < 0:
            return None
        line = bytes(self._buffer[:at]).rstrip(b"\r")
        del self._buffer[: at + 1]
        if self._state == TRAILER:
            self._count(at)
        return line

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > LONGEST_HEAD:
            raise BadAnswerError(f"the answer has more than {LONGEST_HEAD} bytes of header fields")

    def _refuse_garbage(self) -> None:
        if self._state == HEAD and not self._buffer.startswith(b"HTTP/1."[: len(self._buffer)]):
            raise BadAnswerError(f"the answer is no HTTP/1: it begins with {_shown(self._buffer[:20])}")

    def _head(self) -> bool:
        self._refuse_garbage()
        # An empty line, whatever the line before it ends with: programs write their fields with other ends than their server.
        ends = [(at, len(mark)) for mark in (b"\n\r\n", b"\n\n") if (at := self._buffer.find(mark)) >= 0]
        if not ends:
            if len(self._buffer) + self._seen > LONGEST_HEAD:
                self._count(len(self._buffer))
            return False
        at, size = min(ends)
        lines = bytes(self._buffer[:at]).split(b"\n")
        del self._buffer[: at + size]
        self._count(at)
        version, _, rest = lines[0].rstrip(b"\r").partition(b" ")
        figures = rest[:3]
        if len(version) != len(b"HTTP/1.1") or not figures.isdigit() or len(figures) != len(b"200") or rest[3:4] not in b" ":
            raise BadAnswerError(f"the answer has no status: {_shown(lines[0][:40])}")
        status = int(figures)
        if status // 100 == 1 and status != 101:  # noqa: PLR2004 - an interim answer: the real one follows
            return True
        self.status = status
        self._begin_body(lines[1:])
        return True

    def _begin_body(self, lines: list[bytes]) -> None:
        fields: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip().lower()
        length = fields.get(b"content-length")
        if self.status in WITHOUT_BODY or self.status == 101:  # noqa: PLR2004 - switching protocols
            self._state = DONE
        elif fields.get(b"transfer-encoding", b"").endswith(b"chunked"):
            self._state = CHUNK_SIZE
        elif length is None:
            self._state = UNTIL_END
        elif not length.isdigit() or len(length) > LONGEST_LENGTH:
            raise BadAnswerError("the answer has a Content-Length that is no number")
        else:
            self._left = int(length)
            self._state = COUNTED if self._left else DONE

    def _content(self) -> bool:
        part = self._buffer if self._state == UNTIL_END else self._buffer[: self._left]
        self.body += part[: LONGEST_BODY - len(self.body)]
        size = len(part)
        del self._buffer[:size]
        if self._state == UNTIL_END:
            return False
        self._left -= size
        if self._left:
            return False
        self._state = DONE if self._state == COUNTED else CHUNK_END
        return True

    def _begin_chunk(self, line: bytes) -> None:
        figures = line.partition(b";")[0].strip()
        if not figures or len(figures) > LONGEST_LENGTH or figures.strip(b"0123456789abcdefABCDEF"):
            raise BadAnswerError("a chunk of the answer has no length")
        self._left = int(figures, 16)
        self._state = CHUNK if self._left else TRAILER


def judge(answer: Answer, expected: Expected) -> tuple[bool, str]:
    """Whether an answer is as expected, and a reason."""
    status = answer.status
    if status is None:
        return False, "no answer"
    reason = f"status {status}"
    if not any(low <= status <= high for low, high in expected.statuses):
        ranges = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in expected.statuses)
        return False, f"{reason}, not {ranges}"
    if expected.text and expected.text not in answer.body:
        return False, f"{reason}, but without {expected.text.decode('utf-8', 'replace')[:80]!r}"
    return True, reason + (", with the text expected" if expected.text else "")
