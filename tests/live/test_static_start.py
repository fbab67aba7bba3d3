"""Who starts the command of the static binary: C, where nothing is to be decided, and else Python; and what it then finds."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.hostile.traced import Traced
from tests.live.conftest import APP_WORDS
from tests.live.forms import STATIC
from tests.namespace import ROOT, WITH_PROC, Namespace, need

pytestmark = pytest.mark.forms(STATIC)

#: What is asked for before Python is: which thread it is in.
THREAD = re.compile(r"gettid\(")

#: By what a process is started.
START = re.compile(r"(clone3|clone|vfork|fork)\(")

PATH = {"PATH": os.environ["PATH"]}

Start = Callable[..., Traced]


@pytest.fixture
def traced(pyinit: list[str], tmp_path: Path) -> Iterator[Start]:
    """A function that runs the binary as PID 1 under strace, by another name or with other words in front if need be."""
    need("strace")
    with contextlib.ExitStack() as stack:

        def start(
            *words: str, env: Mapping[str, str] | None = None, name: str = "", before: Sequence[str] = (), inject: str = ""
        ) -> Traced:
            path = pyinit[0]
            if name:
                path = str(tmp_path / name)
                os.link(pyinit[0], path) if os.stat(pyinit[0]).st_dev == os.stat(tmp_path).st_dev else shutil.copy(
                    pyinit[0], path
                )
            return stack.enter_context(Traced([*before, path, *words], tmp_path, inject, {**PATH, **(env or {})}))

        yield start


def begins_with(traced: Traced) -> str:
    """Who has started the command: "C" or "Python"."""
    thread = next(at for at, line in enumerate(traced.lines) if THREAD.match(line))
    start = next(at for at, line in enumerate(traced.lines) if START.match(line))
    return "C" if start < thread else "Python"


def test_c_starts_the_plainest_command_before_python_has_looked_at_anything(traced: Start) -> None:
    pid_1 = traced("--", "sh", "-c", "exit 7")
    assert pid_1.namespace.wait() == 7
    assert begins_with(pid_1) == "C"


def test_a_command_of_c_s_has_the_cpu_before_python_does_anything(traced: Start) -> None:
    pid_1 = traced("--", "sh", "-c", "exit 7")
    assert pid_1.namespace.wait() == 7
    calls = [line.partition("(")[0] for line in pid_1.lines]
    start = next(at for at, line in enumerate(pid_1.lines) if START.match(line))
    assert start < calls.index("sched_yield") < calls.index("gettid")


@pytest.mark.parametrize(
    ("words", "env", "name", "before"),
    [
        (("sh", "-c", "exit 7"), {}, "", ()),
        (("--log-level=info", "--", "sh", "-c", "exit 7"), {}, "", ()),
        (("-c", "exit 7"), {}, "", ()),
        (("--", "pyinit", "--", "sh", "-c", "exit 7"), {}, "", ()),
        (("--", "sh", "-c", "exit 7"), {"PYINIT_GRACE_PERIOD": "5s"}, "", ()),
        (("--", "sh", "-c", "exit 7"), {"PYINIT_NO_SUCH": "5s"}, "", ()),
        (("--", "sh", "-c", '[ "$LISTEN_PID" = $$ ] && exit 7'), {"LISTEN_PID": "1"}, "", ()),
        (("--", "sh", "-c", "exit 7"), {}, "tini", ()),
        (("--", "sh", "-c", "exit 7"), {}, "dumb-init", ()),
        (("--", "sh", "-c", "exit 7"), {}, "pyinit-of-mine", ()),
        (("--", "sh", "-c", "exit 7"), {}, "", ("env", "--ignore-signal=CHLD")),
        (("--", "sh", "-c", "exit 7"), {}, "", ("sh", "-c", 'exec "$0" "$@" >&-')),
    ],
    ids=[
        "no-dashes",
        "option",
        "string",
        "nested",
        "variable",
        "unknown-variable",
        "listen",
        "tini",
        "dumb-init",
        "other-name",
        "sigchld",
        "closed",
    ],
)
def test_python_starts_it_where_there_is_anything_to_decide(
    traced: Start, words: Sequence[str], env: Mapping[str, str], name: str, before: Sequence[str]
) -> None:
    pid_1 = traced(*words, env=env, name=name, before=before)
    assert pid_1.namespace.wait() == 7
    assert begins_with(pid_1) == "Python"


def test_python_starts_it_where_it_is_not_pid_1(pyinit: list[str], tmp_path: Path) -> None:
    need("strace")
    log = tmp_path / "strace"
    done = subprocess.run(
        ["strace", "-o", str(log), *pyinit, "--", "sh", "-c", "exit 7"], check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 7
    lines = log.read_text().splitlines()
    assert next(at for at, line in enumerate(lines) if THREAD.match(line)) < next(
        at for at, line in enumerate(lines) if START.match(line)
    )


def test_what_c_cannot_start_is_told_by_python_in_one_line(traced: Start) -> None:
    pid_1 = traced("--", "no-such-program")
    assert pid_1.namespace.wait() == 127
    assert pid_1.namespace.stderr.startswith("pyinit: error: cannot execute no-such-program: not found in PATH")
    assert pid_1.namespace.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [(), ("--log-level=info",)], ids=["plain", "option"])
def test_a_command_is_started_where_clone3_is_forbidden(traced: Start, words: Sequence[str]) -> None:
    """As it is by runtimes before 2021, and by profiles that name the calls that they allow."""
    pid_1 = traced(*words, "--", "sh", "-c", "exit 7", inject="clone3:error=EPERM")
    assert pid_1.namespace.wait() == 7
    assert any(line.startswith("clone3(") and "(INJECTED)" in line for line in pid_1.lines)
    assert pid_1.namespace.stderr == ""


def test_a_script_without_a_line_for_its_interpreter_is_started_all_the_same(traced: Start, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("exit 7\n")
    script.chmod(0o755)
    assert traced("--", str(script)).namespace.wait() == 7


SHOW = """
import os, signal, sys
print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), [s for s in range(1, 65) if s not in (32, 33)
      and signal.getsignal(s) == signal.SIG_IGN and s not in (13, 25)], os.getpgrp() == os.getsid(0) == os.getpid(),
      os.listdir("/proc/self/fd"), os.getcwd(), sys.argv[1:], open("/proc/self/environ", "rb").read(),
      [line for line in open("/proc/self/status") if line.startswith(("SigPnd", "SigBlk", "SigIgn", "SigCgt", "ShdPnd"))])
"""


def test_a_command_finds_the_same_whoever_has_started_it(pyinit: list[str], tmp_path: Path) -> None:
    inherited = ["env", "--ignore-signal=USR2", "--block-signal=HUP,RTMIN"]
    odd = {**PATH, "b": "1", "a": "", "LANG": "xyz"}
    told = []
    for place, options in (("by C", ()), ("by Python", ("--log-level=info",))):
        folder = tmp_path / place
        folder.mkdir()
        words = [*inherited, *pyinit, *options, "--", sys.executable, "-IS", "-c", SHOW, "x y", "", "\udcff"]
        with Namespace(words, folder, env=odd) as namespace:
            assert namespace.wait() == 0, namespace.stderr
            told.append(namespace.stdout)
    assert "SIGHUP" in told[0]
    assert "b=1" in told[0]
    assert told[0] == told[1]


#: What main.c does where Python can do nothing, not even say so.
WITHOUT_PYTHON = """
#include "plain.h"
int main(int count, char **words)
{
    sigset_t all, given;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &given);
    pid_t command = plain_start(count, words, &given);
    return command == 0 ? 125 : plain_loop(command, 0, -1);
}
"""

#: The same of a process that is not PID 1, and of a line for a stderr that nobody reads.
NOT_PID_1 = """
#include <unistd.h>
#include "plain.h"
int main(int count, char **words)
{
    sigset_t all, given;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &given);
    pid_t command = fork();
    if (command == 0) {
        setsid();
        sigprocmask(SIG_SETMASK, &given, NULL);
        execvp(words[1], words + 1);
        _exit(127);
    }
    kill(getpid(), SIGPIPE);
    return plain_loop(command, 0, -1);
}
"""


def made_of(text: str, folder: Path) -> str:
    """A program of these lines and C's part of the binary."""
    need("gcc")
    source, static = folder / "without_python.c", ROOT / "docker" / "static"
    source.write_text(text)
    made = folder / "pyinit"
    words = [
        "gcc",
        "-std=gnu11",
        "-Wl,--wrap=posix_spawn",
        f"-I{static}",
        str(source),
        str(static / "plain.c"),
        str(static / "rest.c"),
        "-o",
        str(made),
    ]
    subprocess.run(words, check=True)
    return str(made)


@pytest.fixture
def without_python(tmp_path: Path) -> str:
    """An init that is C's part of the binary alone."""
    return made_of(WITHOUT_PYTHON, tmp_path)


def test_without_python_who_is_not_pid_1_tells_nobody_but_the_command_s_own(tmp_path: Path) -> None:
    """Nor is the command told of a pipe that nobody reads, which is a matter of who has written to it."""
    made = made_of(NOT_PID_1, tmp_path)
    bystander = f'{APP_WORDS} --name bystander & "$@" & supervisor=$!; trap "kill -TERM $supervisor" USR1'
    line = f"{bystander}; wait; wait $supervisor; echo left with $?; wait"
    unshare = (*WITH_PROC, "sh", "-c", line, "sh")
    with Namespace([made, *APP_WORDS.split(), "--on", "TERM,PIPE"], tmp_path, unshare=unshare) as namespace:
        namespace.wait_for_output("bystander ready")
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGUSR1)
        namespace.wait_for_output("left with 7")
        said = namespace.stdout
    assert "app got SIGTERM" in said
    assert "SIGPIPE" not in said
    assert "bystander got" not in said


def test_without_python_a_command_that_runs_is_told_all_the_same_and_its_status_is_kept(
    without_python: str, tmp_path: Path
) -> None:
    script = f"{APP_WORDS} --name other --drain 0 & {APP_WORDS} --status 3; exit $?"
    with Namespace([without_python, "--", "sh", "-c", f"trap : TERM; {script}"], tmp_path) as namespace:
        namespace.wait_for_output("other ready")
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 3
        assert namespace.stdout.count("app got SIGTERM") == 1


def test_without_python_what_a_command_leaves_behind_is_told_and_reaped(without_python: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with Namespace(
        [without_python, "--", "sh", "-c", f"setsid {APP_WORDS} & read go; kill -KILL $$"], tmp_path, stdin=reader
    ) as namespace:
        namespace.wait_for_output("app ready")
        os.write(writer, b"go\n")
        assert namespace.wait() == 137
        assert "app done" in namespace.stdout
    os.close(reader)
    os.close(writer)


def test_a_start_makes_no_interpreter(pyinit: list[str], tmp_path: Path) -> None:
    """Counted in instructions: to make one takes seven times as many as this whole life may."""
    need("valgrind")
    counts = tmp_path / "callgrind"
    words = ["unshare", "--pid", "--fork", "--mount-proc", "valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}"]
    subprocess.run([*words, *pyinit, "--", "true"], check=True, stdin=subprocess.DEVNULL, capture_output=True, env=PATH)
    [count] = re.findall(r"^summary: (\d+)", counts.read_text(), re.MULTILINE)
    assert int(count) <= 2_000_000
