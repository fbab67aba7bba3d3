"""Under gVisor, which tells of no process what it does about signals: pyinit makes nothing worse, and a start script right."""

import contextlib
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS
from tests.live.forms import SOURCE, STATIC
from tests.live.sandbox import Sandbox
from tests.live.sleeping import SLEEPER, written_in
from tests.namespace import need
from tests.waiting import wait_until

pytestmark = pytest.mark.forms(SOURCE, STATIC)

APP = APP_WORDS.split()

TOLD_ONCE = "app ready\napp got SIGTERM\napp done\n"

Run = Callable[..., Sandbox]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A function that runs words as PID 1 of a sandbox."""
    with contextlib.ExitStack() as stack:
        yield lambda *words: stack.enter_context(Sandbox(words, tmp_path))


@pytest.fixture
def start(run: Run, pyinit: list[str]) -> Run:
    """A function that runs a command under pyinit in a sandbox."""
    return lambda *words: run(*pyinit, *words)


def stopped(sandbox: Sandbox, signum: int = signal.SIGTERM, ready: int = 1) -> int:
    """Stop a sandbox whose applications are ready; its exit status."""
    sandbox.wait_for_output("ready", ready)
    sandbox.signal(signum)
    return sandbox.wait()


SHOWS_MASKS = """
import signal
signal.signal(signal.SIGTERM, print)
print(open("/proc/self/stat").read().rpartition(")")[2].split()[28:32])
"""


def test_its_kernel_tells_no_masks(run: Run) -> None:
    sandbox = run(sys.executable, "-IS", "-c", SHOWS_MASKS)
    assert sandbox.wait() == 0
    assert sandbox.stdout == "['0', '0', '0', '0']\n", "then all of these tests can go by what it tells"


# --- never worse: what no init and tini do right there ------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_application_in_exec_form_is_told_once(start: Run, signum: int) -> None:
    name = signal.Signals(signum).name
    sandbox = start("--", *APP, "--on", "TERM,INT")
    assert stopped(sandbox, signum) == 7
    assert sandbox.stdout == f"app ready\napp got {name}\napp done\n"


@pytest.mark.parametrize("way", ["exec", "shell"])
def test_workers_are_left_to_the_one_above_them(start: Run, way: str) -> None:
    words = [*APP, "--workers", "2"]
    sandbox = start("--", *(words if way == "exec" else ["sh", "-c", f"{' '.join(words)}; exit 3"]))
    assert stopped(sandbox, ready=3) == (7 if way == "exec" else 3)
    assert sorted(line for line in sandbox.stdout.splitlines() if "got" in line) == [
        "app got SIGTERM",
        "app-1 got SIGUSR2",
        "app-2 got SIGUSR2",
    ]


TRAPS = {
    "wait": ("sh", "{app} & pid=$!\ntrap 'kill -TERM $pid; wait $pid; exit 4' TERM\nwait $pid\necho last\n", 4),
    "wait, bash": ("bash", "{app} & pid=$!\ntrap 'kill -TERM $pid; wait $pid; exit 4' TERM\nwait $pid\necho last\n", 4),
    "more behind": ("sh", "{app} & pid=$!\ntrap 'kill $pid' TERM\nwait $pid\nwait $pid\ns=$?\nsleep 0.1\nexit $s\n", 7),
    "more behind, bash": ("bash", "{app} & pid=$!\ntrap 'kill $pid' TERM\nwait $pid\nwait $pid\ns=$?\nsleep 0.1\nexit $s\n", 7),
    "a variable": ("sh", "set -- {app}\n\"$@\" & pid=$!\ntrap 'kill $pid; wait $pid; exit 4' TERM\nwait $pid\ntrue\n", 4),
    "a subshell": ("sh", "(exec {app}) & pid=$!\ntrap 'kill $pid; wait $pid; exit 4' TERM\nwait $pid\nsleep 0.1\n", 4),
}


@pytest.mark.parametrize("case", TRAPS)
def test_a_script_whose_trap_tells_its_application_is_told_alone(start: Run, tmp_path: Path, case: str) -> None:
    shell, text, status = TRAPS[case]
    script = tmp_path / "script"
    script.write_text(text.format(app=APP_WORDS))
    sandbox = start("--", shell, str(script))
    assert stopped(sandbox) == status
    assert sandbox.stdout == TOLD_ONCE


def test_a_wrapper_that_tells_twice_is_held_back(start: Run) -> None:
    sandbox = start("--", "timeout", "100", *APP)
    assert stopped(sandbox) == 7
    assert sandbox.stdout == TOLD_ONCE


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGUSR1])
def test_another_signal_goes_to_the_application_alone(start: Run, signum: int) -> None:
    name = signal.Signals(signum).name
    words = [*APP, "--on", "TERM,HUP,USR1", "--workers", "2"]
    sandbox = start("--", "sh", "-c", f"{' '.join(words)}; exit 3")
    sandbox.wait_for_output("ready", 3)
    sandbox.signal(signum)
    sandbox.wait_for_output(f"app got {name}\n")
    sandbox.signal(signal.SIGTERM)
    assert sandbox.wait() == 3
    assert sandbox.stdout.count(name) == 1


def test_what_handles_nothing_ends_at_once_with_its_signal(start: Run) -> None:
    sandbox = start("--", "sh", "-c", "echo ready; sleep 1000; exit 3")
    assert stopped(sandbox) == 128 + signal.SIGTERM


# --- what no other init does there --------------------------------------------------------------------------------------


SCRIPTS = {
    "shell form": (["sh", "-c", f"{APP_WORDS}; exit 3"], 3),
    "bash": (["bash", "-c", f"{APP_WORDS}; exit 3"], 3),
    "a loop's last": (["sh", "-c", f"for n in 1; do {APP_WORDS}; done; exit 3"], 3),
    "in the background": (["sh", "-c", f"{APP_WORDS} & wait; exit 3"], 3),
    "a pipeline": (["sh", "-c", f"{APP_WORDS} | cat"], 0),
    "an EXIT trap": (["bash", "-c", f"trap 'true' EXIT; {APP_WORDS}; exit 3"], 3),
    "a trap that waits": (["sh", "-c", f"trap 'exit 4' TERM; {APP_WORDS}; exit 3"], 4),
    "below another init": (["tini-static", "--", "sh", "-c", f"{APP_WORDS}; exit 3"], 3),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_an_application_below_a_script_is_told_and_finishes(start: Run, kind: str) -> None:
    words, status = SCRIPTS[kind]
    need(words[0])
    sandbox = start("--", *words)
    assert stopped(sandbox) == status
    assert sandbox.stdout == TOLD_ONCE
    assert sandbox.stderr.count("/proc does not tell who handles signals") == 1


@pytest.mark.forms(STATIC)
def test_it_sleeps_there_as_well_and_wakes(start: Run, pyinit: list[str]) -> None:
    sandbox = start("--", "sh", "-c", f"{APP_WORDS}; exit 3")
    sandbox.wait_for_output("ready")
    wait_until(lambda: written_in(sandbox.run("cat", "/proc/1/smaps"), pyinit[0]) <= SLEEPER, "PID 1 asleep")
    assert stopped(sandbox) == 3
    assert sandbox.stdout == TOLD_ONCE


def test_what_is_assumed_is_told_before_a_stop(start: Run, pyinit: list[str]) -> None:
    sandbox = start("--", "sh", "-c", f"{APP_WORDS}; exit 3")
    sandbox.wait_for_output("ready")
    told = sandbox.run(*pyinit, "--status")
    assert "/proc does not tell what processes do about signals: that is assumed" in told
    assert re.search(r"a stop now: SIGTERM to 3 \(python[.\d]*\); held back: 2 \(sh\)", told), told
    assert "another pyinit" not in told
    assert stopped(sandbox) == 3
