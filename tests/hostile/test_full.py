"""What pyinit writes to is closed, full, slow, or on a full disk: the stop goes on as if it were not."""

import fcntl
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from tests.hostile.pid1 import assert_asleep, assert_not_larger, phase, private, release
from tests.hostile.stages import PATIENT, PHASES, Stages
from tests.live.conftest import Start
from tests.namespace import Namespace, after
from tests.waiting import wait_until

FINISHED = "app ready\napp got SIGTERM\napp done\n"


def a_full_pipe() -> tuple[int, int]:
    """A pipe of one page in which there is no room left."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 512)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    return reader, writer


def say_lines(namespace: Namespace, lines: int) -> None:
    """Have PID 1 say as many lines, at level debug: one for each signal that it forwards. The kernel merges none of them."""
    for _ in range(lines):
        namespace.signal(signal.SIGRTMIN + 3)


@pytest.mark.parametrize("held", PHASES)
def test_a_stderr_that_nobody_reads_fills_up_and_holds_up_no_phase(start: Start, tmp_path: Path, held: str) -> None:
    reader, writer = a_full_pipe()
    with os.fdopen(reader, "rb"), os.fdopen(writer, "wb"):
        stages = Stages(lambda *words: start(*words, stderr=writer), tmp_path, "--log-level=debug")
        stages.enter(held)
        say_lines(stages.namespace, 20)
        assert_asleep(stages.namespace)
        before = private(stages.namespace)
        say_lines(stages.namespace, 200)
        assert_asleep(stages.namespace)
        assert_not_larger(stages.namespace, before)
        assert phase(stages.namespace) == held
        assert stages.finish() == 7
        stages.assert_finished()


def test_a_stderr_that_is_read_slowly_gets_whole_lines_and_the_number_of_those_that_are_missing(
    start: Start, tmp_path: Path
) -> None:
    """Whoever reads takes a page now and then. Every line is whole, and the figures account for all that were said."""
    go = tmp_path / "go"
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(reader, False)
    lines = 400
    with os.fdopen(reader, "rb", buffering=0) as stream:
        namespace = start("--log-level=debug", "--log-format=json", "--", *PATIENT, str(go), stderr=writer)
        os.close(writer)
        namespace.wait_for_output("app ready")
        assert_asleep(namespace)
        taken = b""
        for _ in range(8):
            say_lines(namespace, lines // 8)
            assert_asleep(namespace)
            taken += stream.read(2048) or b""
        assert_asleep(namespace)
        while part := stream.read(4096):
            taken += part
        namespace.signal(signal.SIGTERM)
        namespace.wait_for_output("app got SIGTERM")
        release(go)
        assert namespace.wait() == 7
        while part := stream.read(4096):
            taken += part
    assert namespace.stdout == FINISHED
    told = [line for line in taken.decode().splitlines() if line]
    assert all(line.startswith('{"time": ') and line.endswith("}") for line in told), "none is torn"
    forwarded = sum('"event": "forwarded"' in line for line in told)
    lost = sum(int(line.rpartition('"lines": ')[2].rstrip("}")) for line in told if '"event": "log_lost"' in line)
    assert 0 < forwarded < lines
    assert forwarded + lost == lines


def test_a_stderr_that_is_closed_in_the_middle_of_a_stop_ends_nothing(start: Start, tmp_path: Path) -> None:
    """The reader of the pipe goes: each write is an EPIPE from then on, and a SIGPIPE that is ours and nobody else's."""
    reader, writer = os.pipe()
    stages = Stages(lambda *words: start(*words, stderr=writer), tmp_path, "--log-level=debug")
    os.close(writer)
    stages.enter("pre-stop")
    os.close(reader)
    say_lines(stages.namespace, 20)
    assert stages.finish() == 7
    stages.assert_finished()


#: A disk of one page, which nothing fits on any more.
FULL = "mount -t tmpfs -o size=4k none {0} && head -c 4096 /dev/zero >{0}/zeros"


def on_a_full_disk(folder: Path, line: str = ":") -> tuple[str, ...]:
    """A namespace with a full disk at a folder."""
    folder.mkdir()
    return after(f"{FULL.format(folder)}\n{line}")


def test_a_log_on_a_full_disk_holds_up_nothing_and_grows_again_when_there_is_room(start: Start, tmp_path: Path) -> None:
    disk, go = tmp_path / "disk", tmp_path / "go"
    namespace = start(
        "--log-level=debug",
        "--",
        *PATIENT,
        str(go),
        unshare=on_a_full_disk(disk, f"exec 2>>{disk}/log"),
        stderr=subprocess.DEVNULL,
    )
    namespace.wait_for_output("app ready")
    say_lines(namespace, 50)
    assert_asleep(namespace)
    inside = Path(f"/proc/{namespace.init.pid}/root{disk}")
    assert (inside / "log").read_bytes() == b""
    (inside / "zeros").unlink()
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    wait_until(lambda: "SIGTERM to" in (inside / "log").read_text(), "the log goes on")
    assert "log lines were lost here" in (inside / "log").read_text()
    release(go)
    assert namespace.wait() == 7
    assert namespace.stdout == FINISHED


def test_a_termination_log_on_a_full_disk_is_told_of_and_changes_nothing(start: Start, tmp_path: Path) -> None:
    disk, go = tmp_path / "disk", tmp_path / "go"
    namespace = start(f"--termination-log={disk}/summary", "--", *PATIENT, str(go), unshare=on_a_full_disk(disk))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    release(go)
    assert namespace.wait() == 7
    assert namespace.stdout == FINISHED
    assert f"pyinit: warning: --termination-log: {disk}/summary: No space left on device\n" in namespace.stderr


def test_a_termination_log_of_which_a_part_fits_on_the_disk_is_told_of(start: Start, tmp_path: Path) -> None:
    disk, go = tmp_path / "disk", tmp_path / "go"
    disk.mkdir()
    almost = f"mount -t tmpfs -o size=4k none {disk} && head -c 4086 /dev/zero >{disk}/summary"
    namespace = start(f"--termination-log={disk}/summary", "--", *PATIENT, str(go), unshare=after(almost))
    namespace.wait_for_output("app ready")
    inside = Path(f"/proc/{namespace.init.pid}/root{disk}/summary")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    with inside.open("rb") as summary:
        release(go)
        assert namespace.wait() == 7
        assert summary.read()[4086:] == b"pyinit: st"
    assert f"pyinit: warning: --termination-log: {disk}/summary: No space left on device\n" in namespace.stderr


def test_where_no_file_may_grow_the_page_tells_of_what_was_before_and_the_stop_goes_on(start: Start, tmp_path: Path) -> None:
    """The state page is a file in memory. Behind a limit of sizes each write of it is an EFBIG, and a SIGXFSZ of our own."""
    go = tmp_path / "go"
    summary = tmp_path / "summary"
    namespace = start(f"--termination-log={summary}", "--", *PATIENT, str(go))
    namespace.wait_for_output("app ready")
    assert_asleep(namespace)
    resource.prlimit(namespace.init.pid, resource.RLIMIT_FSIZE, (0, 0))
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM")
    assert_asleep(namespace)
    assert phase(namespace) == "running", "or the limit would not be one"
    release(go)
    assert namespace.wait() == 7
    assert namespace.stdout == FINISHED
    assert summary.read_bytes() == b""
