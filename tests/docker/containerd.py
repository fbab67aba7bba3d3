"""containerd by itself, with a folder of its own, and `ctr` that works on it."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.docker.daemon import engine_folder
from tests.waiting import PATIENCE, wait_until

#: No service of Kubernetes, and nothing outside of the folder {0}.
CONFIGURATION = """\
version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{0}/socket"
[ttrpc]
  address = "{0}/socket.ttrpc"
"""


class Containerd:
    """A running containerd."""

    def __init__(self, folder: Path) -> None:
        """Its socket is in this folder."""
        self._words = ["ctr", "--address", f"{folder}/socket"]
        self.folder = folder

    def __call__(self, *arguments: str) -> str:
        """Run `ctr` with these arguments; it succeeds. What it wrote to stdout."""
        done = subprocess.run([*self._words, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator["Task"]:
        """`ctr run` in the foreground, with these options, image, name and command."""
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            words = [*self._words, "run", "--rm", *arguments]
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        task = Task(self, process)
        try:
            yield task
        finally:
            if process.poll() is None:
                process.terminate()  # which it passes on
                try:
                    process.wait(2)
                except subprocess.TimeoutExpired:
                    subprocess.run([*self._words, "task", "kill", "--signal", "KILL", arguments[-1]], check=False)
                    process.wait(PATIENCE)


class Task:
    """What `ctr run` runs."""

    def __init__(self, owner: Containerd, process: "subprocess.Popen[bytes]") -> None:
        self._folder = owner.folder
        self.process = process

    @property
    def out(self) -> str:
        """What was written to stdout so far."""
        return (self._folder / "out").read_text()

    @property
    def err(self) -> str:
        """What was written to stderr so far."""
        return (self._folder / "err").read_text()

    def wait_for_output(self, text: str) -> None:
        """Wait until a text has been written to stdout; fail at once where the container has ended."""

        def written() -> bool:
            assert self.process.poll() is None or text in self.out, self.err
            return text in self.out

        wait_until(written, text, PATIENCE)


@contextlib.contextmanager
def containerd() -> Iterator[Containerd]:
    """Start containerd with nothing but a folder of its own; at the end all is gone."""
    with engine_folder("pyinit-containerd-") as folder:
        (folder / "config.toml").write_text(CONFIGURATION.format(folder))
        with (folder / "log").open("wb") as log:
            words = ["containerd", "--config", str(folder / "config.toml")]
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        started = Containerd(folder)

        def answers() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            words = ["ctr", "--address", f"{folder}/socket", "version"]
            return subprocess.run(words, capture_output=True, check=False, env=os.environ).returncode == 0

        try:
            wait_until(answers, "containerd answers", timeout=60)
            yield started
        finally:
            process.terminate()
            process.wait(60)
