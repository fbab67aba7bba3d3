"""A cluster for the tests: one of our own, made from Debian's packages, or the one that KUBECONFIG names."""

import contextlib
import functools
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.kubernetes import settings
from tests.kubernetes.node import START
from tests.namespace import ROOT
from tests.waiting import wait_until

#: Where build.sh puts the programs.
CACHE = Path(
    os.environ.get("PYINIT_KUBERNETES_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pyinit", "kubernetes")
)
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")

PREFIX = "pyinit-kubernetes-"

#: A command that loads an image into the cluster of KUBECONFIG: the file of `docker save` is put behind it.
LOAD = "KUBERNETES_LOAD"


class NoCluster(Exception):
    """There is none, and it says what to do about it."""


class Cluster:
    """A cluster that answers: its kubeconfig, and how images get into it.

    `pid`: of the node, whose network namespace reaches Services and pods; None where the cluster is not ours.
    """

    def __init__(self, kubeconfig: Path, folder: Path | None = None) -> None:
        self.kubeconfig, self.folder = kubeconfig, folder
        self.pid = int((folder / "pid").read_text()) if folder else None
        built = CACHE / "bin" / "kubectl"
        self._kubectl = str(built) if built.exists() else "kubectl"

    def words(self, *words: str) -> list[str]:
        """The words that run kubectl on it."""
        return [self._kubectl, "--kubeconfig", str(self.kubeconfig), *words]

    def kubectl(self, *words: str, check: bool = True, text: str | None = None) -> str:
        """What kubectl says, stderr included where it may fail."""
        done = subprocess.run(self.words(*words), input=text, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0 or not check, f"{words}: {done.stderr}"
        return done.stdout if check else done.stdout + done.stderr

    @functools.cached_property
    def minor(self) -> int:
        """Of its version: 20 is Kubernetes 1.20."""
        return int(json.loads(self.kubectl("get", "--raw", "/version"))["minor"].rstrip("+"))

    def load(self, archive: Path) -> None:
        """Give it the images of a file of `docker save`."""
        if self.folder:
            socket = str(settings.containerd_socket(self.folder))
            words: Sequence[str] = ["ctr", "--address", socket, "--namespace", "k8s.io", "images", "import", str(archive)]
        else:
            words = [*shlex.split(os.environ[LOAD]), str(archive)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"

    def inside(self, path: str) -> Path:
        """A file of the node."""
        return Path(f"/proc/{self.pid}/root", path.lstrip("/"))

    def log(self, part: str) -> str:
        """What a part of the node has logged."""
        assert self.folder
        return (self.folder / "log" / f"{part}.log").read_text(errors="replace")


def _free_address() -> str:
    """The node's address on a link that nobody has."""
    taken = subprocess.run(["ip", "-4", "route"], capture_output=True, text=True, check=True).stdout
    return next(f"10.209.{number}.2" for number in range(256) if f"10.209.{number}." not in taken)


@contextlib.contextmanager
def own() -> Iterator[Cluster]:
    """A cluster of our own. At the end nothing is left of it, however we end."""
    missing = [name for name in PROGRAMS if not (CACHE / "bin" / name).exists()]
    if missing:
        raise NoCluster(f"no {missing[0]} in {CACHE}/bin: tests/kubernetes/build.sh builds Kubernetes there (make kubernetes)")
    if os.geteuid() != 0:
        raise NoCluster("a node of one's own must be run as root; or set KUBECONFIG")
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    words = [sys.executable, "-m", "tests.kubernetes.keeper", str(folder), _free_address(), str(CACHE / "bin")]
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=ROOT, start_new_session=True)

    def is_ready() -> bool:
        if (folder / "failed").exists() or keeper.poll() is not None:
            said = "\n".join(
                (folder / name).read_text() for name in ("failed", "keeper.log", "node.log") if (folder / name).exists()
            )
            raise NoCluster(f"the node has not started: {said}")
        return (folder / "ready").exists()

    try:
        wait_until(is_ready, "the node is ready", 4 * START, pause=0.2)
        yield Cluster(folder / "kubeconfig", folder)
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(120)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """The cluster that KUBECONFIG names, or one of our own. Raises NoCluster."""
    named = os.environ.get("KUBECONFIG")
    if not named:
        with own() as ours:
            yield ours
        return
    folder = Path(named).parent
    if folder.name.startswith(PREFIX) and (folder / "ready").exists():  # one of own(), which somebody else keeps
        yield Cluster(Path(named), folder)
        return
    if LOAD not in os.environ:
        raise NoCluster(f"KUBECONFIG is set, and {LOAD} is not: the command that loads a file of `docker save` into it")
    yield Cluster(Path(named))
