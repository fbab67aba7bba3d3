"""What the kernel kills because memory runs out: PID 1 tells of it, who otherwise could see nothing but a SIGKILL."""

from pathlib import Path

import pytest

from tests.docker.conftest import Start

LIMITED = {"mem_limit": "32m", "memswap_limit": "32m"}

#: Takes 200 MB, and is killed for it.
GREEDY = "busybox dd if=/dev/zero of=/dev/null bs=200M count=1"

STORY = "the kernel has killed 1 process here for want of memory (OOM)"


def test_a_command_that_was_killed_for_want_of_memory_is_told_of_so(start: Start) -> None:
    container = start("small-pyinit", GREEDY.split(), **LIMITED)
    assert container.wait() == 137
    assert f"pyinit: warning: {STORY}; is the memory limit too low?\n" in container.stderr


def test_so_is_a_child_of_it_whose_end_is_nobody_else_s_to_tell(start: Start) -> None:
    container = start("small-pyinit", ["sh", "-c", f"{GREEDY} 2>/dev/null; echo $?; exit 3"], **LIMITED)
    assert container.wait() == 3
    assert container.stdout.endswith("137\n")
    assert f"pyinit: warning: {STORY}; is the memory limit too low?\n" in container.stderr


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_who_was_killed_by_somebody_is_not(start: Start, signal: str) -> None:
    container = start("small-pyinit", ["sh", "-c", f"app & sleep 0.1; kill -{signal} $!; wait $!; exit 3"], **LIMITED)
    assert container.wait() == 3
    assert "memory" not in container.stderr


def test_the_summary_tells_of_it(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    container = start("small-pyinit", GREEDY.split(), volumes=[f"{log}:/dev/termination-log"], **LIMITED)
    assert container.wait() == 137
    assert log.read_text().startswith(f"pyinit: {STORY}; the command was killed by SIGKILL, ")
