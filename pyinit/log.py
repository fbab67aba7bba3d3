"""The log: one line, one write, to stderr, never blocking, never failing.

A line that stderr does not take (its reader is slow, or gone) is lost, and counted; the count is told as soon as
stderr takes a line again.
"""

import sys
import time

from pyinit.kernel import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("error", "warning", "info", "debug")

#: Longest line in bytes: PIPE_BUF, up to which a write to a pipe is taken whole or not at all (pipe(7)).
LONGEST = 4096


def _json_string(text: str) -> str:
    escaped = []
    for char in text:
        if char in '"\\':
            escaped.append("\\" + char)
        elif " " <= char <= "~":
            escaped.append(char)
        elif char <= "\uffff":
            escaped.append(f"\\u{ord(char):04x}")
        else:
            offset = ord(char) - 0x10000
            escaped.append(f"\\u{0xD800 + (offset >> 10):04x}\\u{0xDC00 + (offset & 0x3FF):04x}")
    return '"' + "".join(escaped) + '"'


def json_value(value: object) -> str:
    """A value as JSON: None, bool, int, float, str, or a list or a dict of such.

    The module `json` imports `re`, which costs 4 ms and 1 MB in PID 1.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:.3f}" if isinstance(value, float) else str(value)
    if isinstance(value, dict):
        return json_object(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(json_value, value)) + "]"
    return _json_string(str(value))


def json_object(members: "Mapping[str, object]") -> str:
    """An object as JSON; its values as json_value() takes them."""
    return "{" + ", ".join(f"{_json_string(key)}: {json_value(value)}" for key, value in members.items()) + "}"


def printable(text: str) -> str:
    """A text without control characters, line ends and undecodable bytes: names of processes may hold anything."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def timestamp() -> str:
    """Now, to the millisecond, as RFC 3339 has it."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"


class Log:
    """Writes lines at or above a level, as text or json. Knows how many lines stderr did not take."""

    def __init__(self, level: str, layout: str) -> None:
        self._levels = LEVELS[: LEVELS.index(level) + 1]
        self._layout = layout
        self.lost = 0

    def tells(self, level: str) -> bool:
        """Whether lines of this level are written."""
        return level in self._levels

    def say(self, level: str, event: str, message: str, **fields: object) -> None:
        """Write one line: text for people, or one JSON object with time, level, event, message and the fields."""
        if not self.tells(level):
            return
        try:
            if self.lost and self._write("warning", "log_lost", f"{self.lost} log lines were lost here", {"lines": self.lost}):
                self.lost = 0
            written = self._write(level, event, message, fields)
        except MemoryError:
            written = False
        if not written:
            self.lost += 1

    def _write(self, level: str, event: str, message: str, fields: dict[str, object]) -> bool:
        text = printable(message)
        if self._layout == "json":
            head = {
                "time": timestamp(),
                "level": level,
                "event": event,
                "message": text,
            }
            line = json_object(head | fields)
            while len(line) >= LONGEST:
                head["message"] = head["message"][: len(head["message"]) // 2]
                line = json_object({**head, "truncated": True})
        else:
            line = f"pyinit: {text}" if level in ("info", "debug") else f"pyinit: {level}: {text}"
        data = line.encode(sys.getfilesystemencoding(), "backslashreplace")
        return system.write_stderr(data[: LONGEST - 1] + b"\n")


def seconds(value: float) -> str:
    """A time for people: "1.5s"."""
    return f"{value:.1f}s".replace(".0s", "s")
