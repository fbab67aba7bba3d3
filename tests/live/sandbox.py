"""A container of gVisor's, with an init of our choice as its PID 1: a kernel that is another than Linux.

It sees the file system of this machine, read-only, and has no network. runsc(1) is Debian's; its platform is ptrace(2), which
needs no virtual machine.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.namespace import Namespace, need
from tests.waiting import PATIENCE

CAPABILITIES = ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"]


def bundle(words: Sequence[str]) -> dict[str, object]:
    """What is in a bundle's config.json (the OCI runtime specification)."""
    return {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": list(words),
            "env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
        },
        "root": {"path": "/", "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")]},
    }


class Sandbox(Namespace):
    """As Namespace, for what is said of PID 1 and by it; its processes cannot be seen from outside."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        need("runsc")
        self._folder = Path(tempfile.mkdtemp(prefix="gvisor-"))  # a path that is short enough for a socket
        (self._folder / "config.json").write_text(json.dumps(bundle(words)))
        self._name = self._folder.name  # of its socket, which all containers of the machine share
        state = f"--root={self._folder / 'state'}"
        self._runsc = ["runsc", state, "--platform=ptrace", "--network=none", "--ignore-cgroups"]
        super().__init__([], folder, unshare=[*self._runsc, "run", "--bundle", str(self._folder), self._name])

    def signal(self, signum: int) -> None:
        """Send a signal to PID 1, as a container engine does."""
        subprocess.run([*self._runsc, "kill", self._name, str(int(signum))], check=True, timeout=PATIENCE)

    def run(self, *words: str) -> str:
        """Run a command in the container, as `docker exec` does; its output."""
        done = subprocess.run([*self._runsc, "exec", self._name, *words], check=True, timeout=PATIENCE, stdout=subprocess.PIPE)
        return done.stdout.decode()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        subprocess.run(
            [*self._runsc, "delete", "--force", self._name], check=False, timeout=PATIENCE, stderr=subprocess.DEVNULL
        )
        self._unshare.wait(PATIENCE)
        shutil.rmtree(self._folder)
