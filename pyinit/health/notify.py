"""PURE. What a command says of itself in the protocol of sd_notify(3): datagrams of lines KEY=VALUE."""

from pyinit.record import Record

#: Bytes; a longer datagram is none of this protocol.
LONGEST = 4096

#: Characters of STATUS= that are kept.
LONGEST_STATUS = 200

#: Seconds that can be asked for at a time: far more than anybody needs, and no trouble for a clock.
LONGEST_EXTENSION = 86_400.0

#: What tells of processes, descriptors or our own exchange with the command: nothing to somebody outside of the container.
NOT_PASSED_ON = ("MAINPID", "FDSTORE", "FDNAME", "FDPOLL", "BARRIER")

READY = b"READY=1"


class Facts(Record):
    """What a datagram says. `extend` is in seconds; `lines` are those to be passed on at once, without READY=1."""

    is_ready: bool = False
    is_stopping: bool = False
    status: str | None = None
    extend: float | None = None
    lines: tuple[bytes, ...] = ()


def parse(datagram: bytes) -> Facts:
    """The facts of a datagram. Raises ValueError, with the reason, where it is none of this protocol."""
    if len(datagram) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} bytes")
    if b"\0" in datagram:
        raise ValueError("it holds a null byte")
    facts: dict[str, object] = {}
    passed_on = []
    lines = [line for line in datagram.split(b"\n") if line]
    if not lines:
        raise ValueError("it says nothing")
    for line in lines:
        key, equals, value = line.decode("utf-8", "strict").partition("=")  # UnicodeDecodeError is a ValueError
        if not equals or not _is_key(key):
            raise ValueError("a line is not KEY=VALUE")
        if line != READY and not key.startswith(NOT_PASSED_ON):
            passed_on.append(line)
        if key == "STATUS":
            facts["status"] = value[:LONGEST_STATUS]
        elif key == "EXTEND_TIMEOUT_USEC":
            facts["extend"] = _seconds(value)
        elif value == "1" and key in ("READY", "STOPPING"):
            facts["is_ready" if key == "READY" else "is_stopping"] = True
    return Facts(**facts, lines=tuple(passed_on))  # type: ignore[arg-type]  # each of its type


def _is_key(key: str) -> bool:
    return key.isascii() and key.replace("_", "").isalnum() and not key[0].isdigit()


def _seconds(microseconds: str) -> float | None:
    if not (microseconds.isascii() and microseconds.isdigit() and len(microseconds) <= len(str(2**64))):
        return None
    return min(int(microseconds) / 1e6, LONGEST_EXTENSION)
