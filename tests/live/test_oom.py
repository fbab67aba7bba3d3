"""Processes that the kernel has killed for want of memory: none is missed, however soon it goes."""

from pathlib import Path

import pytest

from tests.live.conftest import Start
from tests.namespace import after

#: Where a container finds its counter: cgroup v2, and v1.
COUNTERS = ("memory.events", "memory/memory.oom_control")


@pytest.fixture
def cgroups(tmp_path: Path) -> Path:
    """A folder that says of any cgroup that nobody has been killed in it."""
    for name in COUNTERS:
        counter = tmp_path / "cgroups" / name
        counter.parent.mkdir(parents=True, exist_ok=True)
        counter.write_text("oom_kill 3\n")
    return tmp_path / "cgroups"


@pytest.mark.parametrize("options", [(), ("--log-level", "info")], ids=["plain", "with an option"])
def test_who_is_killed_for_it_the_moment_that_the_command_begins_is_told_of(
    start: Start, cgroups: Path, options: tuple[str, ...]
) -> None:
    dies = "".join(f"echo oom_kill 5 >/sys/fs/cgroup/{name}; " for name in COUNTERS)
    namespace = start(
        *options, "--", "sh", "-c", f"{dies} kill -KILL $$", unshare=after(f"mount --bind {cgroups} /sys/fs/cgroup")
    )
    assert namespace.wait() == 128 + 9
    assert "the kernel has killed 2 processes here for want of memory (OOM)" in namespace.stderr
