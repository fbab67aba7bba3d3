"""Drop-in personalities: what the words and variables of tini, dumb-init and catatonit come to."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit import __version__
from pyinit.settings.config import DROP_IN, GROUP, Asked, Config, UsageError
from pyinit.settings.drop_in import PROGRAMS, Translation, translate
from pyinit.settings.options import Parsed, parse, version_text

TINIS = ("tini", "tini-static", "docker-init")
CATATONITS = ("catatonit", "podman-init")

TERM, INT, QUIT, USR1, HUP = 15, 2, 3, 10, 1

OF_TINI = pytest.mark.parametrize("name", TINIS)
OF_CATATONIT = pytest.mark.parametrize("name", CATATONITS)
OF_ALL = pytest.mark.parametrize("name", PROGRAMS)


def parsed(name: str, *words: str, **environ: str) -> Parsed:
    """What comes of it all, the command included."""
    theirs = translate(name, list(words), environ)
    assert (theirs.answer, theirs.pauses) == ("", False)
    return parse(list(theirs.words), environ, theirs.defaults)


def config(name: str, *words: str, **environ: str) -> Config:
    """The Config of these options, before the command `app`."""
    found = parsed(name, *words, "app", **environ)
    assert found.command == ("app",)
    return found.config


def refused(name: str, *words: str, **environ: str) -> str:
    """Why this is refused."""
    with pytest.raises(UsageError) as caught:
        translate(name, list(words), environ)
    return str(caught.value)


def test_the_names_are_those_that_make_us_look_here() -> None:
    assert set(DROP_IN) == set(PROGRAMS)


# --- all of them ---------------------------------------------------------------------------------------------------


@OF_ALL
def test_without_a_word_it_is_quiet_and_differs_from_pyinit_in_nothing_else(name: str) -> None:
    own, theirs = parse(["app"], {}).config, config(name)
    differing = {field for field in Config.__annotations__ if getattr(own, field) != getattr(theirs, field)}
    assert theirs.log_level == "warning"
    assert theirs.forward == GROUP
    assert differing == {"log_level"}


@OF_ALL
def test_variables_of_pyinit_win_over_the_quiet_defaults(name: str) -> None:
    found = config(name, PYINIT_FORWARD="command", PYINIT_LOG_LEVEL="info", PYINIT_PRE_STOP_DELAY="5")
    assert (found.forward, found.log_level, found.pre_stop_delay) == ("command", "info", 5.0)


@pytest.mark.parametrize(
    ("name", "words", "environ", "level"),
    [
        ("tini", ["-g", "-v"], {}, "info"),
        ("tini", [], {"TINI_KILL_PROCESS_GROUP": "1", "TINI_VERBOSITY": "2"}, "info"),
        ("dumb-init", ["-c", "-v"], {}, "debug"),
        ("dumb-init", [], {"DUMB_INIT_SETSID": "0", "DUMB_INIT_DEBUG": "1"}, "debug"),
        ("catatonit", ["-g"], {"CATATONIT_DEBUG": ""}, "debug"),
    ],
)
def test_what_is_given_in_their_way_wins_over_variables_of_pyinit_and_tells_nobody_else(
    name: str, words: list[str], environ: dict[str, str], level: str
) -> None:
    found = config(name, *words, PYINIT_LOG_LEVEL="error", **environ)
    assert (found.forward, found.log_level) == (GROUP, level)


@OF_ALL
@pytest.mark.parametrize("words", [["app", "-x", "--"], ["-", "-g"], ["", "a"], ["./app", "--version"], ["app", "-h"]])
def test_the_options_end_with_the_first_word_that_is_none(name: str, words: list[str]) -> None:
    assert list(parsed(name, *words).command) == words
    assert list(parsed(name, "--", *words).command) == words


@OF_ALL
def test_after_two_dashes_anything_is_the_command(name: str) -> None:
    assert parsed(name, "--", "-g", "--", "-x").command == ("-g", "--", "-x")


@OF_ALL
@pytest.mark.parametrize("words", [[], ["--"]])
def test_no_command_is_an_error(name: str, words: list[str]) -> None:
    assert refused(name, *words) == f"{name}: no command given; {name} -h tells more"


@OF_ALL
@pytest.mark.parametrize("words", [["-x", "app"], ["-gx", "app"], ["-cx", "app"], ["--bogus", "app"], ["--zoo=1", "app"]])
def test_an_unknown_option_is_named(name: str, words: list[str]) -> None:
    assert refused(name, *words).startswith(f"{name}: no such option: {words[0]}")


@OF_ALL
def test_who_tries_an_option_of_pyinit_learns_how_it_is_given(name: str) -> None:
    assert "PYINIT_" in refused(name, "--pre-stop-delay=5", "app")


@OF_ALL
def test_a_pyinit_as_the_command_is_one_pyinit_with_its_own_defaults(name: str) -> None:
    own = parse(["app"], {}).config
    found = parsed(name, "--", "/pyinit", "--settle=2", "--", "app")
    assert found.command == ("app",)
    assert (found.config.settle, found.config.log_level, found.config.forward) == (2.0, own.log_level, own.forward)
    with pytest.raises(Asked, match="--version"):
        parsed(name, "pyinit", "--version")


@OF_ALL
def test_help_tells_of_every_option_and_variable_and_of_who_we_are(name: str) -> None:
    answer = translate(name, ["-h"], {}).answer
    program = PROGRAMS[name]
    assert answer.startswith(f"usage: {name} [options] [--] command [argument ...]\n")
    assert f"pyinit {__version__}" in answer
    for flag in program.flags:
        assert f"\n  -{flag.letter}" in answer
        assert not flag.long or f"--{flag.long}" in answer
        assert flag.help in answer
    for variable, text in program.variables:
        assert f"\n  {variable}\n      {text}\n" in answer
    assert max(map(len, answer.splitlines())) <= 90
    assert len(answer) < 4096, "or one write to a pipe may tear it"


@pytest.mark.parametrize(("words", "first"), [(["-h", "-x"], "-h"), (["-x", "-h"], "-x")])
@OF_ALL
def test_the_first_of_a_question_and_a_mistake_counts(name: str, words: list[str], first: str) -> None:
    if first == "-h":
        assert translate(name, words, {}).answer
    else:
        assert "-x" in refused(name, *words)


@pytest.mark.parametrize(
    ("name", "words", "on_stderr"),
    [
        ("tini", ["-h"], False),
        ("tini", ["--version"], False),
        ("tini", ["-l"], False),
        ("dumb-init", ["-h"], True),
        ("dumb-init", ["--help"], True),
        ("dumb-init", ["-V"], True),
        ("catatonit", ["-h"], True),
        ("catatonit", ["-V"], False),
        ("catatonit", ["-L"], False),
    ],
)
def test_answers_go_where_theirs_go(name: str, words: list[str], on_stderr: bool) -> None:
    assert translate(name, words, {}).on_stderr == on_stderr


# --- --version -----------------------------------------------------------------------------------------------------


def init_version(line: str) -> tuple[str, str]:
    """Version and commit as dockerd reads them from the output of its init (moby, daemon/info_unix.go)."""
    version = commit = ""
    parts = line.strip().split(" - ")
    if len(parts) == 2 and parts[1].count(".") == 1 and parts[1].startswith("git."):
        commit = parts[1].removeprefix("git.")
    if parts[0].startswith("tini version "):
        version = parts[0].removeprefix("tini version ")
    return version, commit


@pytest.mark.parametrize("name", [*TINIS, *CATATONITS])
def test_dockerd_finds_version_and_commit(name: str) -> None:
    word = "--version"
    assert init_version(translate(name, [word], {}).answer) == (__version__, "pyinit-" + __version__.replace(".", "-"))


def test_dockerd_finds_the_commit_of_pyinit_by_its_own_name() -> None:
    assert init_version(version_text("pyinit ")) == ("", "pyinit-" + __version__.replace(".", "-"))
    assert version_text("pyinit ").startswith(f"pyinit {__version__} ")


def test_dumb_init_tells_its_version_in_its_own_form() -> None:
    for word in ("-V", "--version", "--vers"):
        assert translate("dumb-init", [word], {}).answer.startswith(f"dumb-init v{__version__} ")


@OF_TINI
def test_tini_takes_version_only_alone(name: str) -> None:
    assert "--version" in refused(name, "--version", "app")
    assert "--version" in refused(name, "-g", "--version")


# --- tini ----------------------------------------------------------------------------------------------------------


@OF_TINI
@pytest.mark.parametrize(
    "words", [["-sge3", "-p", "SIGTERM"], ["-s", "-g", "-e", "3", "-pSIGTERM"], ["-gse", "3", "-vpSIGTERM"]]
)
def test_letters_of_tini_may_share_a_dash(name: str, words: list[str]) -> None:
    found = config(name, *words)
    assert (found.subreaper, found.forward, found.map_status, found.parent_death_signal) == ("yes", GROUP, {3: 0}, TERM)


@OF_TINI
def test_every_e_adds_a_status_that_is_a_success(name: str) -> None:
    assert config(name, "-e", "143", "-e", " +7", "-e", "").map_status == {143: 0, 7: 0, 0: 0}


@OF_TINI
@pytest.mark.parametrize("status", ["256", "-1", "3x", "x", "0x3", "1 ", "9" * 5000])
def test_no_status_no_e(name: str, status: str) -> None:
    assert f"-e: '{status}' is not an exit status" in refused(name, "-e", status, "app")


def test_e_holds_for_a_command_that_cannot_be_started_too() -> None:
    assert translate("tini", ["-e", "127", "app"], {}).statuses == {125: 1, 126: 126, 127: 0}
    assert translate("tini", ["-e", "1", "app"], {}).statuses == {125: 0, 126: 126, 127: 127}


@OF_TINI
@pytest.mark.parametrize("signal", ["TERM", "15", "sigterm", "SIGRTMIN", "SIG", "SIGNONE", "", "SIGPWR", "SIGSIGTERM"])
def test_p_takes_full_names_only(name: str, signal: str) -> None:
    assert f"-p: '{signal}' is not a signal" in refused(name, "-p", signal, "app")


@OF_TINI
@pytest.mark.parametrize(
    ("words", "variable", "level"),
    [
        (["-v"], None, "info"),
        (["-vv"], None, "debug"),
        (["-vvv", "-v"], None, "debug"),
        ([], "0", "error"),
        ([], "1", "warning"),
        ([], "2", "info"),
        ([], " 2x", "info"),
        ([], "3", "debug"),
        ([], "99", "debug"),
        ([], "-1", "debug"),
        ([], "", "error"),
        ([], "loud", "error"),
        (["-vvv"], "1", "warning"),
    ],
)
def test_verbosity_is_counted_and_the_variable_has_the_last_word(
    name: str, words: list[str], variable: str | None, level: str
) -> None:
    environ = {} if variable is None else {"TINI_VERBOSITY": variable}
    assert config(name, *words, **environ).log_level == level


@OF_TINI
@pytest.mark.parametrize("value", ["", "0", "1", "no"])
def test_switches_of_tini_s_environment_are_on_where_they_are_set(name: str, value: str) -> None:
    assert config(name, TINI_SUBREAPER=value).subreaper == "yes"
    assert config(name, TINI_KILL_PROCESS_GROUP=value).forward == GROUP


@OF_TINI
@pytest.mark.parametrize("words", [["-p"], ["-e"], ["-ge"]])
def test_a_letter_that_lacks_its_value_says_so(name: str, words: list[str]) -> None:
    assert f"-{words[0][-1]}: a value must follow" in refused(name, *words)


# --- dumb-init -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "rewrite"),
    [
        (["-r", "15:3"], {TERM: QUIT}),
        (["-r15:3", "--rewrite", "2:0", "--rewrite=1:10", "--rew=10:1"], {TERM: QUIT, INT: 0, HUP: USR1, USR1: HUP}),
        (["-r", "15:3", "-r", "15:2"], {TERM: INT}),
        (["-r", " 15: +3,4:5"], {TERM: QUIT}),
        (["-r", "17:1", "-r", "9:1", "-r", "19:1"], {}),
        (["-r", "15:17"], {TERM: 17}),
    ],
)
def test_rewrites_are_read_as_dumb_init_reads_them(words: list[str], rewrite: dict[int, int]) -> None:
    assert config("dumb-init", *words).rewrite == rewrite


@pytest.mark.parametrize(
    "pair", ["", "15", "15:", ":15", "TERM:INT", "15 :3", "15:x", "0:15", "32:15", "15:32", "-1:15", "15:-3"]
)
def test_no_pair_of_numbers_no_rewrite(pair: str) -> None:
    assert refused("dumb-init", "-r", pair, "app").startswith(f"dumb-init: -r: '{pair}'")


@pytest.mark.parametrize("words", [["-c"], ["--single-child"], ["--single"], ["--s"], ["-vc"], ["-cr", "15:3"]])
def test_a_single_child_is_told_alone(words: list[str]) -> None:
    assert config("dumb-init", *words).forward == GROUP


@pytest.mark.parametrize("words", [["-v"], ["--verbose"], ["--verb"]])
def test_verbose_is_everything(words: list[str]) -> None:
    assert config("dumb-init", *words).log_level == "debug"


@pytest.mark.parametrize("value", ["", "1", "no", "00"])
def test_setsid_is_off_only_where_it_is_0(value: str) -> None:
    assert config("dumb-init", DUMB_INIT_SETSID=value).forward == GROUP
    assert config("dumb-init", DUMB_INIT_SETSID="0").forward == GROUP


@pytest.mark.parametrize("value", ["", "0", "yes", "11"])
def test_debug_is_on_only_where_it_is_1(value: str) -> None:
    assert config("dumb-init", DUMB_INIT_DEBUG=value).log_level == "warning"
    assert config("dumb-init", DUMB_INIT_DEBUG="1").log_level == "debug"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("--v", "--v may be --verbose or --version"),
        ("--ver", "--ver may be --verbose or --version"),
        ("--help=3", "--help takes no value"),
        ("--rewrite", "--rewrite: a value must follow: --rewrite FROM:TO"),
        ("-r", "-r: a value must follow: -r FROM:TO"),
    ],
)
def test_a_long_option_may_be_short_but_not_doubtful(word: str, reason: str) -> None:
    assert refused("dumb-init", word) == f"dumb-init: {reason}; dumb-init -h tells more"


# --- catatonit -----------------------------------------------------------------------------------------------------


@OF_CATATONIT
def test_g_is_the_group(name: str) -> None:
    assert config(name, "-g").forward == GROUP


@OF_CATATONIT
@pytest.mark.parametrize("words", [["-P"], ["-gP"], ["-P", "--"], ["-P", "app"], ["-P", "pyinit", "--help"]])
def test_a_pause_starts_nothing(name: str, words: list[str]) -> None:
    theirs = translate(name, words, {})
    assert theirs.pauses
    assert parse(list(theirs.words), {}, theirs.defaults).command == ("pause",)


# --- whatever is written -------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=6)
LETTERS = st.text("hspvwgelcrVLP=-", max_size=4).map("-{}".format)
NUMBERS = st.sampled_from(["15:3", "1:0", "9:9", "17:17", "3", "255", "256", "SIGTERM", "-1", "", "app", "pyinit", "--"])
LONG = st.sampled_from(["--rewrite", "--single", "--ver", "--version", "--help", "--rewrite=2:15", "--"])
VARIABLES = st.sampled_from([variable for program in PROGRAMS.values() for variable, _ in program.variables])


@given(
    st.sampled_from(list(PROGRAMS)),
    st.lists(LETTERS | NUMBERS | LONG | TEXT, max_size=6),
    st.dictionaries(VARIABLES, NUMBERS | TEXT),
)
@example("tini", ["-\n"], {})
@example("dumb-init", ["-r", "1" * 5000 + ":1"], {})
@example("tini", ["app"], {"TINI_VERBOSITY": "1" * 5000})
def test_whatever_is_written_it_is_translated_or_refused_in_one_line(
    name: str, words: list[str], environ: dict[str, str]
) -> None:
    theirs, refusal = Translation(), f"{name}: "
    try:
        theirs = translate(name, words, environ)
    except UsageError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == 1
    assert refusal.startswith(f"{name}: ")
    if not theirs.words:
        return
    try:
        found = parse(list(theirs.words), {}, theirs.defaults)
    except (UsageError, Asked):
        assert "pyinit" in theirs.words, "only an inner pyinit may have options that are wrong by now"
    else:
        assert theirs.pauses or list(found.command) == words[len(words) - len(found.command) :]
