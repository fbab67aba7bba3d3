"""OCI bundles made by hand, and the runtimes that run them: what an engine does, without an engine."""

import json
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE, wait_until

#: Where crun, unlike runc, refuses to work: a cgroup v2 with controllers of its own beside cgroup v1.
HYBRID = Path("/sys/fs/cgroup/unified")

SPEC: dict[str, Any] = {
    "ociVersion": "1.0.2",
    "process": {
        "user": {"uid": 0, "gid": 0},
        "args": ["/start.sh"],
        "env": ["PATH=/bin"],
        "cwd": "/",
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs"},
    "hostname": "bundle",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "noexec", "strictatime", "mode=755", "size=64k"],
        },
    ],
    "linux": {"namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")]},
}


class Bundle:
    """A bundle in a folder, run in the foreground by a runtime. A context manager: at its end the container is gone."""

    def __init__(self, folder: Path, root: bytes, spec: dict[str, Any]) -> None:
        """Make it, from the root file system in a tar archive."""
        self.folder = folder
        (folder / "rootfs").mkdir()
        with tarfile.open(fileobj=BytesIO(root)) as archive:
            archive.extractall(folder / "rootfs", filter="fully_trusted")  # noqa: S202 - of an image of ours
        (folder / "config.json").write_text(json.dumps(spec))
        self._words: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *runtime: str) -> None:
        """Run it by the words of a runtime, global options included."""
        words = [*runtime, "--root", str(self.folder / "state")]
        hide = f'! mountpoint -q {HYBRID} || umount --lazy {HYBRID}; exec "$@"'
        self._words = ["unshare", "--mount", "sh", "-c", hide, "sh", *words]
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            self.process = subprocess.Popen(
                [*self._words, "run", "--bundle", str(self.folder), self.folder.name],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        """What was written to stdout so far."""
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        """What was written to stderr so far."""
        return (self.folder / "err").read_text()

    def wait_until_ready(self) -> None:
        """Wait until the application is ready; fail at once where it has ended."""

        def is_ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.err
            return "app ready" in self.out

        wait_until(is_ready, "the application is ready", PATIENCE)

    def stop(self) -> int:
        """Send SIGTERM when the application is ready; return the exit status."""
        self.wait_until_ready()
        assert self.process is not None
        subprocess.run([*self._words, "kill", self.folder.name, "TERM"], check=True, capture_output=True)
        return self.process.wait(PATIENCE)

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            subprocess.run([*self._words, "delete", "--force", self.folder.name], check=False, capture_output=True)
            self.process.wait(PATIENCE)
