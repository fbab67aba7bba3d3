"""Every row of the behaviour table: who is told of a signal, who finishes, and with what status it ends."""

import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.namespace import Namespace, after, need, need_another_user
from tests.waiting import wait_until

Script = Callable[..., str]
StartScript = Callable[..., Namespace]

#: The shells that stand between PID 1 and an application, as the first words of a shell form.
SHELLS = {"dash": ["dash", "-c"], "bash": ["bash", "-c"], "busybox": ["busybox", "sh", "-c"]}

MODES = ["group", "handlers", "command"]

#: Options that keep a test short: time for what was held back to end by itself.
SETTLE = ("--settle", "0.3")

#: What the application says when it was told once and finished.
TOLD_ONCE = "app ready\napp got SIGTERM\napp done\n"

#: Seconds within which "at once" must happen, on a busy machine; what must not be waited for takes far longer.
AT_ONCE = 5.0


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """The words before a command string."""
    need(SHELLS[request.param][0])
    return SHELLS[request.param]


@pytest.fixture
def start_script(start: Start, script: Script, shell: list[str]) -> StartScript:
    """A function that starts pyinit with these options and a start.sh of these lines, which the shell interprets."""
    interpreter = " ".join([shutil.which(shell[0]) or shell[0], *shell[1:-1]])

    def start_it(text: str, *options: str, expected: str = "ready") -> Namespace:
        namespace = start(*SETTLE, *options, "--", script(text, shell=interpreter))
        namespace.wait_for_output(expected)
        return namespace

    return start_it


def stopped(namespace: Namespace, signum: int = signal.SIGTERM) -> int:
    """Ask PID 1 to stop; return its exit status."""
    namespace.signal(signum)
    return namespace.wait()


#: What runs a program that does not know any more that it was put in the background, as Node does not.
FORGETS = f"""{sys.executable} -ISc '
import os, signal, sys
signal.signal(2, signal.SIG_DFL), signal.signal(3, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])'"""


# --- the application is the command, or nearly --------------------------------------------------------------------------


@pytest.mark.parametrize("forward", MODES)
def test_an_application_that_is_the_command_is_told_once_and_its_status_is_kept(start: Start, forward: str) -> None:
    namespace = start("--forward", forward, "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 7
    assert namespace.stdout == TOLD_ONCE


@pytest.mark.parametrize("forward", MODES)
def test_an_application_that_a_script_has_executed_is_told_once(start_script: StartScript, forward: str) -> None:
    namespace = start_script("exec APP", "--forward", forward)
    assert stopped(namespace) == 7
    assert namespace.stdout == TOLD_ONCE


@pytest.mark.parametrize("by", ["handler", "sigwait", "signalfd"])
def test_a_process_that_takes_the_signal_in_whatever_way_counts_as_a_handler(start_script: StartScript, by: str) -> None:
    namespace = start_script(f"APP --by {by}; echo last line, $?; exit 3")
    assert stopped(namespace) == 3
    assert namespace.stdout == TOLD_ONCE + "last line, 7\n"


# --- a shell above the application --------------------------------------------------------------------------------------


def test_a_shell_without_exec_is_not_told_and_its_last_lines_run(start: Start, shell: list[str]) -> None:
    namespace = start("--", *shell, f"{APP_WORDS}; echo last line, $?; exit 3")
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 3
    assert namespace.stdout == TOLD_ONCE + "last line, 7\n"


@pytest.mark.parametrize("forward", ["group", "handlers"])
def test_a_start_script_is_not_told_and_its_last_lines_and_status_count(start_script: StartScript, forward: str) -> None:
    namespace = start_script("APP\necho last line, $?\nexit 3", "--forward", forward)
    assert stopped(namespace) == 3
    assert namespace.stdout == TOLD_ONCE + "last line, 7\n"


def test_with_forward_command_the_script_alone_is_told_and_the_application_in_the_sweep(start_script: StartScript) -> None:
    namespace = start_script("APP\necho last line", "--forward", "command")
    assert stopped(namespace) == 128 + signal.SIGTERM
    assert namespace.stdout == TOLD_ONCE


def test_a_shell_form_ends_with_the_status_of_the_application(start: Start, shell: list[str]) -> None:
    namespace = start("--", *shell, APP_WORDS)
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 7
    assert namespace.stdout == TOLD_ONCE


def test_scripts_within_scripts_all_run_their_last_lines(start_script: StartScript, script: Script) -> None:
    inner = script("APP\necho inner, $?\nexit 5", name="inner.sh")
    namespace = start_script(f"{inner}\necho outer, $?\nexit 3")
    assert stopped(namespace) == 3
    assert namespace.stdout == TOLD_ONCE + "inner, 7\nouter, 5\n"


def test_the_last_line_of_an_application_reaches_the_end_of_its_pipeline(start_script: StartScript, tmp_path: Path) -> None:
    log = tmp_path / "log"
    namespace = start_script(f"APP | tee {log}")
    assert stopped(namespace) == 0
    assert namespace.stdout == TOLD_ONCE
    assert log.read_text() == TOLD_ONCE


def test_a_background_application_that_the_shell_waits_for_is_told_once_and_finishes(start_script: StartScript) -> None:
    namespace = start_script("APP & wait $!\nexit $?")
    assert stopped(namespace) == 7
    assert namespace.stdout == TOLD_ONCE


def test_several_background_applications_all_finish_before_the_shell_goes(start_script: StartScript) -> None:
    namespace = start_script("APP --name one & APP --name two --drain 0.8 &\nwait\necho last line", expected="one ready")
    namespace.wait_for_output("two ready")
    assert stopped(namespace) == 0
    assert sorted(namespace.stdout.splitlines()[2:4]) == ["one got SIGTERM", "two got SIGTERM"]
    assert namespace.stdout.splitlines()[4:] == ["one done", "two done", "last line"]


# --- a shell with a trap ------------------------------------------------------------------------------------------------

TRAP = "trap 'kill -TERM $pid; wait $pid; exit $?' TERM\nAPP & pid=$!\nwait $pid"


@pytest.mark.parametrize("forward", MODES)
def test_an_application_whose_shell_passes_the_signal_on_finishes(start_script: StartScript, forward: str) -> None:
    namespace = start_script(TRAP, "--forward", forward)
    assert stopped(namespace) == 7
    assert namespace.stdout.endswith("app done\n")
    if forward != "handlers":
        assert namespace.stdout == TOLD_ONCE


def test_a_trap_that_can_only_run_after_a_child_that_would_die_does_not_wait_for_ever(start_script: StartScript) -> None:
    namespace = start_script("trap 'echo trapped' TERM\necho ready\nsleep 1000\necho end")
    wait_until(lambda: namespace.named("sleep"), "the foreground child")
    assert stopped(namespace) == 0
    assert namespace.stdout == "ready\ntrapped\nend\n"


@pytest.mark.parametrize("forward", ["group", "handlers"])
def test_a_trap_runs_after_the_foreground_application_has_been_told_and_finished(
    start_script: StartScript, forward: str
) -> None:
    namespace = start_script("trap 'echo trapped' TERM\nAPP\necho end", "--forward", forward)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait(AT_ONCE) == 0
    assert namespace.stdout == TOLD_ONCE + "trapped\nend\n"


# --- those held back ----------------------------------------------------------------------------------------------------


def test_a_loop_that_restarts_the_application_ends_after_the_settling_time(start_script: StartScript) -> None:
    namespace = start_script("while true; do APP; done")
    assert stopped(namespace) == 128 + signal.SIGTERM
    assert namespace.stdout.startswith(TOLD_ONCE)
    assert namespace.stdout.count("got SIGTERM") <= 2  # the second is that of the next one, if it was ready by then


def test_a_process_that_would_follow_a_log_for_ever_ends_after_the_settling_time(
    start_script: StartScript, tmp_path: Path
) -> None:
    (tmp_path / "log").touch()
    namespace = start_script(f"APP --drain 0.4 & exec tail -f {tmp_path / 'log'}")
    [tail] = wait_until(lambda: namespace.named("tail"), "tail")
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app done")
    assert tail.is_running()
    assert namespace.wait() == 128 + signal.SIGTERM
    assert namespace.stdout == TOLD_ONCE
    assert time.monotonic() - begun >= 0.4 + 0.3


def test_the_settling_time_begins_when_the_last_handler_has_gone(start: Start, shell: list[str]) -> None:
    namespace = start(
        *("--settle", "0.3", "--", *shell, f"{APP_WORDS} --name one & {APP_WORDS} --name two --drain 1.2 & exec sleep 1000")
    )
    namespace.wait_for_output("ready", times=2)
    [sleep] = wait_until(lambda: namespace.named("sleep"), "sleep")
    begun = time.monotonic()
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("one done")
    namespace.wait_for_output("two done")
    assert sleep.is_running()
    assert namespace.wait() == 128 + signal.SIGTERM
    assert time.monotonic() - begun >= 1.2 + 0.3


def test_a_handler_that_is_a_grandchild_of_nobody_here_holds_others_back_as_well(start_script: StartScript) -> None:
    # The application is an orphan, though still in the group: its shell has gone before it was told.
    namespace = start_script("( APP & )\nexec sleep 1000")
    wait_until(lambda: namespace.named("sleep"), "sleep")
    assert stopped(namespace) == 128 + signal.SIGTERM
    assert namespace.stdout == TOLD_ONCE


# --- parents and workers ------------------------------------------------------------------------------------------------


def test_a_parent_is_told_and_its_workers_are_left_to_it(start_script: StartScript) -> None:
    namespace = start_script("APP --workers 2", expected="app ready")
    namespace.wait_for_output("ready", times=3)
    assert stopped(namespace) == 7
    assert namespace.stdout.count("got SIGTERM\n") == 1
    assert namespace.stdout.count("app got SIGTERM\n") == 1
    assert [namespace.stdout.count(f"app-{worker} got SIGUSR2\n") for worker in (1, 2)] == [1, 1]
    assert namespace.stdout.endswith("app done\n")
    assert "left to those above: " in namespace.stderr


def test_with_forward_handlers_a_parent_and_its_workers_are_each_told_once(start_script: StartScript) -> None:
    namespace = start_script("APP --workers 2 --drain 0.6", "--forward", "handlers", expected="app ready")
    namespace.wait_for_output("ready", times=3)
    assert stopped(namespace) == 7
    for name in ("app", "app-1", "app-2"):
        assert namespace.stdout.count(f"{name} got SIGTERM\n") == 1
        assert namespace.stdout.count(f"{name} done\n") == 1


def test_workers_whose_parent_has_died_without_them_are_told_in_the_sweep(start_script: StartScript) -> None:
    namespace = start_script("exec APP --workers 2", expected="app ready")
    namespace.wait_for_output("ready", times=3)
    [parent] = namespace.init.children()
    parent.kill()
    assert namespace.wait() == 128 + signal.SIGKILL
    assert [namespace.stdout.count(f"app-{worker} got SIGTERM\n") for worker in (1, 2)] == [1, 1]


# --- nobody handles it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forward", ["group", "handlers"])
def test_where_nobody_handles_the_signal_everybody_dies_of_it_at_once(start_script: StartScript, forward: str) -> None:
    namespace = start_script("echo ready; sleep 1000; echo never", "--settle", "60", "--forward", forward)
    wait_until(lambda: namespace.named("sleep"), "sleep")
    begun = time.monotonic()
    assert stopped(namespace) == 128 + signal.SIGTERM
    assert time.monotonic() - begun < AT_ONCE
    assert namespace.stdout == "ready\n"


def test_an_application_that_ignores_the_signal_is_killed_at_the_end_of_the_grace_period(start_script: StartScript) -> None:
    namespace = start_script("trap '' TERM\necho ready\nsleep 1000\necho never", "--grace-period", "0.5")
    wait_until(lambda: namespace.named("sleep"), "sleep")
    begun = time.monotonic()
    assert stopped(namespace) == 128 + signal.SIGKILL
    assert 0.5 <= time.monotonic() - begun < AT_ONCE
    assert namespace.stdout == "ready\n"


def test_those_who_would_die_are_told_at_once_where_the_others_ignore_the_signal(start: Start) -> None:
    deaf = "import signal, os; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'ready'); signal.pause()"
    namespace = start(
        "--grace-period", "0.5", "--", "sh", "-c", f"{shlex.join([sys.executable, '-IS', '-c', deaf])} & sleep 1000"
    )
    namespace.wait_for_output("ready")
    assert stopped(namespace) == 128 + signal.SIGTERM
    assert "ignored by" in namespace.stderr


# --- those outside of the group -----------------------------------------------------------------------------------------


def test_a_daemon_in_a_session_of_its_own_is_told_in_the_sweep_and_finishes(start_script: StartScript) -> None:
    namespace = start_script("setsid APP --name daemon &\nAPP --drain 0.2", expected="app ready")
    namespace.wait_for_output("daemon ready")
    assert stopped(namespace) == 7
    assert namespace.stdout.count("daemon got SIGTERM") == 1
    assert namespace.stdout.index("app done") < namespace.stdout.index("daemon got SIGTERM")
    assert namespace.stdout.endswith("daemon done\n")


@pytest.mark.parametrize("beside", ["", "APP --name other --drain 0.2 &\n"])
def test_a_background_job_that_has_left_the_group_is_told_before_the_script_that_waits_for_it(
    start_script: StartScript, beside: str
) -> None:
    namespace = start_script(f"setsid APP & p=$!\n{beside}wait $p; echo last line $?", expected="app ready")
    if beside:
        namespace.wait_for_output("other ready")
    assert stopped(namespace) == 0
    assert namespace.stdout.count("got SIGTERM") == (2 if beside else 1)
    assert namespace.stdout.endswith("app done\nlast line 7\n")


def test_who_reads_the_last_lines_of_a_script_reads_them_to_the_end_though_the_script_has_gone(
    start: Start, script: Script, tmp_path: Path
) -> None:
    need("bash")
    log = tmp_path / "log"
    reader = "while read -r line; do sleep 0.05; echo $line; done"
    text = f"exec > >({reader} >{log})\ntrap 'seq 5; exit 4' TERM\necho ready\nsleep 99 & wait"
    namespace = start("--", script(text, shell=shutil.which("bash") or "bash"))
    wait_until(lambda: log.exists() and log.read_text() == "ready\n", "it is ready")
    assert stopped(namespace) == 4
    assert log.read_text() == "ready\n1\n2\n3\n4\n5\n"


def test_a_daemon_in_a_session_of_its_own_that_writes_into_a_pipe_finishes_before_who_reads_it(
    start_script: StartScript,
) -> None:
    """Nobody in the group would end by himself: the reader waits for the daemon, and the script for the reader."""
    namespace = start_script(
        "{ ( setsid APP --name daemon --drain 0.2 & ); APP; } | cat\necho last line $?", expected="app ready"
    )
    namespace.wait_for_output("daemon ready")
    assert stopped(namespace) == 0
    assert namespace.stdout.count("daemon got SIGTERM") == 1
    assert namespace.stdout.endswith("daemon done\nlast line 0\n")


def test_a_program_that_has_left_the_group_finishes_before_its_script(start_script: StartScript) -> None:
    namespace = start_script("APP --own-group\necho last\nexit 5")
    assert stopped(namespace) == 5
    assert namespace.stdout == TOLD_ONCE + "last\n"


def test_the_status_of_a_command_that_exits_before_its_worker_is_kept(start_script: StartScript) -> None:
    namespace = start_script("APP --name worker --drain 1.5 --status 9 &\nexec APP --drain 0.1", expected="app ready")
    namespace.wait_for_output("worker ready")
    assert stopped(namespace) == 7
    assert namespace.stdout.count("worker got SIGTERM") == 1
    assert namespace.stdout.endswith("worker done\n")


# --- stopped processes --------------------------------------------------------------------------------------------------


def test_a_stopped_application_is_resumed_and_finishes(start_script: StartScript) -> None:
    namespace = start_script("APP\nexit $?")
    [app] = [process for process in namespace.processes() if "app.py" in " ".join(process.cmdline())]
    app.suspend()
    wait_until(lambda: app.status() == "stopped", "the application is stopped")
    assert stopped(namespace) == 7
    assert namespace.stdout == TOLD_ONCE


def test_a_stopped_shell_is_resumed_and_runs_its_last_lines(start_script: StartScript) -> None:
    namespace = start_script("APP\necho last line, $?")
    [shell] = namespace.init.children()
    shell.suspend()
    wait_until(lambda: shell.status() == "stopped", "the shell is stopped")
    assert stopped(namespace) == 0
    assert namespace.stdout == TOLD_ONCE + "last line, 7\n"


# --- other inits between ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("init", [["tini", "-s", "-g", "--"], ["tini", "-s", "--"], ["dumb-init", "--"]], ids=" ".join)
def test_an_init_between_passes_the_signal_on_and_the_application_is_told_once(start: Start, init: list[str]) -> None:
    need(init[0])
    namespace = start("--", *init, *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 7
    assert namespace.stdout == TOLD_ONCE


@pytest.mark.parametrize("init", [["tini", "-s", "-g", "--"], ["tini", "-s", "--"], ["dumb-init", "--"]], ids=" ".join)
def test_an_init_between_is_held_back_and_the_script_below_it_runs_its_last_lines(start: Start, init: list[str]) -> None:
    need(init[0])
    namespace = start("--", *init, "sh", "-c", f"{APP_WORDS}; echo last line, $?; exit 3")
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 3
    assert namespace.stdout == TOLD_ONCE + "last line, 7\n"


def test_a_script_that_starts_its_application_by_an_init_runs_its_last_lines(start: Start, script: Script) -> None:
    need("tini")
    namespace = start(*SETTLE, "--", script("tini -s -g -- APP\necho last line, $?\nexit 3"))
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 3
    assert namespace.stdout == TOLD_ONCE + "last line, 7\n"


def test_an_init_that_shares_the_group_and_passes_the_signal_on_is_held_back(start: Start) -> None:
    need("dumb-init")
    namespace = start("--", "dumb-init", "--single-child", "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 7
    assert namespace.stdout == TOLD_ONCE


# --- further requests, other signals ------------------------------------------------------------------------------------


def test_a_second_stop_request_reaches_the_handlers_again_and_still_not_the_shell(start_script: StartScript) -> None:
    namespace = start_script("APP --drain 1.5\necho last line, $?\nexit 3")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM", times=1)
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("app got SIGTERM", times=2)
    assert namespace.wait() == 3
    assert namespace.stdout == "app ready\napp got SIGTERM\napp got SIGTERM\napp done\nlast line, 7\n"


def test_a_background_job_with_sigint_ignored_is_told_by_sigterm_and_its_script_goes_on(start_script: StartScript) -> None:
    namespace = start_script("APP & wait $!\nexit $?")
    assert stopped(namespace, signal.SIGINT) == 7
    assert namespace.stdout == TOLD_ONCE


def test_sigint_reaches_a_foreground_application_and_its_script_runs_its_last_lines(start_script: StartScript) -> None:
    """Without a trap for it dash and busybox catch SIGINT as well, and would die of it after their child."""
    namespace = start_script("APP --on INT\necho last line, $?\nexit 3")
    assert stopped(namespace, signal.SIGINT) == 3
    assert namespace.stdout == "app ready\napp got SIGINT\napp done\nlast line, 7\n"


def test_a_trap_for_sigint_runs_after_the_foreground_application(start_script: StartScript) -> None:
    namespace = start_script("trap 'echo trapped; exit 4' INT\nAPP --on INT\necho never")
    assert stopped(namespace, signal.SIGINT) == 4
    assert namespace.stdout == "app ready\napp got SIGINT\napp done\ntrapped\n"


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGUSR1])
@pytest.mark.parametrize("forward", ["group", "handlers"])
def test_a_reload_reaches_the_application_and_leaves_the_shell_alone(
    start_script: StartScript, signum: signal.Signals, forward: str
) -> None:
    namespace = start_script("APP --on TERM,HUP,USR1\necho last line, $?\nexit 3", "--forward", forward)
    for times in (1, 2):
        namespace.signal(signum)
        namespace.wait_for_output(f"app got {signum.name}", times)
    assert stopped(namespace) == 3
    reloads = f"app got {signum.name}\n" * 2
    assert namespace.stdout == f"app ready\n{reloads}app got SIGTERM\napp done\nlast line, 7\n"


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_that_nobody_handles_does_what_it_would_do_without_us(
    start_script: StartScript, signum: signal.Signals
) -> None:
    namespace = start_script("echo ready; sleep 1000; echo never")
    wait_until(lambda: namespace.named("sleep"), "sleep")
    assert stopped(namespace, signum) == 128 + signum
    assert namespace.stdout == "ready\n"


def test_a_signal_that_is_ignored_by_default_goes_to_everybody_and_kills_nobody(start_script: StartScript) -> None:
    namespace = start_script("APP --on TERM,USR1,WINCH --drain 0.5\necho last line, $?", "--stop-on", "TERM,WINCH")
    assert stopped(namespace, signal.SIGWINCH) == 0
    assert namespace.stdout == "app ready\napp got SIGWINCH\napp done\nlast line, 7\n"


# --- an application in a group of its own, which the script waits for ---------------------------------------------------

ELSEWHERE = {"timeout": "timeout 100 APP", "setsid": "setsid --wait APP", "job control": "set -m; APP & fg %1"}


@pytest.mark.parametrize("line", ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_application_in_a_group_of_its_own_finishes_before_its_script(start: Start, script: Script, line: str) -> None:
    namespace = start(*SETTLE, "--", script(f"{line}\necho last line\nexit 5", shell=shutil.which("bash") or "bash"))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 5
    assert namespace.stdout.splitlines()[-1] == "last line"
    assert "app done" in namespace.stdout


@pytest.mark.parametrize("line", ["timeout 100 APP --on TERM,HUP", "setsid --wait APP --on TERM,HUP"])
def test_a_reload_of_an_application_in_a_group_of_its_own_kills_no_wrapper(start: Start, script: Script, line: str) -> None:
    namespace = start(*SETTLE, "--", script(f"{line}\necho last line\nexit 5"))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGHUP)
    namespace.wait_for_output("app got SIGHUP")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 5
    assert "app done\nlast line\n" in namespace.stdout


def test_a_trap_script_is_not_waited_for_by_an_application_in_a_group_of_its_own(start: Start, script: Script) -> None:
    namespace = start(*SETTLE, "--", script("trap 'echo trapped; exit 4' TERM\nsetsid --wait APP\necho never"))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 4
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\ntrapped\n"


@pytest.mark.parametrize("interpreter", ["dash", "busybox sh"])
def test_a_trap_may_take_its_time_with_an_application_that_forgets_it_is_in_the_background(
    start: Start, script: Script, interpreter: str
) -> None:
    program, *words = interpreter.split()
    need(program)
    text = f"trap 'sleep 0.5; kill -TERM $pid; wait $pid; exit $?' TERM\n{FORGETS} APP &\npid=$!\nwait $pid"
    shell = " ".join([shutil.which(program) or program, *words])
    namespace = start(*SETTLE, "--", script(text, shell=shell))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


# --- wrappers that handle the signal ------------------------------------------------------------------------------------

#: An application for which a second SIGTERM is fatal, as with process.once() in Node and signal.NotifyContext in Go.
ONCE = """import os, signal, sys, time
def told(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.write(1, b"app got SIGTERM\\n")
    time.sleep(float(sys.argv[1]))
    os.write(1, b"app done\\n")
    os._exit(7)
signal.signal(signal.SIGTERM, told)
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)  # in pause() it would sleep on where the signal came just before
os.write(1, b"app ready\\n")
while True:
    os.read(reader, 1)
"""

WRAPPERS = {
    "timeout": ["timeout", "100"],
    "setsid": ["setsid", "--wait"],
    "runuser": ["runuser", "-u", "root", "--"],
    "script": ["sh", "-c", '"$@"; exit $?', "sh"],
    "env": ["env", "A=B"],
    "nested shells": ["sh", "-c", 'sh -c \'"$@"; exit $?\' sh "$@"; exit $?', "sh"],
    "forwarding trap": ["bash", "-c", '"$@" & p=$!; trap "kill -TERM $p; wait $p; exit \\$?" TERM; wait $p', "sh"],
    "exit trap": ["bash", "-c", 'trap "echo cleaned" EXIT; "$@"; exit $?', "sh"],
    "exit trap, background": ["bash", "-c", 'trap "echo cleaned" EXIT; "$@" & wait $!; exit $?', "sh"],
}


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS)
def test_below_a_wrapper_an_application_is_told_once_and_its_status_counts(start: Start, wrapper: list[str]) -> None:
    if wrapper[0] == "runuser":
        need_another_user()
    namespace = start(*SETTLE, "--", *wrapper, sys.executable, "-ISc", ONCE, "2.5" if wrapper[0] == "runuser" else "0.3")
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 7
    assert namespace.stdout.replace("cleaned\n", "") == TOLD_ONCE
    assert namespace.stdout.count("cleaned") == ("cleaned" in str(wrapper))


# --- the foreground before the background -------------------------------------------------------------------------------


def test_a_service_in_the_background_is_told_when_the_application_in_the_foreground_has_gone(start_script: StartScript) -> None:
    namespace = start_script("APP --name service &\nAPP --drain 0.6; r=$?; echo script; wait; exit $r", expected="app ready")
    namespace.wait_for_output("service ready")
    assert stopped(namespace) == 7
    told = namespace.stdout
    assert told.index("app got SIGTERM") < told.index("app done") < told.index("script") < told.index("service got SIGTERM")
    assert told.endswith("service done\n")
    assert told.count("got SIGTERM") == 2


@pytest.mark.parametrize("given", [":", "exec 10</etc/passwd"], ids=["", "descriptor 10 is taken"])
def test_a_service_that_forgets_it_is_in_the_background_comes_after_the_application_and_is_told_once(
    start: Start, script: Script, shell: list[str], given: str
) -> None:
    """It is the text of the script that tells, which shells keep open at a descriptor from 10 on."""
    text = f"{FORGETS} APP --name service --drain 1 &\nAPP; r=$?; kill $!; wait $!; exit $r"
    interpreter = " ".join([shutil.which(shell[0]) or shell[0], *shell[1:-1]])
    with Path("/dev/zero").open("rb") as stdin:
        words = [*SETTLE, "--", script(text, shell=interpreter)]
        namespace = start(*words, stdin=stdin.fileno(), unshare=after(given, by="bash"))
    namespace.wait_for_output("app ready")
    namespace.wait_for_output("service ready")
    assert stopped(namespace) == 7
    told = namespace.stdout
    assert told.index("app done") < told.index("service got SIGTERM") < told.index("service done")
    assert told.count("got SIGTERM") == 2


def test_of_two_that_look_alike_the_one_that_was_started_last_is_in_the_foreground(start: Start, script: Script) -> None:
    text = f"{FORGETS} APP --name service &\nAPP | cat; exit 7"
    namespace = start(*SETTLE, "--", script(text, shell=shutil.which("bash") or "bash"))
    namespace.wait_for_output("service ready")
    namespace.wait_for_output("app ready")
    assert stopped(namespace) == 7
    told = namespace.stdout
    assert told.index("app done") < told.index("service got SIGTERM") < told.index("service done")
    assert told.count("got SIGTERM") == 2


# --- readers of a pipe --------------------------------------------------------------------------------------------------


def test_who_reads_the_pipe_of_the_application_is_held_back_whatever_it_handles(start_script: StartScript) -> None:
    copies = (
        "import os, signal, sys; signal.signal(15, lambda *_: sys.exit(9)); [os.write(1, line) for line in sys.stdin.buffer]"
    )
    reader = f"{sys.executable} -c '{copies}'"
    namespace = start_script(f"APP | {reader} | {reader}", expected="app ready")
    assert stopped(namespace) == 0
    assert namespace.stdout == TOLD_ONCE
    assert "until its writer has gone" in namespace.stderr


def test_what_a_script_with_a_trap_writes_reaches_the_end_of_its_own_pipe(start: Start, script: Script, tmp_path: Path) -> None:
    text = (
        f"exec > >(tee {tmp_path}/log)\ntrap 'echo cleaning; sleep 0.5; echo cleaned; exit 4' TERM\necho ready\nsleep 99 & wait"
    )
    namespace = start(*SETTLE, "--", script(text, shell=shutil.which("bash") or "bash"))
    namespace.wait_for_output("ready")
    assert stopped(namespace) == 4
    assert (tmp_path / "log").read_text() == "ready\ncleaning\ncleaned\n"


def test_a_trap_that_stops_its_server_by_a_word_finds_it_alive(start_script: StartScript, tmp_path: Path) -> None:
    server = "read word; sleep 0.5; echo server got $word"
    text = f"mkfifo {tmp_path}/f\nsh -c '{server}' <{tmp_path}/f & p=$!\nexec 3>{tmp_path}/f\n"
    namespace = start_script(f"{text}trap 'echo stop >&3; wait $p; exit 4' TERM\necho ready\nwait $p")
    assert stopped(namespace) == 4
    assert namespace.stdout == "ready\nserver got stop\n"


# --- the last lines of a script -----------------------------------------------------------------------------------------


def test_what_the_last_lines_of_a_script_start_may_take_its_time(start_script: StartScript) -> None:
    upload = f"{sys.executable} -ISc 'import time; time.sleep(2.5); print(\"uploaded\", flush=True)'"
    namespace = start_script(f"APP\n{upload}\nexit 3")
    assert stopped(namespace) == 3
    assert namespace.stdout == TOLD_ONCE + "uploaded\n"


def test_a_script_that_only_waits_after_its_application_is_ended_after_the_settling_time(start_script: StartScript) -> None:
    namespace = start_script("APP\nexec tail -f /dev/null")
    assert stopped(namespace) == 128 + signal.SIGTERM
    assert namespace.stdout == TOLD_ONCE


def test_another_signal_while_the_last_lines_run_does_not_cut_them(start_script: StartScript) -> None:
    namespace = start_script("APP --on TERM,HUP\necho last lines begin\nsleep 1\necho last lines end\nexit 3", "--settle", "60")
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("last lines begin")
    namespace.signal(signal.SIGHUP)
    assert namespace.wait() == 3
    assert namespace.stdout.endswith("last lines begin\nlast lines end\n")


# --- signals that ask some programs to stop, and signals that nobody hears ----------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGQUIT, signal.SIGUSR1])
def test_a_stop_signal_that_the_application_does_not_handle_reaches_it_as_sigterm(
    start_script: StartScript, signum: signal.Signals
) -> None:
    namespace = start_script("APP --drain 0.3\necho last line, $?\nexit 3")
    assert stopped(namespace, signum) == 3
    assert namespace.stdout == TOLD_ONCE + "last line, 7\n"


def test_a_signal_that_the_application_takes_for_something_else_is_no_stop_request(start_script: StartScript) -> None:
    dumps = (
        "import faulthandler as f, os, signal; f.register(3); os.write(1, b'ready\\n'); [signal.pause() for _ in iter(int, 1)]"
    )
    namespace = start_script(f'{sys.executable} -ISc "{dumps}"', "--grace-period", "0.2")
    namespace.signal(signal.SIGQUIT)
    namespace.wait_for_log("most recent call first")
    namespace.wait_until_at_rest()
    assert "stop requested" not in namespace.stderr
    assert stopped(namespace) == 128 + signal.SIGTERM


# --- whoever was not told because of one above --------------------------------------------------------------------------


def test_when_two_thirds_of_the_time_are_over_whoever_was_not_told_is_told(start_script: StartScript) -> None:
    deaf = "import os, signal, sys; signal.signal(15, lambda *_: None); os.waitpid(os.spawnv(1, sys.argv[1], sys.argv[1:]), 0)"
    namespace = start_script(f"exec {sys.executable} -ISc '{deaf}' APP", "--grace-period", "6")
    assert stopped(namespace) == 0
    assert namespace.stdout == TOLD_ONCE
    assert "two thirds of the time are over: SIGTERM to " in namespace.stderr


def test_with_forward_handlers_a_reload_reaches_the_workers_as_well(start: Start) -> None:
    namespace = start("--forward", "handlers", "--", *APP_WORDS.split(), "--on", "TERM,HUP", "--workers", "2")
    namespace.wait_for_output("ready", times=3)
    namespace.signal(signal.SIGHUP)
    for name in ("app", "app-1", "app-2"):
        namespace.wait_for_output(f"{name} got SIGHUP\n")
    assert stopped(namespace) == 7
