"""The completions, in real shells: bash and zsh on a terminal, and fish by its own word."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyinit.settings import options
from tests.namespace import need
from tests.packages import shells
from tests.packages.programs import made

TAB, ALL = "\t", "\x19"

#: The names under which the shells look for the file.
NAMES = {"bash": "pyinit", "zsh": "_pyinit", "fish": "pyinit.fish"}


def write(shell: str, folder: Path) -> Path:
    """The file of completions, beside what can be completed to: a folder and a file."""
    need(shell)
    path = folder / NAMES[shell]
    path.write_text(made("completions.py", shell))
    (folder / "a folder").mkdir()
    (folder / "notes").touch()
    return path


@pytest.fixture(scope="module", params=["bash", "zsh"])
def terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[shells.Shell]:
    """A shell on a terminal."""
    folder = tmp_path_factory.mktemp(request.param)
    with shells.Shell(request.param, write(request.param, folder), folder) as shell:
        yield shell


@pytest.fixture(scope="module")
def in_fish(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], set[str]]:
    """What fish completes the last word of a line to."""
    path = write("fish", tmp_path_factory.mktemp("fish"))
    return lambda line: shells.fish(path, line)


#: Lines, and what a Tab makes of them. zsh goes on behind a flag and in a list; bash does not.
LINES = {
    "--expand": ("--expand-env ", "--expand-env="),
    "--forward gr": ("--forward group ",) * 2,
    "--forward=gr": ("--forward=group ",) * 2,
    "--log-level=w --forward comm": ("--log-level=w --forward command ",) * 2,
    "--stop-on TERM,QU": ("--stop-on TERM,QUIT ", "--stop-on TERM,QUIT,"),
    "--stop-on=TERM,QU": ("--stop-on=TERM,QUIT ", "--stop-on=TERM,QUIT,"),
    "--pre-stop 'sleep 5' --settl": ("--pre-stop 'sleep 5' --settle ", "--pre-stop 'sleep 5' --settle="),
    "--pre-stop=who --settl": ("--pre-stop=who --settle ", "--pre-stop=who --settle="),
    "--pre-stop whoam": ("--pre-stop whoami ",) * 2,
    "--termination-log no": ("--termination-log notes ",) * 2,
    "--termination-log=no": ("--termination-log=notes ",) * 2,
    "--ready tc": ("--ready tcp:",) * 2,
    "--ready http:": ("--ready http://",) * 2,
    "--ready=not": ("--ready=notify ",) * 2,
    "--ready http://[::1]/ --unr": ("--ready http://[::1]/ --unready-at ", "--ready http://[::1]/ --unready-at="),
    "--settle 1": ("--settle 1",) * 2,
    "--probe pyi": ("--probe pyinit ",) * 2,
    "--probe=ex": ("--probe=exec:",) * 2,
    "--status ": ("--status --json ",) * 2,
    "whoam": ("whoami ",) * 2,
    "-- whoam": ("-- whoami ",) * 2,
    "--settle 1 whoam": ("--settle 1 whoami ",) * 2,
    "--subreaper whoam": ("--subreaper whoami ",) * 2,
    "cat --expand": ("cat --expand",) * 2,
    "-- cat --expand": ("-- cat --expand",) * 2,
    "cat no": ("cat notes ",) * 2,
    "-c 'x' no": ("-c 'x' notes ",) * 2,
    "--probe tcp:1 --expand": ("--probe tcp:1 --expand",) * 2,
    "--settle 1 --stat": ("--settle 1 --stat",) * 2,
}


@pytest.mark.parametrize("line", LINES)
def test_tab_completes_a_line(terminal: shells.Shell, line: str) -> None:
    in_bash, in_zsh = LINES[line]
    expected = in_zsh if terminal.name == "zsh" else in_bash
    assert terminal.line_after(f"pyinit {line}", TAB).rstrip("\n") == f"pyinit {expected}"


def everything(terminal: shells.Shell, line: str) -> list[str]:
    """All that the last word of a line is completed to, in any order, without what is put behind."""
    *before, _ = line.split(" ")
    words = terminal.line_after(f"pyinit {line}", ALL).split()[1 + len(before) :]
    return sorted(word.rstrip(",=") if word.startswith("--") else word for word in words)


def test_every_flag_is_there_at_first(terminal: shells.Shell) -> None:
    found = everything(terminal, "--")
    tools = {"--help", "--version", "--probe", "--status", "--install"}
    assert set(found) - {"--"} == {option.flag for option in options.all_options()} | tools


def test_behind_an_option_the_options_are_there_and_the_tools_are_not(terminal: shells.Shell) -> None:
    assert set(everything(terminal, "--settle 1 --")) - {"--"} == {option.flag for option in options.all_options()}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--forward ", ["command", "group", "handlers"]),
        ("--log-level ", ["debug", "error", "info", "warning"]),
        ("--probe tcp:1 --probe", ["--probe-expect", "--probe-timeout"]),
        ("--probe ", ["exec:", "file:/", "grpc:", "http://", "https://", "pyinit", "tcp:", "unix:/"]),
        ("--stop-signal T", ["TERM", "TRAP", "TSTP", "TTIN", "TTOU"]),
    ],
)
def test_all_values_are_there(terminal: shells.Shell, line: str, expected: list[str]) -> None:
    assert everything(terminal, line) == expected


def test_what_cannot_be_received_is_no_value_of_what_is_received(terminal: shells.Shell) -> None:
    assert terminal.line_after("pyinit --stop-on KIL", TAB) == "pyinit --stop-on KIL"
    assert terminal.line_after("pyinit --stop-signal KIL", TAB) == "pyinit --stop-signal KILL "


def test_in_bash_the_arguments_of_the_command_are_completed_by_bash_completion_where_it_is(tmp_path: Path) -> None:
    source = Path("/usr/share/bash-completion/bash_completion")
    if not source.exists():
        pytest.skip("bash-completion is not installed")
    with shells.Shell("bash", write("bash", tmp_path), tmp_path, f". {source}\n") as shell:
        assert shell.line_after("pyinit --settle=1 -- kill -s WINC", TAB) == "pyinit --settle=1 -- kill -s WINCH "
        assert shell.line_after("pyinit --pre-stop 'a b' kill -s WINC", TAB) == "pyinit --pre-stop 'a b' kill -s WINCH "


# --- fish ---


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--expand", {"--expand-env"}),
        ("--forward ", {"command", "group", "handlers"}),
        ("--forward=", {"--forward=command", "--forward=group", "--forward=handlers"}),
        ("--subreaper=", {"--subreaper=auto", "--subreaper=no", "--subreaper=yes"}),
        ("--stop-on TERM,QU", {"TERM,QUIT"}),
        ("--stop-on=TERM,QU", {"--stop-on=TERM,QUIT"}),
        ("--stop-on KIL", set()),
        ("--probe ht", {"http://", "https://"}),
        ("--probe=ht", {"--probe=http://", "--probe=https://"}),
        ("--probe tcp:1 --", {"--probe-expect", "--probe-timeout"}),
        ("--status --", {"--json"}),
        ("--settle ", set()),
        ("whoam", {"whoami"}),
        ("-- whoam", {"whoami"}),
        ("--settle 1 whoam", {"whoami"}),
        ("--subreaper whoam", {"whoami"}),
        ("-- cat --expand", set()),
        ("--settle 1 -- nice --adj", {"--adjustment"}),
        ("nice --adj", {"--adjustment"}),
        ("--termination-log /etc/debian_v", {"/etc/debian_version"}),
        ("--pre-stop whoam", {"whoami"}),
    ],
)
def test_fish_completes_a_line(in_fish: Callable[[str], set[str]], line: str, expected: set[str]) -> None:
    assert in_fish(f"pyinit {line}") == expected


def test_fish_has_every_flag_at_first_and_tells_of_each(in_fish: Callable[[str], set[str]]) -> None:
    tools = {"--help", "--version", "--probe", "--status", "--install"}
    assert in_fish("pyinit --") == {option.flag for option in options.all_options()} | tools
    assert in_fish("pyinit --settle 1 --") == {option.flag for option in options.all_options()}


@pytest.mark.parametrize("shell", NAMES)
def test_the_shell_itself_finds_no_fault_with_the_file(shell: str, tmp_path: Path) -> None:
    path = write(shell, tmp_path)
    done = shells.run([shell, "-n", str(path)])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_shellcheck_finds_no_fault_with_what_bash_reads(tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = shells.run(["shellcheck", "--shell=bash", "--severity=warning", str(write("bash", tmp_path))])
    assert (done.returncode, done.stdout) == (0, "")
