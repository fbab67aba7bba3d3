"""pyinit by the names of tini, dumb-init and catatonit, as a real PID 1 beside the real ones: the same words, the same ends."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.live.conftest import APP_WORDS
from tests.live.originals import BOTH, ORIGINALS, OURS, REAL, THEIRS, RunCalled, init_called, pyinit_called
from tests.namespace import ROOT, UNSHARE, WITH_PROC, Namespace, enter, need
from tests.waiting import PATIENCE, wait_until

APP = APP_WORDS.split()


def wait_until_taken(namespace: Namespace) -> None:
    """Wait until PID 1 has taken every signal that was sent to it, and sleeps again."""

    def is_done() -> bool:
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{namespace.init.pid}/status").read_text().splitlines())
        return int(status["ShdPnd"], 16) == 0 and status["State"].startswith("S")

    wait_until(is_done, "PID 1 has taken its signals")


# --- statuses and answers: the same words for both -----------------------------------------------------------------

#: Command lines, with variables before them, under which all that shows is the same by our name and by theirs: the status,
#: what is written to stdout, and whether there is anything on stderr.
BY_EVERY_NAME = """
    -- sh -c 'exit 42'
    -- sh -c 'echo out; kill -KILL $$'
    -- sh -c 'kill -TERM $$'
    true
    -- false
    -- echo -g -- -x
    nosuch
    /nosuch
    /etc/passwd
    /
    --
    -x true
    --bogus true
    --help=3
    -- -x
    -
    ''
"""
BY_NAME = {
    "tini": """
        -g -- sh -c 'exit 3'
        -s true
        -w true
        -sgw -- true
        -e 3 -- sh -c 'exit 3'
        -e3 -e 4 -- sh -c 'exit 4'
        -e 3 -- sh -c 'exit 4'
        -e 143 -- sh -c 'kill -TERM $$'
        -e 0 false
        -e '' false
        -e ' +1' false
        -sge1 false
        -e 127 nosuch
        -e 126 nosuch
        -e 126 /etc/passwd
        -e 1 -x
        -e 256 true
        -e -1 true
        -e 3x true
        -e
        -e 1
        -p SIGTERM true
        -pSIGKILL true
        -p TERM true
        -p 15 true
        -p SIGRTMIN true
        -p SIGPWR true
        -p
        --version x
        -g --version
        --help
        TINI_SUBREAPER= true
        TINI_KILL_PROCESS_GROUP=0 true
        TINI_VERBOSITY= true
        TINI_VERBOSITY=0 true
        TINI_VERBOSITY=1 true
        TINI_VERBOSITY=loud true
        TINI_VERBOSITY=1 -vv true
        TINI_VERBOSITY=3 -x true
    """,
    "dumb-init": """
        -c -- sh -c 'exit 3'
        --single-child false
        --single true
        --s true
        -r 15:2 true
        -r15:0 true
        -cr 15:2 true
        --rewrite=15:2 false
        --rewrite 15:2 false
        --rew 15:2 true
        -r ' 15: +2x' true
        -r 15:2,16:x true
        -r 15:17 true
        -r 9:1 true
        -r 17:1 true
        -r '' true
        -r 15 true
        -r 15: true
        -r :2 true
        -r TERM:INT true
        -r 0:15 true
        -r 32:15 true
        -r 15:32 true
        -r '15 :2' true
        -r -1:1 true
        -r 15:-1 true
        -r
        --rewrite
        --help=3
        --ver true
        --v true
        --bo true
        -v true
        --verb true
        DUMB_INIT_DEBUG= true
        DUMB_INIT_DEBUG=0 true
        DUMB_INIT_DEBUG=1 true
        DUMB_INIT_DEBUG=2 true
        DUMB_INIT_SETSID= false
        DUMB_INIT_SETSID=0 false
        DUMB_INIT_SETSID=no false
    """,
    "catatonit": """
        -g -- sh -c 'exit 3'
        -gx true
        -P -x
        --version=3
        --help
        CATATONIT_DEBUG= true
    """,
}

#: Those that ask for a log: tini writes it to the stdout of the application, we to stderr.
LOGGING = """
    -v true
    -vv true
    -vvvv true
    TINI_VERBOSITY=2 true
    TINI_VERBOSITY=3 true
    TINI_VERBOSITY=-1 true
    TINI_VERBOSITY=' 3x' true
"""

#: Those that ask for something to read.
QUESTIONS = {
    "tini": "--version\n-h\n-gh true\n-l",
    "dumb-init": "-h\n--help\n--he\n-V\n--version\n--vers",
    "catatonit": "-h\n-V\n--version\n--ver\n-L\n-gV",
}


def lines_of(block: str) -> list[str]:
    """The command lines of a block."""
    return [line.strip() for line in block.splitlines() if line.strip()]


def asked(line: str) -> tuple[dict[str, str], list[str]]:
    """The variables and the words of a command line."""
    words = shlex.split(line)
    variables = {}
    while words and re.match(r"[A-Z_]+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    return variables, words


def ends(run_called: RunCalled, name: str, line: str) -> list[tuple[int, str, str]]:
    """Status, stdout and stderr of a command line, by our name and by theirs."""
    variables, words = asked(line)
    both = [run_called(name, *words, whose=whose, variables=variables) for whose in (OURS, THEIRS)]
    return [(namespace.wait(), namespace.stdout, namespace.stderr) for namespace in both]


ALIKE = [(name, line) for name in REAL for line in ["", *lines_of(BY_EVERY_NAME), *lines_of(BY_NAME[REAL[name]])]]


@pytest.mark.parametrize(("name", "line"), ALIKE)
def test_it_ends_as_the_real_one_does(run_called: RunCalled, name: str, line: str) -> None:
    ours, theirs = ends(run_called, name, line)
    assert (ours[0], ours[1], ours[2] != "") == (theirs[0], theirs[1], theirs[2] != "")


@pytest.mark.parametrize("line", lines_of(LOGGING))
def test_who_asks_tini_for_a_log_gets_it_on_stderr_and_not_in_the_application_s_output(
    run_called: RunCalled, line: str
) -> None:
    ours, theirs = ends(run_called, "tini", line)
    assert ours[:2] == (0, "")
    assert theirs[1] != ""
    assert theirs[::2] == (0, "")


@pytest.mark.parametrize(("name", "line"), [(name, line) for name in REAL for line in lines_of(QUESTIONS[REAL[name]])])
def test_an_answer_comes_from_where_the_real_one_gives_it(run_called: RunCalled, name: str, line: str) -> None:
    ours, theirs = ends(run_called, name, line)
    assert (ours[0], ours[1] != "", ours[2] != "") == (theirs[0], theirs[1] != "", theirs[2] != "")
    assert ours[0] == 0


@pytest.mark.parametrize("name", REAL)
def test_the_version_begins_as_theirs_and_tells_who_we_are(run_called: RunCalled, name: str) -> None:
    said = [out + err for _, out, err in ends(run_called, name, "--version")]
    begin = "dumb-init v" if name == "dumb-init" else "tini version "
    assert [line.startswith(begin) for line in said] == [True, True]
    assert " - git.pyinit-" in said[0]


@pytest.mark.parametrize("name", REAL)
def test_a_mistake_is_told_in_one_line_with_the_name(run_called: RunCalled, name: str) -> None:
    namespace = run_called(name, "-x", "touch", "marker")
    assert namespace.wait() == 1
    assert namespace.stderr.startswith(f"pyinit: error: {name}: no such option: -x")
    assert namespace.stderr.count("\n") == 1


@pytest.mark.parametrize("name", REAL)
def test_a_variable_of_pyinit_that_is_no_good_has_the_status_of_a_mistake_there(run_called: RunCalled, name: str) -> None:
    namespace = run_called(name, "true", variables={"PYINIT_SETTLE": "soon"})
    assert (namespace.wait(), namespace.stderr.startswith("pyinit: error: PYINIT_SETTLE: ")) == (1, True)


@pytest.mark.parametrize("name", ORIGINALS)
def test_by_any_other_name_it_is_pyinit(tmp_path: Path, name: str) -> None:
    with Namespace([*pyinit_called(f"{name}2", tmp_path), "--settle=x", "true"], tmp_path) as namespace:
        assert (namespace.wait(), "--settle: 'x' is not a time" in namespace.stderr) == (125, True)


# --- who is told ---------------------------------------------------------------------------------------------------


def told(namespace: Namespace, signame: str) -> list[str]:
    """The names of those that were told of a signal."""
    return sorted(line.split()[0] for line in namespace.stdout.splitlines() if line.endswith(f"got {signame}"))


EVERYBODY, TOP = ["app", "app-1", "app-2"], ["app"]


@BOTH
@pytest.mark.parametrize(
    ("name", "words", "variables", "expected"),
    [
        ("tini", [], {}, TOP),
        ("tini", ["-g"], {}, EVERYBODY),
        ("tini", [], {"TINI_KILL_PROCESS_GROUP": ""}, EVERYBODY),
        ("docker-init", [], {}, TOP),
        ("dumb-init", [], {}, EVERYBODY),
        ("dumb-init", ["-c"], {}, TOP),
        ("dumb-init", [], {"DUMB_INIT_SETSID": "0"}, TOP),
        ("catatonit", [], {}, TOP),
        ("catatonit", ["-g"], {}, EVERYBODY),
        ("podman-init", [], {}, TOP),
    ],
)
def test_a_stop_is_told_to_those_whom_the_real_one_tells_and_by_us_to_the_parent_alone(
    run_called: RunCalled, whose: str, name: str, words: list[str], variables: dict[str, str], expected: list[str]
) -> None:
    namespace = run_called(name, *words, "--", *APP, "--workers", "2", whose=whose, variables=variables)
    for worker in EVERYBODY:
        namespace.wait_for_output(f"{worker} ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert told(namespace, "SIGTERM") == (TOP if whose == OURS else expected)
    assert namespace.stderr == ""


@BOTH
@pytest.mark.parametrize(("name", "words"), [("tini", []), ("tini", ["-g"]), ("dumb-init", []), ("catatonit", [])])
def test_a_reload_is_passed_on_and_stops_nobody(run_called: RunCalled, whose: str, name: str, words: list[str]) -> None:
    namespace = run_called(name, *words, "--", *APP, "--on", "TERM,HUP,USR1", whose=whose)
    namespace.wait_for_output("app ready")
    for signum, text in [(signal.SIGHUP, "got SIGHUP"), (signal.SIGUSR1, "got SIGUSR1"), (signal.SIGTERM, "app done")]:
        namespace.signal(signum)
        namespace.wait_for_output(text)
    assert namespace.wait() == 7


@BOTH
def test_a_signal_is_rewritten_and_one_rewritten_to_0_is_dropped(run_called: RunCalled, whose: str) -> None:
    words = ["-r", "15:2", "-r", "1:0", "--rewrite", "10:15", "-r", "17:1"]
    namespace = run_called("dumb-init", *words, *APP, "--on", "INT,HUP,TERM", whose=whose)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGHUP)
    wait_until_taken(namespace)
    namespace.signal(signal.SIGTERM)
    namespace.wait_for_output("got SIGINT")
    namespace.signal(signal.SIGUSR1)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGINT\napp got SIGTERM\napp done\n"


@pytest.mark.parametrize(
    ("name", "words"), [("tini", []), ("tini", ["-g"]), ("dumb-init", []), ("dumb-init", ["-c"]), ("catatonit", ["-g"])]
)
def test_a_start_script_s_application_finishes_in_silence_and_under_the_real_one_does_not(
    run_called: RunCalled, script: Callable[[str], str], name: str, words: list[str]
) -> None:
    start = script("APP\necho last line\nexit 3")
    ends = {}
    for whose in (OURS, THEIRS):
        namespace = run_called(name, *words, "--", start, whose=whose)
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        ends[whose] = namespace.wait(), "last line" in namespace.stdout, namespace.stderr
    assert ends == {OURS: (3, True, ""), THEIRS: (143, False, "")}


@pytest.mark.parametrize("name", ORIGINALS)
def test_what_the_command_leaves_behind_may_finish_and_under_the_real_one_may_not(
    run_called: RunCalled, tmp_path: Path, name: str
) -> None:
    line = f"{APP_WORDS} --own-group >SAID & until grep -q ready SAID; do sleep 0.02; done; exit 5"
    ends = {}
    for whose in (OURS, THEIRS):
        said = tmp_path / f"said by the daemon of {whose}"
        namespace = run_called(name, "--", "sh", "-c", line.replace("SAID", f"'{said}'"), whose=whose)
        ends[whose] = namespace.wait(), "done" in said.read_text()
    assert ends == {OURS: (5, True), THEIRS: (5, False)}


#: Ignores and blocks signals, and becomes a program.
HELD = [
    "env",
    *(f"--ignore-signal={name}" for name in ("HUP", "CHLD", "RTMIN+1")),
    "--block-signal=USR1",
    "--block-signal=RTMIN+2",
]


@pytest.mark.parametrize("name", ["tini", "dumb-init"])
def test_the_command_finds_signals_ignored_and_blocked_as_the_real_one_leaves_them(run_called: RunCalled, name: str) -> None:
    found = []
    for whose in (OURS, THEIRS):
        held = HELD if name == "dumb-init" else [word for word in HELD if "CHLD" not in word]  # of that tini never ends
        namespace = run_called(name, "--", "sleep", "1000", whose=whose, unshare=(*WITH_PROC, *held))
        command = wait_until(lambda: namespace.named("sleep"), "the command")[0]  # noqa: B023 - called at once
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{command.pid}/status").read_text().splitlines())
        mask = ~(0b11 << 31)  # 32 and 33, which a posix_spawn() leaves ignored
        found.append([f"{int(status[field], 16) & mask:x}" for field in ("SigIgn", "SigBlk")])
    assert found[0] == found[1]


# --- the log and the variables of pyinit ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words", "variables"),
    [
        ("tini", ["-v"], {}),
        ("tini", [], {"TINI_VERBOSITY": "2"}),
        ("docker-init", [], {"PYINIT_LOG_LEVEL": "info"}),
        ("dumb-init", ["-v"], {}),
        ("dumb-init", [], {"DUMB_INIT_DEBUG": "1"}),
        ("catatonit", [], {"CATATONIT_DEBUG": ""}),
    ],
)
def test_who_asks_for_more_is_told_of_the_stop(
    run_called: RunCalled, name: str, words: list[str], variables: dict[str, str]
) -> None:
    namespace = run_called(name, *words, "--", "sleep", "1000", variables=variables)
    wait_until(lambda: namespace.named("sleep"), "the command")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 143
    assert "pyinit: stop requested: SIGTERM" in namespace.stderr


@pytest.mark.parametrize("name", REAL)
def test_variables_of_pyinit_work_by_every_name(run_called: RunCalled, name: str) -> None:
    variables = {"PYINIT_PRE_STOP": "echo pre-stop >&2", "PYINIT_MAP_STATUS": "143:4", "PYINIT_LOG_LEVEL": "error"}
    namespace = run_called(name, "--", "sleep", "1000", variables=variables)
    wait_until(lambda: namespace.named("sleep"), "the command")
    namespace.signal(signal.SIGTERM)
    assert (namespace.wait(), namespace.stderr) == (4, "pre-stop\n")


def test_an_image_with_pyinit_on_a_host_with_pyinit_has_one_and_its_log(run_called: RunCalled) -> None:
    namespace = run_called("docker-init", "--", "/sbin/pyinit", "--map-status=143:4", "--", "sleep", "1000")
    wait_until(lambda: namespace.named("sleep"), "the command")
    assert [one.name() for one in namespace.processes()] == ["sleep"]
    namespace.signal(signal.SIGTERM)
    assert (namespace.wait(), "stop requested" in namespace.stderr) == (4, True)


# --- where it is not PID 1 -----------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("name", "words", "variables", "adopts"),
    [
        ("tini", ["-s"], {}, {OURS: True, THEIRS: True}),
        ("tini", [], {"TINI_SUBREAPER": ""}, {OURS: True, THEIRS: True}),
        ("catatonit", [], {}, {OURS: True, THEIRS: True}),
        ("tini", [], {}, {OURS: True, THEIRS: False}),  # it says so, and leaves them to others
        ("dumb-init", [], {}, {OURS: True, THEIRS: False}),
    ],
)
def test_orphans_come_to_it(
    tmp_path: Path, whose: str, name: str, words: list[str], variables: dict[str, str], adopts: dict[str, bool]
) -> None:
    line = "(sleep 1000 &); exec tail -f /dev/null"
    init = [*init_called(name, whose, tmp_path), *words, "--", "sh", "-c", line]
    env = {"PATH": os.environ["PATH"], **variables}
    with Namespace(["sh", "-c", '"$@"; :', "sh", *init], tmp_path, env=env) as namespace:
        [tail] = wait_until(lambda: namespace.named("tail"), "the command")
        [orphan] = wait_until(lambda: namespace.named("sleep"), "the orphan")
        adopter = tail.ppid() if adopts[whose] else namespace.init.pid
        wait_until(lambda: orphan.ppid() == adopter, "the orphan has found its new parent")


@BOTH
def test_the_parent_s_death_is_told_by_the_signal_of_p(tmp_path: Path, whose: str) -> None:
    init = [*init_called("tini", whose, tmp_path), "-p", "SIGTERM", "-s", "--", *APP]
    parent = "import os, signal, sys\nif os.fork() == 0:\n    os.execvp(sys.argv[1], sys.argv[1:])\nsignal.pause()\n"
    line = f'{sys.executable} -c "$0" "$@" & while wait; do :; done; exec tail -f /dev/null'
    with Namespace(["sh", "-c", line, parent, *init], tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        [application] = [
            one for one in namespace.processes() if str(ROOT / "tests" / "app.py") in one.cmdline() and not one.children()
        ]
        doomed = psutil.Process(psutil.Process(application.ppid()).ppid())
        doomed.kill()
        namespace.wait_for_output("app done")
        assert told(namespace, "SIGTERM") == TOP


# --- catatonit -P --------------------------------------------------------------------------------------------------

PAUSES = pytest.mark.parametrize("name", ["catatonit", "podman-init"])


@BOTH
@PAUSES
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_pause_ends_with_0_when_it_is_told_to(run_called: RunCalled, whose: str, name: str, signum: int) -> None:
    namespace = run_called(name, "-P", whose=whose)
    wait_until_it_pauses(namespace)
    namespace.signal(signum)
    assert (namespace.wait(), namespace.stdout, namespace.stderr) == (0, "", "")


def wait_until_it_pauses(namespace: Namespace) -> None:
    """Wait until PID 1 sleeps with all signals blocked, in sigwait() or read()."""

    def is_done() -> bool:
        process = Path(f"/proc/{namespace.init.pid}")
        blocked = [line for line in (process / "status").read_text().splitlines() if line.startswith("SigBlk")]
        waits = (process / "wchan").read_text()
        # sigwait() takes what it waits for out of SigBlk.
        return "sigtimedwait" in waits or ("signalfd" in waits and int(blocked[0].split()[1], 16) != 0)

    wait_until(is_done, "PID 1 pauses")


@BOTH
def test_a_pause_does_nothing_about_any_other_signal(run_called: RunCalled, whose: str) -> None:
    namespace = run_called("catatonit", "-P", whose=whose)
    wait_until_it_pauses(namespace)
    others = set(signal.valid_signals()) - {signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP}
    for signum in sorted(others):
        namespace.signal(signum)
        if signum not in (
            signal.SIGFPE,
            signal.SIGILL,
            signal.SIGSEGV,
            signal.SIGBUS,
            signal.SIGABRT,
            signal.SIGTRAP,
            signal.SIGSYS,
        ):
            wait_until_taken(namespace)
    wait_until_taken(namespace)
    wait_until_it_pauses(namespace)
    namespace.signal(signal.SIGTERM)
    assert (namespace.wait(), namespace.stderr) == (0, "")


@BOTH
def test_a_pause_starts_no_command_even_where_one_is_given(run_called: RunCalled, tmp_path: Path, whose: str) -> None:
    namespace = run_called("catatonit", "-P", "--", "touch", str(tmp_path / "marker"), whose=whose)
    wait_until_it_pauses(namespace)
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 0
    assert not (tmp_path / "marker").exists()


@BOTH
def test_a_pause_reaps_the_orphans_of_others(run_called: RunCalled, whose: str) -> None:
    """Those who join the PID namespace, as the other containers of a pod do."""
    need("nsenter")
    namespace = run_called("catatonit", "-P", whose=whose)
    wait_until_it_pauses(namespace)
    join = [*enter(namespace.init.pid, "pid"), "sh", "-c", "sleep 1000 & sleep 0 & exit 0"]
    subprocess.run(join, check=True, stdout=subprocess.DEVNULL)
    wait_until(lambda: len(namespace.init.children()) == 1, "one orphan lives, and one was reaped")
    namespace.named("sleep")[0].kill()
    wait_until(lambda: namespace.init.children() == [], "the other was reaped")
    wait_until_it_pauses(namespace)


@BOTH
def test_a_pause_waits_for_no_orphan(run_called: RunCalled, whose: str) -> None:
    need("nsenter")
    namespace = run_called("catatonit", "-P", whose=whose)
    wait_until_it_pauses(namespace)
    join = [*enter(namespace.init.pid, "pid"), "sh", "-c", "trap '' TERM; sleep 1000 & exit 0"]
    subprocess.run(join, check=True, stdout=subprocess.DEVNULL)
    wait_until(lambda: namespace.named("sleep"), "an orphan")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait(timeout=3) == 0, "its container has ended already"


@contextlib.contextmanager
def guest_of(namespace: Namespace, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An application that has joined the namespace from outside, as the other containers of a pod do; it writes to `guest`."""
    join = [*enter(namespace.init.pid, "pid"), *APP]
    with (tmp_path / "guest").open("wb") as out, subprocess.Popen(join, stdout=out) as client:
        try:
            wait_until(lambda: "app ready" in (tmp_path / "guest").read_text(), "the guest is ready")
            yield client
        finally:
            client.kill()


def test_a_pause_that_is_pid_1_leaves_after_its_guests(run_called: RunCalled, tmp_path: Path) -> None:
    """`podman pod stop` tells all containers at the same moment, and the end of PID 1 would kill the others."""
    need("nsenter")
    namespace = run_called("catatonit", "-P", variables={"PYINIT_LOG_LEVEL": "info"})
    wait_until_it_pauses(namespace)
    with guest_of(namespace, tmp_path) as client:
        [guest] = wait_until(psutil.Process(client.pid).children, "the guest")
        namespace.signal(signal.SIGTERM)
        namespace.wait_for_log("first those who live here")
        guest.terminate()
        assert client.wait(PATIENCE) == 7
        assert namespace.wait() == 0
    assert (tmp_path / "guest").read_text() == "app ready\napp got SIGTERM\napp done\n"


def test_a_pause_that_is_told_twice_leaves_at_once(run_called: RunCalled, tmp_path: Path) -> None:
    need("nsenter")
    namespace = run_called("catatonit", "-P", variables={"PYINIT_LOG_LEVEL": "info"})
    wait_until_it_pauses(namespace)
    with guest_of(namespace, tmp_path) as client:
        namespace.signal(signal.SIGTERM)
        namespace.wait_for_log("first those who live here")
        namespace.signal(signal.SIGINT)
        assert namespace.wait() == 0
        assert client.wait(PATIENCE) in (-signal.SIGKILL, 128 + signal.SIGKILL)


@BOTH
def test_a_pause_holds_no_file_that_it_was_given(tmp_path: Path, whose: str) -> None:
    reader, writer = os.pipe()
    with Namespace([*init_called("catatonit", whose, tmp_path), "-P"], tmp_path, pass_fds=[writer]) as namespace:
        os.close(writer)
        namespace.init  # noqa: B018 - from here on `unshare` holds the pipe as well
        wait_until_it_pauses(namespace)
        held = {os.readlink(entry) for entry in Path(f"/proc/{namespace.init.pid}/fd").iterdir()}
        assert not {link for link in held if link.startswith("pipe:")}
    os.close(reader)


def test_a_pause_that_is_not_pid_1_adopts_orphans_and_ends_alike(tmp_path: Path) -> None:
    """As the process that holds a rootless user's namespaces, whose stdin to stderr are /dev/null."""
    init = [*pyinit_called("catatonit", tmp_path), "-P"]
    line = '"$@" </dev/null >/dev/null 2>&1; echo status $?'
    with Namespace(["sh", "-c", line, "sh", *init], tmp_path) as namespace:
        [pause] = wait_until(namespace.init.children, "the pause process")
        wait_until(lambda: "sigtimedwait" in Path(f"/proc/{pause.pid}/wchan").read_text(), "it pauses")
        assert pause.cwd() == "/"
        pause.send_signal(signal.SIGHUP)
        pause.send_signal(signal.SIGQUIT)
        pause.send_signal(signal.SIGTERM)
        assert namespace.wait() == 0
        assert namespace.stdout == "status 0\n"


def test_a_pause_needs_no_proc(run_called: RunCalled) -> None:
    namespace = run_called(
        "catatonit",
        "-P",
        unshare=(*UNSHARE, "--mount", "sh", "-c", 'umount -l /proc 2>/dev/null; mount -t tmpfs none /proc; exec "$@"', "sh"),
    )
    wait_until_it_pauses(namespace)
    namespace.signal(signal.SIGTERM)
    assert (namespace.wait(), namespace.stderr) == (0, "")


@pytest.mark.parametrize("function", ["_signal.sigwaitinfo", "posix.waitpid"])
@pytest.mark.parametrize("error", ["EINTR", "EINVAL", "MemoryError"])
def test_a_pause_survives_a_call_that_fails(tmp_path: Path, function: str, error: str) -> None:
    faulty = [
        sys.executable,
        "-IS",
        str(ROOT / "tests" / "live" / "faulty.py"),
        "as:catatonit",
        function,
        error,
        "start:1",
        "-P",
    ]
    with Namespace(faulty, tmp_path) as namespace:
        namespace.wait_for_log("a fault in pyinit; it goes on")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 0
        assert namespace.stderr.count("\n") == 1


def test_a_pause_whose_wait_always_fails_says_so_once_and_lives(tmp_path: Path) -> None:
    function, when = "_signal.sigwaitinfo", "start:always"
    faulty = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "faulty.py"), "as:catatonit", function, "EPERM", when, "-P"]
    with Namespace(faulty, tmp_path) as namespace:
        namespace.wait_for_log("a fault in pyinit; it goes on")
        before = namespace.init.cpu_times().user
        switches = namespace.init.num_ctx_switches().voluntary
        wait_until(lambda: namespace.init.num_ctx_switches().voluntary >= switches + 2, "it tries again, and again")
        assert namespace.init.cpu_times().user - before < 0.5, "it breathes in between"
        assert namespace.stderr.count("\n") == 1


# --- what it costs -------------------------------------------------------------------------------------------------

#: Runs pyinit by a name, and tells, instead of supervising, of which modules there are functions in memory.
TELLS_WHAT_IS_LEFT = """
import sys
sys.path.insert(0, sys.argv[1])
from pyinit import cli
from pyinit.kernel import signals
from pyinit.life import pause, supervise

def tell(*_):
    import gc, types
    modules = {one.__module__ for one in gc.get_objects() if isinstance(one, types.FunctionType)}
    print(*sorted(name for name in modules if name and name.startswith("pyinit.")), file=sys.stderr)
    return 0

supervise.Supervisor.loop = tell
pause.until_told = tell
cli.main(sys.argv[3:], signals.block_all(), sys.argv[2])
"""


def left(folder: Path, name: str, *words: str) -> set[str]:
    """The modules of pyinit that are still in memory when it has come to rest."""
    with Namespace([sys.executable, "-IS", "-c", TELLS_WHAT_IS_LEFT, str(ROOT), name, *words], folder) as namespace:
        assert namespace.wait() == 0
        return set(namespace.stderr.split())


@pytest.mark.parametrize(("name", "words"), [("tini", ["-g", "--"]), ("dumb-init", ["-r", "15:2"]), ("catatonit", ["-g"])])
def test_what_has_translated_is_forgotten_once_the_command_runs(tmp_path: Path, name: str, words: list[str]) -> None:
    own = left(tmp_path, "pyinit", "true")
    assert "pyinit.life.supervise" in own
    assert "pyinit.settings.options" not in own
    assert left(tmp_path, f"/sbin/{name}", *words, "true") == own


def test_what_has_translated_a_pause_is_forgotten_too(tmp_path: Path) -> None:
    pausing = left(tmp_path, "catatonit", "-P")
    assert pausing & {"pyinit.settings.drop_in", "pyinit.settings.options", "pyinit.settings.values"} == set()


def test_a_pause_imports_neither_the_supervisor_nor_what_starts_commands(tmp_path: Path) -> None:
    words = [sys.executable, "-X", "importtime", "-IS", *pyinit_called("catatonit", tmp_path), "-P"]
    with Namespace(words, tmp_path) as namespace:
        namespace.wait_until_at_rest()
        found = {line.rpartition("|")[2].strip() for line in namespace.stderr.splitlines()}
    assert "pyinit.life.pause" in found
    unneeded = ("life.supervise", "life.lifecycle", "delivery", "kernel.spawn", "settings.words")
    assert all((ROOT / "pyinit" / f"{name.replace('.', '/')}.py").exists() for name in unneeded if name != "delivery")
    assert {f"pyinit.{name}" for name in unneeded} & found == set()
