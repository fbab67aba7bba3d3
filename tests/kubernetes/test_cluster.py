"""The node itself: it takes nothing of the machine's, and leaves nothing there."""

import subprocess
import sys
from pathlib import Path

from tests.kubernetes.keeper import HIERARCHIES
from tests.kubernetes.node import TUNABLES
from tests.namespace import ROOT
from tests.waiting import wait_until

#: Starts a node, says where it is, and waits.
OWNER = """\
import sys
from tests.kubernetes.cluster import own
with own() as cluster:
    print(cluster.folder, cluster.pid, flush=True)
    sys.stdin.read()
"""


def settings() -> dict[str, str]:
    """What a kubelet would change of the kernel's settings."""
    return {name: Path("/proc/sys", name).read_text() for name in TUNABLES}


def links() -> str:
    """The network devices of the machine that a node brings."""
    done = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith("pyk8s"))


def alive(pid: str) -> bool:
    """Whether it is a process, and no zombie of somebody who does not look."""
    try:
        return "\nState:\tZ" not in Path("/proc", pid, "status").read_text()
    except OSError:
        return False


def test_a_node_whose_owner_is_killed_leaves_nothing_and_has_changed_nothing() -> None:
    before = settings(), links()
    words = [sys.executable, "-c", OWNER]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout
        name, pid = owner.stdout.readline().split()
        folder = Path(name)
        assert (folder / "ready").exists()
        assert settings() == before[0]
        assert links() != before[1]
        groups = [hierarchy / folder.name for hierarchy in HIERARCHIES.iterdir() if (hierarchy / folder.name).exists()]
        assert groups
        assert Path(f"/proc/{pid}/root/etc/cni/net.d/10-bridge.conflist").exists()
        assert not Path("/etc/cni/net.d/10-bridge.conflist").exists()
        owner.kill()
    wait_until(lambda: not folder.exists(), "the keeper has removed it", 120, pause=0.1)
    assert not alive(pid)
    assert not any(group.exists() for group in groups)
    wait_until(lambda: links() == before[1], "the link is gone", 20)
    assert settings() == before[0]
