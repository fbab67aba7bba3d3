"""Parsers of option values: text in, value out. A ValueError's message says what is wrong and what is allowed."""

from pyinit.kernel import signals
from pyinit.settings.config import AUTO, BY_PROGRAM, COMMAND, GROUP, HANDLERS, NOTIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Longest time that an option takes: a year, far within what the system calls accept.
LONGEST = 31_536_000.0

#: Shortest time from one look at something to the next.
SHORTEST = 0.05

#: Of exit statuses, as wait() has them.
LARGEST_STATUS = 255

#: Of TCP.
LARGEST_PORT = 65535

LEVELS = ("error", "warning", "info", "debug", "warn")

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Seconds from "5", "2.5", "500ms" or "1m30s"."""
    problem = f"{text!r} is not a time: give seconds (5, 2.5) or units (500ms, 1m30s), at most a year"
    rest = text.strip()
    total, digits = 0.0, "0123456789."
    if not rest:
        raise ValueError(problem)
    while rest:
        figure = rest[: len(rest) - len(rest.lstrip(digits))]
        rest = rest[len(figure) :]
        unit = rest[: len(rest) - len(rest.lstrip("hms"))]
        rest = rest[len(unit) :]
        is_number = figure.count(".") <= 1 and figure.strip(".") != ""
        is_bare = figure == text.strip()  # seconds, where there is nothing else
        if not is_number or not (is_bare or unit in UNITS):
            raise ValueError(problem)
        total += float(figure) * UNITS[unit or "s"]
    if total > LONGEST:
        raise ValueError(problem)
    return total


def optional_duration(text: str) -> float | None:
    """Seconds as duration() reads them, or None for "none"."""
    return None if text == "none" else duration(text)


def stop_timeout(text: str) -> float | str | None:
    """Seconds as duration() reads them, None for "none", or AUTO."""
    if text == AUTO:
        return AUTO
    try:
        return optional_duration(text)
    except ValueError as error:
        raise ValueError(f"{error}; or auto, or none") from None


def interval(text: str) -> float:
    """Seconds as duration() reads them, and not so few that nothing else would be done."""
    found = duration(text)
    if found < SHORTEST:
        raise ValueError(f"{text!r} is too short a time: give 50ms or more")
    return found


def delay(text: str) -> float | None:
    """Seconds as duration() reads them, or None for "auto"."""
    if text == "auto":
        return None
    try:
        return duration(text)
    except ValueError as error:
        raise ValueError(f"{error}; or auto") from None


def _port(text: str) -> int:
    word = text.strip()
    if not (word.isdecimal() and word.isascii() and len(word) <= len("65535") and 0 < int(word) <= LARGEST_PORT):
        raise ValueError(f"{text!r} is not a port: give numbers from 1 to 65535, as in 8080,9000-9010")
    return int(word)


def ports(text: str) -> tuple[tuple[int, int], ...]:
    """Ranges of TCP ports, both ends included: "8080,9000-9010"; none for "none"."""
    found = []
    if text == "none":
        return ()
    for word in text.split(","):
        first, dash, last = word.partition("-")
        if word.strip():
            low = _port(first)
            high = _port(last) if dash else low
            if low > high:
                raise ValueError(f"{word!r} is no range of ports: {low} is above {high}")
            found.append((low, high))
    return tuple(found)


def listen(text: str) -> tuple[str, int] | None:
    """An address and a TCP port: "8081" (the address is "" then: all of them), "127.0.0.1:8081", "[::1]:8081"; or None."""
    if text == "none":
        return None
    address, _, port = text.strip().rpartition(":")
    number = _port(port)
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    if address in ("", "*"):
        return "", number
    if bare == "localhost":
        return "127.0.0.1", number
    import _socket  # only here: PID 1 has no other use for it as a rule

    try:
        _socket.inet_pton(_socket.AF_INET6 if address.startswith("[") else _socket.AF_INET, bare)
    except (OSError, ValueError):
        problem = f"{address!r} is no address: give numbers, as in 127.0.0.1:{number} or [::1]:{number}, or the port alone"
        raise ValueError(problem) from None
    return bare, number


def targets(text: str) -> tuple[str, ...]:
    """One target of a probe, or "notify"; none for "none"."""
    word = text.strip()
    if word == "none":
        return ()
    if word != NOTIFY:
        _check_target(word)
    return (word,)


def _check_target(text: str) -> None:
    from pyinit.probe import run, target  # only here: PID 1 has no other use for them

    try:
        asked = target.parse(text)
    except ValueError as error:
        raise ValueError(f"{error}; or {NOTIFY}") from None
    if asked.kind == target.PYINIT:
        raise ValueError("'pyinit' is what readiness is made for, not what it is made from: name a target of the application")
    problem = run.impossible(asked)
    if problem:
        raise ValueError(problem)


def separate(text: str) -> list[str]:
    """Targets in one text: separated by whitespace; one that begins with "exec:" goes on to the end of its line."""
    found = []
    for line in text.splitlines():
        rest = line.strip()
        while rest:
            word = rest if rest.startswith("exec:") else rest.split(None, 1)[0]
            found.append(word)
            rest = rest[len(word) :].strip()
    return found


def received_signal(text: str) -> int:
    """A signal that a process can receive: any but SIGKILL and SIGSTOP, which the kernel keeps for itself."""
    signum = signals.number(text)
    if signum not in signals.ALL:
        raise ValueError(f"{signals.name(signum)} cannot be received by a process: name another signal")
    if signum == signals.signal.SIGCHLD:
        raise ValueError("SIGCHLD tells us of children, and goes no further: name another signal")
    return signum


def optional_signal(text: str) -> int | None:
    """A signal number, or None for "none"."""
    return None if text == "none" else signals.number(text)


def forward(text: str) -> str:
    """One of the values of --forward."""
    if text == "topmost":
        raise ValueError("'topmost' is what group means now: write group, or leave the option out")
    return one_of(GROUP, HANDLERS, COMMAND)(text)


def stop_requests(text: str) -> frozenset[int]:
    """The signals of a comma-separated list, or "auto": TERM, INT and BY_PROGRAM."""
    if text == AUTO:
        return frozenset({int(signals.signal.SIGTERM), int(signals.signal.SIGINT), BY_PROGRAM})
    return signal_set(text)


def stop_signal(text: str) -> int | None:
    """A signal number, None for "none", or BY_PROGRAM for "auto"."""
    if text == AUTO:
        return BY_PROGRAM
    try:
        return optional_signal(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is none of auto, none, and no signal: give a name (TERM, QUIT) or a number, 1 to 64"
        ) from None


def signal_set(text: str) -> frozenset[int]:
    """The signals of a comma-separated list: "TERM,INT"."""
    found = frozenset(received_signal(word) for word in text.split(",") if word.strip())
    if not found:
        raise ValueError(f"{text!r} names no signal: give one at least, as in TERM,INT")
    return found


def _pairs(text: str, key: "Callable[[str], int]", value: "Callable[[str], int]", example: str) -> dict[int, int]:
    pairs = {}
    for pair in text.split(","):
        left, colon, right = pair.partition(":")
        if pair.strip():
            if not colon:
                raise ValueError(f"{pair!r} is not FROM:TO, as in {example}")
            pairs[key(left)] = value(right)
    return pairs


def _signal_or_drop(text: str) -> int:
    return 0 if text.strip() == "0" else signals.number(text)


def rewrites(text: str) -> dict[int, int]:
    """Signal numbers by the signal received, 0 for "drop it": "TERM:QUIT,USR1:0"."""
    return _pairs(text, received_signal, _signal_or_drop, "TERM:QUIT or USR1:0")


def _exit_status(text: str) -> int:
    word = text.strip()
    if not (word.isdecimal() and word.isascii() and len(word) <= len("255") and int(word) <= LARGEST_STATUS):
        raise ValueError(f"{text!r} is not an exit status: give a number, 0 to 255")
    return int(word)


def status_map(text: str) -> dict[int, int]:
    """Exit statuses by exit status: "143:0"."""
    return _pairs(text, _exit_status, _exit_status, "143:0")


def one_of(*words: str) -> "Callable[[str], str]":
    """A parser that takes just these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")
        return text

    return parse


def log_level(text: str) -> str:
    """One of the levels of the log, in whatever case; "warn" is "warning"."""
    word = text.lower()
    if word not in LEVELS:
        raise ValueError(f"{text!r} is not one of {', '.join(LEVELS[:-1])}")
    return "warning" if word == "warn" else word


def switch(text: str) -> bool:
    """True for "yes", "true", "1", "on"; False for their opposites."""
    word = text.lower()
    if word in ("yes", "true", "1", "on"):
        return True
    if word in ("no", "false", "0", "off"):
        return False
    raise ValueError(f"{text!r} is neither yes nor no")


def auto_or_switch(text: str) -> str:
    """One of "auto", "yes", "no"; the latter two in any of the words that switch() takes."""
    try:
        return text if text == "auto" else ("yes" if switch(text) else "no")
    except ValueError:
        raise ValueError(f"{text!r} is not one of auto, yes, no") from None


def optional_text(text: str) -> str | None:
    """The text itself, or None for "none"."""
    return None if text == "none" else text
