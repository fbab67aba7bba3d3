"""PURE. What is probed, and what is expected of it: text in, Target or Expected out. A ValueError has one helpful line.

The targets:

    http://HOST[:PORT][/PATH]     an answer with the status 2xx or 3xx (redirections are not followed)
    https://HOST[:PORT][/PATH]    the same; certificates are not verified
    tcp:[HOST:]PORT               a connection can be made
    unix:/PATH, unix:@NAME        likewise
    grpc:[HOST:]PORT[/SERVICE]    grpc.health.v1.Health says SERVING of it, without TLS
    exec:COMMAND                  it exits with status 0
    file:/PATH                    it exists
    pyinit                        PID 1 says of itself that all is well

HOST is an IPv4 address, an IPv6 address in brackets, `localhost`, or nothing, which is 127.0.0.1. Other names would need a
resolver, which can hang, and which a static binary has not.
"""

from pyinit.record import Record

HTTP, HTTPS, TCP, UNIX, GRPC, EXEC, FILE, PYINIT = "http", "https", "tcp", "unix", "grpc", "exec", "file", "pyinit"

LOOPBACK = "127.0.0.1"

#: Tried in turn: an application may listen on one alone.
LOCALHOST = (LOOPBACK, "::1")

LARGEST_PORT = 65535

#: Bytes of struct sockaddr_un's path (unix(7)), without the null byte.
LONGEST_PATH = 107

#: Characters of a target, or of an expected text.
LONGEST = 2000

#: The kinds of which something more can be expected.
ANSWERING = (HTTP, HTTPS)

#: HTTP statuses: those there are; and those that are well, where nothing else is expected.
STATUSES = (100, 599)
WELL = ((200, 399),)

EXAMPLES = (
    "give http://127.0.0.1:8080/healthz, https://..., tcp:8080, unix:/run/app.sock, grpc:50051, exec:COMMAND, file:/PATH "
    "or pyinit"
)


class Target(Record):
    """`text` is as it was given. `hosts` are addresses to try in turn; `authority` is what a request names as its host.

    `place` is a path, an abstract name, a service or a command.
    """

    kind: str
    text: str
    hosts: tuple[str, ...] = ()
    port: int = 0
    place: str = ""
    authority: str = ""


class Expected(Record):
    """What an answer must be like: one of these ranges of statuses, both ends included; and this text in it, if any."""

    statuses: tuple[tuple[int, int], ...] = WELL
    text: bytes = b""


def parse(text: str) -> Target:
    """The Target that a text means."""
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"{text[:60]!r} is too long, or has a control character in it")
    if text == PYINIT:
        return Target(PYINIT, text)
    kind, colon, rest = text.partition(":")
    if not colon or kind not in (HTTP, HTTPS, TCP, UNIX, GRPC, EXEC, FILE):
        raise ValueError(f"{text!r} is no target: {EXAMPLES}")
    if kind in (HTTP, HTTPS):
        return _url(kind, text, rest)
    if kind in (TCP, GRPC):
        address, slash, service = rest.partition("/") if kind == GRPC else (rest, "", "")
        if kind == GRPC and not address and slash:
            raise ValueError(f"{text!r}: no slashes stand before the address, as in grpc:50051 or grpc:10.0.0.1:50051/SERVICE")
        host, port = _host_and_port(address if ":" in address else f":{address}", text)
        if port is None:
            raise ValueError(f"{text!r}: a port is missing, as in {kind}:8080 or {kind}:10.0.0.1:8080")
        return Target(kind, text, _addresses(host, text), port, service, _authority(host, port) if kind == GRPC else "")
    if kind == EXEC:
        if not rest.strip():
            raise ValueError(f"{text!r}: a command is missing, as in exec:pg_isready")
        return Target(EXEC, text, place=rest)
    is_abstract = kind == UNIX and rest.startswith("@") and len(rest) > 1
    if not rest.startswith("/") and not is_abstract:
        other = " or @name" if kind == UNIX else ""
        raise ValueError(f"{text!r}: give an absolute path{other}, as in {kind}:/run/app")
    if kind == UNIX and len(rest.encode("utf-8", "surrogateescape")) > LONGEST_PATH:
        raise ValueError(f"{text!r}: the path of a unix socket has {LONGEST_PATH} bytes at most")
    return Target(kind, text, place=rest)


def _url(kind: str, text: str, rest: str) -> Target:
    if not rest.startswith("//"):
        raise ValueError(f"{text!r}: two slashes are missing, as in {kind}://127.0.0.1:8080/healthz")
    end = min((at for at in map(rest[2:].find, "/?#") if at >= 0), default=len(rest))
    authority, path = rest[2 : 2 + end], rest[2 + end :]
    if "#" in path or "@" in authority or " " in text:
        raise ValueError(f"{text!r}: a blank, a fragment (#...) or a user (...@) has no place in it")
    host, port = _host_and_port(authority, text)
    path = "".join(char if char.isascii() else "".join(f"%{byte:02X}" for byte in char.encode()) for char in path)
    default = 443 if kind == HTTPS else 80
    named = _authority(host, None if port == default else port)
    hosts = _addresses(host, text)
    return Target(kind, text, hosts, default if port is None else port, path if path.startswith("/") else f"/{path}", named)


def _authority(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host or LOOPBACK
    return shown if port is None else f"{shown}:{port}"


def _host_and_port(authority: str, text: str) -> tuple[str, int | None]:
    """The host without brackets, and the port if there is one: of 127.0.0.1:80, [::1]:80, localhost, :80."""
    if authority.startswith("["):
        host, bracket, behind = authority[1:].partition("]")
        if not bracket or (behind and not behind.startswith(":")) or not _is_ipv6(host):
            raise ValueError(f"{text!r}: {authority!r} is no IPv6 address in brackets, as in [::1]:8080")
        colon, digits = behind[:1], behind[1:]
    else:
        host, colon, digits = authority.partition(":")
        if ":" in digits:
            raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:8080")
        if not host and not colon:
            raise ValueError(f"{text!r}: a host is missing, as in 127.0.0.1 or localhost")
    if not colon:
        return host, None
    is_number = digits.isdecimal() and digits.isascii() and len(digits) <= len("65535")
    if not is_number or not 0 < int(digits) <= LARGEST_PORT:
        raise ValueError(f"{text!r}: {digits!r} is not a port: give a number from 1 to 65535")
    return host, int(digits)


def _addresses(host: str, text: str) -> tuple[str, ...]:
    if host.lower() == "localhost":
        return LOCALHOST
    if host and not _is_ipv6(host) and not _is_ipv4(host):
        raise ValueError(f"{text!r}: {host!r} is a name that would have to be resolved: give an address, or localhost")
    return (host or LOOPBACK,)


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == len("1.2.3.4".split(".")) and all(
        part.isdecimal() and part.isascii() and str(int(part[:4])) == part and int(part) < 1 << 8 for part in parts
    )


def _is_ipv6(host: str) -> bool:
    """Whether this is an IPv6 address (RFC 4291, 2.2), without a zone."""
    head, gap, tail = host.partition("::")
    groups = [group for half in (head, tail) if half for group in half.split(":")]
    size = len(groups)
    if groups and "." in groups[-1]:
        if not _is_ipv4(groups.pop()):
            return False
        size += 1
    return (size < 8 if gap else size == 8) and all(  # noqa: PLR2004 - of 16 bits each
        0 < len(group) <= len("ffff") and not group.strip("0123456789abcdefABCDEF") for group in groups
    )


def expected(text: str | None, target: Target) -> Expected:
    """What --probe-expect means for a target: "204", "200-299", "200,204,300-399", or a text; "text:204" is one as well."""
    if text is None:
        return Expected()
    if target.kind not in ANSWERING:
        raise ValueError(f"{text!r}: only of http:// and https:// can a status or a text be expected, not of {target.text}")
    if text.startswith("text:"):
        text = text[5:]
    elif text and not text.strip("0123456789-, "):
        return Expected(tuple(_statuses(word, text) for word in text.split(",")))
    if not text or len(text) > LONGEST:
        raise ValueError(f"a status (204), a range (200-299) or a text of 1 to {LONGEST} characters must be given")
    return Expected(WELL, text.encode("utf-8", "surrogateescape"))


def _statuses(word: str, text: str) -> tuple[int, int]:
    first, dash, last = word.strip().partition("-")
    ends = [first, last if dash else first]
    low, high = STATUSES
    if all(end.isdecimal() and len(end) == len("200") and low <= int(end) <= high for end in ends) and ends[0] <= ends[1]:
        return int(ends[0]), int(ends[1])
    raise ValueError(f"{text!r} is no status: give {low} to {high}, as in 204 or 200-299 (text:{text} looks for the text)")
