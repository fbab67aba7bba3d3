"""Each rule of delivery with all its kind: every shell, every reader of a pipe, every program that starts another one.

What is asserted is the same for each: the application is told once, it finishes, its last words arrive, its status is kept.
"""

import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.live.forms import SOURCE
from tests.namespace import Namespace, need, need_another_user
from tests.waiting import wait_until

pytestmark = pytest.mark.forms(SOURCE)  # what is tried here is the rule, and not how pyinit was built

SHELLS = ["dash", "bash", "busybox sh", "mksh", "ksh93", "zsh", "yash", "posh"]

#: Programs that read what an application writes, and have handlers for signals of their own or none.
READERS = [
    "tee /dev/null",
    "cat",
    "busybox tee /dev/null",
    "gawk '{ print; fflush() }'",
    "mawk -W interactive '{ print }'",
    "sed --unbuffered s/x/x/",
    "grep --line-buffered .",
    "perl -ne '$| = 1; print'",
    "perl -ne 'BEGIN { $SIG{TERM} = sub { exit 1 } } $| = 1; print'",
    f"{sys.executable} DIR/reader.py",
    "multilog t DIR/multilog",
    "svlogd DIR/svlogd",
    "s6-log t DIR/s6-log",
    "rotatelogs DIR/rotated 86400",
    'while read -r line; do echo "$line"; done',
]

#: Programs that start another one: they become it, wait for it, pass signals on, or kill it by a clock of their own.
STARTERS = [
    "env",
    "nice",
    "nohup",
    "stdbuf -oL",
    "chroot /",
    "setsid --wait",
    "setpriv --reuid=0",
    "timeout 100",
    "timeout --foreground 100",
    "busybox timeout 100",
    "flock DIR/lock",
    "strace -f -o /dev/null",
    "su root -c 'APP' --",
    "runuser -u root --",
    "sudo",
    "gosu root",
    "chpst -u root",
    "setuidgid root",
    "tini -s --",
    "dumb-init",
    "catatonit --",
    "xargs -a DIR/one",
    "find DIR/one -exec APP ';'",
]

#: A reader with a handler, by which it leaves at once.
READER_PY = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
for line in sys.stdin:
    print(line, end="", flush=True)
"""

#: Those that have a status of their own for a command that fails.
STATUSES = {"xargs": 123, "find": 0}

Script = Callable[..., str]


def ends(namespace: Namespace, signum: int = signal.SIGTERM) -> int:
    """The status after a stop of one whose application is ready."""
    namespace.wait_for_output("app ready")
    namespace.signal(signum)
    return namespace.wait()


@pytest.fixture(params=SHELLS)
def interpreter(request: pytest.FixtureRequest) -> str:
    """A shell, as it stands behind `#!`."""
    name, *rest = str(request.param).split()
    need(name)
    return " ".join([shutil.which(name) or name, *rest])


# --- the shells ---


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_plain_script_runs_its_last_lines(start: Start, script: Script, interpreter: str, signum: int) -> None:
    namespace = start("--", script('APP --on TERM,INT\nr=$?\necho "last line $r"\nexit $r', shell=interpreter))
    assert ends(namespace, signum) == 7
    assert namespace.stdout.count("app got") == 1
    assert namespace.stdout.endswith("app done\nlast line 7\n")


def test_a_trap_that_tells_its_application_is_left_to_do_so(start: Start, script: Script, interpreter: str) -> None:
    lines = "trap 'kill -TERM $p; wait $p; exit $?' TERM\nAPP & p=$!\nwait $p"
    namespace = start("--", script(lines, shell=interpreter))
    assert ends(namespace) == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


def test_a_trap_above_an_application_in_the_foreground_runs_after_it(start: Start, script: Script, interpreter: str) -> None:
    namespace = start("--", script("trap 'echo cleaned' TERM\nAPP\nr=$?\necho last line\nexit $r", shell=interpreter))
    assert ends(namespace) == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\ncleaned\nlast line\n"


def test_a_trap_for_the_exit_runs_after_the_application(start: Start, script: Script, interpreter: str) -> None:
    namespace = start("--", script("trap 'echo cleaned' EXIT\nAPP\nr=$?\necho last line\nexit $r", shell=interpreter))
    assert ends(namespace) == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nlast line\ncleaned\n"


def test_a_trap_for_the_exit_below_nohup_does_so_too(start: Start, script: Script, interpreter: str) -> None:
    path = script("trap 'echo cleaned' EXIT\nAPP\nr=$?\necho last line\nexit $r", shell=interpreter)
    namespace = start("--", "nohup", path)
    assert ends(namespace) == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nlast line\ncleaned\n"


def test_a_background_job_that_is_waited_for_finishes(start: Start, script: Script, interpreter: str) -> None:
    namespace = start("--", script('APP & p=$!\nwait $p\nr=$?\necho "last line $r"\nexit $r', shell=interpreter))
    assert ends(namespace) == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nlast line 7\n"


@pytest.mark.parametrize("signum", [signal.SIGQUIT, signal.SIGUSR1])
def test_a_stop_signal_that_the_application_does_not_know_becomes_sigterm(
    start: Start, script: Script, interpreter: str, signum: int
) -> None:
    namespace = start("--", script("APP\nr=$?\necho last line\nexit $r", shell=interpreter))
    assert ends(namespace, signum) == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nlast line\n"


# --- who reads ---


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.split("DIR")[0])
def test_who_reads_the_output_of_an_application_has_its_last_line(
    start: Start, script: Script, tmp_path: Path, reader: str
) -> None:
    need("bash")
    if not reader.startswith("while"):
        need(reader.split(maxsplit=1)[0])
    (tmp_path / "reader.py").write_text(READER_PY)
    logs = tmp_path / "logs"
    for folder in ("multilog", "svlogd", "s6-log"):
        (logs / folder).mkdir(parents=True)
    reading = reader.replace("DIR/reader", f"{tmp_path}/reader").replace("DIR", str(logs))
    lines = f"APP | {reading} >{logs}/read\nexit ${{PIPESTATUS[0]}}"
    namespace = start("--", script(lines, shell=shutil.which("bash") or "bash"))

    def read() -> str:
        return "".join(path.read_text() for path in logs.rglob("*") if path.is_file() and path.name != "lock")

    wait_until(lambda: "app ready" in read(), "the application is ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert read().count("app got SIGTERM") == 1
    assert "app done" in read()


@pytest.mark.parametrize("reader", [reader for reader in READERS if "DIR" not in reader], ids=str)
def test_who_reads_the_output_of_an_application_and_writes_none_goes_after_it(
    start: Start, script: Script, reader: str
) -> None:
    need("bash")
    if not reader.startswith("while"):
        need(reader.split(maxsplit=1)[0])
    # Somebody reads /dev/null and another writes to it: that makes no pipe of it.
    lines = f"APP </dev/null | {reader} >/dev/null\nexit ${{PIPESTATUS[0]}}"
    namespace = start("--", script(lines, shell=shutil.which("bash") or "bash"))

    def handles(process: psutil.Process) -> bool:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return "app.py" in " ".join(process.cmdline()) and bool(
            int(status.split("SigCgt:")[1].split()[0], 16) & 1 << signal.SIGTERM - 1
        )

    wait_until(lambda: any(map(handles, namespace.processes())), "the application has its handler")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


# --- who starts another ---


@pytest.mark.parametrize("starter", STARTERS)
@pytest.mark.parametrize("place", ["in exec form", "in a script"])
def test_an_application_behind_another_program_is_told_once_and_its_status_is_kept(
    start: Start, script: Script, tmp_path: Path, starter: str, place: str
) -> None:
    name = starter.split(maxsplit=1)[0]
    need(name)
    need_another_user()
    (tmp_path / "one").write_text("--name\napp\n")
    line = starter.replace("DIR", str(tmp_path))
    line = line.replace("APP", APP_WORDS) if "APP" in line else f"{line} {APP_WORDS}"
    words = shlex.split(line) if place == "in exec form" else [script(f"{line}\nexit $?")]
    namespace = start("--", *words)
    status = ends(namespace)
    assert namespace.stdout.count("app got SIGTERM") == 1
    assert "app done" in namespace.stdout
    assert status == STATUSES.get(name, 7)
