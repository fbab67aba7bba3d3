"""What the test suites of dumb-init 1.2.5 and tini 0.19.0 promise, by their names: of the real one, and of pyinit in its place.

Each promise is written anew from what those suites ask for. Where pyinit is meant to differ, the test says so by its name;
docs/drop-in.md lists all of it.
"""

import contextlib
import os
import pty
import re
import signal
import sys
import termios
from pathlib import Path

import psutil
import pytest

from tests.live.originals import BOTH, OURS, THEIRS, RunCalled, init_called
from tests.namespace import ROOT, WITH_PROC, Namespace
from tests.waiting import wait_until

SEEN = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "seen.py")]

#: The signals that an init passes on, but for those that suspend.
SUSPEND = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
PASSED_ON = sorted(set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, *SUSPEND})

#: With a group of its own for the child, and without; dumb-init tells the group, or the child.
MODES = pytest.mark.parametrize("mode", [[], ["-c"]], ids=["group", "single-child"])

#: Stops what PID 1 is not: a shell starts the init, tells its PID, and sees whether it was stopped or has ended.
BELOW = ("sh", "-c", '"$@" & echo "init $!"; while :; do wait; sleep 0.05; done', "sh", "env", "--default-signal=INT,QUIT")


def below(words: list[str], folder: Path) -> Namespace:
    """An init that is not PID 1, and so can be suspended."""
    return Namespace([*BELOW, *words], folder)


def init_in(namespace: Namespace) -> psutil.Process:
    """That init."""
    namespace.wait_for_output("init ")
    found = re.search(r"init (\d+)", namespace.stdout)
    assert found

    def find() -> psutil.Process | None:
        children = namespace.init.children()
        return next((child for child in children if "seen.py" in " ".join(child.cmdline())), None)

    return wait_until(find, "the init")


# --- dumb-init: exit_status_test, cwd_test, cli_test ---


@BOTH
@MODES
@pytest.mark.parametrize("status", [0, 1, 2, 32, 64, 127, 254, 255])
def test_dumb_init_exits_with_the_status_of_the_command(
    run_called: RunCalled, whose: str, mode: list[str], status: int
) -> None:
    assert run_called("dumb-init", *mode, "sh", "-c", f"exit {status}", whose=whose).wait() == status


@BOTH
@MODES
@pytest.mark.parametrize("signame", ["TERM", "INT", "QUIT", "KILL"])
def test_dumb_init_exits_with_128_and_the_signal_that_killed_the_command(
    run_called: RunCalled, whose: str, mode: list[str], signame: str
) -> None:
    namespace = run_called("dumb-init", *mode, "sh", "-c", f"kill -{signame} $$", whose=whose)
    assert namespace.wait() == 128 + getattr(signal, f"SIG{signame}")


@BOTH
@MODES
def test_dumb_init_lives_in_the_root_and_its_command_where_it_was_started(
    run_called: RunCalled, whose: str, mode: list[str]
) -> None:
    line = 'until [ "$(readlink /proc/1/cwd)" = / ]; do sleep 0.02; done; readlink /proc/$$/cwd'
    namespace = run_called("dumb-init", *mode, "sh", "-c", line, whose=whose)
    assert namespace.wait() == 0
    assert namespace.stdout == f"{os.getcwd()}\n"


@BOTH
@MODES
@pytest.mark.parametrize("line", ["/nosuch", "-- /nosuch"])
def test_dumb_init_tells_which_command_is_not_there(run_called: RunCalled, whose: str, mode: list[str], line: str) -> None:
    namespace = run_called("dumb-init", *mode, *line.split(), whose=whose)
    assert namespace.wait() != 0
    assert "/nosuch" in namespace.stderr
    assert "o such file" in namespace.stderr


@BOTH
@pytest.mark.parametrize("flag", ["-v", "--verbose"])
@MODES
def test_dumb_init_says_more_on_stderr_when_it_is_asked_to(
    run_called: RunCalled, whose: str, flag: str, mode: list[str]
) -> None:
    namespace = run_called("dumb-init", flag, *mode, "echo", "oh,", "hi", whose=whose)
    assert (namespace.wait(), namespace.stdout) == (0, "oh, hi\n")
    assert re.search(r"(?i)exited with (exit )?status 0", namespace.stderr)


# --- dumb-init: proxies_signals_test ---


@BOTH
@MODES
def test_dumb_init_passes_every_signal_on(run_called: RunCalled, whose: str, mode: list[str]) -> None:
    namespace = run_called("dumb-init", *mode, *SEEN, whose=whose)
    namespace.wait_for_output("ready")
    for signum in PASSED_ON:
        namespace.signal(signum)
        namespace.wait_for_output(f"\n{signum}\n")
    assert namespace.stdout.split() == ["ready", *map(str, PASSED_ON)]


@BOTH
@MODES
@pytest.mark.parametrize(
    ("rewrites", "sent", "got"),
    [
        ({}, [15, 3, 18, 2], [15, 3, 18, 2]),
        ({15: 2}, [15, 3, 18, 2], [2, 3, 18, 2]),
        ({15: 2, 2: 15, 3: 3}, [15, 3, 18, 2], [2, 3, 18, 15]),
        ({1: 31, 31: 1}, [1, 31], [31, 1]),
        ({15: 3, 2: 0, 28: 0}, [15, 2, 28, 1], [3, 1]),
    ],
)
def test_dumb_init_rewrites_signals_and_drops_those_rewritten_to_0(
    run_called: RunCalled, whose: str, mode: list[str], rewrites: dict[int, int], sent: list[int], got: list[int]
) -> None:
    words = [word for old, new in rewrites.items() for word in ("-r", f"{old}:{new}")]
    namespace = run_called("dumb-init", *mode, *words, *SEEN, whose=whose)
    namespace.wait_for_output("ready")
    count = 0
    for signum in sent:
        namespace.signal(signum)
        if rewrites.get(signum, signum):
            count += 1
            wait_until(lambda: len(namespace.stdout.split()) > count, f"{signum} has come")  # noqa: B023 - called at once
    assert namespace.stdout.split() == ["ready", *map(str, got)]


# --- dumb-init: shell_background_test, and the last of proxies_signals_test ---


@BOTH
@MODES
def test_dumb_init_suspends_itself_and_its_command_and_both_wake_up(tmp_path: Path, whose: str, mode: list[str]) -> None:
    with below([*init_called("dumb-init", whose, tmp_path), *mode, *SEEN], tmp_path) as namespace:
        namespace.wait_for_output("ready")
        init = init_in(namespace)
        for times, signum in enumerate(SUSPEND, 1):
            init.send_signal(signum)
            wait_until(lambda: init.status() == psutil.STATUS_STOPPED, f"it is suspended by {signum}")
            init.send_signal(signal.SIGCONT)
            wait_until(lambda: namespace.stdout.split().count("18") == times, "the command is awake")  # noqa: B023
            wait_until(lambda: init.status() != psutil.STATUS_STOPPED, "so is it")


@pytest.mark.parametrize(("whose", "suspends"), [(THEIRS, True), (OURS, True)])
def test_dumb_init_suspends_itself_by_a_signal_that_its_command_gets_as_another(
    tmp_path: Path, whose: str, suspends: bool
) -> None:
    words = ["-r", f"{int(signal.SIGTTIN)}:15", "-r", f"{int(signal.SIGTTOU)}:2", "-r", f"{int(signal.SIGTSTP)}:1"]
    with below([*init_called("dumb-init", whose, tmp_path), *words, *SEEN], tmp_path) as namespace:
        namespace.wait_for_output("ready")
        init = init_in(namespace)
        for times, (signum, got) in enumerate([(signal.SIGTTIN, 15), (signal.SIGTTOU, 2), (signal.SIGTSTP, 1)], 1):
            init.send_signal(signum)
            namespace.wait_for_output(f"\n{got}\n")
            if suspends:
                wait_until(lambda: init.status() == psutil.STATUS_STOPPED, f"it is suspended by {signum}")
                init.send_signal(signal.SIGCONT)
                wait_until(lambda: namespace.stdout.split().count("18") == times, "the command is awake")  # noqa: B023


# --- dumb-init: child_processes_test ---

TWO_PIPELINES = ["sh", "-c", "sleep 1000 | cat & sleep 1000 | cat >&2 & wait"]


@BOTH
def test_dumb_init_ends_a_whole_group(run_called: RunCalled, whose: str) -> None:
    namespace = run_called("dumb-init", *TWO_PIPELINES, whose=whose)
    wait_until(lambda: len(namespace.named("sleep")) == len(namespace.named("cat")) == 2, "all are there")
    everybody = namespace.processes()
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 143
    assert not any(process.is_running() for process in everybody)


@BOTH
def test_dumb_init_tells_those_whom_its_command_leaves_behind(tmp_path: Path, whose: str) -> None:
    said = tmp_path / "said"
    line = f"{' '.join(SEEN)} >'{said}' & until grep -q ready '{said}'; do sleep 0.02; done"
    with below([*init_called("dumb-init", whose, tmp_path), "sh", "-c", line], tmp_path):
        wait_until(lambda: said.exists() and said.read_text().split() == ["ready", "15"], "it is told")


# --- dumb-init: tty_test ---


def on_a_terminal(words: list[str], text: bytes) -> tuple[int, str]:
    """The status, as of a shell, and the output of a program that leads a session on a terminal into which this is typed."""
    pid, descriptor = pty.fork()
    if pid == 0:  # pragma: no cover - another program
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvp(words[0], words)  # noqa: S606 - without a shell is what is wanted
    attributes = termios.tcgetattr(descriptor)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    os.write(descriptor, text)
    found = b"".join(iter(lambda: read_terminal(descriptor), b""))
    os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), found.decode()


def read_terminal(descriptor: int) -> bytes:
    """What is to be read, or nothing at its end."""
    try:
        return os.read(descriptor, 1024)
    except OSError:  # EIO: nobody has it open any more
        return b""


@BOTH
def test_dumb_init_leaves_the_terminal_to_its_command(tmp_path: Path, whose: str) -> None:
    init = init_called("dumb-init", whose, tmp_path)
    assert on_a_terminal([*init, "tac"], b"1\n2\n3\n\4\4") == (0, "3\n2\n1\n")


@BOTH
@MODES
def test_dumb_init_gives_a_shell_its_job_control(tmp_path: Path, whose: str, mode: list[str]) -> None:
    init = [*init_called("dumb-init", whose, tmp_path), *mode]
    status, output = on_a_terminal([*init, "bash", "--norc", "-m"], b'echo "flags [[$-]]"\nexit 0\n')
    assert status == 0, output
    assert "m" in re.findall(r"flags \[\[([a-zA-Z]+)\]\]", output)[-1]
    assert "no job control" not in output


# --- tini ---


@BOTH
@pytest.mark.parametrize("code", [0, 1, 127, 143, 255])
def test_tini_takes_a_status_for_success_and_no_other(run_called: RunCalled, whose: str, code: int) -> None:
    script = ["--", "sh", "-c", f"exit {code}"]
    others = [word for other in range(256) if other != code for word in ("-e", str(other))]
    assert run_called("tini", "-e", str(code), *script, whose=whose).wait() == 0
    assert run_called("tini", *others, *script, whose=whose).wait() == code


#: Starts so many children that leave so many orphans, and sees whether all of them have been reaped.
ORPHANS = """
import os, sys, time
for _ in range(20):
    if os.fork() == 0:
        for _ in range(5):
            if os.fork() == 0:
                os._exit(0)
        os._exit(0)
for _ in range(20):
    os.wait()
own = os.getppid()
until = time.monotonic() + 20
while open(f"/proc/{own}/task/{own}/children").read().split() != [str(os.getpid())]:
    if time.monotonic() > until:
        sys.exit(1)
    time.sleep(0.01)
"""


@BOTH
@pytest.mark.parametrize(("words", "variables"), [(["-s"], {}), ([], {"TINI_SUBREAPER": ""}), ([], {})])
def test_tini_reaps_every_orphan(run_called: RunCalled, whose: str, words: list[str], variables: dict[str, str]) -> None:
    namespace = run_called("tini", *words, "--", sys.executable, "-c", ORPHANS, whose=whose, variables=variables)
    assert namespace.wait() == 0, namespace.stderr
    assert "zombie" not in namespace.stderr


@BOTH
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_tini_exits_with_128_and_the_signal_that_it_was_sent(run_called: RunCalled, whose: str, signum: int) -> None:
    namespace = run_called("tini", "--", "sleep", "1000", whose=whose)
    wait_until(lambda: namespace.named("sleep"), "the command")
    namespace.signal(signum)
    assert namespace.wait() == 128 + signum


#: Ignores SIGUSR1, and waits for a child that does not.
PARENT_IGNORES = "trap '' USR1; env --default-signal=USR1 sleep 1000; exit 3"


@BOTH
@pytest.mark.parametrize(("words", "variables"), [(["-g"], {}), ([], {"TINI_KILL_PROCESS_GROUP": "1"})])
def test_tini_tells_a_group_though_its_command_ignores_the_signal(
    run_called: RunCalled, whose: str, words: list[str], variables: dict[str, str]
) -> None:
    namespace = run_called("tini", *words, "--", "sh", "-c", PARENT_IGNORES, whose=whose, variables=variables)
    wait_until(lambda: namespace.named("sleep"), "the child")
    namespace.signal(signal.SIGUSR1)
    assert namespace.wait() == 3


@BOTH
def test_tini_leaves_what_is_ignored_and_blocked_as_it_was_given(run_called: RunCalled, whose: str) -> None:
    ignored, blocked = ("TTOU", "SEGV", "INT"), ("TTIN", "ILL", "TERM")
    held = ["env", *(f"--ignore-signal={name}" for name in ignored), *(f"--block-signal={name}" for name in blocked)]
    namespace = run_called("tini", "--", "cat", "/proc/self/status", whose=whose, unshare=(*WITH_PROC, *held))
    assert namespace.wait() == 0
    masks = dict(re.findall(r"(SigBlk|SigIgn):\t(\w+)", namespace.stdout))
    for names, field in ((ignored, "SigIgn"), (blocked, "SigBlk")):
        for name in names:
            assert int(masks[field], 16) >> getattr(signal, f"SIG{name}") - 1 & 1, f"{name} in {field}"


# --- where pyinit is meant to differ ---


def test_single_child_ends_the_group_as_well_where_nobody_handles_the_signal(tmp_path: Path) -> None:
    """dumb-init leaves the pipelines behind, to whoever is PID 1."""
    left = {}
    for whose in (OURS, THEIRS):
        folder = tmp_path / whose
        folder.mkdir()
        with below([*init_called("dumb-init", whose, folder), "-c", *TWO_PIPELINES], folder) as namespace:
            wait_until(lambda: len(namespace.named("sleep")) == len(namespace.named("cat")) == 2, "all are there")
            init = next(one for one in namespace.init.children() if one.children())
            init.terminate()
            wait_until(lambda: not init.is_running() or init.status() == psutil.STATUS_ZOMBIE, "it has gone")  # noqa: B023
            left[whose] = len(namespace.named("cat"))
    assert left == {OURS: 0, THEIRS: 2}


def running(namespace: Namespace, words: list[str]) -> psutil.Process | None:
    """The process with this command line; others may be on their way out meanwhile."""
    for process in namespace.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.cmdline() == words:
                return process
    return None


def test_single_child_tells_those_who_are_left_behind_and_dumb_init_does_not(tmp_path: Path) -> None:
    heard = {}
    for whose in (OURS, THEIRS):
        folder = tmp_path / whose
        folder.mkdir()
        said = folder / "said"
        line = f"{' '.join(SEEN)} >'{said}' & until grep -q ready '{said}'; do sleep 0.02; done"
        with below([*init_called("dumb-init", whose, folder), "-c", "sh", "-c", line], folder) as namespace:
            wait_until(lambda: said.exists() and "ready" in said.read_text(), "it is ready")  # noqa: B023
            seen = wait_until(lambda: running(namespace, SEEN), "it")
            wait_until(lambda: "15" in said.read_text() or seen.ppid() == namespace.init.pid, "it is told, or left to PID 1")  # noqa: B023
            heard[whose] = said.read_text().split()[1:]
    assert heard == {OURS: ["15"], THEIRS: []}


def test_w_warns_of_no_orphan_and_tini_warns_of_each(run_called: RunCalled) -> None:
    warns = {}
    for whose in (OURS, THEIRS):
        namespace = run_called("tini", "-w", "--", sys.executable, "-c", ORPHANS, whose=whose)
        assert namespace.wait() == 0
        warns[whose] = "Reaped zombie" in namespace.stderr
    assert warns == {OURS: False, THEIRS: True}


def test_without_s_orphans_are_reaped_all_the_same_and_tini_warns_that_it_cannot(tmp_path: Path) -> None:
    ends = {}
    for whose in (OURS, THEIRS):
        folder = tmp_path / whose
        folder.mkdir()
        init = init_called("tini", whose, folder)
        words = ["sh", "-c", '"$@"; exit $?', "sh", *init, "--", "sh", "-c", "(sleep 0.1 &); exec sleep 0.3"]
        with Namespace(words, folder, env={"PATH": os.environ["PATH"], "TINI_VERBOSITY": "1"}) as namespace:
            ends[whose] = (namespace.wait(), "zombie reaping won't work" in namespace.stderr)
    assert ends == {OURS: (0, False), THEIRS: (0, True)}
