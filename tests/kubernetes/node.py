"""One node with its control plane, as PID 1 of namespaces of their own: `python -m tests.kubernetes.node FOLDER ADDRESS BIN`.

Everything runs here: etcd, the API server, its controllers and scheduler, containerd, the kubelet and kube-proxy. All of their
files are in FOLDER. Where a program insists on a place elsewhere (/etc, /var, /run, the kernel's settings), that place is
covered in our mount namespace, so the machine's own is never written to. When this process ends, the kernel ends all others.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.kubernetes import settings
from tests.waiting import wait_until

#: Seconds for a part of the control plane to answer: the machine may be busy with others.
START = 180.0

#: Folders of the machine that are covered by an overlay: what is written there lands in FOLDER.
COVERED = ("etc", "opt", "usr/libexec", "usr/local", "var")

#: What a kubelet insists on of the kernel (kuberuntime's setupKernelTunables), and would set for the whole machine. It reads
#: files instead that say so.
TUNABLES = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}


class Ended(Exception):
    """A part that must run has ended."""


def run(*words: str) -> None:
    """Run a command, which succeeds."""
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


class Node:
    """The parts of the node, in the order in which they are started."""

    def __init__(self, folder: Path, address: str, programs: Path) -> None:
        self.folder, self.address, self._programs = folder, address, programs
        self._running: dict[int, str] = {}
        self.token = secrets.token_hex(16)

    def prepare(self) -> None:
        """Cover what is not ours, and wait for the network that the keeper brings."""
        socket.sethostname(settings.NODE)
        run("mount", "--make-rshared", "/")  # within this namespace: volumes and sandboxes are seen by all of its processes
        for place in COVERED:
            name = place.replace("/", "-")
            upper, work = self.folder / "cover" / name, self.folder / "cover" / f"{name}.work"
            upper.mkdir(parents=True)
            work.mkdir()
            options = f"lowerdir=/{place},upperdir={upper},workdir={work}"
            run("mount", "-t", "overlay", "-o", options, "overlay", f"/{place}")
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        for name, value in TUNABLES.items():
            file = self.folder / "tunables" / name.replace("/", "-")
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{value}\n")
            run("mount", "--bind", str(file), f"/proc/sys/{name}")
        for name in ("net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet"):
            Path("/proc/sys", name).write_text("1\n")
        run("ip", "link", "set", "lo", "up")
        wait_until(lambda: "eth0" in os.listdir("/sys/class/net") or self._has_link(), "the keeper brings eth0", START)
        run("ip", "address", "add", f"{self.address}/30", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
        run("ip", "route", "add", "default", "via", settings.outside(self.address))

    @staticmethod
    def _has_link() -> bool:
        """Whether our network namespace has it: /sys is still the machine's."""
        return subprocess.run(["ip", "link", "show", "eth0"], capture_output=True, check=False).returncode == 0

    def write(self) -> None:
        """The settings of all parts."""
        pki = self.folder / "pki"
        pki.mkdir()
        run("openssl", "genrsa", "-out", str(pki / "accounts.key"), "2048")
        with (pki / "accounts.pub").open("wb") as out:
            subprocess.run(["openssl", "rsa", "-in", str(pki / "accounts.key"), "-pubout"], stdout=out, check=True)
        (pki / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')
        for name, text in settings.files(self.folder).items():
            path = Path(name) if name.startswith("/") else self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def start(self, name: str, *words: str, answers: Callable[[], bool] = lambda: True) -> None:
        """Start a part, and wait until it answers."""
        log = self.folder / "log" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        where = self._programs / name
        environment = {**os.environ, "PATH": f"{self._programs}:{os.environ['PATH']}"}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(where) if where.exists() else name, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment,
            )
        self._running[process.pid] = name
        process.returncode = 0  # it is reaped by watch(), not by the object

        def does() -> bool:
            self.reap()
            return answers()

        wait_until(does, f"{name} answers", START, pause=0.1)

    def reap(self) -> None:
        """Reap whatever has ended. Raises Ended where that was a part of the node."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                if pid in self._running:
                    name = self._running[pid]
                    lines = (self.folder / "log" / f"{name}.log").read_text(errors="replace").splitlines()
                    said = "\n".join(lines[-15:])
                    raise Ended(f"{name} has ended with {os.waitstatus_to_exitcode(status)}:\n{said}")

    def start_all(self) -> None:
        """The control plane, then the node's own parts."""
        for name, words in settings.parts(self.folder, self.address):
            self.start(name, *words, answers=self._answers(name))

    def _answers(self, name: str) -> Callable[[], bool]:
        config = str(self.folder / "kubeconfig")
        if name == "etcd":
            return lambda: (self.folder / "etcd.sock").exists() or _listens("127.0.0.1", settings.ETCD_PORT)
        if name == "kube-apiserver":
            return self._api_is_ready
        if name == "containerd":
            return lambda: _succeeds("ctr", "--address", str(settings.containerd_socket(self.folder)), "version")
        if name == "kubelet":
            words = ("--kubeconfig", config, "wait", "--for=condition=Ready", f"node/{settings.NODE}", "--timeout=1s")
            return lambda: _succeeds(str(self._programs / "kubectl"), *words)
        return lambda: True

    def _api_is_ready(self) -> bool:
        authority = self.folder / "pki" / "apiserver.crt"
        if not authority.exists():
            return False
        (self.folder / "kubeconfig").write_text(settings.kubeconfig(self.address, authority.read_bytes(), self.token))
        words = ("--kubeconfig", str(self.folder / "kubeconfig"), "get", "--raw", "/readyz")
        return _succeeds(str(self._programs / "kubectl"), *words)

    def watch(self) -> None:
        """Reap for as long as all parts run."""
        while True:
            self.reap()
            time.sleep(0.2)


def _succeeds(*words: str) -> bool:
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return process.wait() == 0


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def main() -> None:
    """Start the node; say so by the file `ready`, or by the file `failed` why not."""
    folder, address, programs = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    node = Node(folder, address, programs)
    try:
        node.prepare()
        node.write()
        node.start_all()
        (folder / "ready").touch()
        node.watch()
    except (Ended, AssertionError, OSError, subprocess.CalledProcessError) as error:
        (folder / "failed").write_text(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
