"""How many TCP resets a container's kernel has sent: `OutRsts` of its network namespace (RFC 4022, tcpOutRsts; proc(5)).

It is a second opinion on what the client counted: a refused connection is answered with a reset, and so is a request that came
when the server had closed its side. An open file of /proc/PID/net keeps the namespace, so that it can be read to the end.
"""

import contextlib
from pathlib import Path
from types import TracebackType
from typing import TextIO

FIELD = "OutRsts"


def parse(table: str) -> int:
    """The count in the text of /proc/PID/net/snmp. Raises ValueError where it is not there."""
    names, values = [line.split() for line in table.splitlines() if line.startswith("Tcp:")]
    return int(dict(zip(names, values, strict=True))[FIELD])


class Resets:
    """Counts from its beginning those that the namespace of a process of this machine sends. A context manager."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._file: TextIO | None = None
        self._before: int | None = None

    def __enter__(self) -> "Resets":
        with contextlib.suppress(OSError):
            self._file = Path(f"/proc/{self._pid}/net/snmp").open(encoding="ascii")
        self._before = self._read()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def count(self) -> int | None:
        """How many it has sent since, also after its last process has ended; None where that cannot be read."""
        now = self._read()
        return None if now is None or self._before is None else now - self._before

    def _read(self) -> int | None:
        if self._file is None:
            return None
        try:
            self._file.seek(0)
            return parse(self._file.read())
        except (OSError, ValueError, KeyError):
            return None
