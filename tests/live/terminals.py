"""A terminal as a person sees it: keys that are pressed, and what is shown."""

import contextlib
import fcntl
import os
import pty
import struct
import termios
from types import TracebackType
from typing import Any

from tests.live.conftest import Start
from tests.namespace import WITH_PROC, Namespace
from tests.waiting import PATIENCE, wait_until

#: Makes PID 1 the leader of a session whose controlling terminal is its stdin.
ON_TERMINAL = (*WITH_PROC, "setsid", "--ctty")


class Terminal:
    """A pseudo-terminal. A context manager: at its end it hangs up."""

    def __init__(self) -> None:
        self._master, self.slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._shown = b""

    def run(self, start: Start, *words: str, **keywords: Any) -> Namespace:
        """Start pyinit as PID 1 on this terminal."""
        keywords.setdefault("unshare", ON_TERMINAL)
        return start(*words, stdin=self.slave, stdout=self.slave, stderr=self.slave, **keywords)

    @property
    def shown(self) -> str:
        """All that has been shown so far, the echo of what was typed included."""
        with contextlib.suppress(BlockingIOError, OSError):
            while more := os.read(self._master, 1 << 16):
                self._shown += more
        return self._shown.decode(errors="replace")

    def enter(self, line: str) -> None:
        """Type a line."""
        os.write(self._master, line.encode() + b"\n")

    def press(self, key: str) -> None:
        """Press Ctrl and a key: "C", "Z", "D"."""
        os.write(self._master, bytes([ord(key) - 64]))

    def wait_for(self, text: str, times: int = 1, timeout: float = PATIENCE) -> None:
        """Wait until a text has been shown so many times."""
        wait_until(lambda: self.shown.count(text) >= times, f"{text!r} {times} times", timeout)

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of the window."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def foreground(self) -> int:
        """The process group in the foreground, as seen from outside of its namespace."""
        return os.tcgetpgrp(self._master)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for descriptor in (self._master, self.slave):
            os.close(descriptor)
