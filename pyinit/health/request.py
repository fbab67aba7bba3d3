"""PURE. What is asked over HTTP: the bytes that have come so far to a path, to a refusal, or to neither yet.

Of the request only its first line matters. The rest is read to its end, for a client that is answered while it still writes may
lose the answer; and it must be what RFC 9112 allows, for requests are smuggled by what one server takes and another does not.
A first line that is none is refused as soon as it shows.
"""

from pyinit.record import Record

#: Bytes of a request, its head with all of its fields; there is no body to be read.
LONGEST = 4096

#: Bytes of a method that we bother to read.
LONGEST_METHOD = 16

#: Of which a method is made.
CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: Of which the name of a field is made (RFC 9110, 5.6.2: a token).
NAME = CAPITALS + CAPITALS.lower() + b"0123456789!#$%&'*+-.^_`|~"

#: Bytes that the value of a field may not have.
FORBIDDEN = b"\0\v\f\r\x7f"

BAD, NOT_ALLOWED, TOO_LONG_LINE, TOO_LARGE, BAD_VERSION = 400, 405, 414, 431, 505


class Asked(Record):
    """A path, without its query. `has_body` is False for HEAD, where the answer is its head alone.

    `is_all` says that nothing has come behind the request.
    """

    path: str
    has_body: bool = True
    is_all: bool = True


class Refused(Record):
    """What has come is no request that is answered otherwise: the status that says so."""

    status: int


def parse(data: bytes) -> Asked | Refused | None:
    """What the bytes that have come so far ask; None where the rest must be waited for."""
    head = data.lstrip(b"\r\n")  # RFC 9112, 2.2: empty lines before the request are no mistake
    line, newline, _ = head.partition(b"\n")
    if not newline:
        if len(data) >= LONGEST:
            return Refused(TOO_LONG_LINE)
        return None if _may_begin(head) else Refused(BAD)
    asked = _first_line(line.removesuffix(b"\r"))
    if isinstance(asked, Refused):
        return asked
    end = _end(head, len(line) + 1)
    if end is None:
        return Refused(TOO_LARGE) if len(data) >= LONGEST else None
    if not _are_fields(head[len(line) + 1 : end].split(b"\n")[:-2], needs_host=line.rstrip(b"\r").endswith(b"1.1")):
        return Refused(BAD)
    return Asked(asked.path, asked.has_body, end == len(head))


def _may_begin(head: bytes) -> bool:
    """Whether a first line may begin like this: with a method in capitals. A TLS client is told apart at its first byte."""
    method, blank, _ = head.partition(b" ")
    return not method.strip(CAPITALS) and len(method) <= LONGEST_METHOD and (method != b"" or not blank)


def _first_line(line: bytes) -> Asked | Refused:
    words = line.split(b" ")
    if len(words) != len(("method", "target", "version")) or not _may_begin(line) or not _is_visible(line):
        return Refused(BAD)
    method, target, version = words
    if not version.startswith(b"HTTP/") or len(version) != len(b"HTTP/1.1"):
        return Refused(BAD)
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return Refused(BAD_VERSION)
    if method not in (b"GET", b"HEAD"):
        return Refused(NOT_ALLOWED)
    if target[:7].lower() == b"http://":  # RFC 9112, 3.2.2: every server takes the absolute form
        target = b"/" + target[7:].partition(b"/")[2]
    if not target.startswith(b"/"):
        return Refused(BAD)
    return Asked(target.partition(b"?")[0].decode("ascii"), method == b"GET")


def _is_visible(line: bytes) -> bool:
    return line.isascii() and line.decode("ascii").isprintable()


def _are_fields(lines: list[bytes], needs_host: bool) -> bool:
    """Whether these are fields that a server may take: RFC 9112, 3.2 (Host), 5 (lines), 6 (the length of a body)."""
    hosts, lengths, codings = 0, set[bytes](), []
    for line in lines:
        name, colon, value = line.removesuffix(b"\r").partition(b":")
        if not colon or not name or name.strip(NAME) or any(byte in FORBIDDEN for byte in value):
            return False  # a line that goes on with the one before (5.2) has no name either
        match name.lower():
            case b"host":
                hosts += 1
            case b"content-length":
                lengths |= {length.strip(b" \t") for length in value.split(b",")}
            case b"transfer-encoding":
                codings.append(value.strip(b" \t").lower())
    is_host_right = hosts == 1 or (hosts == 0 and not needs_host)
    return is_host_right and len(lengths) <= 1 and all(map(bytes.isdigit, lengths)) and codings in ([], [b"chunked"])


def _end(head: bytes, fields: int) -> int | None:
    """Where the empty line ends that ends the head, whose fields begin there; None where it has not come."""
    start = fields
    while True:
        newline = head.find(b"\n", start)
        if newline < 0:
            return None
        if head[start:newline] in (b"", b"\r"):
            return newline + 1
        start = newline + 1
