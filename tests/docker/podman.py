"""Podman in a store of its own, which needs no daemon and no systemd, and leaves nothing behind."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.docker.daemon import engine_folder
from tests.waiting import PATIENCE, wait_until

#: Without systemd; and with limits that root in a container may set as well. {0} is the folder of catatonit.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
init_path = "{0}/catatonit"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
helper_binaries_dir = ["{0}"]
"""


class Podman:
    """A store, and the `podman` that works on it."""

    def __init__(self, folder: Path, helpers: Path, user: int | None = None) -> None:
        """Keep everything in a folder; `helpers` is the one that holds `catatonit`. With a user it is rootless."""
        self._words = ["podman", "--root", f"{folder}/root", "--runroot", f"{folder}/runroot", "--tmpdir", f"{folder}/locks"]
        self.folder = folder  # which every user may enter
        configuration = folder / "containers.conf"
        configuration.write_text(CONFIGURATION.format(helpers))
        self._environment = {**os.environ, "CONTAINERS_CONF": str(configuration)}
        if user is not None:
            # A user of whom /etc/subuid knows nothing has one user in its namespace, and no file system but copies.
            become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
            self._words = [*become, *self._words, "--storage-driver", "vfs"]
            self._environment |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
            for path in (folder, configuration):
                os.chown(path, user, user)

    def use_runtime(self, path: Path, flag: str) -> None:
        """Have containers run by another OCI runtime, which gets a global option without its dashes."""
        self._words += ["--runtime", str(path), "--runtime-flag", flag]

    def __call__(self, *arguments: str, data: bytes | None = None) -> str:
        """Run `podman` with these arguments and input; it succeeds. What it wrote to stdout, and to stderr after that."""
        words = [*self._words, *arguments]
        done = subprocess.run(
            words, input=data, capture_output=True, env=self._environment, cwd=self.folder, timeout=60, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr.decode()}"
        return done.stdout.decode() + done.stderr.decode()

    def wait_for_output(self, container: str, text: str) -> None:
        """Wait until a container has written a text."""
        wait_until(lambda: text in self("logs", container), f"{text!r} in {self('logs', container)!r}", PATIENCE)

    def status(self, container: str) -> int:
        """The exit status of a container that has ended."""
        return int(self("inspect", "--format", "{{.State.ExitCode}}", container))

    def command_line_of_pid_1(self, container: str) -> list[str]:
        """The words of a running container's first process."""
        pid = self("inspect", "--format", "{{.State.Pid}}", container).strip()
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]

    def remove_all(self) -> None:
        """End and remove all pods and containers, as far as that can be done."""
        for words in (["pod", "rm", "--all", "--force", "--time=0"], ["rm", "--all", "--force", "--time=0"]):
            with contextlib.suppress(AssertionError):  # "device or resource busy": its folder goes with the store
                self(*words)


@contextlib.contextmanager
def podman(helpers: Path, user: int | None = None) -> Iterator[Podman]:
    """A store that is empty; at the end nothing is left of it."""
    with engine_folder("pyinit-podman-") as folder:
        store = Podman(folder, helpers, user)
        try:
            yield store
        finally:
            store.remove_all()
