"""Where pyinit is not PID 1: a subreaper for its orphans, a signal at its parent's death, and the same statuses."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS
from tests.namespace import ROOT, Namespace, after, enter, need
from tests.waiting import wait_until

#: Runs pyinit with a call that fails, or comes late.
FAULTY = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "faulty.py")]

#: Leaves a daemon behind that says so when its work is done, and ends with 3.
LEAVES_A_DAEMON = "(setsid APP >DAEMON &); until grep -q ready DAEMON; do sleep 0.02; done; exit 3"


def below(pyinit: list[str], folder: Path, *words: str) -> Namespace:
    """A namespace whose PID 1 is a shell that runs pyinit as its child, and tells its status on stdout."""
    command = [*pyinit, *words]
    return Namespace(["sh", "-c", '"$@"; status=$?; echo "status $status"; sleep 0.2; exit $status', "sh", *command], folder)


def pyinit_in(namespace: Namespace) -> psutil.Process:
    """The pyinit of such a namespace, once it runs its command."""

    def find() -> psutil.Process | None:
        children = namespace.init.children()
        return children[0] if children and children[0].children() else None

    return wait_until(find, "pyinit and its command")


@pytest.mark.parametrize(
    ("words", "status"),
    [(("sh", "-c", "exit 42"), 42), (("sh", "-c", "kill -KILL $$"), 137), (("no-such-command",), 127), (("/",), 126)],
)
def test_statuses_are_those_of_a_shell(pyinit: list[str], tmp_path: Path, words: Sequence[str], status: int) -> None:
    with below(pyinit, tmp_path, "--", *words) as namespace:
        assert namespace.wait() == status


def test_the_application_finishes_and_its_status_is_kept(
    pyinit: list[str], tmp_path: Path, script: Callable[[str], str]
) -> None:
    with below(pyinit, tmp_path, "--", script("APP\nexit 3")) as namespace:
        namespace.wait_for_output("app ready")
        pyinit_in(namespace).terminate()
        assert namespace.wait() == 3
        assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nstatus 3\n"


def test_orphans_come_to_us_and_are_reaped(pyinit: list[str], tmp_path: Path) -> None:
    with below(pyinit, tmp_path, "--", "sh", "-c", "(sleep 1000 & sleep 0.05 & ); exec tail -f /dev/null") as namespace:
        found = pyinit_in(namespace)

        def names() -> list[str]:
            try:
                return sorted(child.name() for child in found.children())
            except psutil.NoSuchProcess:
                return []  # one that goes while it is asked

        wait_until(lambda: names() == ["sleep", "tail"], "the orphan is ours")
        assert [child.name() for child in namespace.init.children()] == [found.name()]


def test_a_daemon_is_swept_before_we_leave(pyinit: list[str], tmp_path: Path, script: Callable[[str], str]) -> None:
    said = tmp_path / "daemon"
    with below(pyinit, tmp_path, "--", script(LEAVES_A_DAEMON.replace("DAEMON", str(said)))) as namespace:
        assert namespace.wait() == 3
        assert said.read_text() == "app ready\napp got SIGTERM\napp done\n"


def test_a_daemon_that_does_not_end_is_killed_before_we_leave(pyinit: list[str], tmp_path: Path) -> None:
    stubborn = "(trap '' TERM; setsid sleep 1000 &); exit 3"
    with below(pyinit, tmp_path, "--sweep-timeout", "0.3", "--", "sh", "-c", stubborn) as namespace:
        namespace.wait_for_output("status 3")
        assert namespace.named("sleep") == [] or all(one.cmdline()[1] != "1000" for one in namespace.named("sleep"))


def test_processes_that_are_not_below_us_are_left_alone(pyinit: list[str], tmp_path: Path) -> None:
    words = [*pyinit, "--sweep-timeout", "0.1", "--", "sh", "-c", "trap '' TERM; setsid sleep 1000 & exit 3"]
    line = 'setsid sleep 2000 & "$@"; echo status $?; exec tail -f /dev/null'
    with Namespace(["sh", "-c", line, "sh", *words], tmp_path) as namespace:
        namespace.wait_for_output("status 3")
        assert [one.cmdline()[1] for one in namespace.named("sleep")] == ["2000"]


def test_without_a_subreaper_orphans_go_to_pid_1_and_hold_up_nobody(pyinit: list[str], tmp_path: Path) -> None:
    words = [*pyinit, "--subreaper=no", "--", "sh", "-c", "(setsid sleep 1000 &); sleep 0.1; exit 3"]
    line = '"$@"; echo "status $?"; exec tail -f /dev/null'
    with Namespace(["sh", "-c", line, "sh", *words], tmp_path) as namespace:
        namespace.wait_for_output("status 3")
        assert [one.ppid() for one in namespace.named("sleep")] == [namespace.init.pid]


def test_that_it_is_a_subreaper_is_said_at_the_debug_level_alone(pyinit: list[str], tmp_path: Path) -> None:
    for level in ("debug", "info"):
        with below(pyinit, tmp_path, "--log-level", level, "--", "true") as namespace:
            assert namespace.wait() == 0
            assert ("subreaper" in namespace.stderr) == (level == "debug")


#: A script that is a job, as under an interactive shell or a CI runner: so its process group is not an orphaned one.
JOB = """set -m
sh -c '"$@" & wait' script "$@" &
wait"""


def is_stopped(process: psutil.Process) -> bool:
    """Whether a process is stopped."""
    return process.status() == psutil.STATUS_STOPPED


@pytest.mark.parametrize("signum", [signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU])
def test_off_a_terminal_the_init_and_its_command_are_suspended_and_the_script_above_goes_on(
    pyinit: list[str], tmp_path: Path, signum: int
) -> None:
    with Namespace(["setsid", "-w", "bash", "-c", JOB, "bash", *pyinit, "--", "sleep", "1000"], tmp_path) as namespace:
        command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
        init = command.parent()
        script = None if init is None else init.parent()
        assert init is not None
        assert script is not None
        assert os.getpgid(init.pid) == os.getpgid(script.pid) != os.getpgid(command.pid)
        for _ in range(2):
            init.send_signal(signum)
            wait_until(lambda: is_stopped(init) and is_stopped(command), "both are stopped")
            assert not is_stopped(script)
            init.send_signal(signal.SIGCONT)
            wait_until(lambda: not is_stopped(init) and not is_stopped(command), "both run on")
            assert not is_stopped(script)
        init.terminate()
        assert namespace.wait() == 0


#: A parent that starts pyinit, writes down its PID, and can be killed.
PARENT = """
import os, signal, sys
if os.fork() == 0:
    os.execv(sys.argv[1], sys.argv[1:])
signal.pause()
"""


def test_the_parent_s_death_is_a_stop_request_where_asked_for(pyinit: list[str], tmp_path: Path) -> None:
    pyinit = [*pyinit, "--parent-death-signal", "TERM", "--", *APP_WORDS.split()]
    line = f'{sys.executable} -c "$0" "$@" & parent=$!; read go; kill -KILL $parent; sleep 1000 & while wait; do :; done'
    reader, writer = os.pipe()
    try:
        with Namespace(["sh", "-c", line, PARENT, *pyinit], tmp_path, stdin=reader) as namespace:
            namespace.wait_for_output("app ready")
            os.write(writer, b"go\n")
            namespace.wait_for_output("app done")
            assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"
    finally:
        os.close(reader)
        os.close(writer)


def test_a_parent_that_died_before_we_could_ask_is_noticed(tmp_path: Path) -> None:
    late = [
        *FAULTY,
        "libc.prctl",
        "LATE",
        "start:1",
        "--subreaper=no",
        "--parent-death-signal",
        "TERM",
        "--",
        *APP_WORDS.split(),
    ]
    with Namespace(["sh", "-c", '("$@"; :); exec tail -f /dev/null', "sh", *late], tmp_path) as namespace:
        namespace.wait_for_log("exit status", timeout=5)  # told before it had a handler, perhaps: told, in any case
        assert "SIGTERM to" in namespace.stderr


def test_a_signal_of_the_parent_s_choice_is_forwarded_at_its_death(pyinit: list[str], tmp_path: Path) -> None:
    pyinit = [*pyinit, "--parent-death-signal", "USR1", "--", *APP_WORDS.split(), "--on", "TERM,USR1"]
    line = f'{sys.executable} -c "$0" "$@" & parent=$!; sleep 1000 & while wait; do :; done'
    with Namespace(["sh", "-c", line, PARENT, *pyinit], tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        parent = next(child for child in namespace.init.children() if child.name() != "sleep")
        parent.send_signal(signal.SIGKILL)
        namespace.wait_for_output("app got SIGUSR1")


def test_as_pid_1_neither_option_does_harm(pyinit: list[str], tmp_path: Path) -> None:
    words = [*pyinit, "--subreaper", "--parent-death-signal", "TERM", "--", "sh", "-c", "exit 5"]
    with Namespace(words, tmp_path, unshare=after(":")) as namespace:
        assert namespace.wait() == 5


# --- the shell above -------------------------------------------------------------------------------------------------------


def warning_of(words: Sequence[str], folder: Path) -> str:
    """What is warned of where PID 1 is this and runs a pyinit that ends by itself."""
    with Namespace(words, folder) as namespace:
        assert namespace.wait() == 5
        return namespace.stderr


@pytest.mark.parametrize("shell", [("dash", "-c"), ("bash", "-c"), ("bash", "-o", "pipefail", "-c"), ("busybox", "sh", "-c")])
def test_that_pid_1_is_a_shell_is_warned_of_once_with_what_to_write(
    pyinit: list[str], tmp_path: Path, script: Callable[[str], str], shell: Sequence[str]
) -> None:
    need(shell[0])
    start = script("exit 5")
    said = warning_of([*shell, '"$@"; exit $?', "sh", *pyinit, "--", start], tmp_path)
    assert said.count("\n") == 1
    name = shell[1] if shell[0] == "busybox" else shell[0]
    assert said.startswith(f"pyinit: warning: PID 1 is a shell ({name}), which does not pass the stop request on: ")
    assert f'write ENTRYPOINT ["pyinit", "--", "{start}"], or exec in front of pyinit' in said


def test_a_start_script_above_is_such_a_shell_as_well(pyinit: list[str], tmp_path: Path, script: Callable[[str], str]) -> None:
    line = " ".join(pyinit)
    said = warning_of([script(f"{line} -- sh -c 'exit 5'\nexit $?")], tmp_path)
    assert "PID 1 is a shell (sh), which does not pass the stop request on" in said
    assert 'write ENTRYPOINT ["pyinit", "--", "sh", ...]' in said


def test_what_is_warned_of_is_true(pyinit: list[str], tmp_path: Path) -> None:
    with below(pyinit, tmp_path, "--", *APP_WORDS.split(), "--on", "TERM,HUP") as namespace:
        namespace.wait_for_output("app ready")
        assert "PID 1 is a shell (sh)" in namespace.stderr
        namespace.signal(signal.SIGTERM)
        pyinit_in(namespace).send_signal(signal.SIGHUP)  # which says that all that was sent before would be there by now
        namespace.wait_for_output("app got SIGHUP")
        assert namespace.is_there()
        assert "SIGTERM" not in namespace.stdout + namespace.stderr


@pytest.mark.parametrize(
    "above",
    [
        ("sh", "-c", 'exec "$@"', "sh"),
        ("sh", "-c", 'trap "kill \\$!; wait \\$!" TERM; "$@" & wait $!', "sh"),
        (sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"),
        ("tini", "--"),
        ("tini", "--", "sh", "-c", '"$@"; exit $?', "sh"),
    ],
    ids=["exec", "a trap", "another program", "an init", "a shell below an init"],
)
def test_nothing_is_warned_of_where_the_signal_comes(pyinit: list[str], tmp_path: Path, above: Sequence[str]) -> None:
    if above[0] == "tini":
        need("tini")
    assert warning_of([*above, *pyinit, "--", "sh", "-c", "exit 5"], tmp_path) == ""


def test_nothing_is_warned_of_at_a_prompt(pyinit: list[str], tmp_path: Path) -> None:
    line = shlex.join([*pyinit, "--", "sh", "-c", "exit 5"])
    reader, writer = os.pipe()
    os.write(writer, f"{line}\nexit $?\n".encode())
    os.close(writer)
    try:
        with Namespace(["bash", "--norc", "-i"], tmp_path, stdin=reader) as namespace:
            assert namespace.wait() == 5
            assert "PID 1 is a shell" not in namespace.stderr
    finally:
        os.close(reader)


def test_nothing_is_warned_of_where_the_parent_is_outside(pyinit: list[str], tmp_path: Path) -> None:
    """As under docker exec."""
    with Namespace(["sh", "-c", "echo ready; sleep 1000; :"], tmp_path) as namespace:
        namespace.wait_for_output("ready")
        done = subprocess.run(
            [*enter(namespace.init.pid), *pyinit, "--", "sh", "-c", "exit 5"], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (5, "")
