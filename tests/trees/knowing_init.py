"""An init that knows the trees: it does what the contract says by looking up in each command line what the process is.

No init can be so, but the oracle must find no fault with it: what the oracle asks for can be done. It is run as a script, with
a command.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

#: Seconds between two looks, and for those that have no handler once the last handler has gone.
PAUSE, SETTLE = 0.01, 0.3


class Process:
    """A process, as far as it matters."""

    def __init__(self, pid: int) -> None:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
        masks = {
            line.split(":")[0]: int(line.split()[1], 16)
            for line in status.splitlines()
            if line.startswith("Sig") and "/" not in line
        }
        self.pid, self.parent, self.is_zombie, self.is_stopped = pid, int(stat[1]), stat[0] in "ZX", stat[0] == "T"
        self.start = stat[19]
        self.words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
        shell = Path(self.words[0]).name in ("bash", "busybox") if self.words else False  # these ignore SIGQUIT themselves
        self.is_behind = bool(masks["SigIgn"] & (0b010 if shell else 0b110))
        self.kind, self.can_reload = self.look_up()
        self.children: list[Process] = []

    def look_up(self) -> tuple[str, bool]:
        """What this is, and whether it would survive a reload."""
        word = [Path(word).name for word in self.words]
        if "leaf" in word[:1]:
            handles = self.words[1] in ("master", "forward") or (
                self.words[1] == "app" and self.words[5] not in ("none", "word")
            )
            return ("told" if handles else "held"), handles
        if {"tini", "dumb-init", "timeout"} & set(word[:1]):
            return "told", False
        for path in self.words if word and word[0] in ("dash", "bash", "busybox") else ():
            if path.endswith(".sh") and "-c" not in self.words:
                return {"TrapForward": "told", "TrapWord": "told", "TrapAfter": "both", "Restart": "loop"}.get(
                    Path(path).read_text().splitlines()[1][2:], "wrapper"
                ), False
        return "wrapper", False


class Init:
    """The whole of it."""

    def __init__(self, command: list[str]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self.command = os.fork()
        if self.command == 0:
            os.setsid()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            os.execvp(command[0], command)  # noqa: S606 - without a shell is what is wanted
        self.stop = 0
        self.told: set[tuple[int, str]] = set()
        self.told_finally: set[tuple[int, str]] = set()
        self.since = time.monotonic()
        self.quiet: float | None = None
        self.status: int | None = None

    def run(self) -> int:
        """Until nobody is left."""
        while True:
            info = signal.sigtimedwait(signal.valid_signals(), PAUSE if self.stop else 3600)
            if info and info.si_signo in (signal.SIGTERM, signal.SIGINT):
                self.stop = info.si_signo
            elif info and info.si_signo in (signal.SIGHUP, signal.SIGUSR1):
                self.address(self.roots(), info.si_signo)
            if not self.reap():
                return self.status or 0
            if self.stop or self.status is not None:
                self.look()

    def reap(self) -> bool:
        """Whether anybody is left."""
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self.command:
                    code = os.waitstatus_to_exitcode(found[1])
                    self.status = 128 - code if code < 0 else code
        except ChildProcessError:
            return False
        return True

    def roots(self) -> list[Process]:
        """The processes right below us, each with its children."""
        found = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and name != "1":
                try:
                    process = Process(int(name))
                except (OSError, IndexError):
                    continue
                if not process.is_zombie:
                    found[process.pid] = process
        for process in found.values():
            if process.parent in found:
                found[process.parent].children.append(process)
        return [process for process in found.values() if process.parent not in found]

    def look(self) -> None:
        """One round from the top down. When nobody works any more, those that do nothing get some time, and then the signal."""
        roots = self.roots()
        if self.address(roots, self.stop or signal.SIGTERM):
            self.quiet = None
        elif self.quiet is None:
            self.quiet = time.monotonic()
        elif time.monotonic() - self.quiet > SETTLE or not self.told:
            everyone = everybody(roots)
            if any("job" in process.words for process in everyone):  # the last lines of a script take their time
                return
            for process in everyone:
                if (process.pid, process.start) not in self.told_finally:
                    self.told_finally.add((process.pid, process.start))
                    send(process, self.stop or signal.SIGTERM)

    def address(self, processes: list[Process], signum: int) -> bool:
        """Tell those who are to be told; whether anybody among these or below works."""
        works = False
        for process in processes:
            if process.is_stopped and signum == self.stop:
                send(process, signal.SIGCONT)
            is_new = (process.pid, process.start) not in self.told
            if process.kind in ("told", "both"):  # before what is below: a shell would go on when its child has ended
                self.tell(process, signum)
                works = True
            if process.kind != "told":
                front = self.address([child for child in process.children if process.is_behind or not child.is_behind], signum)
                behind = [] if process.is_behind else [child for child in process.children if child.is_behind]
                works = (front or self.address(behind, signum)) or works
                if process.kind == "both" and is_new and not front:
                    for each in everybody(process.children):
                        self.tell(each, signum)
            if process.kind == "loop" and self.told:  # its application is told by now, and the next one will be in its turn
                self.tell(process, signum)
        return works

    def tell(self, process: Process, signum: int) -> None:
        """Tell one of a stop once, and of a reload where it is no harm."""
        if signum in (signal.SIGHUP, signal.SIGUSR1):
            if process.can_reload:
                send(process, signum)
        elif (process.pid, process.start) not in self.told:
            self.told.add((process.pid, process.start))
            send(process, signum)


def send(process: Process, signum: int) -> None:
    """Send a signal, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signum)


def everybody(processes: list[Process]) -> list[Process]:
    """These, and all below them."""
    return [each for process in processes for each in (process, *everybody(process.children))]


if __name__ == "__main__":
    sys.exit(Init(sys.argv[1:]).run())
