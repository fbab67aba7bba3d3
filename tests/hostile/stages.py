"""A stop of which a test holds each phase for as long as it likes, by files that somebody waits for."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.pid1 import phase, release, wait_for_phase
from tests.live.conftest import Start
from tests.namespace import ROOT, Namespace

#: The words that run an application that works until it may go.
PATIENT = (sys.executable, "-IS", str(ROOT / "tests" / "hostile" / "patient.py"))

#: The phases that can be held, in order.
PHASES = ("running", "pre-stop", "stopping", "sweeping")

#: What is no stop request, and would end nobody who handles it. The kernel merges what is pending: real-time signals it would
#: queue, and a storm of those would go on for long after its end.
STORM = (
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGPIPE,
    signal.SIGWINCH,
    signal.SIGCONT,
    signal.SIGCHLD,
    signal.SIGIO,
)


class Stages:
    """A container with a pre-stop command, an application, and a daemon that the application leaves behind."""

    def __init__(self, start: Start, folder: Path, *options: str) -> None:
        self._files = {name: folder / f"may-leave-{name}" for name in PHASES[1:]}
        hook = f"until [ -e {self._files['pre-stop']} ]; do sleep 0.02; done"
        patient = (*PATIENT, "--daemon", str(self._files["sweeping"]), str(self._files["stopping"]))
        options = ("--pre-stop", hook, "--pre-stop-timeout", "100", "--grace-period", "100", *options)
        self.namespace: Namespace = start(*options, "--", *patient)
        self.namespace.wait_for_output("app ready")
        self.namespace.wait_for_output("daemon ready")

    def enter(self, wanted: str) -> None:
        """Go on to a phase."""
        while (now := phase(self.namespace)) != wanted:
            self.leave(now)
            wait_for_phase(self.namespace, PHASES[PHASES.index(now) + 1])
        if wanted == "stopping":
            self.namespace.wait_for_output("app got SIGTERM")
        if wanted == "sweeping":
            self.namespace.wait_for_output("daemon got SIGTERM")

    def leave(self, now: str) -> None:
        """End a phase, whether PID 1 looks or not."""
        if now == "running":
            self.namespace.signal(signal.SIGTERM)
        else:
            release(self._files[now])

    def finish(self) -> int:
        """Go through what is left of the phases, to the exit status."""
        self.enter("sweeping")
        self.leave("sweeping")
        return self.namespace.wait()

    def told(self, name: str) -> int:
        """How often one was told to stop."""
        return self.namespace.stdout.count(f"{name} got SIGTERM\n")

    def assert_finished(self) -> None:
        """Everybody was told once, and has finished."""
        said = self.namespace.stdout
        assert (self.told("app"), self.told("daemon")) == (1, 1), said
        assert said.count("app done\n") == said.count("daemon done\n") == 1, said


@contextlib.contextmanager
def storm(namespace: Namespace, *signums: int) -> Iterator[None]:
    """While inside, PID 1 gets these signals without a pause."""
    with subprocess.Popen(
        [sys.executable, "-IS", str(ROOT / "tests/hostile/storm.py"), str(namespace.init.pid), *map(str, map(int, signums))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield
        said, _ = process.communicate(timeout=20)
    assert int(said) > len(signums), "or there was no storm"
