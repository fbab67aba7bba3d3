"""A container at its memory limit: how much must be left for a stop to be told. The OOM killer takes the application otherwise.

The application is a program in C, and smaller than PID 1 is by then: so what is charged is PID 1's.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.cgroups import Cgroup
from tests.live.conftest import Start
from tests.live.forms import STATIC
from tests.live.sleeping import has_begun, wait_until_asleep
from tests.namespace import ROOT, after, need
from tests.waiting import wait_until

#: Bytes that are left to a container. What is told with that much is told with more.
HEADROOM = 512 << 10

STAMP = ROOT / "tests" / "bench" / "programs" / "stamp.c"


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> Iterator[Cgroup]:
    """A group with more memory than is needed."""
    with Cgroup("memory", 256 << 20, f"{abs(hash(request.node.name))}") as group:
        yield group


@pytest.fixture
def application(tmp_path: Path) -> str:
    """Writes 8 bytes at its start, and 8 more at each signal; it does not end."""
    need("gcc")
    made = tmp_path / "stamp"
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-static", "-o", str(made), str(STAMP)], check=True)
    return str(made)


def told(path: Path) -> int:
    """How often it has written."""
    return path.stat().st_size // 8


#: Variables of the kind that Kubernetes sets, seven for each service of a namespace; and some that are looked at.
MANY = {f"SERVICE_{number:05d}_PORT_8080_TCP_ADDR": "10.11.12.13" for number in range(3000)}
OTHERS = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "PYINIT_GRACE_PERIOD": "60"}


@pytest.mark.forms(STATIC)
@pytest.mark.parametrize("environment", [{}, MANY, MANY | OTHERS], ids=["few", "many", "options"])
@pytest.mark.parametrize("moment", ["awake", "asleep"])
def test_with_512_kib_left_the_command_is_told(
    memory: Cgroup, start: Start, application: str, moment: str, environment: dict[str, str], tmp_path: Path
) -> None:
    said = tmp_path / "said"
    line = f"{memory.enter}; exec >{said}"
    namespace = start("--", application, unshare=after(line), env={"PATH": os.environ["PATH"], **environment})
    wait_until(lambda: said.exists() and told(said) == 1, "the application")
    wait_until(lambda: has_begun(namespace), "Python")
    namespace.wait_until_at_rest()
    if moment == "asleep":
        wait_until_asleep(namespace)
    memory.limit_to(HEADROOM)
    namespace.signal(signal.SIGTERM)
    wait_until(lambda: told(said) == 2 or memory.kills() > 0, "told, or killed")
    assert told(said) == 2
