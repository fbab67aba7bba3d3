"""The static binary, which nothing can be loaded into, with each of its system calls failing in turn: by strace(1).

The same is asked as in tests/live/test_faults.py: the application is told and finishes, and the exit status is true; or nothing
is started, and one line says why. Which calls there are is not listed here but observed: so none is forgotten.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.hostile.conftest import IS_LONG
from tests.hostile.traced import Call, Traced
from tests.live.conftest import APP_WORDS
from tests.live.forms import STATIC
from tests.live.test_faults import start_script
from tests.namespace import need
from tests.waiting import PATIENCE

#: What is not made to fail, and why.
LEFT_OUT = {
    "execve": "is the start itself",
    "exit_group": "cannot fail",
    "getpid": "cannot fail",
    "gettid": "cannot fail",
    "brk": "does not fail in this way: it returns the old end; see test_limits for a kernel that gives no memory",
    "arch_prctl": "is the C library's, before there is a program that could do anything about it",
    "set_tid_address": "cannot fail",
    "set_robust_list": "is the C library's, which does without",
    "rseq": "is the C library's, which does without",
    "mprotect": "is the C library's, before there is a program that could do anything about it",
}

#: What each call can fail with, one errno for each way in which it is dealt with.
ERRORS = {
    "bind": ("EPERM", "EADDRINUSE"),
    "chdir": ("EACCES", "EIO"),
    "clock_gettime": ("EPERM",),
    "clone3": ("EAGAIN", "ENOMEM", "EPERM", "ENOSYS"),
    "close": ("EIO", "EINTR"),
    "dup2": ("EMFILE", "EBUSY"),
    "fcntl": ("EMFILE", "EBADF"),
    "getcwd": ("ENOENT", "EACCES"),
    "getdents64": ("ENOENT", "EIO"),
    "getrandom": ("ENOSYS", "EPERM"),
    "ioctl": ("ENOTTY", "EIO"),
    "kill": ("EPERM", "ESRCH"),
    "lseek": ("ESPIPE", "EIO"),
    "memfd_create": ("ENOSYS", "EPERM", "EMFILE"),
    "mmap": ("ENOMEM", "EPERM"),
    "munmap": ("ENOMEM",),
    "newfstatat": ("EACCES", "EBADF", "EIO"),
    "openat": ("EMFILE", "ENFILE", "EACCES", "ENOMEM"),  # ENOENT of /proc/PID is no fault: it says that the process is gone
    "pidfd_open": ("ENOSYS", "EMFILE", "EPERM"),
    "poll": ("EINVAL", "ENOMEM", "EINTR"),
    "pread64": ("EIO", "ESRCH", "ENOMEM"),
    "prlimit64": ("EPERM",),
    "pwrite64": ("ENOSPC", "ENOMEM"),
    "read": ("EIO", "EINTR", "ENOMEM"),  # ESRCH is no fault, likewise
    "readlink": ("ENOENT", "EACCES"),
    "recvfrom": ("ENOMEM", "EINTR", "ENOBUFS"),
    "rt_sigaction": ("EINVAL",),
    "rt_sigprocmask": ("EINVAL",),
    "rt_sigtimedwait": ("EINTR", "EAGAIN", "ENOMEM"),
    "sendto": ("EPERM", "ENOMEM", "EINTR"),
    "signalfd4": ("ENOSYS", "EMFILE", "EPERM"),
    "socket": ("EPERM", "EAFNOSUPPORT", "EMFILE"),
    "sysinfo": ("EPERM",),
    "wait4": ("EINTR", "EINVAL"),
    "write": ("EAGAIN", "EPIPE", "ENOSPC", "EIO"),
}

#: For a call that is not in there: a kernel that does not know it, one that forbids it, one without memory.
ANY_ERROR = ("ENOSYS", "EPERM", "ENOMEM")

#: In a line of strace: that PID 1 is asleep and looks who has exited; or that it has met the fault.
FELL_ASLEEP = re.compile(r"waitid\(|.*\(INJECTED\)")

#: Side by side.
AT_A_TIME = 4

#: So many SIGUSR1 come before the stop request where signals are forwarded: Python writes the table by then, and C answers.
FORWARDED = 4

ENVIRONMENT = {"PATH": os.environ["PATH"]}


class Case:
    """One container with one fault, while others run beside it."""

    def __init__(
        self, words: list[str], folder: Path, call: Call | None, error: str, forwarded: int = 0, is_late: bool = False
    ) -> None:
        self.call, self.name = call, "none" if call is None else f"{call.name} {call.when} {error}"
        own = folder / self.name.replace(" ", "-")
        own.mkdir()
        inject = "" if call is None else f"{call.name}:error={error}:when={call.when}"
        self.traced = Traced(words, own, inject, ENVIRONMENT)
        self.namespace = self.traced.namespace
        self._told, self._asked = 0.0, 0
        self._forwarded, self._sent = forwarded, 0
        self._is_late = is_late

    def has_ended(self) -> bool:
        """Ask for a stop once the application is ready, and again each second as an impatient person would; True at the end.

        Before it, as many SIGUSR1 are sent as are to be forwarded, each when the one before was told.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.namespace.wait(0)
            return True
        said, now = self.namespace.stdout, time.monotonic()
        told = said.count("app got SIGUSR1")
        if told < self._forwarded:
            if "app ready" in said and (told == self._sent or now > self._told + 1):
                self._told, self._sent = now, self._sent + 1
                with contextlib.suppress(AssertionError, ProcessLookupError, psutil.NoSuchProcess):
                    self.namespace.signal(signal.SIGUSR1)
            return False
        if self._is_late and not self._asked and not any(map(FELL_ASLEEP.match, self.traced.lines)):
            return False
        if "app ready" in said and "app got SIGTERM" not in said and now > self._told + 1:
            self._told, self._asked = now, self._asked + 1
            with contextlib.suppress(AssertionError, ProcessLookupError, psutil.NoSuchProcess):  # it has just ended
                self.namespace.signal(signal.SIGTERM)
        return False

    @property
    def has_failed(self) -> bool:
        """Whether the call was made, and failed. The later ones of a name may be one fewer in another run."""
        return any("(INJECTED)" in line for line in self.traced.lines)

    def problem(self) -> str | None:
        """What is wrong about the end of the case, if anything."""
        status, said, log = self.namespace.wait(0), self.namespace.stdout, self.namespace.stderr
        story = f"{self.name}: status {status}, {said!r}, {log!r}"
        if status in (125, 126) and self.call is not None and not self.call.in_stop and "app ready" not in said:
            return None if log.count("\n") == 1 and log.startswith("pyinit: error: ") else f"not told in one line: {story}"
        if "app done" not in said:
            return f"the application did not finish: {story}"
        if said.count("app got SIGUSR1") > self._sent:
            return f"a signal was told more often than it was sent: {story}"
        # The last resort tells the group, and in its sweep everybody: it knows of nobody by himself.
        if said.count("app got SIGTERM") > self._asked and "less care" not in log:
            return f"told more often than anybody asked: {story}"
        fell_back = any(words in log for words in ("does not tell", "less care", "no right to signal"))
        # Told as a group, a shell dies of the stop signal, or of the one that was forwarded.
        deaths = (128 + signal.SIGTERM, 128 + signal.SIGUSR1) if self._forwarded else (128 + signal.SIGTERM,)
        if status != 3 and not (fell_back and status in deaths):
            return f"the status is wrong: {story}"
        return None


def run(
    words: list[str], folder: Path, faults: list[tuple[Call | None, str]], forwarded: int = 0, is_late: bool = False
) -> tuple[list[str], list[Call], int]:
    """Run cases side by side; return what is wrong about any, the calls that the last one made, and how many have failed.

    With signals that are forwarded the calls are told apart by the first of these, and not by the stop request. If it is late,
    the stop request comes when PID 1 is asleep, or has tried to be.
    """
    problems = []
    calls: list[Call] = []
    failed = 0
    for first in range(0, len(faults), AT_A_TIME):
        with contextlib.ExitStack() as stack:
            cases = []
            for call, error in faults[first : first + AT_A_TIME]:
                cases.append(Case(words, folder, call, error, forwarded, is_late))
                stack.enter_context(cases[-1].traced)
            running, deadline = list(cases), time.monotonic() + PATIENCE
            while running and time.monotonic() < deadline:
                running = [case for case in running if not case.has_ended()]
                time.sleep(0.02)
            problems += [f"{case.name}: did not end: {case.namespace.stderr!r}" for case in running]
            problems += [found for case in cases if case not in running and (found := case.problem())]
        calls = cases[-1].traced.calls("SIGUSR1" if forwarded else "SIGTERM")
        failed += sum(case.has_failed for case in cases)
    return problems, calls, failed


#: As little as there is to do for PID 1, and as much.
OPTIONS = {
    "plain": (),
    "all": ("--ready=file:/", "--ready=notify", "--pre-stop=exit 0", "--grace-period=60", "--pre-stop-delay=50ms"),
}


@pytest.fixture(params=OPTIONS)
def words(request: pytest.FixtureRequest, pyinit: list[str], tmp_path: Path) -> list[str]:
    """What runs the binary, with an application whose wrapper is held back while it finishes."""
    need("strace")
    summary = f"--termination-log={tmp_path}/summary"
    return [*pyinit, "--settle=10", *OPTIONS[request.param], summary, "--", start_script(tmp_path)]


@pytest.fixture
def calls(words: list[str], tmp_path: Path) -> list[Call]:
    """The calls that it makes where nothing fails."""
    problems, calls, _ = run(words, tmp_path, [(None, "")])
    assert problems == []
    assert {call.in_stop for call in calls} == {True, False}
    return calls


def chosen(calls: list[Call]) -> list[Call]:
    """All calls; where there is little time the first of a name at the start, and the first and the last one in the stop."""
    if IS_LONG:
        return calls
    by_moment: dict[tuple[str, bool], list[Call]] = {}
    for call in calls:
        by_moment.setdefault((call.name, call.in_stop), []).append(call)
    return [call for alike in by_moment.values() for call in sorted({alike[0], alike[-1 if alike[0].in_stop else 0]})]


#: The failing calls are dealt out to so many tests, which may run side by side.
PARTS = 8 if IS_LONG else 2


@pytest.mark.forms(STATIC)
@pytest.mark.timeout(1200 if IS_LONG else 120)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_stop_survives_the_failure_of_any_system_call(words: list[str], calls: list[Call], tmp_path: Path, part: int) -> None:
    faults: list[tuple[Call | None, str]] = []
    for number, call in enumerate(call for call in chosen(calls) if call.name not in LEFT_OUT):
        errors = ERRORS.get(call.name, ANY_ERROR)
        faults += [(call, error) for error in (errors if IS_LONG else errors[number % len(errors) :][:1])]
    faults = faults[part::PARTS]
    problems, _, failed = run(words, tmp_path, faults)
    assert problems == []
    assert failed >= 0.75 * len(faults), "or this would prove little"


@pytest.mark.forms(STATIC)
@pytest.mark.parametrize(
    ("call", "error"),
    [
        *(("openat", error) for error in ("EMFILE", "EACCES")),
        *(("read", error) for error in ("EIO", "ESRCH")),
        *(("write", error) for error in ("EAGAIN", "EPIPE", "ENOSPC")),
        ("newfstatat", "EACCES"),
        ("getdents64", "EIO"),
        ("readlink", "EACCES"),
        ("poll", "ENOMEM"),
        ("pidfd_open", "EPERM"),
        ("signalfd4", "ENOSYS"),
        ("socket", "EPERM"),
        ("recvfrom", "ENOBUFS"),
        ("sendto", "EPERM"),
        ("pwrite64", "ENOSPC"),
        ("close", "EIO"),
    ],
)
def test_a_stop_survives_a_system_call_that_fails_from_then_on(
    words: list[str], calls: list[Call], tmp_path: Path, call: str, error: str
) -> None:
    """From the first one in the stop on, always. So does a limit, or a policy that an administrator has just set."""
    first = [one for one in calls if one.name == call and one.in_stop]
    if not first:
        pytest.fail(f"no {call} is made in a stop")
    problems, _, failed = run(words, tmp_path, [(first[0].but_always(), error)])
    assert problems == []
    assert failed == 1


#: Where the application is the command, and where it is below a script: C answers in both cases, by looking at more or less.
PLACES = {"alone": "exec APP --on TERM,USR1 --status 3", "below": "APP --on TERM,USR1 --workers 2; exit 3"}


@pytest.mark.forms(STATIC)
@pytest.mark.timeout(600 if IS_LONG else 120)
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_is_told_once_whatever_system_call_fails(pyinit: list[str], tmp_path: Path, place: str) -> None:
    need("strace")
    words = [*pyinit, "--settle=10", "--", "sh", "-c", PLACES[place].replace("APP", APP_WORDS)]
    problems, calls, _ = run(words, tmp_path, [(None, "")], FORWARDED)
    assert problems == []
    faults: list[tuple[Call | None, str]] = []
    by_name: dict[str, list[Call]] = {}
    for call in calls:
        if call.in_stop and call.name not in LEFT_OUT:
            by_name.setdefault(call.name, []).append(call)
    assert "pread64" in by_name
    for alike in by_name.values():
        some = alike if IS_LONG else {alike[0], alike[len(alike) // 4]}  # the stop comes last, and is looked into above
        errors = ERRORS.get(alike[0].name, ANY_ERROR)
        for number, call in enumerate(sorted(some)):
            faults += [(call, error) for error in (errors if IS_LONG else errors[number % len(errors) :][:1])]
    problems, _, failed = run(words, tmp_path, faults, FORWARDED)
    assert problems == []
    assert failed >= 0.75 * len(faults), "or this would prove little"


@pytest.mark.forms(STATIC)
@pytest.mark.timeout(1200 if IS_LONG else 200)
def test_a_stop_after_a_sleep_survives_the_failure_of_any_system_call(pyinit: list[str], tmp_path: Path) -> None:
    """From the moment on at which PID 1 falls asleep: on its way there, in its sleep, on its way back, and in the stop."""
    need("strace")
    words = [*pyinit, "--settle=10", "--", start_script(tmp_path)]
    problems, calls, _ = run(words, tmp_path, [(None, "")], is_late=True)
    assert problems == []
    asleep = next(at for at, call in enumerate(calls) if call.name == "madvise")
    stop = next(at for at, call in enumerate(calls) if call.in_stop)
    assert {"madvise", "munmap", "waitid"} <= {call.name for call in calls[asleep:stop]}
    late = [call for call in calls[asleep:stop] if call.name not in LEFT_OUT]
    late += [call for call in chosen(calls[stop:]) if call.name not in LEFT_OUT]
    faults: list[tuple[Call | None, str]] = []
    for number, call in enumerate(late):
        errors = ERRORS.get(call.name, ANY_ERROR)
        faults += [(call, error) for error in (errors if IS_LONG else errors[number % len(errors) :][:1])]
    problems, _, failed = run(words, tmp_path, faults, is_late=True)
    assert problems == []
    assert failed >= 0.75 * len(faults), "or this would prove little"
