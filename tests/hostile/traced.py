"""PID 1 under strace(1): what system calls it makes, in order, and the same with one of them failing.

So a fault can be given to a static binary, which nothing can be loaded into. strace stands outside of the PID namespace, and
follows PID 1 alone. PID 1 begins as a shell that waits until it is there, and then becomes pyinit: so the calls are counted
from the shell's last ones on, which are always the same.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tests.namespace import WITH_PROC, Namespace
from tests.waiting import wait_until

#: Becomes pyinit when it has read a line.
WAITS = (*WITH_PROC, "sh", "-c", 'read go; exec "$@"', "sh")

#: A line of strace: the name of a call, its arguments, its result.
LINE = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>.*)")


class Call(NamedTuple):
    """A system call: the how manyth of its name it is since strace was there, and whether a stop was requested before.

    With `and_later` it stands for all of that name from this one on.
    """

    name: str
    nth: int
    in_stop: bool
    and_later: bool = False

    @property
    def when(self) -> str:
        """As strace has it."""
        return f"{self.nth}{'+' if self.and_later else ''}"

    def but_always(self) -> "Call":
        """The same call and all later ones of its name."""
        return self._replace(and_later=True)


class Traced:
    """A namespace whose PID 1 is traced. `inject` is as for strace's `-e inject=`, or nothing."""

    def __init__(self, words: Sequence[str], folder: Path, inject: str = "", env: Mapping[str, str] | None = None) -> None:
        reader, writer = os.pipe()
        self.log = folder / "strace"
        self.namespace = Namespace(words, folder, unshare=WAITS, stdin=reader, env=env)
        os.close(reader)
        pid = self.namespace.init.pid
        # It reads: all that it has called to be loaded is over, and not counted now and then.
        wait_until(lambda: "pipe_read" in Path(f"/proc/{pid}/wchan").read_text(), "the shell")
        chosen = ("-e", f"inject={inject}") if inject else ()
        self._strace = subprocess.Popen(["strace", "-qq", "-o", str(self.log), *chosen, "-p", str(pid)])
        wait_until(lambda: f"TracerPid:\t{self._strace.pid}\n" in Path(f"/proc/{pid}/status").read_text(), "strace is there")
        os.write(writer, b"go\n")
        os.close(writer)

    def __enter__(self) -> "Traced":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.namespace.__exit__(kind, error, traceback)
        self._strace.wait()  # it ends when nobody is left whom it follows

    @property
    def lines(self) -> list[str]:
        """What strace has written, call by call, from the one by which PID 1 became pyinit."""
        lines = self.log.read_text(errors="replace").splitlines()
        begin = next((at for at, line in enumerate(lines) if line.startswith("execve(")), len(lines))
        return lines[begin:]

    def calls(self, stop: str = "SIGTERM") -> list[Call]:
        """The calls of pyinit; `stop` is the signal that asks for the stop, as far as Call is concerned."""
        lines = self.log.read_text(errors="replace").splitlines()
        begin = len(lines) - len(self.lines)
        counts: dict[str, int] = {}
        found, in_stop = [], False
        for at, line in enumerate(lines):
            match = LINE.match(line)
            if match is None:
                continue
            name = match["name"]
            counts[name] = counts.get(name, 0) + 1
            if at > begin:
                found.append(Call(name, counts[name], in_stop))
            in_stop |= name == "rt_sigtimedwait" and f"si_signo={stop}" in line
        return found
