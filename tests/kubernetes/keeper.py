"""Keeps a node, and removes all of it: `python -m tests.kubernetes.keeper FOLDER ADDRESS BIN`.

A process of its own, in a session of its own: whatever ends the tests (a failure, Ctrl-C, SIGKILL), our stdin is closed then.
So the node ends, its groups and its folder are removed, and nothing is left.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.kubernetes import settings
from tests.namespace import ROOT

HIERARCHIES = Path("/sys/fs/cgroup")

#: Of the CPU, for all pods together. With the kernel's 1024 a group counts as much as one process beside it, and all pods of a
#: node would have to share what a single process gets where others work, too.
SHARES = 16 * 1024

#: What a node has of its own. Its mounts are told of what the machine unmounts, so that it holds nothing of the machine's.
NAMESPACES = ("--mount", "--propagation=slave", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc")


def link(pid: int, address: str) -> None:
    """Connect the network namespace of a process with the machine's; the link goes with the namespace."""
    name = f"pyk8s{os.getpid()}"
    words = ["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pid)]
    subprocess.run(words, check=True)
    subprocess.run(["ip", "address", "add", f"{settings.outside(address)}/30", "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "up"], check=True)


def make_groups(folder: Path) -> None:
    """The group of the pods in each hierarchy; a cpuset is empty until it is told otherwise."""
    for hierarchy in HIERARCHIES.iterdir():
        if hierarchy.is_symlink() or not (hierarchy / "cgroup.procs").exists():
            continue
        group = hierarchy / settings.cgroup(folder)[1:]
        group.mkdir(exist_ok=True)
        if (group / "cpu.shares").exists():
            (group / "cpu.shares").write_text(str(SHARES))
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (group / name).exists():
                (group / name).write_text((hierarchy / name).read_text())


def remove_groups(folder: Path) -> None:
    """Remove them, as soon as the kernel has ended the last process in them."""
    for hierarchy in HIERARCHIES.iterdir():
        top = hierarchy / settings.cgroup(folder)[1:]
        for _ in range(100):
            for path, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
            if not top.exists():
                break
            time.sleep(0.1)


def child_of(pid: int) -> int:
    """The one child of a process, once it has one."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    while not (children := file.read_text().split()):
        time.sleep(0.01)
    return int(children[0])


def main() -> None:
    """Keep the node until our stdin is closed or it ends; then remove all."""
    folder, address, programs = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # our stdin says when
    make_groups(folder)
    words = ["unshare", *NAMESPACES, sys.executable, "-m", "tests.kubernetes.node", str(folder), address, programs]
    with (folder / "node.log").open("wb") as log:
        node = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
    try:
        pid = child_of(node.pid)
        watched = os.pidfd_open(pid)
        (folder / "pid").write_text(f"{pid}\n")
        link(pid, address)
        select.select([sys.stdin, watched], [], [])
        if not select.select([sys.stdin], [], [], 0)[0]:
            select.select([sys.stdin], [], [])  # the node has ended: whoever waits for it reads the folder first
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        select.select([watched], [], [])  # the first process of a namespace ends when all others have
    finally:
        node.kill()
        node.wait()
        remove_groups(folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
