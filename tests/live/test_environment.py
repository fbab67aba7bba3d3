"""The command finds what was given to pyinit, byte for byte; and nothing of the application's reaches PID 1."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.live.forms import ARM64, SOURCE, STATIC
from tests.namespace import ROOT, UNSHARE, WITH_PROC, Namespace, after
from tests.waiting import wait_until

#: pip's script goes through /bin/sh, which adds PWD and takes SIGCHLD out of what is ignored; README.md, "Limits", says so.
NOT_THROUGH_A_SHELL = pytest.mark.forms(SOURCE, STATIC, ARM64)

PATH = {"PATH": os.environ["PATH"]}

#: The ways to start a command: posix_spawn(), and fork() for what it cannot do.
WAYS: dict[str, dict[str, str]] = {"spawned": {}, "forked": {"LISTEN_PID": "1"}}

#: Hides /proc, and makes a namespace for that where --mount-proc does not.
NO_PROC = after("mount -t tmpfs none /proc || exit 99", unshare=(*UNSHARE, "--mount"))


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, str]:
    """What must be in the environment for the command to be started in each of the ways."""
    return WAYS[request.param]


def hostile(folder: Path) -> None:
    """Fill a folder with modules that end whoever imports them."""
    for name in (
        "os",
        "posix",
        "errno",
        "time",
        "sys",
        "encodings",
        "codecs",
        "site",
        "sitecustomize",
        "usercustomize",
        "select",
    ):
        (folder / f"{name}.py").write_text("import posix\nposix._exit(66)\n")
    for name in ("pyinit", "traceback", "ctypes"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit(66)\n")


def arguments_of(pid: int) -> list[bytes]:
    """The arguments of a process. In the middle of its exec it has its name already, and no arguments yet."""
    return wait_until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1], "its arguments")


@pytest.mark.parametrize("variable", ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"])
def test_variables_of_python_do_not_reach_pid_1_but_the_command(start: Start, tmp_path: Path, variable: str) -> None:
    hostile(tmp_path)
    value = str(tmp_path / "os.py") if variable == "PYTHONSTARTUP" else str(tmp_path)
    namespace = start("--", "sh", "-c", f"echo ${variable}", env={**PATH, variable: value})
    assert namespace.wait() == 0
    assert namespace.stdout == value + "\n"
    assert namespace.stderr == ""


@pytest.mark.parametrize(
    "setting", ["PYTHONINSPECT=1", "PYTHONDEBUG=3", "PYTHONVERBOSE=2", "PYTHONMALLOC=nonsense", "PYTHONUTF8=7"]
)
def test_settings_of_python_change_nothing_about_pid_1(start: Start, setting: str) -> None:
    name, _, value = setting.partition("=")
    namespace = start("--", "sh", "-c", "exit 5", env={**PATH, name: value}, stdin=os.open("/dev/null", os.O_RDONLY))
    assert namespace.wait() == 5
    assert namespace.stderr == ""


def test_files_of_the_current_folder_do_not_reach_pid_1(tmp_path: Path) -> None:
    hostile(tmp_path)
    words = [sys.executable, "-IS", str(ROOT / "pyinit" / "__main__.py"), "--", *APP_WORDS.split()]
    with Namespace(words, tmp_path, cwd=tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7


def test_started_by_name_without_isolation_pyinit_isolates_itself(tmp_path: Path) -> None:
    hostile_folder = tmp_path / "hostile"
    hostile_folder.mkdir()
    (hostile_folder / "select.py").write_text("raise SystemExit(66)\n")
    environment = {**PATH, "PYTHONPATH": f"{ROOT}:{hostile_folder}"}
    words = [sys.executable, "-m", "pyinit", "--", *APP_WORDS.split()]
    with Namespace(words, tmp_path, env=environment) as namespace:
        namespace.wait_for_output("app ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 7


def environment_of(pid: int) -> list[bytes]:
    """The environment that a process was started with."""
    path = Path(f"/proc/{pid}/environ")
    return wait_until(path.read_bytes, "the environment, which is there a moment after the exec").split(b"\0")[:-1]


GIVEN = {
    "empty": ["PATH=/usr/local/bin:/usr/bin:/bin"],
    "LC_CTYPE=C": ["PATH=/usr/bin:/bin", "LC_CTYPE=C"],
    "LC_CTYPE=C.UTF-8": ["PATH=/usr/bin:/bin", "LC_CTYPE=C.UTF-8"],
    "LC_CTYPE=POSIX": ["PATH=/usr/bin:/bin", "LC_CTYPE=POSIX"],
    "LC_CTYPE empty": ["PATH=/usr/bin:/bin", "LC_CTYPE="],
    "LC_ALL=C": ["PATH=/usr/bin:/bin", "LC_ALL=C"],
    "LC_ALL=C and LC_CTYPE=C.UTF-8": ["PATH=/usr/bin:/bin", "LC_ALL=C", "LC_CTYPE=C.UTF-8"],
    "LANG=C": ["PATH=/usr/bin:/bin", "LANG=C"],
    "LANG=C.UTF-8": ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"],
    "LANG=C.UTF-8 and LC_CTYPE=C": ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LC_CTYPE=C"],
    "LANG unknown": ["PATH=/usr/bin:/bin", "LANG=xx_XX.UTF-8"],
}


def command_s_environment(start: Start, given: str, unshare: tuple[str, ...]) -> set[bytes]:
    """What a command finds; `env -i` comes last before python, for a shell would add variables of its own."""
    namespace = start("--", "sleep", "1000", unshare=(*unshare, "env", "-i", *GIVEN[given]))
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    entries = environment_of(command.pid)
    assert len(entries) == len(set(entries))
    return set(entries)


@NOT_THROUGH_A_SHELL
@pytest.mark.parametrize("given", GIVEN)
def test_the_environment_of_the_command_is_just_what_was_given(start: Start, given: str) -> None:
    assert command_s_environment(start, given, WITH_PROC) == {entry.encode() for entry in GIVEN[given]}


@NOT_THROUGH_A_SHELL
@pytest.mark.parametrize("given", GIVEN)
def test_without_proc_the_environment_of_the_command_means_what_was_given(start: Start, given: str) -> None:
    # CPython has overwritten the LC_CTYPE of a C locale. It says nothing where LANG says the same, and may be missing.
    entries = {entry.encode() for entry in GIVEN[given]}
    found = command_s_environment(start, given, NO_PROC)
    says_nothing = {b"LC_CTYPE=C", b"LC_CTYPE=POSIX", b"LC_CTYPE="} if b"LANG=C.UTF-8" not in entries else set()
    assert found - says_nothing == entries - says_nothing


@NOT_THROUGH_A_SHELL
def test_arguments_and_environment_that_are_no_utf_8_arrive_byte_for_byte(start: Start, way: dict[str, str]) -> None:
    odd = bytes(range(1, 256))
    argument = b"-c \xff\xfe \xc3\x28 \xed\xa0\x80 " + odd
    entry = b"ODD\xff=" + odd.replace(b"=", b"")
    unshare = (*WITH_PROC, "env", "-i", *(f"{name}={value}" for name, value in {**PATH, **way}.items()), entry)
    namespace = start("--", "tail", "-f", "/dev/null", "--", argument, unshare=unshare)
    tail = wait_until(lambda: namespace.named("tail"), "the command")[0]
    assert entry in environment_of(tail.pid)
    assert arguments_of(tail.pid)[4] == argument


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "en_US.ISO-8859-1"])
def test_arguments_arrive_byte_for_byte_in_any_locale(start: Start, locale: str) -> None:
    argument = b"\xff\xc3\x28 \xc3\xa4"
    namespace = start("--", "tail", "-f", "/dev/null", argument, env={**PATH, "LC_ALL": locale})
    tail = wait_until(lambda: namespace.named("tail"), "the command")[0]
    assert arguments_of(tail.pid)[3] == argument


@pytest.mark.parametrize("variable", [b"PYINIT_PRE_STOP=\xff", b"PYINIT_\xff=1"], ids=["value", "name"])
def test_a_variable_of_pyinit_that_is_no_utf_8_does_not_keep_the_command_from_running(start: Start, variable: bytes) -> None:
    assert start("--", "sh", "-c", "exit 5", unshare=(*WITH_PROC, "env", variable)).wait() == 5


BLOCK_AND_IGNORE = """
import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
for word in sys.argv[1].split(","):
    if word:
        how, _, name = word.partition("-")
        signum = signal.Signals["SIG" + name]
        signal.pthread_sigmask(signal.SIG_BLOCK, [signum]) if how == "block" else signal.signal(signum, signal.SIG_IGN)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def masks(pid: int) -> dict[str, set[int]]:
    """The signals that a process has blocked, ignored and handled; but not 32 and 33, which are the C library's own."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    fields = {name: int(status[name], 16) for name in ("SigBlk", "SigIgn", "SigCgt")}
    return {name: {signum for signum in signal.valid_signals() if mask >> (signum - 1) & 1} for name, mask in fields.items()}


@NOT_THROUGH_A_SHELL
@pytest.mark.parametrize(
    "given", ["", "block-USR1,block-TERM", "ignore-HUP,ignore-USR2", "ignore-CHLD", "ignore-HUP,block-INT,ignore-CHLD"]
)
def test_mask_and_dispositions_of_the_command_are_as_given(start: Start, given: str, way: dict[str, str]) -> None:
    unshare = (*WITH_PROC, sys.executable, "-IS", "-c", BLOCK_AND_IGNORE, given)
    namespace = start("--", "sleep", "1000", unshare=unshare, env={**PATH, **way})
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]

    def named(how: str) -> set[int]:
        return {int(signal.Signals["SIG" + word.partition("-")[2]]) for word in given.split(",") if word.startswith(how)}

    assert masks(command.pid) == {"SigBlk": named("block"), "SigIgn": named("ignore"), "SigCgt": set()}


def test_sigpipe_ends_the_command_as_everywhere(start: Start, way: dict[str, str]) -> None:
    assert start("--", "sh", "-c", "kill -PIPE $$; exit 5", env={**PATH, **way}).wait() == 128 + signal.SIGPIPE


def test_an_ignored_sigchld_does_not_cost_the_status(start: Start, way: dict[str, str]) -> None:
    unshare = (*WITH_PROC, sys.executable, "-IS", "-c", BLOCK_AND_IGNORE, "ignore-CHLD")
    assert start("--", "sh", "-c", "exit 5", unshare=unshare, env={**PATH, **way}).wait() == 5
    namespace = start("--", *APP_WORDS.split(), unshare=unshare, env={**PATH, **way})
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_listen_pid_names_the_command(start: Start) -> None:
    namespace = start("--", "sh", "-c", "echo $LISTEN_PID is $$", env={**PATH, "LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert namespace.wait() == 0
    named, _, own = namespace.stdout.partition(" is ")
    assert named == own.strip() != "1"


def test_the_command_stays_in_the_folder_given_and_pid_1_does_not_hold_it(
    start: Start, tmp_path: Path, way: dict[str, str]
) -> None:
    namespace = start("--", "sleep", "1000", cwd=tmp_path, env={**PATH, **way})
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    assert command.cwd() == str(tmp_path)
    wait_until(lambda: namespace.init.cwd() == "/", "PID 1 is in /")


def test_a_command_named_relative_to_the_folder_given_is_found(
    start: Start, script: Callable[[str], str], tmp_path: Path
) -> None:
    script("exit 9")
    assert start("--", "./start.sh", cwd=tmp_path).wait() == 9


def test_a_large_environment_is_read_to_its_end(start: Start) -> None:
    env = {"PATH": os.environ["PATH"], "A": "x" * 100_000, "LC_CTYPE": "C.UTF-8"}
    namespace = start("--", "sh", "-c", 'echo "LC=$LC_CTYPE"', env=env)
    assert (namespace.wait(), namespace.stdout) == (0, "LC=C.UTF-8\n")
