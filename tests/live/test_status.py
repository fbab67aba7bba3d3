"""The exit status: the command's own, as a shell would tell it; and what is said where there is no command to have one."""

import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.conftest import Start
from tests.namespace import Namespace
from tests.waiting import wait_until

Script = Callable[..., str]


def refused(namespace: Namespace) -> tuple[int, str]:
    """The status, and the one line that was said, of a command that cannot be started."""
    status = namespace.wait()
    lines = namespace.stderr.splitlines()
    assert len(lines) == 1, namespace.stderr
    assert namespace.stdout == ""
    return status, lines[0]


def program(path: Path, content: bytes, mode: int = 0o755) -> str:
    """Write a file with this content and mode; return its path."""
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


# --- the command has one ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sixteen", range(0, 256, 16))
def test_every_status_of_the_command_is_kept(start: Start, sixteen: int) -> None:
    statuses = range(sixteen, sixteen + 16)
    assert [start("--", "sh", "-c", f"exit {status}").wait() for status in statuses] == list(statuses)


#: The signals whose default is to end a process.
DEADLY = signal.valid_signals() - {
    *(signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH),
    *(signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
}


@pytest.mark.parametrize("first", range(1, 65, 8))
def test_a_command_that_dies_of_a_signal_gives_128_and_its_number(start: Start, first: int) -> None:
    signums = sorted(signum for signum in map(int, DEADLY) if first <= signum < first + 8)
    assert [start("--", "sh", "-c", f"ulimit -c 0; kill -{signum} $$").wait() for signum in signums] == [
        128 + signum for signum in signums
    ]


def test_the_status_of_a_command_that_was_told_to_stop_is_its_own_or_128_and_the_signal(start: Start) -> None:
    for trap, status in (("trap 'exit 0' TERM", 0), ("trap 'exit 44' TERM", 44), (":", 143)):
        namespace = start("--", "sh", "-c", f"{trap}; echo ready; sleep 1000 & wait")
        namespace.wait_for_output("ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == status


# --- mapped ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("own", "seen"), [(143, 0), (3, 4), (4, 3), (5, 5), (0, 255)])
def test_map_status_exchanges_a_status_once(start: Start, own: int, seen: int) -> None:
    namespace = start("--map-status", "143:0", "--map-status", "3:4,4:3,0:255", "--", "sh", "-c", f"exit {own}")
    assert namespace.wait() == seen


def test_map_status_knows_the_status_of_a_signal(start: Start) -> None:
    namespace = start("--map-status", "143:0", "--", "sleep", "1000")
    wait_until(lambda: namespace.named("sleep"), "sleep")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 0


# --- no command ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["no-such-command", "/no/such/command", "./no-such-command", "/etc/passwd/command"])
def test_a_command_that_is_not_found_gives_127_and_a_line_that_names_it(start: Start, name: str) -> None:
    status, line = refused(start("--", name, "argument"))
    assert status == 127
    assert line.startswith(f"pyinit: error: cannot execute {name}: ")
    assert ("no such file" if "/" in name else "not found in PATH") in line


def test_a_command_of_no_name_gives_127(start: Start) -> None:
    status, line = refused(start("--", ""))
    assert status == 127
    assert line.startswith("pyinit: error: cannot execute '': ")


def test_empty_words_reach_the_command_as_they_are(start: Start) -> None:
    namespace = start("--", "sh", "-c", 'printf "<%s>" "$@"', "sh", "", "a b", "")
    assert (namespace.wait(), namespace.stdout) == (0, "<><a b><>")


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o000])
def test_a_file_that_is_not_executable_gives_126(start: Start, tmp_path: Path, mode: int) -> None:
    path = program(tmp_path / "program", b"#!/bin/sh\nexit 0\n", mode)
    status, line = refused(start("--", path))
    assert status == 126
    assert line == f"pyinit: error: cannot execute {path}: Permission denied; is it executable (chmod +x) and no folder?"


def test_a_folder_gives_126(start: Start, tmp_path: Path) -> None:
    status, line = refused(start("--", str(tmp_path)))
    assert status == 126
    assert "no folder?" in line


def test_what_path_finds_first_and_cannot_execute_is_passed_over(start: Start, tmp_path: Path) -> None:
    for folder in ("one", "two", "three"):
        (tmp_path / folder).mkdir()
    (tmp_path / "one" / "program").mkdir()
    program(tmp_path / "two" / "program", b"#!/bin/sh\nexit 8\n", 0o644)
    path = f"/no/such/folder:{tmp_path}/one:{tmp_path}/two"
    status, line = refused(start("--", "program", env={"PATH": f"{path}:/usr/bin:/bin"}))
    assert status == 126
    assert "cannot execute program: Permission denied" in line
    program(tmp_path / "three" / "program", b"#!/bin/sh\nexit 9\n")
    assert start("--", "program", env={"PATH": f"{path}:{tmp_path}/three:/usr/bin:/bin"}).wait() == 9


def test_without_a_path_the_usual_folders_are_searched(start: Start) -> None:
    assert start("--", "sh", "-c", "exit 6", env={}).wait() == 6


def test_a_missing_interpreter_is_named(start: Start, tmp_path: Path) -> None:
    path = program(tmp_path / "program", b"#!/no/such/interpreter -x\nexit 0\n")
    status, line = refused(start("--", path))
    assert status == 127
    assert line.startswith(f"pyinit: error: cannot execute {path}: its interpreter '/no/such/interpreter")
    assert line.endswith("is missing")


def test_a_script_with_the_line_ends_of_windows_is_recognised(start: Start, tmp_path: Path) -> None:
    path = program(tmp_path / "program", b"#!/bin/sh\r\nexit 0\r\n")
    status, line = refused(start("--", path))
    assert status == 127
    assert "'/bin/sh' is missing" in line
    assert "save the file with Unix line ends" in line


def test_a_program_whose_loader_is_missing_is_recognised(start: Start, tmp_path: Path) -> None:
    other_libc = Path("/bin/true").read_bytes().replace(b"/ld-linux", b"/ld-other")
    path = program(tmp_path / "program", other_libc)
    status, line = refused(start("--", path))
    assert status == 127
    assert "its loader is missing; was it built for another libc?" in line


@pytest.mark.parametrize("content", [b"exit 5\n", b"# a comment\nexit 5\n", b": ; exit 5"])
def test_a_script_without_an_interpreter_line_is_run_by_sh(start: Start, tmp_path: Path, content: bytes) -> None:
    path = program(tmp_path / "program", content)
    namespace = start("--", path)
    assert (namespace.wait(), namespace.stderr) == (5, "")


def test_a_script_without_an_interpreter_line_gets_its_arguments(start: Start, tmp_path: Path) -> None:
    path = program(tmp_path / "program", b'printf "<%s>" "$0" "$@"\n')
    namespace = start("--", path, "a b", "", "c")
    assert (namespace.wait(), namespace.stdout) == (0, f"<{path}><a b><><c>")


def test_an_empty_program_succeeds_as_it_does_in_a_shell(start: Start, tmp_path: Path) -> None:
    assert start("--", program(tmp_path / "program", b"")).wait() == 0


def test_a_program_for_another_architecture_gives_126_and_says_so(start: Start, tmp_path: Path) -> None:
    # An ELF header, 64 bits and little-endian, of a machine that does not exist (EM_NONE), see elf(5).
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 0, 1, 0, 64, 0, 0, 64, 56, 0, 0, 0, 0)
    path = program(tmp_path / "program", header + bytes(64))
    status, line = refused(start("--", path))
    assert status == 126
    assert line == f"pyinit: error: cannot execute {path}: Exec format error; is it a program for this architecture?"


def test_a_name_that_is_too_long_gives_126(start: Start) -> None:
    status, line = refused(start("--", "/" + "x" * 300))
    assert status == 126
    assert "File name too long" in line


def test_a_circle_of_links_gives_126(start: Start, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    status, line = refused(start("--", str(tmp_path / "one")))
    assert status == 126
    assert "Too many levels of symbolic links" in line


def test_the_failures_of_the_command_string_are_those_of_the_shell(start: Start, tmp_path: Path) -> None:
    plain = program(tmp_path / "plain", b"exit 0\n", 0o644)
    for string, status in (("no-such-command", 127), (plain, 126), ("no-such-command; exit 4", 4), ("if", 2), ("", 0)):
        assert start("-c", string).wait() == status
