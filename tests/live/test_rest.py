"""What C answers by itself in the static binary: told as Python would, by a few system calls, and only while all is as it was.

What is asked of every form is what must hold wherever the answer comes from.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pyinit.kernel.arrivals import PATIENCE
from tests.hostile.traced import LINE, Traced
from tests.live.conftest import APP_WORDS, Start
from tests.live.forms import STATIC
from tests.live.test_signal_moments import AHEAD, storm_words, told_after_copies
from tests.namespace import ROOT, Namespace, enter, need
from tests.waiting import wait_until

USR1 = "got SIGUSR1"
CHANGING = f"{sys.executable} -IS {ROOT / 'tests' / 'live' / 'changing.py'}"

#: The application as the command, and below a script, with workers of its own.
APP = (*APP_WORDS.split(), "--on", "TERM,USR1,HUP")
ALONE = (*APP, "--by", "handler")
BELOW = ("sh", "-c", f"{' '.join(APP)} --workers 3; exit 3")

#: A signal that is taken, as strace has it.
TAKEN = re.compile(r"rt_sigtimedwait\(.*si_signo=(SIG\w+)")

#: What C does for a signal to a lone command: it looks at it, tells it, looks for stop requests, and now and then for others.
ANSWERED = ["pread64", "pread64", "kill", "rt_sigtimedwait"]

Trace = Callable[..., Traced]


@pytest.fixture
def traced(pyinit: list[str], tmp_path: Path) -> Iterator[Trace]:
    """A function that runs the binary as PID 1 under strace."""
    need("strace")
    with contextlib.ExitStack() as stack:

        def start(*words: str, inject: str = "", before: Sequence[str] = ()) -> Traced:
            folder = tmp_path / f"traced-{inject or 'plain'}".replace(":", "-")
            folder.mkdir()
            env = {"PATH": os.environ["PATH"]}
            return stack.enter_context(Traced([*before, *pyinit, *words], folder, inject, env))

        yield start


def tell(namespace: Namespace, times: int, signum: int = signal.SIGUSR1, text: str = USR1) -> None:
    """Send a signal so many times, each when the one before was told."""
    before = namespace.stdout.count(text)
    for number in range(1, times + 1):
        namespace.signal(signum)
        namespace.wait_for_output(text, before + number)
        namespace.wait_until_at_rest()
    assert namespace.stdout.count(text) == before + times


def end(traced: Traced) -> None:
    """End the namespace, so that all is written that strace has seen."""
    traced.__exit__(None, None, None)


def turns(traced: Traced, name: str = "SIGUSR1") -> list[list[str]]:
    """The names of the calls by which PID 1 has dealt with each signal of this name. It must have ended."""
    found: list[list[str]] = []
    calls: list[str] | None = None
    for line in traced.lines:
        call = LINE.match(line)
        taken = TAKEN.match(line)
        if taken:
            calls = [] if taken[1] == name else None
            if calls is not None:
                found.append(calls)
        elif calls is not None and call is not None:
            calls.append(call["name"])
    return found


def is_answered(calls: list[str]) -> bool:
    """Whether a signal to a lone command was answered by C."""
    return calls in (ANSWERED, [*ANSWERED, "rt_sigtimedwait"])


# --- how little it takes ------------------------------------------------------------------------------------------------


@pytest.mark.forms(STATIC)
def test_after_the_first_one_a_signal_to_a_lone_command_takes_a_few_calls(traced: Trace) -> None:
    pid_1 = traced("--", *ALONE)
    pid_1.namespace.wait_for_output("ready")
    tell(pid_1.namespace, 20)
    tell(pid_1.namespace, 3, signal.SIGHUP, "got SIGHUP")
    tell(pid_1.namespace, 3)
    end(pid_1)
    first, *others = turns(pid_1)
    assert not is_answered(first)
    assert all(is_answered(calls) for calls in others), others
    assert [is_answered(calls) for calls in turns(pid_1, "SIGHUP")] == [False, True, True]


@pytest.mark.forms(STATIC)
def test_with_others_there_everybody_is_looked_at_and_the_same_are_told(traced: Trace) -> None:
    pid_1 = traced("--", *BELOW)
    pid_1.namespace.wait_for_output("ready", times=4)
    tell(pid_1.namespace, 20, text=f"app {USR1}")
    assert pid_1.namespace.stdout.count(USR1) == 20, "the workers are the application's business"
    end(pid_1)
    first, *_, last = turns(pid_1)
    assert "wait4" in first, "Python reaps at each turn"
    assert "wait4" not in last
    assert last.count("kill") == 1
    processes = 5  # the shell, the application and its workers: each is opened, read and closed
    assert len([call for call in last if call in ("openat", "pread64", "close")]) <= 3 * (processes + 3)


#: Scripts above the application, with others that handle nothing, and with a text that has to be read.
SCRIPTS = {
    "pipe": "APP | tee /dev/null",
    "sidecar": "sleep 1000 & APP; exit 3",
    "wait": "sleep 1000 & APP & wait; exit 3",
    "wrapper": "timeout 1000 APP; exit 3",
}


@pytest.mark.forms(STATIC)
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_below_a_script_in_a_file_too(traced: Trace, tmp_path: Path, shell: str, script: str) -> None:
    need(shell)
    path = tmp_path / "start.sh"
    path.write_text(f"#!/usr/bin/env {shell}\n{SCRIPTS[script].replace('APP', ' '.join(APP))}\n")
    path.chmod(0o755)
    pid_1 = traced("--", str(path))
    pid_1.namespace.wait_for_output("ready")
    tell(pid_1.namespace, 8)
    with path.open("a") as file:
        file.write("# changed\n")
    tell(pid_1.namespace, 1)
    end(pid_1)
    *_, before, last = turns(pid_1)
    assert "wait4" not in before
    if script == "sidecar":
        assert "wait4" in last, "the text of the script tells who is in the foreground, so it is read again"


@pytest.mark.forms(STATIC)
def test_at_debug_level_each_signal_is_logged_and_nothing_is_answered_without_python(traced: Trace) -> None:
    pid_1 = traced("--log-level=debug", "--", *ALONE)
    pid_1.namespace.wait_for_output("ready")
    tell(pid_1.namespace, 3)
    assert pid_1.namespace.stderr.count("SIGUSR1 to ") == 3
    end(pid_1)
    assert not any(is_answered(calls) for calls in turns(pid_1))


@pytest.mark.forms(STATIC)
def test_whoever_sends_it_and_however_makes_no_difference(traced: Trace) -> None:
    namespace = (pid_1 := traced("--", *ALONE)).namespace
    namespace.wait_for_output("ready")
    tell(namespace, 2)
    pid = namespace.init.pid
    inside = enter(pid, "pid", "mnt")
    for words in (["kill", "-q", "5", "-s", "USR1", str(pid)], [*inside, "kill", "-s", "USR1", "1"]):
        told = namespace.stdout.count(USR1)
        subprocess.run(words, check=True)
        namespace.wait_for_output(USR1, told + 1)
    ctypes.CDLL(None).tgkill(pid, pid, int(signal.SIGUSR1))
    namespace.wait_for_output(USR1, 5)
    end(pid_1)
    assert [is_answered(calls) for calls in turns(pid_1)] == [False, True, True, True, True]
    assert {word for line in pid_1.lines for word in re.findall(r"si_signo=SIGUSR1, si_code=(\w+)", line)} == {
        "SI_USER",
        "SI_QUEUE",
        "SI_TKILL",
    }


# --- only while all is as it was ----------------------------------------------------------------------------------------


@pytest.mark.forms(STATIC)
def test_who_has_executed_the_same_program_anew_is_looked_at_anew(traced: Trace) -> None:
    namespace = (pid_1 := traced("--", *CHANGING.split(), "exec")).namespace
    namespace.wait_for_output("ready")
    tell(namespace, 3)
    tell(namespace, 1, signal.SIGUSR2, "ready")
    tell(namespace, 3)
    end(pid_1)
    assert [is_answered(calls) for calls in turns(pid_1)] == [False, True, True, False, True, True]


@pytest.mark.parametrize("place", ["alone", "below a script"])
@pytest.mark.parametrize("change", ["drop", "title", "name"])
def test_who_handles_it_no_more_or_is_another_is_dealt_with_as_that(start: Start, change: str, place: str) -> None:
    """SIGUSR1 would kill it, or is how memcached finishes its work: so that is a stop request."""
    words = [*CHANGING.split(), change]
    namespace = start("--", *(words if place == "alone" else ["sh", "-c", f"{' '.join(words)}; exit 3"]))
    namespace.wait_for_output("ready")
    tell(namespace, 4)
    tell(namespace, 1, signal.SIGUSR2, "changed")
    assert "stop requested" not in namespace.stderr
    namespace.signal(signal.SIGUSR1)
    namespace.wait_for_log("stop requested: SIGUSR1 from outside the container")


def test_who_comes_and_goes_below_a_script_is_told_as_if_it_had_always_been_so(start: Start, tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    one, other = (f"{' '.join(ALONE)} --name {name}" for name in ("one", "other"))
    namespace = start("--", "sh", "-c", f"{one} & read word <{go}; {other}; read word <{go}; exit 3")
    namespace.wait_for_output("one ready")
    tell(namespace, 4, text=f"one {USR1}")
    go.write_text("go\n")
    namespace.wait_for_output("other ready")
    tell(namespace, 4, text=f"other {USR1}")
    assert namespace.stdout.count(f"one {USR1}") == 4, "the one in the background waits for the one in the foreground"
    [process] = [each for each in namespace.processes() if each.cmdline()[-1:] == ["other"]]
    process.terminate()
    namespace.wait_for_output("other done")
    wait_until(lambda: not process.is_running(), "its end")
    tell(namespace, 4, text=f"one {USR1}")
    assert namespace.stdout.count(f"other {USR1}") == 4


def tell_both(namespace: Namespace) -> None:
    """Send a signal four times; two processes are told of each, who have been told before or not."""
    told = namespace.stdout.count(USR1)
    for number in range(1, 5):
        namespace.signal(signal.SIGUSR1)
        namespace.wait_for_output(USR1, told + 2 * number)


def test_who_begins_to_wait_for_signals_is_told_from_then_on(start: Start) -> None:
    namespace = start("--", "sh", "-c", f"{CHANGING} sigwait & {' '.join(ALONE)} & wait; exit 3")
    namespace.wait_for_output("ready", times=2)
    tell(namespace, 4)
    tell(namespace, 1, signal.SIGUSR2, "changed")
    tell_both(namespace)


def test_a_newcomer_is_told_though_all_others_are_as_they_were(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never")
    namespace = start("--", "sh", "-c", f"({CHANGING} daemon &); read word <{tmp_path}/never; exit 3")
    namespace.wait_for_output("ready")
    tell(namespace, 4)
    tell(namespace, 1, signal.SIGUSR2, "changed")
    tell_both(namespace)


@pytest.mark.forms(STATIC)
def test_from_a_stop_request_on_nothing_is_answered_and_no_file_is_held(traced: Trace) -> None:
    namespace = (pid_1 := traced("--pre-stop-delay=1h", "--", *ALONE)).namespace
    namespace.wait_for_output("ready")

    def held() -> list[str]:
        folder = Path(f"/proc/{namespace.init.pid}/fd")
        return [link for link in (os.readlink(each) for each in folder.iterdir()) if link.endswith(("/stat", "/cmdline"))]

    tell(namespace, 3)
    assert len(held()) == 2
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_log("stop requested")
    tell(namespace, 3)
    assert held() == []
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    end(pid_1)
    assert [is_answered(calls) for calls in turns(pid_1)] == [False, True, True, False, False, False]


@pytest.mark.forms(STATIC)
def test_in_a_storm_that_c_answers_a_stop_request_is_told_before_what_comes_again(traced: Trace) -> None:
    pid_1 = traced(*storm_words("USR1 and HUP"))
    assert told_after_copies(pid_1.namespace) <= AHEAD
    end(pid_1)
    answered = [calls for name in ("SIGUSR1", "SIGHUP") for calls in turns(pid_1, name) if "openat" not in calls]
    assert len(answered) >= 10, "or this would prove little"


# --- where it cannot be looked at ---------------------------------------------------------------------------------------


@pytest.mark.forms(STATIC)
@pytest.mark.parametrize("error", ["EIO", "ENOMEM", "ESRCH", "EBADF"])
@pytest.mark.parametrize("when", ["1+", "3+", "4+"])
def test_where_the_command_cannot_be_looked_at_python_tells_it(traced: Trace, error: str, when: str) -> None:
    pid_1 = traced("--", *ALONE, inject=f"pread64:error={error}:when={when}")
    pid_1.namespace.wait_for_output("ready")
    tell(pid_1.namespace, 5)
    end(pid_1)
    assert not any(is_answered(calls) for calls in turns(pid_1))


@pytest.mark.forms(STATIC)
def test_without_a_descriptor_for_it_python_tells_the_command(traced: Trace) -> None:
    plain = traced("--", *ALONE)
    plain.namespace.wait_for_output("ready")
    tell(plain.namespace, 1)
    end(plain)
    log = plain.log.read_text().splitlines()
    opened = [
        line for line in log[: next(at for at, line in enumerate(log) if line.startswith("pread64"))] if "openat(" in line
    ]
    for more in (0, 1):  # its stat, its cmdline
        pid_1 = traced("--", *ALONE, inject=f"openat:error=ENFILE:when={len(opened) + more}")
        pid_1.namespace.wait_for_output("ready")
        tell(pid_1.namespace, 1)
        end(pid_1)
        [failed] = [line for line in pid_1.lines if "(INJECTED)" in line]
        assert "/cmdline" in failed if more else "/stat" in failed
        assert "does not tell" not in pid_1.namespace.stderr
        assert "less care" not in pid_1.namespace.stderr


@pytest.mark.forms(STATIC)
def test_where_descriptors_are_few_none_is_held(traced: Trace) -> None:
    pid_1 = traced("--", *ALONE, before=("sh", "-c", 'ulimit -n 32; exec "$@"', "sh"))
    pid_1.namespace.wait_for_output("ready")
    tell(pid_1.namespace, 3)
    end(pid_1)
    assert not any("pread64" in calls for calls in turns(pid_1))


# --- the order, by C's part alone ---------------------------------------------------------------------------------------

#: A storm of SIGHUP without a gap: whoever is told sends it again before kill() returns. Prints how many were told before
#: rest() came back, and with which signal: storm IS-LATE STOPS SIGNAL... has these stop requests, as bits, and these signals.
STORM = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "rest.h"

static int told;

static void send(int signum)
{
    pid_t sender = fork();
    if (sender == 0) {
        sigqueue(getppid(), signum, (union sigval){0});
        _exit(0);
    }
    waitpid(sender, NULL, 0);
}

int __wrap_kill(pid_t pid, int signum);
int __wrap_kill(pid_t pid, int signum)
{
    (void)pid;
    if (++told == 1000)
        exit(99);
    send(signum);
    return 0;
}

int main(int count, char **words)
{
    sigset_t all, none;
    siginfo_t found;
    size_t size;
    char path[64], ready;
    int pipes[2];
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (pipe(pipes) < 0)
        return 98;
    pid_t command = fork();
    if (command == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGHUP, _exit);
        sigprocmask(SIG_SETMASK, &none, NULL);
        (void)!write(pipes[1], "", 1);
        for (;;)
            pause();
    }
    (void)!read(pipes[0], &ready, 1);
    snprintf(path, sizeof path, "/proc/%d/stat", command);
    if (!rest_begin(SIGHUP, strtoull(words[2], NULL, 0)) || rest_ask(SIGHUP, REST_HANDLER, path, &size) == NULL)
        return 98;
    rest_tell(SIGHUP, command, SIGHUP);
    rest_settle(SIGHUP);
    for (int at = 3; at < count; at++)
        send(atoi(words[at]));
    struct timespec past = {0, 0};
    int signum = rest(words[1][0] == '1' ? &past : NULL, &found);
    printf("%d %d", told, signum);
    return 0;
}
"""

HUP, TERM, CHLD = int(signal.SIGHUP), int(signal.SIGTERM), int(signal.SIGCHLD)


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled."""
    need("gcc")
    folder, static = tmp_path_factory.mktemp("storm"), ROOT / "docker" / "static"
    (folder / "storm.c").write_text(STORM)
    words = ["gcc", "-std=gnu11", "-Wall", "-Werror", "-Wl,--wrap=kill", f"-I{static}", "-o", str(folder / "storm")]
    subprocess.run([*words, str(folder / "storm.c"), str(static / "rest.c")], check=True)
    return folder / "storm"


@pytest.mark.parametrize(
    ("is_late", "stops", "pending", "told", "taken"),
    [
        (False, [TERM], [HUP, TERM], 1, TERM),
        (False, [], [HUP, TERM], PATIENCE, TERM),
        (False, [TERM], [HUP], PATIENCE, CHLD),  # of the senders
        (True, [TERM], [HUP], 1, 0),
        (True, [TERM], [HUP, TERM], 1, TERM),
    ],
    ids=["a stop request", "another signal", "SIGCHLD", "the deadline", "a stop request at the deadline"],
)
def test_in_a_storm_without_a_gap_whatever_else_there_is_has_its_turn(
    storm: Path, is_late: bool, stops: list[int], pending: list[int], told: int, taken: int
) -> None:
    mask = sum(1 << signum - 1 for signum in stops)
    words = [str(storm), str(int(is_late)), str(mask), *map(str, pending)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{told} {taken}")
