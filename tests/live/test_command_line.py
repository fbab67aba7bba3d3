"""The command line and the environment: every option both ways, and what is said of what cannot be understood."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pyinit import __version__
from pyinit.settings.options import OPTIONS, Option
from tests.live.conftest import APP_WORDS, Start
from tests.namespace import Namespace, need, pyinit_from_source
from tests.waiting import wait_until

#: What --version prints, in the form that dockerd parses.
VERSION = f"pyinit {__version__} - git.pyinit-{__version__.replace('.', '-')}\n"

ALL = [option for group in OPTIONS.values() for option in group]

#: For each option values that it cannot take, and a pattern of what is allowed, which the error must name.
BAD: Mapping[str, tuple[str, list[str]]] = {
    "--forward": ("group, handlers, command", ["", "all", "GROUP", "group,command"]),
    "--stop-on": (
        "give a name|name another",
        ["TREM", "TERM,NOPE", "0", "65", "-1", "TERM INT", "RTMIN+99", "SIG", "KILL", "STOP"],
    ),
    "--stop-signal": ("give a name", ["", "TREM", "0", "65", "1.5", "TERM,INT", "RTMAX+1"]),
    "--rewrite": (
        "TERM:QUIT|give a name|name another",
        ["TERM", "TERM-QUIT", "TERM:NOPE", "NOPE:TERM", "TERM:", ":TERM", "0:TERM", "KILL:TERM"],
    ),
    "--pre-stop-delay": (
        "5, 2.5",
        ["", "soon", "-1", "1x", "1.2.3", ".", "inf", "nan", "1e3", "2y", "100000000", "5 s"],
    ),
    "--pre-stop-min": ("5, 2.5", ["", "auto", "-1"]),
    "--pre-stop-max": ("5, 2.5", ["", "none", "2d"]),
    "--pre-stop-quiet": ("5, 2.5", ["", "auto", "x"]),
    "--ports": ("1 to 65535|is no range", ["http", "0", "65536", "-1", "80-", "-80", "90-80", "80:90", "8080 9090"]),
    "--ignore-ports": ("1 to 65535|is no range", ["all", "9090-70000", "1.5", "80--90"]),
    "--pre-stop-until": ("yes", ["", "success", "2"]),
    "--stop-timeout": ("5, 2.5", ["", "automatic", "-30"]),
    "--pre-stop-timeout": ("1m30s", ["", "none", "-0.1", "ten"]),
    "--grace-period": ("5, 2.5", ["", "never", "-5", "5,5"]),
    "--settle": ("5, 2.5", ["", "none", "1d"]),
    "--sweep-timeout": ("5, 2.5", ["", "none", "0x10"]),
    "--ready": ("is no target|a port is missing|not a port|resolved|notify", ["8080", "ftp:x", "tcp:", "tcp:0", "Notify"]),
    "--ready-interval": ("5, 2.5|50ms", ["", "none", "-1", "0", "10ms"]),
    "--ready-timeout": ("5, 2.5|50ms", ["", "auto", "0"]),
    "--start-timeout": ("5, 2.5", ["", "never", "-5"]),
    "--health-listen": ("1 to 65535|give numbers", ["", "http", "0", "65536", "example.org:80", "::1:80", "[::1]"]),
    "--unready-at": ("auto, request, signal", ["", "stop", "AUTO"]),
    "--map-status": ("143:0|give a number, 0 to 255", ["143", "256:0", "0:256", "-1:0", "a:b", "143:", ":0", "1=2", "1:2:3"]),
    "--expand-env": ("yes", ["maybe", "", "2"]),
    "--subreaper": ("auto, yes, no", ["", "maybe", "2", "AUTO"]),
    "--parent-death-signal": ("give a name", ["", "DEATH", "0", "99"]),
    "--log-level": ("error, warning, info, debug", ["", "trace", "warned", "3"]),
    "--log-format": ("text, json", ["", "xml", "JSON"]),
}

#: Options that take any text; what is wrong with it shows when it is used.
ANY_TEXT = {"--pre-stop", "--termination-log"}

#: For each option a value that it can take, other than its default.
GOOD: Mapping[str, str] = {
    "--forward": "handlers",
    "--stop-on": "SIGTERM, RTMIN+3,15",
    "--stop-signal": "sigquit",
    "--rewrite": "TERM:QUIT, USR1:0,RTMIN+1:RTMAX-1",
    "--pre-stop-delay": "1m30.5s",
    "--pre-stop-min": "4",
    "--pre-stop-max": "30",
    "--pre-stop-quiet": "0",
    "--ports": "8080, 9000-9010",
    "--ignore-ports": "9090",
    "--pre-stop": "sleep 1",
    "--pre-stop-until": "yes",
    "--stop-timeout": "3h",
    "--pre-stop-timeout": "500ms",
    "--grace-period": "2h",
    "--settle": ".5",
    "--sweep-timeout": "0",
    "--ready": "tcp:1",
    "--ready-interval": "500ms",
    "--ready-timeout": "3",
    "--start-timeout": "1m",
    "--health-listen": "127.0.0.1:18432",
    "--unready-at": "signal",
    "--map-status": "143:0,1:2",
    "--expand-env": "yes",
    "--subreaper": "no",
    "--parent-death-signal": "TERM",
    "--log-level": "warning",
    "--log-format": "json",
    "--termination-log": "none",
}


#: The variables without which an option is of no use and refused, or is warned of.
NEEDED_BESIDE = {
    "--pre-stop-delay": {"PYINIT_STOP_TIMEOUT": "2m"},
    "--pre-stop-until": {"PYINIT_PRE_STOP": "true", "PYINIT_PRE_STOP_DELAY": "auto"},
    "--start-timeout": {"PYINIT_READY": "tcp:1"},
}


def of(flag: str) -> Option:
    """The option with this flag."""
    return next(option for option in ALL if option.flag == flag)


def error_of(namespace: Namespace, marker: Path) -> str:
    """The one line that pyinit says when it refuses to start; nothing was started, or `marker` would exist."""
    assert namespace.wait() == 125
    lines = namespace.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("pyinit: error: ")
    assert namespace.stdout == ""
    assert not marker.exists()
    return lines[0]


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that the command would make, were it started."""
    return tmp_path / "started"


@pytest.fixture
def args(tmp_path: Path) -> Path:
    """A program that prints its arguments, alone in its folder."""
    path = tmp_path / "bin" / "args"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    path.chmod(0o755)
    return path


def environment(**variables: str) -> dict[str, str]:
    """A small environment with these variables."""
    return {"PATH": os.environ["PATH"], **variables}


# --- values ----------------------------------------------------------------------------------------------------------------


def test_every_option_is_tested_here() -> None:
    flags = {option.flag for option in ALL}
    assert BAD.keys() | ANY_TEXT == flags
    assert GOOD.keys() == flags


@pytest.mark.parametrize("flag", BAD)
def test_a_bad_value_on_the_command_line_starts_nothing_and_is_named_with_what_is_allowed(
    start: Start, marker: Path, flag: str
) -> None:
    allowed, values = BAD[flag]
    for value in values:
        error = error_of(start(f"{flag}={value}", "--", "touch", str(marker)), marker)
        assert error.startswith(f"pyinit: error: {flag}: ")
        assert any(part in error for part in (repr(value), *(re.split("[,:-]", value) if value else ()))), error
        assert re.search(allowed, error), error


@pytest.mark.parametrize("flag", BAD)
def test_a_bad_value_in_the_environment_starts_nothing_and_names_the_variable(start: Start, marker: Path, flag: str) -> None:
    allowed, values = BAD[flag]
    value = next(value for value in values if value)
    variable = of(flag).variable
    error = error_of(start("--", "touch", str(marker), env=environment(**{variable: value})), marker)
    assert error.startswith(f"pyinit: error: {variable}: ")
    assert repr(value) in error
    assert re.search(allowed, error)


@pytest.mark.parametrize("flag", GOOD)
def test_a_good_value_is_taken_from_either_place(start: Start, flag: str) -> None:
    value = GOOD[flag]
    option = of(flag)
    places: list[tuple[list[str], dict[str, str]]] = [([f"{flag}={value}"], {}), ([], {option.variable: value})]
    if option.implied is None:
        places.append(([flag, value], {}))
    for words, variables in places:
        namespace = start(*words, "--", "sh", "-c", "exit 9", env=environment(**NEEDED_BESIDE.get(flag, {}), **variables))
        assert (namespace.wait(), namespace.stderr) == (9, "")


@pytest.mark.parametrize("option", [option for option in ALL if option.implied is None], ids=lambda option: option.flag)
def test_an_option_at_the_end_without_its_value_is_an_error(start: Start, marker: Path, option: Option) -> None:
    error = error_of(start(option.flag), marker)
    assert error == f"pyinit: error: {option.flag}: a value must follow: {option.flag} {option.metavar}"


@pytest.mark.parametrize(("words", "env"), [(["--forward", "topmost"], {}), ([], {"PYINIT_FORWARD": "topmost"})])
def test_the_former_name_of_the_default_gets_one_line_that_says_what_to_do(
    start: Start, words: list[str], env: dict[str, str]
) -> None:
    namespace = start(*words, "--", "true", env=environment(**env))
    assert namespace.wait() == 125
    what = "PYINIT_FORWARD" if env else "--forward"
    assert (
        namespace.stderr == f"pyinit: error: {what}: 'topmost' is what group means now: write group, or leave the option out\n"
    )


@pytest.mark.parametrize("option", ALL, ids=lambda option: option.flag)
def test_an_empty_variable_is_as_good_as_none(start: Start, option: Option) -> None:
    namespace = start("--", "sh", "-c", "exit 9", env=environment(**{option.variable: ""}))
    assert (namespace.wait(), namespace.stderr) == (9, "")


def test_the_command_line_wins_over_the_environment(start: Start) -> None:
    variables = environment(PYINIT_PRE_STOP_DELAY="1000", PYINIT_STOP_SIGNAL="KILL", PYINIT_LOG_FORMAT="json")
    options = ("--pre-stop-delay", "0", "--stop-signal=none", "--log-format", "text")
    namespace = start(*options, "--", *APP_WORDS.split(), env=variables)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stderr.startswith("pyinit: stop requested: ")


def test_the_last_of_several_wins_and_repeatable_ones_add_up(start: Start) -> None:
    words = ("--log-level", "nothing-sensible", "--log-level", "error")
    assert start(*words, "--", "true").wait() == 125  # every one is checked
    namespace = start(
        *("--map-status", "3:4", "--map-status", "5:6", "--map-status=5:7", "--", "sh", "-c", "exit $STATUS"),
        env=environment(STATUS="5", PYINIT_MAP_STATUS="3:9,8:1"),
    )
    assert namespace.wait() == 7
    for status, mapped in (("3", 4), ("8", 1)):
        namespace = start(
            *("--map-status", "3:4", "--", "sh", "-c", "exit $STATUS"),
            env=environment(STATUS=status, PYINIT_MAP_STATUS="3:9,8:1"),
        )
        assert namespace.wait() == mapped


# --- what is not understood ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("--grace-perod", "--grace-period"),
        ("--graceperiod=5", "--grace-period"),
        ("--sweep", "--sweep-timeout"),
        ("--pre-stop-dealy", "--pre-stop-delay"),
        ("--versoin", "--version"),
    ],
)
def test_an_unknown_option_is_named_with_the_nearest_one(start: Start, marker: Path, word: str, nearest: str) -> None:
    error = error_of(start(word, "--", "touch", str(marker)), marker)
    assert "no such option; did you mean " in error
    assert re.search(rf"did you mean ({nearest})\?", error)
    assert "pyinit --help" in error


@pytest.mark.parametrize("word", ["--frobnicate", "-x", "--\N{SNOWMAN}\n"])
def test_an_unknown_option_that_is_near_none_gets_no_suggestion(start: Start, marker: Path, word: str) -> None:
    error = error_of(start(word, "--", "touch", str(marker)), marker)
    assert error.endswith(": no such option (pyinit --help all lists them)")


@pytest.mark.parametrize(
    ("words", "truth"),
    [
        (["-e", "143"], "--map-status 143:0"),
        (["-g"], "not needed"),
        (["-s"], "not needed"),
        (["-v"], "--log-level debug"),
        (["-r", "15:3"], "--rewrite 15:3"),
        (["--single-child"], "not needed"),
        (["-c"], "not needed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_of_other_inits_get_their_true_answer(start: Start, marker: Path, words: list[str], truth: str) -> None:
    assert truth in error_of(start(*words, "--", "touch", str(marker)), marker)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["python3 app.py"], "a command is separate words (pyinit -- python3 app.py), or one string after -c"),
        (["touch MARKER && true"], "that is a shell's line: pyinit -c '"),
        (["cd", "/"], "cd is a shell's own word"),
        (["exec", "touch", "MARKER"], "exec is a shell's own word, and not needed"),
        (["X=5", "touch", "MARKER"], "a variable is set by env"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_shell_s_line_as_the_command_gets_a_hint(start: Start, marker: Path, words: list[str], hint: str) -> None:
    namespace = start("--", *(word.replace("MARKER", str(marker)) for word in words))
    assert namespace.wait() == 127
    (line,) = namespace.stderr.splitlines()
    assert line.startswith("pyinit: error: cannot execute ")
    assert hint in line
    assert not marker.exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--grace-period"], "--grace-period: a value must follow before --: --grace-period SECONDS"),
        (["--expand-env", "yes"], "--expand-env: 'yes' would be the command: a value follows an =: --expand-env=yes"),
        (["--subreaper", "no"], "--subreaper: 'no' would be the command: a value follows an =: --subreaper=no"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_was_taken_for_a_value_or_for_the_command_is_told(
    start: Start, marker: Path, words: list[str], problem: str
) -> None:
    assert error_of(start(*words, "--", "touch", str(marker)), marker) == f"pyinit: error: {problem}"


@pytest.mark.parametrize("words", [[], ["--"], ["--settle", "1"], ["--settle", "1", "--"], ["--expand-env"]], ids=" ".join)
def test_no_command_is_an_error_that_shows_the_usage(start: Start, marker: Path, words: list[str]) -> None:
    error = error_of(start(*words), marker)
    usage = "pyinit [options] [--] command [argument ...]"
    assert error == f"pyinit: error: no command given: {usage} (pyinit --help shows examples and options)"


def test_a_command_string_must_follow_its_flag(start: Start, marker: Path) -> None:
    assert error_of(start("-c"), marker).startswith("pyinit: error: -c: a command string must follow")


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("PYINIT_GRACEPERIOD", "PYINIT_GRACE_PERIOD"),
        ("PYINIT_LOGLEVEL", "PYINIT_LOG_LEVEL"),
        ("PYINIT_FOWARD", "PYINIT_FORWARD"),
    ],
)
def test_an_unknown_variable_is_warned_of_with_the_nearest_one(start: Start, variable: str, nearest: str) -> None:
    namespace = start("--", "sh", "-c", "exit 9", env=environment(**{variable: "5"}))
    assert namespace.wait() == 9
    assert namespace.stderr == f"pyinit: warning: {variable} is no variable of pyinit; did you mean {nearest}? It is ignored\n"


def test_what_a_pre_stop_command_is_told_is_no_unknown_variable(start: Start) -> None:
    namespace = start("--", "true", env=environment(PYINIT_SIGNAL="SIGTERM", PYINIT_COMMAND_PID="7", OTHER="x", PYINIT="y"))
    assert (namespace.wait(), namespace.stderr) == (0, "")


# --- options end where the command begins ----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--"], []], ids=["with --", "without --"])
def test_the_words_of_the_command_are_its_own(start: Start, args: Path, words: list[str]) -> None:
    given = ["--settle", "nonsense", "--", "-c", "--help", "", "a b", "$HOME", "*"]
    namespace = start("--settle", "0.5", *words, str(args), *given)
    assert namespace.wait() == 0
    assert namespace.stdout == "".join(f"<{word}>" for word in given)


def test_a_command_may_begin_with_a_dash_after_two_of_them(start: Start, tmp_path: Path) -> None:
    (tmp_path / "--odd").write_text("#!/bin/sh\nexit 8\n")
    (tmp_path / "--odd").chmod(0o755)
    assert start("--", "--odd", env=environment(PATH=f"{tmp_path}:{os.environ['PATH']}")).wait() == 8


def test_a_single_dash_is_a_command(start: Start) -> None:
    namespace = start("-", "x")
    assert namespace.wait() == 127
    assert "cannot execute -: " in namespace.stderr


# --- to read ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_is_two_screens_that_begin_with_examples(start: Start, marker: Path, flag: str) -> None:
    namespace = start(flag, "--", "touch", str(marker))
    assert (namespace.wait(), namespace.stderr, marker.exists()) == (0, "", False)
    lines = namespace.stdout.splitlines()
    assert lines[0] == "usage: pyinit [options] [--] command [argument ...]"
    assert len(lines) <= 48
    assert max(map(len, lines)) <= 80
    assert 'ENTRYPOINT ["pyinit", "--", "./start.sh"]' in namespace.stdout
    assert "pyinit --help all" in lines[-1]


@pytest.mark.parametrize("tool", ["--probe", "--status"])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_beside_a_tool_tells_of_the_tool(start: Start, tool: str, flag: str) -> None:
    namespace = start(tool, flag)
    assert (namespace.wait(), namespace.stderr) == (0, "")
    assert namespace.stdout.startswith(f"usage: pyinit {tool} ")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_all_tells_of_every_option_with_its_variable_and_default(start: Start, marker: Path, flag: str) -> None:
    namespace = start(flag, "all", "--", "touch", str(marker))
    assert (namespace.wait(), namespace.stderr, marker.exists()) == (0, "", False)
    lines = namespace.stdout.splitlines()
    assert lines[0] == "usage: pyinit [options] [--] command [argument ...]"
    for option in ALL:
        [line] = [line for line in lines if re.match(rf"  {option.flag}[ \[]", line)]
        assert f"[{option.variable}; default {option.default or 'none'}]" in line
        assert option.metavar in line
    for heading in OPTIONS:
        assert f"{heading}:" in lines
    for word in ("-c STRING", "--help", "--version", "125", "126", "127", "128+n", "1m30s"):
        assert word in namespace.stdout


def test_version_tells_the_version(start: Start) -> None:
    namespace = start("--version")
    assert (namespace.wait(), namespace.stdout, namespace.stderr) == (0, VERSION, "")


# --- --expand-env ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("$NAME", "a  b*"),
        ("x${NAME}y", "xa  b*y"),
        ("${NAME:-c}", "a  b*"),
        ("${NONE:-c d}", "c d"),
        ("${EMPTY:-c}", "c"),
        ("${NONE:-${NAME}!}", "a  b*!"),
        ("$NONE", ""),
        ("--port=${PORT}/$$NAME", "--port=80/$NAME"),
        ("$", "$"),
        ("$1 $? cost 5$", "$1 $? cost 5$"),
        ("'$PORT'", "'80'"),
        ("$(id) `id` *", "$(id) `id` *"),
        ("$PORTS", ""),
    ],
)
def test_expand_env_replaces_variables_and_nothing_else(start: Start, args: Path, word: str, expanded: str) -> None:
    variables = environment(NAME="a  b*", EMPTY="", PORT="80")
    namespace = start("--expand-env", "--", str(args), word, env=variables)
    assert (namespace.wait(), namespace.stdout) == (0, f"<{expanded}>")


def test_expand_env_expands_the_command_itself(start: Start, args: Path) -> None:
    namespace = start("--", "${TOOL}", "$X", env=environment(TOOL=str(args), X="1", PYINIT_EXPAND_ENV="yes"))
    assert (namespace.wait(), namespace.stdout) == (0, "<1>")


def test_without_expand_env_words_are_left_as_they_are(start: Start, args: Path) -> None:
    namespace = start("--", str(args), "$HOME", "${X:-y}", "$$")
    assert (namespace.wait(), namespace.stdout) == (0, "<$HOME><${X:-y}><$$>")


@pytest.mark.parametrize("word", ["${NAME", "${NAME%x}", "${}", "${1}", "${NAME-x}"])
def test_expand_env_refuses_what_it_does_not_know(start: Start, marker: Path, word: str) -> None:
    error = error_of(start("--expand-env", "--", "touch", str(marker), word), marker)
    assert error.startswith("pyinit: error: --expand-env: ")
    assert repr(word) in error


# --- -c --------------------------------------------------------------------------------------------------------------------


def child_of_pid_1(namespace: Namespace) -> list[str]:
    """The words of the only child of PID 1, once that is not about to be exchanged any more."""
    wait_until(lambda: namespace.named("sleep"), "sleep")
    [child] = namespace.init.children()
    return child.cmdline()


@pytest.mark.parametrize(
    "string", ["sleep 1000", "  'sleep'\t\"1000\" ", "sleep $TIME", "sl\\eep ${NONE:-1000}", "exec sleep 1000"]
)
def test_a_simple_command_is_executed_directly(start: Start, string: str) -> None:
    assert child_of_pid_1(start("-c", string, env=environment(TIME="1000"))) == ["sleep", "1000"]


@pytest.mark.parametrize(
    "string", ["sleep 1000; true", "sleep 1000 && true", "cd /; sleep 1000; :", "X=1; sleep $((500*2)); :"]
)
def test_anything_else_is_for_the_shell(start: Start, string: str) -> None:
    assert child_of_pid_1(start("-c", string)) == ["/bin/sh", "-c", string]


CORPUS = [
    "args",
    "args one two",
    "args 'one two' \"three four\" five\\ six",
    "args '' \"\" a''b",
    "args $SPACED",
    'args "$SPACED"',
    "args '$SPACED'",
    "args x${SPACED}y",
    "args $EMPTY end",
    'args "$EMPTY" end',
    "args $UNSET${UNSET:-default} ${SPACED:-no}",
    "args $UNSET",
    'args "${UNSET:-a b}" ${UNSET:-a b}',
    "args $GLOB",
    'args "$GLOB"',
    "args *.nothing ?",
    "args ~ ~root a~ ~/x",
    "args {a,b} [x]",
    "args $$x | tr -d '0-9'",
    "args $? $# $0 $1",
    'args "$@"',
    "args '$1' \"\\$1\" \\$1",
    'args "a\\b\\"c\\\\d\\`"',
    "args 'a\nb' c",
    "args a\\\nb",
    "args a;args b",
    "args a\nargs b",
    "args a # comment",
    "args a#b",
    "# only a comment",
    "args $((1+2)) $(echo x  y) `echo z`",
    "X=1 args $X",
    "X=1; args $X",
    "args a=b =c",
    "args 2>&1 x",
    "args a >/dev/null",
    "args a | cat",
    "args a & wait",
    "(args a)",
    "{ args a; }",
    "! args a",
    "! false",
    "if true; then args yes; fi",
    "for i in 1 2; do args $i; done",
    "f() { args in f; }; f",
    "echo -n x; echo 'a\\tb'",
    "printf '%s-' a b",
    "cd / && pwd",
    "exit 42",
    "exec args a",
    "eval args a",
    "false || args b",
    "test -n x",
    "[ -z x ]",
    "true",
    "false",
    ":",
    "",
    "   ",
    "''",
    "$UNSET",
    "$UNSET args a",
    "$ARGS a",
    '"args" a',
    "\\args a",
    "no-such-command a",
    "./no/such",
    "/",
    "kill -TERM $$",
    "trap 'args bye' EXIT; args hello",
    'args "unclosed',
    "args 'unclosed",
    "args a\\",
    "args ${",
    "args ${SPACED%y}",
    "args ${#SPACED}",
    "args $",
    'args a$ "b$" "$ c"',
    'args \u00e4\u20ac "$UMLAUT"',
    "time args a",
    "args -c --help --",
    "set -e; false; args never",
    "cat <<X\nhere $SPACED\nX",
    "args a &&",
    ";",
    "& args",
    "args \\; \\& \"|\" '<'",
    "read x; args $x",
    "umask",
    "alias",
    "command args a",
    "type args >/dev/null",
]


@pytest.mark.parametrize("string", CORPUS)
def test_a_command_string_does_what_it_does_in_a_shell(start: Start, args: Path, string: str) -> None:
    need("dash")
    variables = environment(
        PATH=f"{args.parent}:{os.environ['PATH']}",
        SPACED=" x\ty ",
        EMPTY="",
        GLOB="/et? *",
        ARGS="args  1",
        UMLAUT="\u00fc",
        HOME="/root",
    )
    arguments = ["zero", "one", "two words"]
    shell = subprocess.run(
        ["dash", "-c", string, *arguments],
        env=variables,
        cwd=args.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    expected = shell.returncode if shell.returncode >= 0 else 128 - shell.returncode
    namespace = start("-c", string, *arguments, env=variables, cwd=args.parent)
    assert (namespace.wait(), namespace.stdout.encode(errors="surrogateescape")) == (expected, shell.stdout)


def test_words_after_the_command_string_are_its_parameters(start: Start, args: Path) -> None:
    namespace = start("-c", f'{args} "$0" "$#" "$@"', "zero", "--help", "a b")
    assert (namespace.wait(), namespace.stdout) == (0, "<zero><2><--help><a b>")


def test_words_after_a_simple_command_are_not_its_arguments_as_with_sh(start: Start, args: Path) -> None:
    namespace = start("-c", f"{args} own", "zero", "one")
    assert (namespace.wait(), namespace.stdout) == (0, "<own>")


def test_options_stand_before_the_command_string(start: Start) -> None:
    assert start("--map-status", "3:4", "-c", "exit 3", "--map-status", "3:5").wait() == 4


# --- pyinit given to pyinit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pyinit", "/usr/local/bin/pyinit"])
def test_an_entrypoint_and_a_shell_of_pyinit_make_one_pyinit(start: Start, name: str) -> None:
    namespace = start("--", name, "-c", f"{APP_WORDS} --status 5; exit $(($? + 1))")
    namespace.wait_for_output("app ready")
    assert [process.name() for process in namespace.init.children()] == ["sh"]
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 6
    assert namespace.stderr.count("stop requested") == 1


def test_the_inner_options_win_over_the_outer_ones(start: Start) -> None:
    outer = ("--map-status", "3:4,5:6", "--log-level", "debug")
    namespace = start(*outer, "--", "pyinit", "--log-level=error", "--map-status", "3:9", "--", "pyinit", "sh", "-c", "exit 3")
    assert (namespace.wait(), namespace.stderr) == (9, "")


def test_an_inner_pyinit_without_a_command_is_an_error(start: Start, marker: Path) -> None:
    assert "no command given" in error_of(start("--", "pyinit"), marker)


def test_pyinit_as_an_argument_is_an_argument(start: Start, args: Path) -> None:
    namespace = start("--", str(args), "pyinit", "-c", "x")
    assert (namespace.wait(), namespace.stdout) == (0, "<pyinit><-c><x>")


def test_started_by_name_it_isolates_itself(tmp_path: Path) -> None:
    module = [pyinit_from_source()[0], "-m", "pyinit", "--version"]
    (tmp_path / "posix.py").write_text("raise SystemExit('a module of the application was imported')")
    (tmp_path / "options.py").write_text("raise SystemExit('a module of the application was imported')")
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        module, env=environment(PYTHONPATH=f"{tmp_path}:{root}"), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, VERSION, "")
