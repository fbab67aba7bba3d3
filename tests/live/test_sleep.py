"""PID 1 asleep: it does all that it did awake, and knows all that it knew, when there is something to do."""

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.hostile.traced import Traced
from tests.live.conftest import APP_WORDS, Start
from tests.live.forms import STATIC
from tests.live.frozen import EXEC, Freezer
from tests.live.health import shown
from tests.live.sleeping import is_asleep, wait_until_asleep, waits_for_ever
from tests.namespace import Namespace, enter, need
from tests.waiting import wait_until

pytestmark = pytest.mark.forms(STATIC)

APP = APP_WORDS.split()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The ends of a pipe: to read from, and to write to."""
    reader, writer = os.pipe()
    yield reader, writer
    for end in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(end)


class Trace:
    """Runs the binary under strace."""

    def __init__(self, stack: contextlib.ExitStack, pyinit: list[str], folder: Path) -> None:
        self._stack, self._pyinit, self._folder = stack, pyinit, folder

    def __call__(self, *words: str, inject: str = "", name: str = "pyinit", variables: int = 0) -> Traced:
        """`inject` is as for strace; `name` is what it is called by, and its environment has so many variables more."""
        folder = self._folder / f"traced-{abs(hash(inject))}"
        folder.mkdir()
        called = folder / name
        called.symlink_to(self._pyinit[0])
        environment = {"PATH": os.environ["PATH"], **{f"V{number:03d}": "x" * 40 for number in range(variables)}}
        return self._stack.enter_context(Traced([str(called), *words], folder, inject, environment))


@pytest.fixture
def traced(pyinit: list[str], tmp_path: Path) -> Iterator[Trace]:
    """As class Trace."""
    need("strace")
    with contextlib.ExitStack() as stack:
        yield Trace(stack, pyinit, tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--log-level", "info"),
        ("--pre-stop-delay=50ms",),
        ("--pre-stop-delay=auto", "--stop-timeout=3s"),
        ("--grace-period=60", "--pre-stop=echo hook >&2"),
        ("--forward=handlers",),
    ],
    ids=["plain", "option", "delay", "auto", "hook", "handlers"],
)
def test_a_stop_after_a_sleep_is_a_stop(start: Start, words: tuple[str, ...]) -> None:
    namespace = start(*words, "--", *APP)
    namespace.wait_for_output("app ready")
    wait_until_asleep(namespace)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stdout.splitlines() == ["app ready", "app got SIGTERM", "app done"]
    assert namespace.stderr.count("stop requested: SIGTERM from outside") == 1
    assert namespace.stderr.count("hook") == ("--grace-period=60" in words)


def test_what_it_tells_of_its_life_counts_from_the_start_and_not_from_the_waking(start: Start) -> None:
    namespace = start("--", *APP, "--on", "TERM,HUP")
    namespace.wait_for_output("app ready")
    before = shown(namespace)
    wait_until_asleep(namespace)
    assert shown(namespace) == before
    namespace.signal(signal.SIGHUP)
    namespace.wait_for_output("app got SIGHUP")
    wait_until_asleep(namespace)
    assert shown(namespace) == before


def test_it_sleeps_again_after_each_signal_and_tells_each_once(start: Start) -> None:
    namespace = start("--", *APP, "--on", "TERM,HUP,USR1")
    namespace.wait_for_output("app ready")
    for name in ("HUP", "USR1", "HUP", "USR1"):
        wait_until_asleep(namespace)
        before = namespace.stdout.count(f"got SIG{name}")
        namespace.signal(getattr(signal, f"SIG{name}"))
        namespace.wait_for_output(f"got SIG{name}", before + 1)
    wait_until_asleep(namespace)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    told = [line for line in namespace.stdout.splitlines() if "got" in line]
    assert told == [f"app got SIG{name}" for name in ("HUP", "USR1", "HUP", "USR1", "TERM")]


def test_a_signal_for_which_there_is_an_answer_does_not_wake_it(start: Start) -> None:
    namespace = start("--", *APP, "--on", "TERM,USR1", "--by", "handler")
    namespace.wait_for_output("app ready")
    for times in range(1, 6):
        namespace.signal(signal.SIGUSR1)
        namespace.wait_for_output("got SIGUSR1", times)
        namespace.wait_until_at_rest()
        if times > 1:
            assert is_asleep(namespace)
        wait_until_asleep(namespace)
    assert namespace.stdout.count("got SIGUSR1") == 5


def test_who_was_there_before_it_fell_asleep_is_known_and_rare_signals_cease_to_wake_it(start: Start) -> None:
    """Of a shell with others below it: C answers once the same ones were there twice, however long ago the first time was.

    That is as a rule the third signal; a later one where the shell was not at rest yet when it was looked at again.
    """
    script = "trap 'echo told' USR1; trap 'exit 7' TERM; sleep 1000 & echo ready; while :; do wait; done"
    namespace = start("--", "bash", "-c", script)
    namespace.wait_for_output("ready")
    for times in range(1, 11):
        wait_until_asleep(namespace)
        namespace.signal(signal.SIGUSR1)
        namespace.wait_for_output("told", times)
        namespace.wait_until_at_rest()
        if is_asleep(namespace):
            break
    else:
        pytest.fail("it wakes each time")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stdout.count("told") == times


@pytest.mark.parametrize(("line", "status"), [("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143)])
def test_a_command_that_ends_meanwhile_leaves_its_status(start: Start, pipe: tuple[int, int], line: str, status: int) -> None:
    namespace = start("--", "sh", "-c", f"echo ready; read go; {line}", stdin=pipe[0])
    namespace.wait_for_output("ready")
    wait_until_asleep(namespace)
    os.write(pipe[1], b"go\n")
    assert namespace.wait() == status


def test_the_statuses_of_the_options_hold_after_a_sleep(start: Start, pipe: tuple[int, int]) -> None:
    namespace = start("--map-status=7:0", "--", "sh", "-c", "echo ready; read go; exit 7", stdin=pipe[0])
    namespace.wait_for_output("ready")
    wait_until_asleep(namespace)
    os.write(pipe[1], b"go\n")
    assert namespace.wait() == 0


def test_what_a_command_has_left_behind_is_told_after_a_sleep(start: Start, pipe: tuple[int, int]) -> None:
    namespace = start("--", "sh", "-c", f"{APP_WORDS} & read go; exit 3", stdin=pipe[0])
    namespace.wait_for_output("app ready")
    wait_until_asleep(namespace)
    os.write(pipe[1], b"go\n")
    assert namespace.wait() == 3
    assert "app done" in namespace.stdout


def wait_for_orphans(namespace: Namespace, count: int) -> None:
    """Until the state page tells of so many."""
    wait_until(lambda: shown(namespace).orphans == count, "the orphans")


def test_orphans_are_reaped_and_counted_in_its_sleep(start: Start, pipe: tuple[int, int]) -> None:
    script = "echo ready; while read go; do (true & ); (true & ); done; exit 5"
    namespace = start("--", "sh", "-c", script, stdin=pipe[0])
    namespace.wait_for_output("ready")
    wait_until_asleep(namespace)
    for times in range(1, 11):
        os.write(pipe[1], b"go\n")
        wait_for_orphans(namespace, 2 * times)
        assert is_asleep(namespace)
    assert len(namespace.processes()) == 1, "no zombies"
    namespace.signal(signal.SIGHUP)  # the shell dies of it
    assert namespace.wait() == 129
    assert namespace.stderr == ""


def test_very_many_orphans_at_once_are_reaped(start: Start, pipe: tuple[int, int]) -> None:
    script = "echo ready; read go; i=0; while [ $i -lt 300 ]; do (true & ); i=$((i+1)); done; echo done; read go; exit 5"
    namespace = start("--", "sh", "-c", script, stdin=pipe[0])
    namespace.wait_for_output("ready")
    wait_until_asleep(namespace)
    os.write(pipe[1], b"go\n")
    namespace.wait_for_output("done")
    wait_for_orphans(namespace, 300)
    wait_until_asleep(namespace)
    os.write(pipe[1], b"go\n")
    assert namespace.wait() == 5


def test_an_orphan_does_not_wake_it_where_the_page_may_not_be_written_to(traced: Trace) -> None:
    """With a limit of 0 bytes for files the kernel refuses the count of orphans, and sends SIGXFSZ: a by-product of our own."""
    script = "trap '(true &)' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 1000 & wait; done"
    pid_1 = traced("--", "sh", "-c", script)
    pid_1.namespace.wait_for_output("ready")
    wait_until_asleep(pid_1.namespace)
    resource.prlimit(pid_1.namespace.init.pid, resource.RLIMIT_FSIZE, (0, 0))
    [shell] = pid_1.namespace.init.children()[:1]
    woken = count(pid_1, "gettid")
    for times in range(1, 6):
        shell.send_signal(signal.SIGUSR1)
        wait_until(partial(has_told, pid_1, "SIGXFSZ", times), "the by-product")
        wait_until(lambda: waits_for_ever(pid_1.namespace.init.pid), "a rest without an end")
    assert count(pid_1, "gettid") == woken, "which Python asks for when it begins anew"
    assert is_asleep(pid_1.namespace)
    pid_1.namespace.signal(signal.SIGTERM)
    assert pid_1.namespace.wait() == 7


def test_that_signal_of_another_process_wakes_it(traced: Trace) -> None:
    pid_1 = traced("--", "sh", "-c", "trap 'echo told' XFSZ; echo ready; while :; do sleep 0.05; done")
    pid_1.namespace.wait_for_output("ready")
    wait_until_asleep(pid_1.namespace)
    woken = count(pid_1, "gettid")
    pid_1.namespace.signal(signal.SIGXFSZ)
    pid_1.namespace.wait_for_output("told")
    assert count(pid_1, "gettid") == woken + 1


@pytest.mark.parametrize("name", ["tini", "dumb-init", "catatonit"])
def test_by_the_name_of_another_init_it_sleeps_as_well(pyinit: list[str], tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(pyinit[0])
    with Namespace([str(tmp_path / name), "--", *APP], tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        wait_until_asleep(namespace)
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7
        assert namespace.stdout.count("app got SIGTERM") == 1


def test_a_look_inside_is_answered_while_it_sleeps(start: Start, pyinit: list[str]) -> None:
    namespace = start("--", *APP)
    namespace.wait_for_output("app ready")
    wait_until_asleep(namespace)
    words = [*enter(namespace.init.pid), *pyinit, "--status"]
    assert "running" in subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert is_asleep(namespace)


# --- where it must not sleep, or cannot wake ---


def test_with_a_health_helper_it_stays_awake(traced: Trace) -> None:
    pid_1 = traced("--ready=file:/", "--", *APP)
    pid_1.namespace.wait_for_output("app ready")
    pid_1.namespace.wait_until_at_rest()
    pid_1.namespace.signal(signal.SIGTERM)
    assert pid_1.namespace.wait() == 7
    assert not any(line.startswith("madvise(") for line in pid_1.lines)


@pytest.mark.parametrize("inject", ["madvise:retval=0", "madvise:error=ENOSYS", "madvise:error=EINVAL"])
def test_where_the_kernel_does_not_give_back_pages_it_stays_awake(traced: Trace, inject: str) -> None:
    """As emulators and sandboxes have it: the call is refused, or says that it has done what it has not."""
    pid_1 = traced("--", *APP, "--on", "TERM,USR1", inject=inject)
    pid_1.namespace.wait_for_output("app ready")
    wait_until(lambda: any(line.startswith("madvise(") for line in pid_1.lines), "the canary")
    pid_1.namespace.wait_until_at_rest()
    for times in (1, 2):
        pid_1.namespace.signal(signal.SIGUSR1)
        pid_1.namespace.wait_for_output("got SIGUSR1", times)
    assert not is_asleep(pid_1.namespace)
    pid_1.namespace.signal(signal.SIGTERM)
    assert pid_1.namespace.wait() == 7
    assert sum(line.startswith("madvise(") for line in pid_1.lines) == 1, "it is found out once"


def test_where_it_may_not_look_who_has_ended_it_sleeps_once_and_stays_awake(traced: Trace) -> None:
    pid_1 = traced("--", *APP, inject="waitid:error=EPERM")
    pid_1.namespace.wait_for_output("app ready")
    wait_until(lambda: count(pid_1, "waitid") > 0, "the look")
    wait_until(lambda: waits_for_ever(pid_1.namespace.init.pid), "a rest without an end")
    pid_1.namespace.signal(signal.SIGTERM)
    assert pid_1.namespace.wait() == 7
    assert count(pid_1, "waitid") == 1


def has_told(traced: Traced, name: str, times: int) -> bool:
    """Whether it has taken a signal so many times since strace was there."""
    return sum("rt_sigtimedwait(" in line and f"si_signo={name}," in line for line in traced.lines) == times


def count(traced: Traced, name: str) -> int:
    """How many calls of that name there were since strace was there."""
    return sum(line.startswith(f"{name}(") for line in traced.log.read_text(errors="replace").splitlines())


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1])
def test_where_python_cannot_wake_c_forwards_the_signal_and_leaves_with_the_status(traced: Trace, signum: int) -> None:
    """There is no memory for it: the first piece that it asks for when it wakes is refused."""
    before = traced("--", *APP)
    before.namespace.wait_for_output("app ready")
    wait_until_asleep(before.namespace)
    pid_1 = traced("--", *APP, "--on", "TERM,USR1", inject=f"mmap:error=ENOMEM:when={count(before, 'mmap') + 1}+")
    pid_1.namespace.wait_for_output("app ready")
    wait_until_asleep(pid_1.namespace)
    pid_1.namespace.signal(signum)
    pid_1.namespace.wait_for_output(f"app got {signal.Signals(signum).name}")
    if signum != signal.SIGTERM:
        pid_1.namespace.signal(signal.SIGTERM)
    assert pid_1.namespace.wait() == 7
    assert pid_1.namespace.stdout.count("app got SIGTERM") == 1
    assert "the kernel gives no memory; it goes on with less care" in pid_1.namespace.stderr


@pytest.mark.parametrize("variables", [60, 100, 200, 300])
@pytest.mark.parametrize("name", ["pyinit", "tini"])
def test_wherever_memory_ends_when_it_wakes_the_command_is_told_and_its_status_kept(
    traced: Trace, name: str, variables: int
) -> None:
    """The second 64 KiB are refused, and all after them: the more variables there are, the earlier in the waking that is."""
    script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    before = traced("--", "sh", "-c", script, name=name, variables=variables)
    before.namespace.wait_for_output("ready")
    wait_until_asleep(before.namespace)
    refused = f"mmap:error=ENOMEM:when={count(before, 'mmap') + 2}+"
    pid_1 = traced("--", "sh", "-c", script, inject=refused, name=name, variables=variables)
    pid_1.namespace.wait_for_output("ready")
    wait_until_asleep(pid_1.namespace)
    pid_1.namespace.signal(signal.SIGTERM)
    assert pid_1.namespace.wait() == 7
    assert pid_1.namespace.stdout.count("told") == 1
    assert any("(INJECTED)" in line for line in pid_1.lines)


@pytest.mark.parametrize("variables", [60, 100, 200, 300])
def test_wherever_memory_ends_the_command_is_told_though_it_was_about_to_start_somebody(
    traced: Trace, tmp_path: Path, variables: int
) -> None:
    """A shell in that moment is told when it is over, so until then the stop request is still owed to it."""
    os.mkfifo(tmp_path / "go")
    script = f"trap 'echo told; exit 7' TERM; echo ready; read -r word <{tmp_path}/go; while :; do sleep 0.05; done"
    before = traced("--", "sh", "-c", script, variables=variables)
    before.namespace.wait_for_output("ready")
    wait_until_asleep(before.namespace)
    mmaps = count(before, "mmap")
    before.namespace.signal(signal.SIGTERM)
    assert before.namespace.wait() == 7  # nobody else is to read from the FIFO
    pid_1 = traced("--", "sh", "-c", script, inject=f"mmap:error=ENOMEM:when={mmaps + 2}+", variables=variables)
    pid_1.namespace.wait_for_output("ready")
    wait_until_asleep(pid_1.namespace)
    (shell,) = pid_1.namespace.processes()
    with Freezer(pid_1.namespace, shell.pid, EXEC) as freezer:
        (tmp_path / "go").write_text("go\n")
        freezer.wait()
        pid_1.namespace.signal(signal.SIGTERM)
        wait_until(lambda: any("(INJECTED)" in line for line in pid_1.lines), "the end of memory")
        pid_1.namespace.wait_until_at_rest()
    assert pid_1.namespace.wait() == 7
    assert pid_1.namespace.stdout.count("told") == 1


def test_where_the_snapshot_cannot_be_had_back_c_goes_on(traced: Trace) -> None:
    """The canary was given back, and then the kernel refuses."""
    pid_1 = traced("--", *APP, inject="madvise:error=ENOMEM:when=2+")
    pid_1.namespace.wait_for_output("app ready")
    wait_until(lambda: count(pid_1, "madvise") >= 2, "the second call")
    pid_1.namespace.wait_until_at_rest()
    pid_1.namespace.signal(signal.SIGTERM)
    assert pid_1.namespace.wait() == 7
    assert pid_1.namespace.stdout.count("app got SIGTERM") == 1
    assert "the interpreter cannot be had back; it goes on with less care" in pid_1.namespace.stderr
