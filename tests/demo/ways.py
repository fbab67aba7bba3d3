"""Where a PID 1 can be had: in a PID namespace as root, in a user namespace, or in a container of Docker."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent
SCRIPT = ("/bin/sh", "start.sh")
NO_INIT, PYINIT = "no init", "pyinit"

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
USER = ("--user", "--map-root-user")
IS_PID_1 = ("/bin/sh", "-c", 'test "$$" = 1')

#: Inits that may be installed, and their options. tini -s: no word about being PID 1 or not.
OTHERS = {"tini": ("-s", "--"), "dumb-init": ("--",), "catatonit": ("--",)}

#: By what user namespaces are forbidden, in any kernel, Debian's, Ubuntu's: the value that forbids, one that allows.
SWITCHES = {
    "user.max_user_namespaces": ("0", "10000"),
    "kernel.unprivileged_userns_clone": ("0", "1"),
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),
}

SYSCTLS = Path("/proc/sys")

IN_CONTAINER = Path("/pyinit")


class NoWay(Exception):
    """Nothing on this machine can run a PID 1; says in one line what is missing, and in another what to do about it."""


@dataclass(frozen=True)
class Way:
    """How to run start.sh as, or behind, a PID 1: a sentence about it, and the words for each init that can be had."""

    sentence: str
    inits: Mapping[str, Sequence[str]]
    in_docker: bool = False


def _works(words: Sequence[str]) -> bool:
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _namespace(sentence: str, unshare: Sequence[str]) -> Way:
    words: dict[str, Sequence[str]] = {NO_INIT: (*unshare, *SCRIPT)}
    for name, options in OTHERS.items():
        path = shutil.which(name)
        if path is not None:
            words[name] = (*unshare, path, *options, *SCRIPT)
    words[PYINIT] = (*unshare, sys.executable, "-IS", str(ROOT / "pyinit" / "__main__.py"), "--", *SCRIPT)
    return Way(sentence, words)


def _docker(image: str) -> Way:
    run = (
        "docker",
        "run",
        "--rm",
        "--interactive",
        "--volume",
        f"{ROOT}:{IN_CONTAINER}:ro",
        "--workdir",
        str(IN_CONTAINER / "tests" / "demo"),
    )
    entry = ("--entrypoint", "python3", image, "-IS", str(IN_CONTAINER / "pyinit" / "__main__.py"), "--", *SCRIPT)
    shell = ("--entrypoint", SCRIPT[0], image, *SCRIPT[1:])
    words = {NO_INIT: (*run, *shell), "docker --init": (*run, "--init", *shell), PYINIT: (*run, *entry)}
    return Way(f"each in a Docker container ({image})", words, in_docker=True)


def find(image: str, wanted: str | None) -> Way:
    """What the machine offers: root, else user namespaces, else Docker. `wanted` names the only one to try."""
    missing = []
    if wanted in (None, "root"):
        if os.geteuid() == 0 and _works((*UNSHARE, *IS_PID_1)):
            return _namespace("each in a PID namespace of its own, made as root", UNSHARE)
        missing.append("may not unshare a PID namespace" if os.geteuid() == 0 else "not root")
    if wanted in (None, "user"):
        unshare = (UNSHARE[0], *USER, *UNSHARE[1:])
        if _works((*unshare, *IS_PID_1)):
            return _namespace("each in a PID namespace of its own, made in a user namespace", unshare)
        missing.append("no user namespaces" if shutil.which("unshare") else "no unshare (util-linux)")
    if wanted in (None, "docker"):
        if _works(("docker", "run", "--rm", "--entrypoint", "python3", image, "--version")):
            return _docker(image)
        missing.append(f"no Docker engine that runs {image}" if shutil.which("docker") else "no docker")
    raise NoWay(f"A PID 1 can be run here by none of the ways: {', '.join(missing)}.\n{remedy()}")


def remedy() -> str:
    """What opens a way on this machine, as far as it can be seen: one line."""
    ways = []
    if shutil.which(UNSHARE[0]) is None:
        ways.append("install util-linux, which has unshare")
    if os.geteuid() != 0:
        ways.append("run it as root: sudo make demo")
    for switch, (forbids, allows) in SWITCHES.items():
        found = SYSCTLS / switch.replace(".", "/")
        if found.exists() and found.read_text().strip() == forbids:
            ways.append(f"allow user namespaces: sudo sysctl -w {switch}={allows}")
    if os.geteuid() == 0:
        ways.append(
            "where this is a container, give it the right: docker run --cap-add SYS_ADMIN --security-opt seccomp=unconfined"
        )
    if shutil.which("docker") is None:
        ways.append("install Docker")
    return f"Any of these opens one: {'; '.join(ways)}."


class Stage:
    """One init with start.sh behind it. A context manager: nothing is left of it at the end."""

    def __init__(self, way: Way, init: str, number: int) -> None:
        self._container = f"pyinit-demo-{os.getpid()}-{number}" if way.in_docker else None
        self._killed = False
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        words = list(way.inits[init])
        if self._container is not None:
            words[2:2] = ["--name", self._container]
        self._process = subprocess.Popen(
            words,
            cwd=FOLDER,
            env={**os.environ, "PYTHON": sys.executable, "STARTED_BY": str(os.getpid())},
            stdin=subprocess.PIPE,  # from which the application reads its request
            stdout=self._output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, and we tidy up
        )

    @property
    def said(self) -> list[str]:
        """What was written to stdout so far, by lines."""
        return os.pread(self._output.fileno(), 1 << 16, 0).decode().splitlines()

    @property
    def status(self) -> int | None:
        """The exit status as a shell, or a container engine, tells it; None while it runs."""
        code = self._process.poll()
        if code == 1 and self._killed:
            return 128 + signal.SIGKILL  # unshare(1) wants to die as its child did; before 2.39 SIGKILL makes it fail instead
        return code if code is None or code >= 0 else 128 - code

    def end_request(self) -> None:
        """Send what the application waits for, if it is there to read it."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._process.stdin.fileno(), b"the end of the request\n")

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to PID 1, as an orchestrator does."""
        if self._container is not None:
            words = ["docker", "kill", "--signal", signum.name, self._container]
            subprocess.run(words, capture_output=True, check=False)
            return
        self._killed = signum == signal.SIGKILL
        for pid in _children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.send(signal.SIGKILL)  # the kernel kills all others of the namespace
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        if self._container is not None:
            subprocess.run(["docker", "rm", "--force", self._container], capture_output=True, check=False)
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._output.close()


def _children(parent: int) -> list[int]:
    """The children of a process."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path("/proc", entry, "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(fields[1]) == parent:
                    found.append(int(entry))
    return found
