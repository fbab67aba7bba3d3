"""One cell: a program under an init in a PID namespace and a network of its own, asked to stop while its work is in flight."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.menagerie.inits import PYINIT, words_of
from tests.menagerie.row import APPS, CACHE, NPM, PATH, PIP, ROOT, WORK, Program, Row
from tests.namespace import WITH_PROC, Namespace
from tests.shared import turn
from tests.waiting import wait_until

#: Seconds for a program to become ready on a machine that is busy with others.
READY = 60.0
#: Seconds for a client to see that nobody is there any more, or for work to end that somebody still does.
AFTERWARDS = 30.0

#: A PID namespace with a network of its own, whose PID 1 first runs a shell line and then becomes the init. No signal is
#: ignored: a test run in the background of a script has SIGINT ignored, and would hand that down.
PRELUDE = 'eval "$0"; exec env --default-signal "$@"'
LOOPBACK = (sys.executable, "-IS", str(ROOT / "tests" / "live" / "loopback.py"))
UNSHARE = (*WITH_PROC, "--net", *LOOPBACK, "sh", "-c", PRELUDE)

#: What an image's environment has, and nothing of ours.
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Cell:
    """What became of one program under one init."""

    #: How often the application was told; None where nobody can know.
    told: int | None
    finished: bool
    #: As a shell says it: 128 + N for signal N. 137 where the limit ended it.
    status: int
    #: From the signal to the end of PID 1.
    seconds: float
    #: It had not ended when the orchestrator's patience did.
    killed: bool
    #: For a dump: PID 1 was still there when the work was done.
    alive: bool
    #: All that was said, for a person.
    text: str


class NotInFlightError(AssertionError):
    """A program was ready, and its work never began."""


class Stage:
    """The texts of a row with their placeholders replaced, and the folder in which one cell lives."""

    def __init__(self, row: Row, init: str, folder: Path) -> None:
        self.row, self.init, self.folder = row, init, folder
        self.events = folder / "events"
        self.apps = folder / "apps"  # a copy: some programs become another user, who may not read a checkout
        self._places = {
            "DIR": str(folder), "EVENTS": str(self.events), "WORK": str(WORK), "APPS": str(self.apps), "CACHE": str(CACHE),
            "PYTHON": sys.executable, "PIP": str(PIP), "NPM": str(NPM),
        }  # fmt: skip
        self._places["COMMAND"] = self.fill(row.program.command)

    @property
    def program(self) -> Program:
        """The program on this stage."""
        return self.row.program

    def fill(self, text: str) -> str:
        """A text with its placeholders replaced."""
        return re.sub(r"@([A-Z]+)@", lambda match: self._places.get(match[1], match[0]), text)

    def environment(self) -> dict[str, str]:
        """What the program and its clients find in their environment."""
        return ENVIRONMENT | {
            "EVENTS": str(self.events),
            "WORK": str(WORK),
            "PYTHONPATH": str(self.apps),
            "NODE_PATH": str(NPM.parent),
            "DIR": str(self.folder),
            "HOME": str(self.folder),
            # Where a question is mistaken for a stop request, this makes it one that ends.
            **({"PYINIT_GRACE_PERIOD": "1"} if self.row.is_dump else {}),
        }

    def set_up(self) -> None:
        """Write the files of the program and of the form; those that begin with `#!` can be executed."""
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)  # some programs become another user
        self.events.touch()
        self.events.chmod(0o666)
        shutil.copytree(APPS, self.apps, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in {**self.program.files, **self.row.form.files}.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.fill(text))
            path.chmod(0o755 if text.startswith("#!") else 0o644)

    def text(self) -> str:
        """All that was said so far, by the applications, by the programs and by their clients."""
        paths = ["events", "stdout", "stderr", "client", *self.program.logs]
        with contextlib.suppress(OSError):
            return "\n".join(
                path.read_text(errors="replace") for path in (self.folder / name for name in paths) if path.exists()
            )
        return ""

    def said(self, pattern: str) -> int:
        """How many times something was said."""
        return len(re.findall(pattern, self.text(), re.MULTILINE))


@contextlib.contextmanager
def beside(stage: Stage, namespace: Namespace, command: str, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the network of the namespace, as another container of a pod is. Killed with all its children at the end."""
    words = ["nsenter", f"--net=/proc/{namespace.init.pid}/ns/net", *WITH_PROC, "sh", "-c", stage.fill(command)]
    with output.open("wb") as file:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=stage.environment(), cwd=stage.folder,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_listened_on(pid: int, port: int) -> bool:
    """Whether a TCP socket listens on a port in the network of a process. Asking by a connection would be work for it."""
    for family in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    return True
    return False


def make_once(program: Program, folder: Path) -> None:
    """Make in the cache what all cells of a program share. The folder `folder` holds the lock and the proof that it is made."""
    CACHE.mkdir(exist_ok=True)
    name = program.name.replace(" ", "-")
    with turn(folder / f"{name}.lock"):
        made = folder / f"{name}.made"
        if not made.exists():
            line = program.once.replace("@CACHE@", str(CACHE)).replace("@APPS@", str(APPS)).replace("@NPM@", str(NPM))
            subprocess.run(["sh", "-ec", line], check=True, capture_output=True)
            made.touch()


def run_cell(row: Row, init: str, folder: Path, others_ended: Callable[[], bool] = lambda: False) -> Cell:
    """Run one cell in a new folder.

    Raises AssertionError where the program did not get ready, and NotInFlightError where it did, but its work did not begin.

    Where pyinit has not ended within its limit, though others have, it gets three times that, so that a busy machine is not
    mistaken for a hang.
    """
    stage = Stage(row, init, folder)
    program = row.program
    stage.set_up()
    if program.before:
        (folder / "before.sh").write_text(stage.fill(program.before))
    words = [*words_of(init), *shlex.split(stage.fill(row.form.command))]
    before = f"set -e; . {folder}/before.sh >{folder}/before.log 2>&1" if program.before else ":"
    signum = getattr(signal, "SIG" + row.signal)

    with contextlib.ExitStack() as stack:
        gate = folder / "gate"  # PID 1 begins when its companion listens
        os.mkfifo(gate)
        unshare = (*UNSHARE, f"read -r _ <{gate}; {before}")
        namespace = stack.enter_context(Namespace(words, folder, unshare=unshare, env=stage.environment(), cwd=folder))
        wait_until(lambda: (folder / "gate").exists() and namespace.init.name() == "sh", "the shell before PID 1", READY)
        if program.companion:
            stack.enter_context(beside(stage, namespace, program.companion, folder / "companion.log"))
            pid = namespace.init.pid
            wait_until(
                lambda: is_listened_on(pid, program.companion_port),
                "the companion listens " + (folder / "companion.log").read_text(errors="replace"), READY, 0.05,
            )  # fmt: skip
        gate.write_text("\n")
        return observe(stage, namespace, stack, signum, others_ended)


def observe(
    stage: Stage, namespace: Namespace, stack: contextlib.ExitStack, signum: int, others_ended: Callable[[], bool]
) -> Cell:
    """Wait until the work is in flight, send the signal, and see what happens."""
    program, folder = stage.program, stage.folder
    init = namespace.init

    def is_ready() -> bool:
        assert alive(namespace), f"PID 1 has gone: {stage.text()[-3000:]}"
        return (not program.port or is_listened_on(init.pid, program.port)) and (
            not program.ready or stage.said(program.ready) > 0
        )

    wait_until(is_ready, f"{program.name} is ready; {folder}: {stage.text()[-2000:]}", READY, 0.05)
    client = None
    if program.client:
        client = stack.enter_context(beside(stage, namespace, program.client, folder / "client"))
    try:
        wait_until(lambda: stage.said(program.started) > 0, "the work is in flight", READY, 0.02)
    except AssertionError as error:
        raise NotInFlightError(f"{error}; {folder}: {stage.text()[-2000:]}") from error

    asked = time.monotonic()
    namespace.signal(signum)
    if stage.row.is_dump:
        wait_until(
            lambda: stage.said(program.is_finished) > 0 or not alive(namespace), "the work or PID 1 has ended", READY, 0.02
        )
        text = stage.text()
        return Cell(stage.said(program.dump[1]) if program.dump else 0, stage.said(program.is_finished) > 0, 0,
                    time.monotonic() - asked, killed=False, alive=alive(namespace), text=text)  # fmt: skip
    killed = not ends(namespace, program.limit)
    if killed and stage.init == PYINIT and others_ended():
        killed = not ends(namespace, 2 * program.limit)
    seconds = time.monotonic() - asked
    if killed:
        os.kill(init.pid, signal.SIGKILL)
    code = namespace.wait()
    if client is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            if client.wait(AFTERWARDS) == 0:
                with (folder / "events").open("a") as events:
                    events.write("client: done\n")
    told = None if program.told is None else stage.said(program.told)
    finished = stage.said(program.is_finished) > 0
    return Cell(told, finished, 128 - code if code < 0 else code, seconds, killed, alive=False, text=stage.text())


def alive(namespace: Namespace) -> bool:
    """Whether PID 1 is there."""
    return namespace.init.is_running() and namespace.init.status() != "zombie"


def ends(namespace: Namespace, timeout: float) -> bool:
    """Whether PID 1 ends within so many seconds."""
    try:
        namespace.wait(timeout)
    except subprocess.TimeoutExpired:
        return False
    return True


def run_row(row: Row, inits: tuple[str, ...], folder: Path) -> dict[str, Cell]:
    """Run a row's cells, all at once: they have a namespace each, and mostly wait. Raises what a cell raised."""
    if row.program.once:
        (CACHE / "made").mkdir(parents=True, exist_ok=True)
        make_once(row.program, CACHE / "made")
    cells: dict[str, Cell] = {}
    errors: dict[str, BaseException] = {}

    def run(init: str) -> None:
        def another_has_ended() -> bool:
            return any(not cell.killed for other, cell in list(cells.items()) if other != init)

        try:
            try:
                cells[init] = run_cell(row, init, folder / f"{row.name}-{init}", another_has_ended)
            except NotInFlightError:  # as where Celery reads a message that is half written, and forgets it
                cells[init] = run_cell(row, init, folder / f"{row.name}-{init}-again", another_has_ended)
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that asked
            errors[init] = error

    threads = [threading.Thread(target=run, args=(init,)) for init in inits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for init, error in errors.items():
        raise AssertionError(f"{row.name} under {init}: {error}") from error
    for cell_folder in folder.glob(f"{row.name}-*"):
        shutil.rmtree(cell_folder, ignore_errors=True)
    return {init: cells[init] for init in inits}
