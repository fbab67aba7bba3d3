"""Standard streams of any kind: PID 1 never blocks on its stderr, counts what that does not take, and holds up nobody."""

import contextlib
import fcntl
import itertools
import os
import pty
import signal
import socket
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.namespace import Namespace, after
from tests.waiting import wait_until


@contextlib.contextmanager
def closing(*descriptors: int) -> Iterator[tuple[int, ...]]:
    """Descriptors that are closed at the end, those excepted that are closed already."""
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def fill(descriptor: int) -> None:
    """Write until nothing more is taken; then leave the descriptor blocking."""
    os.set_blocking(descriptor, False)
    for size in (1 << 16, 1):
        with contextlib.suppress(BlockingIOError):
            while os.write(descriptor, b"x" * size):
                pass
    os.set_blocking(descriptor, True)


def stop_and_check(namespace: Namespace) -> None:
    """Stop an application as usual: nothing may hang or be lost."""
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


def full_pipe() -> tuple[int, int]:
    """A pipe that takes no more: its reader is slow."""
    reader, writer = os.pipe()
    fill(writer)
    return writer, reader


def broken_pipe() -> tuple[int, int]:
    """A pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer, os.open("/dev/null", os.O_RDONLY)


def full_socket() -> tuple[int, int]:
    """A socket that takes no more."""
    one, other = socket.socketpair()
    fill(one.fileno())
    return one.detach(), other.detach()


def broken_socket() -> tuple[int, int]:
    """A socket whose other end is closed."""
    one, other = socket.socketpair()
    other.close()
    return one.detach(), os.open("/dev/null", os.O_RDONLY)


def full_disk() -> tuple[int, int]:
    """A device that has no space left."""
    return os.open("/dev/full", os.O_WRONLY), os.open("/dev/null", os.O_RDONLY)


def held_terminal() -> tuple[int, int]:
    """A terminal on which somebody has pressed Ctrl-S."""
    master, slave = pty.openpty()
    termios.tcflow(slave, termios.TCOOFF)
    return slave, master


def full_terminal() -> tuple[int, int]:
    """A terminal whose emulator does not read."""
    master, slave = pty.openpty()
    fill(slave)
    return slave, master


def gone_terminal() -> tuple[int, int]:
    """A terminal whose emulator is gone."""
    master, slave = pty.openpty()
    os.close(master)
    return slave, os.open("/dev/null", os.O_RDONLY)


BAD_STREAMS = (full_pipe, broken_pipe, full_socket, broken_socket, full_disk, held_terminal, full_terminal, gone_terminal)


@pytest.mark.parametrize("make", BAD_STREAMS, ids=lambda make: make.__name__)
def test_a_stderr_that_takes_nothing_does_not_keep_the_stop_from_working(start: Start, make: object) -> None:
    assert callable(make)
    with closing(*make()) as (stderr, _):
        stop_and_check(start("--log-level", "debug", "--", *APP_WORDS.split(), stderr=stderr))


@pytest.mark.parametrize("make", BAD_STREAMS, ids=lambda make: make.__name__)
def test_a_stderr_that_takes_nothing_and_no_proc_do_not_keep_the_stop_from_working(start: Start, make: object) -> None:
    assert callable(make)
    with closing(*make()) as (stderr, _):
        words = ("--log-level", "debug", "--", *APP_WORDS.split())
        stop_and_check(start(*words, stderr=stderr, unshare=after("mount -t tmpfs none /proc || exit 99")))


def test_a_usage_error_on_a_stderr_that_takes_nothing_is_told_by_the_status(start: Start) -> None:
    with closing(*full_pipe()) as (stderr, _):
        assert start("--no-such-option", stderr=stderr).wait() == 125


def test_a_log_line_reaches_a_blocking_stderr_without_making_it_non_blocking(start: Start) -> None:
    reader, writer = os.pipe()
    with closing(reader, writer):
        stop_and_check(start("--", *APP_WORDS.split(), stderr=writer))
        assert b"stop requested" in os.read(reader, 1 << 16)
        assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK


def test_lost_log_lines_are_counted_and_told_when_stderr_takes_lines_again(start: Start) -> None:
    with closing(*full_pipe()) as (stderr, reader):
        namespace = start("--", *APP_WORDS.split(), "--drain", "1", stderr=stderr)
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        namespace.wait_for_output("app got SIGTERM")
        # Two lines of the request; the second is lost a moment after the signal has been sent.
        wait_until(lambda: namespace.init.status() == "sleeping", "PID 1 waits again")
        os.set_blocking(reader, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(reader, 1 << 16):
                pass
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7
        told = os.read(reader, 1 << 16).decode().splitlines()
    assert told[0] == "pyinit: warning: 2 log lines were lost here"
    assert told[1].startswith("pyinit: stop requested: SIGTERM")


def test_a_log_to_a_file_is_appended_where_the_command_writes_too(start: Start, tmp_path: Path) -> None:
    namespace = start("--", "sh", "-c", f"echo first >&2; {APP_WORDS}; echo last >&2; exit 3")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 3
    lines = (tmp_path / "stderr").read_text().splitlines()
    assert lines[0] == "first"
    assert "last" in lines
    assert sum("stop requested" in line for line in lines) == 1


CLOSED = [closed for number in range(4) for closed in itertools.combinations((0, 1, 2), number)]


def held(namespace: Namespace) -> set[str]:
    """The descriptors that PID 1 has open, that of its state page excepted."""
    folder = Path(f"/proc/{namespace.init.pid}/fd")
    return {entry.name for entry in folder.iterdir() if os.readlink(entry) != "/memfd:pyinit (deleted)"}


def files(pid: int) -> set[str]:
    """What a process has open, as /proc names it."""
    found = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            found.add(os.readlink(f"/proc/{pid}/fd/{entry}"))
    return found


def redirections(closed: tuple[int, ...]) -> str:
    """The shell line that closes these streams."""
    return f"exec {' '.join(f'{descriptor}>&-' for descriptor in closed)}" if closed else ":"


@pytest.mark.parametrize("environment", [{}, {"LISTEN_PID": "1"}], ids=["spawned", "forked"])
@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_closed_streams_are_closed_for_the_command_and_held_by_pid_1(
    start: Start, closed: tuple[int, ...], environment: dict[str, str]
) -> None:
    env = {"PATH": os.environ["PATH"], **environment}
    namespace = start("--", "sleep", "1000", unshare=after(redirections(closed)), env=env)
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    given = {str(one) for one in (0, 1, 2) if one not in closed}
    # Its loader has files open for a moment.
    wait_until(lambda: set(os.listdir(f"/proc/{command.pid}/fd")) == given, f"it has just {given} open", timeout=5)
    namespace.wait_until_at_rest()
    assert held(namespace) == {"0", "1", "2"}
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 143


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_closed_streams_do_not_keep_an_unknown_command_from_being_told_by_the_status(
    start: Start, closed: tuple[int, ...]
) -> None:
    assert start("--", "no-such-command", unshare=after(redirections(closed))).wait() == 127


def test_the_command_reads_a_pipe_and_its_end(start: Start) -> None:
    reader, writer = os.pipe()
    with closing(reader, writer):
        namespace = start("--", "cat", stdin=reader)
        os.write(writer, b"line\n")
        namespace.wait_for_output("line\n")
        os.close(writer)
        assert namespace.wait() == 0


def test_pid_1_holds_no_end_of_the_pipes_that_are_the_command_s_stdin_and_stdout(start: Start) -> None:
    stdin, stdout = os.pipe(), os.pipe()
    with closing(*stdin, *stdout):
        namespace = start("--", "sleep", "1000", stdin=stdin[0], stdout=stdout[1])
        pipes = {os.readlink(f"/proc/self/fd/{stdin[0]}"), os.readlink(f"/proc/self/fd/{stdout[1]}")}
        command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
        assert pipes <= files(command.pid)
        wait_until(lambda: not pipes & files(namespace.init.pid), "PID 1 lets go of them", timeout=5)


def test_other_descriptors_reach_the_command_and_are_let_go_by_pid_1(start: Start) -> None:
    reader, writer = os.pipe()
    with closing(reader, writer):
        namespace = start("--", "sleep", "1000", pass_fds=[writer])
        pipe = os.readlink(f"/proc/self/fd/{writer}")
        command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
        assert pipe in files(command.pid)
        wait_until(lambda: pipe not in files(namespace.init.pid), "PID 1 lets it go", timeout=5)
