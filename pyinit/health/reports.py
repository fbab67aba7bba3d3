"""PURE. What the helper reports to PID 1: short lines, each of them one write to a pipe, which takes it whole or not at all.

A line is words separated by tabs, the first one says what it is. Who reads is PID 1, and who writes may have been taken over by
whoever sent it bytes; so a line that is not understood is nothing, and one that is can do no more than it says here.
"""

from pyinit.health.readiness import Verdict
from pyinit.log import LEVELS
from pyinit.record import Record

#: Bytes: PIPE_BUF (pipe(7)).
LONGEST = 4096

#: Characters of a text.
LONGEST_TEXT = 500

#: Seconds on the monotonic clock: more than any machine has been up.
LATEST = 1e10


class Notified(Record):
    """The command has said READY=1."""


class Stopping(Record):
    """The command has said STOPPING=1: it is on its way out."""


class Described(Record):
    """The command describes itself: its STATUS=."""

    text: str


class Extended(Record):
    """The command wants time until then, on the monotonic clock."""

    until: float


class Line(Record):
    """Something to log."""

    level: str
    event: str
    message: str


Report = Verdict | Notified | Stopping | Described | Extended | Line


def to_bytes(report: Report) -> bytes:
    """The line of a report."""
    match report:
        case Verdict(holds, reason):
            words = ["verdict", "yes" if holds else "no", reason]
        case Notified():
            words = ["notified"]
        case Stopping():
            words = ["stopping"]
        case Described(text):
            words = ["described", text]
        case Extended(until):
            words = ["extended", repr(until)]
        case Line(level, event, message):
            words = ["line", level, event, message]
    texts = (word[:LONGEST_TEXT].replace("\t", " ").replace("\n", " ") for word in words)
    return "\t".join(texts).encode("utf-8", "replace")[: LONGEST - 1] + b"\n"


def from_bytes(line: bytes) -> Report | None:
    """The report of a line, without its end; None where it is none."""
    kind, *words = line[:LONGEST].decode("utf-8", "replace").split("\t")
    match kind, words:
        case "verdict", ["yes" | "no" as holds, reason]:
            return Verdict(holds == "yes", reason[:LONGEST_TEXT])
        case "notified", []:
            return Notified()
        case "stopping", []:
            return Stopping()
        case "described", [text]:
            return Described(text[:LONGEST_TEXT])
        case "extended", [until]:
            return _extended(until)
        case "line", [level, event, message] if level in LEVELS and event.isidentifier():
            return Line(level, event[:LONGEST_TEXT], message[:LONGEST_TEXT])
    return None


def _extended(text: str) -> Extended | None:
    try:
        until = float(text[:32])
    except ValueError:
        return None
    return Extended(until) if 0 <= until <= LATEST else None  # which a NaN is not
