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

#: pip's script goes through /bin/sh, which adds PWD and takes SIGCHLD out of what is ignored; docs/limits.md says so.
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


#: Becomes a program with just these entries as its environment, which need not be variables.
WITH_ENTRIES = """
import ctypes, os, sys
count = int(sys.argv[1])
entries = [os.fsencode(word) for word in sys.argv[2 : 2 + count]]
words = [os.fsencode(word) for word in sys.argv[2 + count :]]
array = lambda strings: (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
ctypes.CDLL(None).execve(words[0], array(words), array(entries))
"""

#: Entries that variables by name do not tell, or not in this order.
ODD = {
    "no name": ["=x", "PATH=/usr/bin:/bin"],
    "no name, twice": ["=x", "=", "=x", "PATH=/usr/bin:/bin"],
    "no equals sign": ["NOEQUALS", "PATH=/usr/bin:/bin", "PATH"],
    "twice the same name": ["A=1", "PATH=/usr/bin:/bin", "A=2", "PATH=/nowhere", "A=1"],
    "an empty entry": ["", "PATH=/usr/bin:/bin", ""],
    "no UTF-8 and no name": ["=\udcff", "\udcff", "PATH=/usr/bin:/bin"],
    "a locale as well": ["=x", "LC_CTYPE=C", "PATH=/usr/bin:/bin", "LC_CTYPE=POSIX"],
    "nothing odd": ["Z=1", "PATH=/usr/bin:/bin", "A=1", "EMPTY="],
}


def with_entries(entries: list[str]) -> tuple[str, ...]:
    """What makes a namespace whose PID 1 gets just this environment: for `unshare`."""
    return (*WITH_PROC, sys.executable, "-IS", "-c", WITH_ENTRIES, str(len(entries)), *entries)


@NOT_THROUGH_A_SHELL
@pytest.mark.parametrize("odd", ODD)
def test_entries_that_are_no_variables_reach_the_command_in_their_order(start: Start, odd: str) -> None:
    namespace = start("--", "sleep", "1000", unshare=with_entries(ODD[odd]))
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    assert environment_of(command.pid) == [os.fsencode(entry) for entry in ODD[odd]]
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 143


@NOT_THROUGH_A_SHELL
def test_entries_that_are_no_variables_reach_a_command_that_is_told_its_pid(start: Start) -> None:
    given = ["=x", "A=1", "LISTEN_PID=1", "PATH=/usr/bin:/bin", "A=2", "LISTEN_PID=2", "NOEQUALS"]
    namespace = start("--", "sleep", "1000", unshare=with_entries(given))
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    found = [entry.decode() for entry in environment_of(command.pid)]
    assert [entry for entry in found if not entry.startswith("LISTEN_PID")] == [
        entry for entry in given if not entry.startswith("LISTEN_PID")
    ]
    assert [entry.partition("=")[0] for entry in found].count("LISTEN_PID") == 1


@NOT_THROUGH_A_SHELL
def test_entries_that_are_no_variables_reach_a_pre_stop_command(start: Start) -> None:
    given = ["=x", "A=1", "PATH=/usr/bin:/bin", "A=2", "NOEQUALS"]
    namespace = start("--pre-stop", "cat /proc/self/environ", "--", "sleep", "1000", unshare=with_entries(given))
    wait_until(lambda: namespace.named("sleep"), "the command")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 143
    found = namespace.stderr.replace("\n", "\0").split("\0")
    assert [entry for entry in found if entry in given] == given
    assert any(entry.endswith("PYINIT_SIGNAL=SIGTERM") for entry in found)


@NOT_THROUGH_A_SHELL
def test_of_two_variables_with_one_name_the_first_counts_as_everywhere(start: Start) -> None:
    given = ["=x", "PATH=/usr/bin:/bin", "PYINIT_MAP_STATUS=5:6", "PYINIT_MAP_STATUS=5:7"]
    assert start("--", "sh", "-c", "exit 5", unshare=with_entries(given)).wait() == 6


@NOT_THROUGH_A_SHELL
def test_a_command_that_is_not_there_is_told_as_ever_where_entries_are_no_variables(start: Start) -> None:
    namespace = start("--", "no-such-command", unshare=with_entries(["=x", "PATH=/usr/bin:/bin"]))
    assert (namespace.wait(), namespace.stderr.count("\n")) == (127, 1)


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
    """The signals that a process has blocked, ignored and handled; but not 32 and 33, see ignored_of_libc()."""
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


#: Ignores signals by number, also those that the C library keeps for itself and hides, and becomes a program.
IGNORE_BY_NUMBER = """
import ctypes, os, platform, sys
call = {"x86_64": 13, "aarch64": 134}[platform.machine()]
for signum in (32, 33):  # each as it is wanted: make starts what it runs with both ignored
    action = (ctypes.c_ulong * 4)(str(signum) in sys.argv[1].split(","))
    assert ctypes.CDLL(None).syscall(call, signum, action, None, 8) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


def ignored_of_libc(pid: int) -> set[int]:
    """Which of the two signals that the C library keeps for itself a process ignores."""
    mask = int(Path(f"/proc/{pid}/status").read_text().partition("SigIgn:")[2].split()[0], 16)
    return {signum for signum in (32, 33) if mask >> (signum - 1) & 1}


@pytest.mark.forms(STATIC)
@pytest.mark.parametrize("given", [(), (32,), (33,), (32, 33)], ids=str)
def test_the_two_signals_of_the_c_library_are_as_given(start: Start, given: tuple[int, ...], way: dict[str, str]) -> None:
    words = (sys.executable, "-IS", "-c", IGNORE_BY_NUMBER, ",".join(map(str, given)))
    namespace = start("--", "sleep", "1000", unshare=(*WITH_PROC, *words), env={**PATH, **way})
    command = wait_until(lambda: namespace.named("sleep"), "the command")[0]
    assert ignored_of_libc(command.pid) == set(given)


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
