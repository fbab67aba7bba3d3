"""A PID namespace with an init of our choice as its PID 1: what a container is to an init, without a container engine."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil
import pytest
from typing_extensions import Self

from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "tests" / "app.py"

#: Where tests/prepare.sh puts what is not installed.
CACHE = Path("/var/tmp/pyinit-tests")  # noqa: S108 - of root, who alone writes there

#: How a namespace is made: as root, or in a user namespace of one's own.
UNSHARE = ("unshare", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")), "--pid", "--fork", "--kill-child")
WITH_PROC = (*UNSHARE, "--mount-proc")


def pyinit_from_source(python: str = sys.executable) -> list[str]:
    """The words that run pyinit from this checkout, isolated as an installed one is."""
    return [python, "-IS", str(ROOT / "pyinit" / "__main__.py")]


def after(line: str, unshare: Sequence[str] = WITH_PROC, by: str = "sh") -> tuple[str, ...]:
    """What makes a namespace whose PID 1 is a shell that runs a line, and then becomes the init: for `unshare`."""
    return (*unshare, by, "-c", f'{line}\nexec "$@"', "sh")


#: The kinds of namespaces, as /proc/PID/ns has them, and the options of nsenter(1), in the order in which they can be entered.
KINDS = {
    "user": "--user",
    "mnt": "--mount",
    "net": "--net",
    "ipc": "--ipc",
    "uts": "--uts",
    "cgroup": "--cgroup",
    "pid": "--pid",
}


def enter(pid: int, *kinds: str) -> list[str]:
    """The words that run a command in the namespaces of a process, or only in those of these kinds; as `docker exec` does.

    Those that are ours as well are left out, for only root may enter them; and where all are ours, so is nsenter(1), which
    refuses to enter none since util-linux 2.41.
    """
    apart = [kind for kind in KINDS if os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")]
    flags = [KINDS[kind] for kind in apart if not kinds or kind in kinds or kind == "user"]
    credentials = ["--preserve-credentials"] if "user" in apart else []
    if not flags:
        return []
    return ["nsenter", f"--target={pid}", *flags, *credentials]


def need(program: str) -> None:
    """Skip the test where a program is not installed. In CI that is a failure: nothing may be left untested there."""
    if shutil.which(program) is None:
        reason = f"{program} is not installed (tests/prepare.sh does that on Debian)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def need_another_user() -> None:
    """Skip the test where we cannot become another user: without root, in a user namespace of one user. Not in CI."""
    users = sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())
    if os.geteuid() != 0 or users == 1:
        reason = "this needs a second user: run it as root"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


class Namespace:
    """An init running as a real PID 1. A context manager: at its end every process of the namespace is killed.

    stdout and stderr go to files in `folder`, unless other streams are given.
    """

    def __init__(
        self,
        words: Sequence[str | bytes],
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        unshare: Sequence[str] = WITH_PROC,
        stdin: int = subprocess.DEVNULL,
        stdout: int | None = None,
        stderr: int | None = None,
        pass_fds: Sequence[int] = (),
        cwd: Path | None = None,
    ) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._unshare = subprocess.Popen(
                [*unshare, *words],
                stdin=stdin,
                stdout=out if stdout is None else stdout,
                stderr=err if stderr is None else stderr,
                env=None if env is None else dict(env),
                pass_fds=pass_fds,
                cwd=cwd,
            )
        self._init: psutil.Process | None = None

    @property
    def init(self) -> psutil.Process:
        """PID 1, as seen from outside."""
        if self._init is None:
            self._init = wait_until(self._find_init, "PID 1 of the namespace")
        return self._init

    def _find_init(self) -> psutil.Process | None:
        children = psutil.Process(self._unshare.pid).children()
        assert children or self._unshare.poll() is None, f"no PID 1: {self.stderr}"
        return children[0] if children else None

    def signal(self, signum: int) -> None:
        """Send a signal to PID 1, as a container engine does."""
        os.kill(self.init.pid, signum)

    def is_there(self) -> bool:
        """Whether PID 1 has not ended."""
        return self._unshare.poll() is None

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for the end of PID 1; return its exit status."""
        return self._unshare.wait(timeout)

    @property
    def stdout(self) -> str:
        """What was written to stdout so far."""
        return self._out.read_text(errors="surrogateescape")

    @property
    def stderr(self) -> str:
        """What was written to stderr so far."""
        return self._err.read_text(errors="surrogateescape")

    def wait_for_output(self, text: str, times: int = 1, timeout: float = PATIENCE) -> None:
        """Wait until a text has been written to stdout so many times."""
        wait_until(
            lambda: self.stdout.count(text) >= times, f"{text!r} {times} times in {self.stdout!r}, {self.stderr!r}", timeout
        )

    def wait_for_log(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until a text has been written to stderr."""
        wait_until(lambda: text in self.stderr, f"{text!r} in {self.stderr!r}", timeout)

    def wait_until_at_rest(self) -> None:
        """Wait until PID 1 sleeps in sigwait(): it has done all that there was to do."""
        wchan = Path(f"/proc/{self.init.pid}/wchan")
        wait_until(lambda: "sigtimedwait" in wchan.read_text(), "PID 1 waits for signals")

    def processes(self) -> list[psutil.Process]:
        """All processes below PID 1, as seen from outside."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return self.init.children(recursive=True)
        return []

    def named(self, name: str) -> list[psutil.Process]:
        """The living processes below PID 1 with this name."""

        def alive() -> Iterator[psutil.Process]:
            for process in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.name() == name and process.status() != psutil.STATUS_ZOMBIE:
                        yield process

        return list(alive())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._unshare.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess, AssertionError, ProcessLookupError):
                os.kill(self.init.pid, signal.SIGKILL)  # the kernel kills all others of the namespace
            self._unshare.kill()
            self._unshare.wait()
