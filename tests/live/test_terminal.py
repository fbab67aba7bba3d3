"""On a terminal: job control behind pyinit as PID 1, and pyinit as a job of somebody's shell."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import Start
from tests.live.terminals import ON_TERMINAL, Terminal
from tests.namespace import ROOT, Namespace, need
from tests.waiting import wait_until

#: An interactive bash without anybody's settings, with a prompt that is easy to find.
BASH = ("bash", "--norc", "--noprofile", "-i")
PLAIN = {"PATH": os.environ["PATH"], "PS1": "> ", "TERM": "dumb", "HISTFILE": "/dev/null"}

#: A command that tells of the signals for suspending, and is not suspended by them.
RECORDER = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "recorder.py")]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal of its own for each test."""
    with Terminal() as made:
        yield made


def stopped(process: psutil.Process) -> bool:
    """Whether a process is stopped by a signal."""
    return process.status() == psutil.STATUS_STOPPED


# --- PID 1 with a shell as its command -------------------------------------------------------------------------------


@pytest.fixture
def bash(start: Start, terminal: Terminal) -> Namespace:
    """An interactive bash behind pyinit, as `docker run -it IMAGE bash` starts it."""
    namespace = terminal.run(start, "--", *BASH, env=PLAIN)
    terminal.wait_for("> ")
    return namespace


def test_an_interactive_shell_has_job_control_and_its_status_is_kept(bash: Namespace, terminal: Terminal) -> None:
    terminal.enter("exit 3")
    assert bash.wait() == 3
    assert "job control" not in terminal.shown
    assert "cannot set terminal process group" not in terminal.shown


def test_ctrl_z_stops_the_foreground_job_alone_and_fg_and_bg_resume_it(bash: Namespace, terminal: Terminal) -> None:
    terminal.enter("sleep 1000")
    job = wait_until(lambda: bash.named("sleep"), "the job")[0]
    wait_until(lambda: terminal.foreground == os.getpgid(job.pid), "the job is in the foreground")
    terminal.press("Z")
    wait_until(lambda: stopped(job), "the job is stopped")
    terminal.wait_for("Stopped")
    terminal.enter("bg")
    wait_until(lambda: not stopped(job), "the job runs on")
    terminal.enter("fg")
    wait_until(lambda: terminal.foreground == os.getpgid(job.pid), "the job is in the foreground again")
    terminal.press("C")
    wait_until(lambda: not job.is_running(), "the job is ended")
    terminal.enter("exit 4")
    assert bash.wait() == 4


def sleeping(namespace: Namespace) -> dict[str, psutil.Process]:
    """The living `sleep` processes by their argument."""
    found = {}
    for process in namespace.named("sleep"):
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):  # it has just ended, or is in its exec
            found[process.cmdline()[1]] = process
    return found


def test_ctrl_c_reaches_the_foreground_job_alone(bash: Namespace, terminal: Terminal) -> None:
    terminal.enter("sleep 2000 & jobs; sleep 1000")
    terminal.wait_for("Running")
    wait_until(lambda: sleeping(bash).keys() == {"1000", "2000"}, "both jobs")
    front = sleeping(bash)["1000"]
    wait_until(lambda: terminal.foreground == os.getpgid(front.pid), "the job is in the foreground")
    terminal.press("C")
    wait_until(lambda: sleeping(bash).keys() == {"2000"}, "one job is left")
    terminal.enter("kill %1; exit 5")
    assert bash.wait() == 5


def test_the_size_of_the_window_arrives_and_its_changes_do(bash: Namespace, terminal: Terminal) -> None:
    terminal.resize(33, 111)
    terminal.enter("stty size")
    terminal.wait_for("33 111")
    terminal.enter("sh -c 'trap \"stty size\" WINCH; echo set; while :; do sleep 0.02; done'")
    terminal.wait_for("set\r\n")
    terminal.resize(44, 122)
    terminal.wait_for("44 122")
    terminal.press("C")
    terminal.enter("exit 6")
    assert bash.wait() == 6


def test_ctrl_c_on_an_application_is_a_stop_that_it_finishes(
    start: Start, terminal: Terminal, script: Callable[[str], str]
) -> None:
    namespace = terminal.run(start, "--", script("APP --on INT\nexit 3"))
    terminal.wait_for("app ready")
    terminal.press("C")
    assert namespace.wait() in (3, 130)  # the terminal has told the script too, which waits for the application first
    assert "app done" in terminal.shown
    assert terminal.shown.count("app got SIGINT") == 1


def test_ctrl_z_does_not_hang_a_command_that_no_shell_could_resume(start: Start, terminal: Terminal) -> None:
    namespace = terminal.run(start, "--", "cat")
    wait_until(lambda: namespace.named("cat"), "the command")
    cat = namespace.named("cat")[0]
    wait_until(lambda: terminal.foreground == os.getpgid(cat.pid), "the command is in the foreground")
    terminal.press("Z")
    terminal.enter("a line")
    terminal.wait_for("a line", times=2)  # its echo, and what cat says
    terminal.press("D")
    assert namespace.wait() == 0


def test_a_terminal_that_hangs_up_ends_the_shell(start: Start) -> None:
    with Terminal() as terminal:
        namespace = terminal.run(start, "--", *BASH, env=PLAIN)
        terminal.wait_for("> ")
    assert namespace.wait() in (129, 0, 1)


# --- a job of a shell ------------------------------------------------------------------------------------------------


@pytest.fixture
def outer(pyinit: list[str], terminal: Terminal, tmp_path: Path) -> Iterator[Namespace]:
    """An interactive bash as PID 1, in which pyinit is a job; `$init` runs pyinit."""
    environment = {**PLAIN, "init": " ".join([*pyinit, "--"])}
    slave = terminal.slave
    with Namespace(BASH, tmp_path, unshare=ON_TERMINAL, env=environment, stdin=slave, stdout=slave, stderr=slave) as namespace:
        terminal.wait_for("> ")
        yield namespace


def run_job(outer: Namespace, terminal: Terminal, line: str, name: str) -> tuple[psutil.Process, psutil.Process]:
    """Run a line that starts an init in the outer shell; return the init and its command."""
    terminal.enter(line)
    command = wait_until(lambda: outer.named(name), f"the command {name}")[0]
    init = command.parent()
    assert init is not None
    wait_until(lambda: terminal.foreground == os.getpgid(command.pid), "the command is in the foreground")
    return init, command


def test_ctrl_z_suspends_pyinit_with_its_command_and_fg_resumes_both(outer: Namespace, terminal: Terminal) -> None:
    pyinit, command = run_job(outer, terminal, "$init sleep 1000", "sleep")
    terminal.press("Z")
    wait_until(lambda: stopped(pyinit) and stopped(command), "both are stopped")
    terminal.wait_for("Stopped")
    wait_until(lambda: terminal.foreground == os.getpgid(outer.init.pid), "the terminal belongs to the shell")
    terminal.enter("fg")
    wait_until(lambda: not stopped(pyinit) and not stopped(command), "both run on")
    wait_until(lambda: terminal.foreground == os.getpgid(command.pid), "the command is in the foreground again")
    terminal.press("Z")
    wait_until(lambda: stopped(pyinit) and stopped(command), "both are stopped again")
    terminal.enter("bg; echo in the $((1))st background")
    terminal.wait_for("in the 1st background")
    wait_until(lambda: not stopped(pyinit) and not stopped(command), "both run on")
    assert terminal.foreground == os.getpgid(outer.init.pid)
    terminal.enter("fg")
    wait_until(lambda: terminal.foreground != os.getpgid(outer.init.pid), "the job is in the foreground at last")
    terminal.press("C")
    wait_until(lambda: not pyinit.is_running(), "pyinit has left")
    terminal.enter("echo status $?")
    terminal.wait_for("status 130")


def test_the_terminal_belongs_to_the_shell_afterwards(outer: Namespace, terminal: Terminal) -> None:
    terminal.enter("$init sh -c 'exit 9'; echo status $?")
    terminal.wait_for("status 9")
    wait_until(lambda: terminal.foreground == os.getpgid(outer.init.pid), "the terminal belongs to the shell")


def test_a_script_that_calls_pyinit_reads_from_the_terminal_afterwards(
    pyinit: list[str], outer: Namespace, terminal: Terminal, script: Callable[[str], str]
) -> None:
    path = script(" ".join([*pyinit, "-- sh -c 'read one; echo first $one'\nread two; echo second $two"]))
    terminal.enter(path)
    wait_until(lambda: terminal.foreground != os.getpgid(outer.init.pid), "the script runs")
    terminal.enter("uno")
    terminal.wait_for("first uno")
    terminal.enter("dos")
    terminal.wait_for("second dos")


def test_started_in_the_background_it_stays_there_and_fg_hands_the_terminal_on(outer: Namespace, terminal: Terminal) -> None:
    terminal.enter("$init sleep 1000 &")
    command = wait_until(lambda: outer.named("sleep"), "the command")[0]
    assert terminal.foreground == os.getpgid(outer.init.pid)
    terminal.enter("fg")
    terminal.wait_for("sleep 1000", times=2)
    pyinit = command.parent()
    assert pyinit is not None
    terminal.press("Z")
    wait_until(lambda: stopped(pyinit), "pyinit is stopped")
    terminal.enter("kill %1; fg")
    wait_until(lambda: not command.is_running(), "the command is ended")


def test_a_running_command_that_is_brought_to_the_foreground_can_read(
    outer: Namespace, terminal: Terminal, tmp_path: Path
) -> None:
    # The shell sends no SIGCONT to a job that runs already, so nothing tells us before the command stops for the terminal.
    go = tmp_path / "go"
    terminal.enter(f"$init sh -c 'until [ -e {go} ]; do sleep 0.02; done; read line; echo got $line' &")
    wait_until(lambda: outer.named("sleep"), "the command")
    terminal.enter("fg")
    wait_until(lambda: terminal.foreground != os.getpgid(outer.init.pid), "the job is in the foreground")
    go.touch()
    terminal.enter("a line")
    terminal.wait_for("got a line", timeout=5)


def test_who_was_stopped_with_us_by_ctrl_z_is_resumed_with_us(
    outer: Namespace, terminal: Terminal, script: Callable[[str], str]
) -> None:
    above = script('"$@"\n:')
    terminal.enter(f"{above} $init sleep 1000")
    command = wait_until(lambda: outer.named("sleep"), "the command")[0]
    process = command.parent()
    assert process is not None
    shell = process.parent()
    assert shell is not None
    wait_until(lambda: terminal.foreground == os.getpgid(command.pid), "the command is in the foreground")
    terminal.press("Z")
    wait_until(lambda: stopped(command) and stopped(process) and stopped(shell), "the job is stopped")
    process.send_signal(signal.SIGCONT)  # to us alone, as somebody does who does not know the script
    wait_until(lambda: not any(map(stopped, (command, process, shell))), "all of them run on")


INITS = {"pyinit": "$init", "dumb-init": "dumb-init"}


@pytest.fixture(params=INITS)
def init(request: pytest.FixtureRequest) -> str:
    """The words that run an init in the outer shell: ours, and the one whose users we have in mind."""
    words = INITS[request.param]
    if words != "$init":
        need(words)
    return words


@pytest.mark.parametrize("signum", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
def test_a_suspending_signal_to_the_init_stops_both_and_cont_resumes_both(
    outer: Namespace, terminal: Terminal, init: str, signum: int
) -> None:
    terminal.enter(f"{init} sleep 1000 &")
    command = wait_until(lambda: outer.named("sleep"), "the command")[0]
    process = command.parent()
    assert process is not None
    process.send_signal(signum)
    wait_until(lambda: stopped(process) and stopped(command), "both are stopped", timeout=5)
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: not stopped(process) and not stopped(command), "both run on", timeout=5)
    process.terminate()
    wait_until(lambda: not command.is_running(), "the command is ended")


@pytest.mark.parametrize("signum", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
def test_a_command_that_handles_a_suspending_signal_gets_it(outer: Namespace, terminal: Terminal, signum: int) -> None:
    terminal.enter("$init " + " ".join(RECORDER) + " &")
    terminal.wait_for("ready\r\n")
    process = next(child for child in outer.init.children())
    process.send_signal(signum)
    terminal.wait_for(f"got {int(signum)}\r\n", timeout=5)
    wait_until(lambda: stopped(process), "pyinit is stopped", timeout=5)
    process.send_signal(signal.SIGCONT)
    terminal.wait_for(f"got {int(signal.SIGCONT)}\r\n", timeout=5)


def test_as_pid_1_suspending_signals_stop_the_command_and_cont_resumes_it(start: Start) -> None:
    namespace = start("--", "sleep", "1000")
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    namespace.signal(signal.SIGTSTP)
    wait_until(lambda: stopped(command), "the command is stopped", timeout=5)
    namespace.signal(signal.SIGCONT)
    wait_until(lambda: not stopped(command), "the command runs on", timeout=5)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 143
