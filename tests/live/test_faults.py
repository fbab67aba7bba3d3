"""Whatever system call fails during a stop: the container does not die of it, and its exit status is true."""

import ast
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS
from tests.live.terminals import ON_TERMINAL, Terminal
from tests.namespace import ROOT, Namespace
from tests.waiting import PATIENCE, wait_until

FAULTY = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "faulty.py")]

#: What looks at processes, which is loaded with the first signal.
MESSENGER = "import.pyinit.life.deliver"

#: Which calls fail, see faulty.py.
AT_START = ("start:1", "start:2")
AT_STOP = ("stop:1", "stop:2")
ALWAYS = ("start:always", "stop:always")
EVERYWHERE = (*AT_START, *AT_STOP, *ALWAYS)

#: What each function can fail with, one errno for each way in which it is dealt with; MemoryError comes in addition.
#: kill() and the calls that wait for signals are not made to fail always: then nobody could be told anything.
FAULTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "posix.chdir": (("EACCES", "EIO"), EVERYWHERE),
    "posix.close": (("EIO", "EINTR"), EVERYWHERE),
    "posix.dup2": (("EMFILE", "EBUSY"), EVERYWHERE),
    "posix.fstat": (("EBADF", "EIO"), EVERYWHERE),
    "posix.getcwd": (("ENOENT", "EACCES"), EVERYWHERE),
    "posix.getpgrp": ((), EVERYWHERE),
    "posix.getpid": ((), EVERYWHERE),
    "posix.kill": (("EPERM", "ESRCH"), (*AT_START, *AT_STOP)),
    "posix.getpgid": (("ESRCH", "EPERM"), EVERYWHERE),
    "posix.listdir": (("ENOENT", "EACCES", "EMFILE"), EVERYWHERE),
    "posix.memfd_create": (("ENOSYS", "EPERM", "EMFILE"), AT_START),
    "posix.open": (("EMFILE", "ENFILE", "EACCES", "ENOENT"), EVERYWHERE),
    "posix.pidfd_open": (("ENOSYS", "EMFILE", "EPERM"), EVERYWHERE),
    "posix.pwrite": (("ENOSPC", "ENOMEM"), EVERYWHERE),
    "posix.read": (("EIO", "ESRCH"), EVERYWHERE),
    "posix.readlink": (("ENOENT", "EACCES"), EVERYWHERE),
    "posix.stat": (("EACCES", "ENOENT"), AT_STOP),
    "posix.tcgetpgrp": (("ENOTTY", "EIO"), EVERYWHERE),
    "posix.tcsetpgrp": (("EPERM", "EIO"), EVERYWHERE),
    "posix.waitpid": (("EINTR", "EINVAL"), (*AT_START, *AT_STOP)),
    "posix.write": (("EAGAIN", "EPIPE", "ENOSPC", "EIO"), EVERYWHERE),
    "_signal.sigwaitinfo": (("EINTR", "EAGAIN"), (*AT_START, *AT_STOP)),
    "_signal.sigtimedwait": (("EINTR", "EAGAIN"), (*AT_START, *AT_STOP)),
    "select.poll": ((), EVERYWHERE),
    "poll.register": ((), EVERYWHERE),
    "poll.poll": (("EINVAL", "ENOMEM"), EVERYWHERE),
    "libc.sigtimedwait": (("EINTR", "EAGAIN"), (*AT_START, *AT_STOP)),
    "libc.signalfd": (("ENOSYS", "EMFILE", "EPERM"), EVERYWHERE),
}

#: What fails before there is a command: nothing is started, and one line says why. With the status for each errno.
#: Those of `FORKED` are used by the way with fork() alone; LISTEN_PID makes it take that.
NOT_STARTED = {
    "posix.posix_spawn": {"EAGAIN": 125, "ENOMEM": 125, "E2BIG": 126, "MemoryError": 125},
    "posix.fork": {"EAGAIN": 125, "ENOMEM": 125, "ENOSYS": 126, "MemoryError": 125},
    "posix.pipe2": {"EMFILE": 125, "ENFILE": 125, "MemoryError": 125},
    "posix.execve": {"ENOMEM": 125, "E2BIG": 126, "EIO": 126, "MemoryError": 125},
    "posix.setsid": {"EPERM": 126, "MemoryError": 125},
    "_signal.pthread_sigmask": {"EINVAL": 126, "MemoryError": 125},
}
FORKED = frozenset(NOT_STARTED) - {"posix.posix_spawn"}

#: Calls that are not made to fail here, and why.
LEFT_OUT = {
    "posix._exit": "cannot fail",
    "posix.waitid": "is for the health helper alone, whose end is waited for a moment, or not",
    "posix.closerange": "has no error",
    "posix.sysconf": "is no system call",
    "posix.strerror": "is no system call, and only words a failure",
    "posix.execv": "happens in __main__, before anything can be lost",
    "posix.getppid": "is for --parent-death-signal alone, where it cannot fail",
    "posix.setpgid": "is for terminals alone, see test_on_a_terminal below",
    "posix.pread": "is for the termination log alone, see below",
    "posix.ftruncate": "is for the termination log alone, see below",
    "_signal.getsignal": "is no system call",
    "_signal.signal": "has no error but for a signal that does not exist",
    "_signal.valid_signals": "has no error",
    "libc.execve": "is for an environment that variables do not tell, see test_environment",
    "libc.prctl": "is for a pyinit that is not PID 1, see test_not_pid_1 below",
}


def test_no_call_is_forgotten() -> None:
    modules = {"posix": "posix", "signal": "_signal", "select": "select", "poll": "poll"}
    used = {
        f"{modules[node.func.value.id]}.{node.func.attr}"
        for room in ("", "kernel", "life", "settings")  # what PID 1 is made of, but for what is imported when it is needed
        for path in (ROOT / "pyinit" / room).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in modules
    }
    used |= {
        f"libc.{node.args[0].value!s}"
        for node in ast.walk(ast.parse((ROOT / "pyinit" / "kernel" / "libc.py").read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_call" and isinstance(node.args[0], ast.Constant)
    }
    # posix.execve and posix.posix_spawn may be handed on instead of called
    used |= {"posix.execve", "posix.posix_spawn"}
    assert used == FAULTS.keys() | NOT_STARTED.keys() | LEFT_OUT.keys()


class Case:
    """One container with one fault, while others run beside it."""

    def __init__(self, folder: Path, function: str, error: str, when: str, *words: str, **environment: str) -> None:
        self.name = f"{function} {error} {when}"
        own = folder / self.name.replace(" ", "-")
        own.mkdir()
        self.namespace = Namespace(
            [*FAULTY, function, error, when, *words], own, env={"PATH": os.environ["PATH"], **environment}
        )
        self.told = 0.0
        self.asked = 0

    def stop(self) -> bool:
        """Ask for a stop once the application is ready, and again each second as an impatient person would; True at the end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.namespace.wait(0)
            return True
        now = time.monotonic()
        if "app ready" in self.namespace.stdout and now > self.told + 1 and "app got" not in self.namespace.stdout:
            self.told = now
            self.asked += 1
            with contextlib.suppress(AssertionError, ProcessLookupError, psutil.NoSuchProcess):  # it has just ended
                self.namespace.signal(signal.SIGTERM)
        return False

    @property
    def fell_back(self) -> bool:
        """Whether PID 1 has said that it went on with less care, and signalled the wrapper as well."""
        return any(words in self.namespace.stderr for words in ("does not tell", "less care", "no right to signal"))

    def problem(self) -> str | None:
        """What is wrong about the end of the case, if anything."""
        status = self.namespace.wait(0)
        story = f"{self.name}: status {status}, {self.namespace.stdout!r}, {self.namespace.stderr!r}"
        if status == 125 and self.name.split()[2].startswith("start:") and "app ready" not in self.namespace.stdout:
            return None if self.namespace.stderr.count("\n") == 1 else f"not told in one line: {story}"
        if "app done" not in self.namespace.stdout:
            return f"the application did not finish: {story}"
        # The last resort tells the group, and in its sweep everybody: it knows of nobody by himself.
        if self.namespace.stdout.count("app got SIGTERM") > self.asked and "less care" not in self.namespace.stderr:
            return f"the application was told more often than anybody asked: {story}"
        if status != 3 and not (status == 143 and self.fell_back):
            return f"the status is wrong: {story}"
        return None


def drive(cases: list[Case], stop: Callable[[Case], bool]) -> None:
    """Run cases side by side to their end."""
    try:
        running = list(cases)
        deadline = time.monotonic() + PATIENCE
        while running and time.monotonic() < deadline:
            running = [case for case in running if not stop(case)]
            time.sleep(0.02)
        assert not running, [(case.name, case.namespace.stdout, case.namespace.stderr) for case in running]
    finally:
        for case in cases:
            case.namespace.__exit__(None, None, None)


def start_script(folder: Path) -> str:
    """A script whose wrapper is held back while the application finishes."""
    path = folder / "start.sh"
    path.write_text(f"#!/bin/sh\n{APP_WORDS} --drain 0.3\nexit 3\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("error", ["one of its own", "MemoryError"])
@pytest.mark.parametrize("function", FAULTS)
def test_a_stop_survives_the_failure_of(function: str, error: str, tmp_path: Path) -> None:
    errnos, moments = FAULTS[function]
    errors = errnos if error != "MemoryError" else ("MemoryError",)
    script = start_script(tmp_path)
    everything = [(one, when) for one in errors for when in moments]
    problems = []
    for first in range(0, len(everything), 8):
        cases = [
            Case(tmp_path, function, one, when, "--settle", "0.2", "--", script) for one, when in everything[first : first + 8]
        ]
        try:
            drive(cases, Case.stop)
        except AssertionError as never:
            problems.append(f"did not end: {never}")
        else:
            problems += [problem for case in cases if (problem := case.problem())]
    assert problems == []


@pytest.mark.parametrize("function", NOT_STARTED)
def test_a_command_that_cannot_be_started_is_told_in_one_line(function: str, tmp_path: Path) -> None:
    environment = {"LISTEN_PID": "1"} if function in FORKED else {}
    for error, status in NOT_STARTED[function].items():
        case = Case(tmp_path, function, error, "start:1", "--", "true", **environment)
        with case.namespace as namespace:
            assert (error, namespace.wait()) == (error, status), namespace.stderr
            assert namespace.stderr.startswith("pyinit: error: cannot ")
            assert namespace.stderr.count("\n") == 1


def test_where_the_call_is_forbidden_that_makes_the_child_of_posix_spawn_another_one_makes_it(tmp_path: Path) -> None:
    for when in ("start:always", "stop:always"):
        hook = ("--pre-stop", "echo hook")
        case = Case(tmp_path, "posix.posix_spawn", "EPERM", when, *hook, "--", start_script(tmp_path))
        with case.namespace as namespace:
            drive([case], Case.stop)
            assert case.problem() is None
            assert namespace.stdout.count("got SIGTERM") == 1
            assert "hook" in namespace.stderr.splitlines()


@pytest.mark.parametrize("function", ["posix.posix_spawn", "posix.stat"])
def test_a_pre_stop_command_that_cannot_be_started_is_skipped(function: str, tmp_path: Path) -> None:
    for error in ("EAGAIN", "ENOMEM", "MemoryError"):
        case = Case(tmp_path, function, error, "stop:1", "--pre-stop", "sleep 1000", "--", start_script(tmp_path))
        with case.namespace as namespace:
            drive([case], Case.stop)
            assert case.problem() is None
            assert namespace.stdout.count("got SIGTERM") == 1


@pytest.mark.parametrize("error", ["EPERM", "MemoryError"])
@pytest.mark.parametrize(
    ("function", "status"),
    [("posix.setpgid", {"EPERM": 126, "MemoryError": 125}), ("posix.tcsetpgrp", {"EPERM": 5, "MemoryError": 125})],
)
def test_on_a_terminal(function: str, status: dict[str, int], error: str, tmp_path: Path) -> None:
    with Terminal() as terminal:
        words = [*FAULTY, function, error, "start:1", "--", "sh", "-c", "exit 5"]
        tty = terminal.slave
        with Namespace(words, tmp_path, unshare=ON_TERMINAL, stdin=tty, stdout=tty, stderr=tty) as namespace:
            assert namespace.wait() == status[error], terminal.shown


@pytest.mark.parametrize("error", ["EINVAL", "ENOSYS", "EPERM"])
@pytest.mark.parametrize(("options", "status"), [((), 5), (("--subreaper",), 125), (("--parent-death-signal", "TERM"), 125)])
def test_not_pid_1(error: str, options: tuple[str, ...], status: int, tmp_path: Path) -> None:
    # Without --subreaper it is only tried; --parent-death-signal must not be refused in silence.
    faulty = [*FAULTY, "libc.prctl", error, "start:always", *options, "--", "sh", "-c", "exit 5"]
    with Namespace(["sh", "-c", '"$@"; exit $?', "sh", *faulty], tmp_path) as namespace:
        assert namespace.wait() == status
        assert namespace.stderr.startswith("pyinit: ")


def test_a_wall_clock_that_goes_back_changes_no_deadline(tmp_path: Path) -> None:
    words = ("--log-format", "json", "--pre-stop-delay", "0.2", "--grace-period", "0.5", "--")
    case = Case(tmp_path, "time.time", "-", "start:always", *words, *APP_WORDS.split(), "--drain", "1000")
    with case.namespace as namespace:
        namespace.wait_for_output("app ready")
        began = time.monotonic()
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 137
        assert 0.7 <= time.monotonic() - began < PATIENCE
        times = [line.split('"')[3] for line in namespace.stderr.splitlines()]
        assert times == sorted(times, reverse=True)
        assert len(set(times)) > 2


def test_the_status_survives_when_no_signal_can_be_waited_for_any_more(tmp_path: Path) -> None:
    """Then nobody can be told of a stop; but the container lives, and what ends by itself ends as ever."""
    for function in ("_signal.sigwaitinfo", "_signal.sigtimedwait", "libc.sigtimedwait"):
        for error in ("EINVAL", "MemoryError"):
            case = Case(
                tmp_path, function, error, "start:always", "--", "sh", "-c", "read line; exit 5", PYINIT_LOG_LEVEL="error"
            )
            with case.namespace as namespace:
                assert namespace.wait() == 5


def test_the_last_resort_waits_for_what_the_command_leaves_behind(tmp_path: Path) -> None:
    said = tmp_path / "daemon"
    path = tmp_path / "start.sh"
    path.write_text(f"#!/bin/sh\n(setsid {APP_WORDS} >{said} &)\nuntil grep -q ready {said}; do sleep 0.02; done\nexit 3\n")
    path.chmod(0o755)
    case = Case(tmp_path, "_signal.sigwaitinfo", "MemoryError", "start:1", "--", str(path))
    with case.namespace as namespace:
        assert namespace.wait() == 3
        wait_until(said.exists, "the daemon")
        assert "app done" in said.read_text()
        assert "less care" in namespace.stderr


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "MemoryError"])
@pytest.mark.parametrize("function", ["posix.pread", "posix.ftruncate", "posix.pwrite"])
def test_a_termination_log_that_cannot_be_completed_changes_nothing_about_the_stop(
    tmp_path: Path, function: str, error: str
) -> None:
    log = tmp_path / "log"
    faulty = [*FAULTY, function, error, "start:always", "--termination-log", str(log), "--", start_script(tmp_path)]
    with Namespace(faulty, tmp_path, env={"PATH": os.environ["PATH"]}) as namespace:
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 3
        assert "app done" in namespace.stdout
        assert f"pyinit: warning: --termination-log: {log}: " in namespace.stderr
        assert "less care" not in namespace.stderr
    assert log.read_text().startswith("pyinit: stop requested: ")


def test_a_fault_that_comes_when_the_stop_signal_was_sent_does_not_send_it_again(tmp_path: Path) -> None:
    """The last resort owes nobody anything then: the wrapper lives on, and runs its last lines."""
    for error in ("EINVAL", "MemoryError"):
        case = Case(tmp_path, "posix.waitpid", error, "stop:1", "--", start_script(tmp_path))
        with case.namespace as namespace:
            drive([case], Case.stop)
            assert "less care" in namespace.stderr
            assert "app done\n" in namespace.stdout
            assert namespace.stdout.count("app got SIGTERM\n") <= case.asked
            assert namespace.wait(0) == 3


def test_those_whom_a_blind_request_has_reached_are_not_told_again_when_proc_tells_again(tmp_path: Path) -> None:
    case = Case(tmp_path, "posix.listdir", "EACCES", "stop:1", "--", start_script(tmp_path))
    with case.namespace as namespace:
        drive([case], Case.stop)
        assert "does not tell" in namespace.stderr
        assert "SIGTERM to 3" not in namespace.stderr, "which would be told in the sweep"
        assert namespace.stdout.count("app got SIGTERM\n") <= case.asked
        assert namespace.wait(0) == 143


def stubborn(folder: Path) -> list[str]:
    """A command that ignores SIGTERM, as does a daemon that it has left in a session of its own; ready when both are there."""
    path = folder / "stubborn.sh"
    daemon = "setsid sh -c 'echo daemon ready; exec sleep 1000' &"
    path.write_text(f"#!/bin/sh\ntrap '' TERM\n{daemon}\necho app ready\nsleep 1000\n")
    path.chmod(0o755)
    return ["--grace-period", "0.3", "--settle", "0.1", "--", str(path)]


@pytest.mark.parametrize("error", ["ImportError", "EMFILE", "MemoryError"])
def test_where_what_looks_at_processes_cannot_be_loaded_sigkill_goes_to_all_without_naming_them(
    tmp_path: Path, error: str
) -> None:
    case = Case(tmp_path, MESSENGER, error, "start:always", *stubborn(tmp_path))
    with case.namespace as namespace:
        namespace.wait_for_output("app ready")
        namespace.wait_for_output("daemon ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 137
        reason = {"ImportError": "no pyinit.life.deliver", "EMFILE": "Too many open files", "MemoryError": "out of memory"}
        assert f"what does that cannot be loaded: {'[Errno 24] ' * (error == 'EMFILE')}{reason[error]}\n" in namespace.stderr
        assert "SIGTERM to everybody at once: /proc does not tell who handles it" in namespace.stderr
        assert namespace.stderr.count("SIGKILL to") == namespace.stderr.count("SIGKILL to all, whoever they are") == 1
        assert namespace.stderr.count("cannot be loaded") == 1
        assert not any(words in namespace.stderr for words in ("do not die of SIGKILL", "less care"))


def test_where_it_can_be_loaded_again_sigkill_names_whom_it_is_for(tmp_path: Path) -> None:
    case = Case(tmp_path, MESSENGER, "MemoryError", "stop:1", *stubborn(tmp_path))
    with case.namespace as namespace:
        namespace.wait_for_output("app ready")
        namespace.wait_for_output("daemon ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 137
        assert "SIGTERM to everybody at once" in namespace.stderr
        (line,) = [line for line in namespace.stderr.splitlines() if "SIGKILL to" in line]
        assert "(stubborn.sh)" in line
        assert line.count("(sleep)") == 2


def test_where_it_cannot_be_loaded_and_we_are_not_pid_1_our_own_children_get_sigkill_and_nobody_else(tmp_path: Path) -> None:
    faulty = [*FAULTY, MESSENGER, "MemoryError", "start:always", "--subreaper", *stubborn(tmp_path)]
    beside = 'sleep 2000 & "$@"; status=$?; echo "status $status"; kill -0 $! && echo "the other lives"; exit $status'
    with Namespace(["sh", "-c", beside, "sh", *faulty], tmp_path, env={"PATH": os.environ["PATH"]}) as namespace:
        namespace.wait_for_output("app ready")
        namespace.wait_for_output("daemon ready")
        (found,) = [child for child in namespace.init.children() if child.children()]
        found.terminate()
        assert namespace.wait() == 137
        assert namespace.stdout.endswith("status 137\nthe other lives\n")
        assert "do not die of SIGKILL" not in namespace.stderr
        assert namespace.stderr.count("SIGKILL to") == namespace.stderr.count("SIGKILL to all, whoever they are") == 1
