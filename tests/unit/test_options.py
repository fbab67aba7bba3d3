"""Options: where a value comes from, how values merge, and how a mistake reads."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.probe import command as probe
from pyinit.runtime import install
from pyinit.settings import help as texts
from pyinit.settings import options
from pyinit.settings.config import Asked, Config, UsageError
from pyinit.settings.options import Option, all_options, parse
from pyinit.status import command as status

#: A value for each option that is not its default, and another one.
VALUES: dict[str, tuple[str, str]] = {
    "--forward": ("handlers", "command"),
    "--stop-on": ("WINCH", "USR1"),
    "--stop-signal": ("QUIT", "INT"),
    "--rewrite": ("TERM:QUIT", "HUP:0"),
    "--pre-stop-delay": ("5", "1m"),
    "--pre-stop-min": ("1", "2"),
    "--pre-stop-max": ("30", "1m"),
    "--pre-stop-quiet": ("3", "0"),
    "--ports": ("8080", "80,9000-9010"),
    "--ignore-ports": ("9090", "1-1023"),
    "--pre-stop": ("sleep 1", "true"),
    "--pre-stop-until": ("yes", "on"),
    "--pre-stop-timeout": ("3", "4"),
    "--stop-timeout": ("30", "1m"),
    "--grace-period": ("7", "8.5"),
    "--settle": ("0", "2"),
    "--sweep-timeout": ("0", "9"),
    "--ready": ("tcp:8080", "notify"),
    "--ready-interval": ("2", "500ms"),
    "--ready-timeout": ("2", "3"),
    "--start-timeout": ("30", "1m"),
    "--health-listen": ("8081", "127.0.0.1:8082"),
    "--unready-at": ("signal", "request"),
    "--map-status": ("143:0", "1:2"),
    "--expand-env": ("yes", "true"),
    "--subreaper": ("yes", "no"),
    "--parent-death-signal": ("KILL", "TERM"),
    "--log-level": ("debug", "error"),
    "--log-format": ("json", "json"),
    "--termination-log": ("/tmp/a", "none"),  # noqa: S108 - never opened
}

#: What an option needs beside it.
CONTEXT = {
    "--pre-stop-until": {"PYINIT_PRE_STOP": "true", "PYINIT_PRE_STOP_DELAY": "auto"},
    "--start-timeout": {"PYINIT_READY": "notify"},
}

#: What becomes of a default that says to look where we are.
DEFAULTS = {"--unready-at": "request", "--stop-timeout": None}

#: Fields of Config that are no option's.
FOUND_OUT = {"assumed"}

EVERY = pytest.mark.parametrize("option", all_options(), ids=lambda option: option.flag)


def value(config: Config, option: Option) -> object:
    """The value of an option in a Config."""
    return getattr(config, option.field)


def test_every_option_has_values_here() -> None:
    assert set(VALUES) == {option.flag for option in all_options()}


def test_every_field_of_config_has_one_option() -> None:
    assert {option.field for option in all_options()} == Config.__annotations__.keys() - FOUND_OUT


@EVERY
def test_without_a_word_the_default_holds(option: Option) -> None:
    found = value(parse(["app"], CONTEXT.get(option.flag, {})).config, option)
    assert found == DEFAULTS.get(option.flag, option.parse(option.default))


@EVERY
def test_the_environment_wins_over_the_default_and_the_command_line_over_both(option: Option) -> None:
    one, other = VALUES[option.flag]
    by_environment = value(parse(["app"], {**CONTEXT.get(option.flag, {}), option.variable: one}).config, option)
    assert by_environment == option.parse(one) != option.parse(option.default)
    by_words = value(
        parse([f"{option.flag}={other}", "app"], {**CONTEXT.get(option.flag, {}), option.variable: one}).config, option
    )
    if option.merges:
        assert by_words == {**option.parse(one), **option.parse(other)}  # type: ignore[dict-item]  # merging options are dicts
    else:
        assert by_words == option.parse(other)


@EVERY
def test_a_default_may_be_another_which_loses_against_all_that_is_given(option: Option) -> None:
    one, other = VALUES[option.flag]
    environ, defaults = CONTEXT.get(option.flag, {}), {option.flag: one}
    assert value(parse(["app"], environ, defaults).config, option) == option.parse(one)
    assert value(parse(["app"], {**environ, option.variable: other}, defaults).config, option) == option.parse(other)
    assert value(parse([f"{option.flag}={other}", "app"], environ, defaults).config, option) == option.parse(other)


def test_other_defaults_do_not_hold_for_a_pyinit_as_the_command() -> None:
    defaults = {"--log-level": "warning"}
    assert parse(["--", "pyinit", "app"], {}, defaults).config.log_level == "info"
    assert parse(["--log-level=debug", "--", "pyinit", "app"], {}, defaults).config.log_level == "debug"


@EVERY
def test_an_empty_variable_is_as_good_as_none(option: Option) -> None:
    found = value(parse(["app"], {option.variable: ""}).config, option)
    assert found == DEFAULTS.get(option.flag, option.parse(option.default))


@EVERY
def test_a_value_follows_after_an_equals_sign_or_as_the_next_word(option: Option) -> None:
    one, _ = VALUES[option.flag]
    assert value(parse([f"{option.flag}={one}", "app"], CONTEXT.get(option.flag, {})).config, option) == option.parse(one)
    if option.implied is None:
        parsed = parse([option.flag, one, "app"], CONTEXT.get(option.flag, {}))
        assert value(parsed.config, option) == option.parse(one)
    else:
        parsed = parse([option.flag, "app"], CONTEXT.get(option.flag, {}))
        assert value(parsed.config, option) == option.parse(option.implied)
    assert parsed.command == ("app",)


@EVERY
def test_the_last_of_several_wins_or_all_are_merged(option: Option) -> None:
    one, other = VALUES[option.flag]
    found = value(parse([f"{option.flag}={one}", f"{option.flag}={other}", "app"], CONTEXT.get(option.flag, {})).config, option)
    if option.merges:
        assert found == {**option.parse(one), **option.parse(other)}  # type: ignore[dict-item]
    elif option.gathers:
        assert found == option.parse(one) + option.parse(other)  # type: ignore[operator]  # gathering options are tuples
    else:
        assert found == option.parse(other)


@EVERY
def test_a_bad_value_is_told_with_its_option_or_variable(option: Option) -> None:
    bad = "b\u00e4d"
    try:
        option.parse(bad)
    except ValueError:
        for words, environ, name in [
            ([f"{option.flag}={bad}", "app"], {}, option.flag),
            (["app"], {option.variable: bad}, option.variable),
        ]:
            with pytest.raises(UsageError, match=f"^{name}: .*{bad}"):
                parse(words, environ)
    else:
        assert option.flag in ("--pre-stop", "--termination-log"), "any text will do for these only"


@EVERY
def test_help_tells_of_it(option: Option) -> None:
    text = texts.everything()
    assert f"  {option.flag}" in text
    assert f"[{option.variable}; default {option.default or 'none'}]" in text
    assert option.metavar in text
    assert " ".join(option.help.split()) in " ".join(text.split())


def test_help_tells_of_the_rest_and_fits_a_screen() -> None:
    text = texts.everything()
    for word in ("-c STRING", "--help", "--version", "usage: pyinit [options] [--] command [argument ...]", *options.OPTIONS):
        assert word in text
    assert max(map(len, text.splitlines())) <= 100
    assert text.isprintable() or set(text) - {char for char in text if char.isprintable()} == {"\n"}


def test_the_short_help_is_two_screens_with_three_examples_first() -> None:
    lines = texts.short().splitlines()
    assert len(lines) <= 2 * 24
    assert max(map(len, lines)) <= 80
    examples = lines.index("Examples, in a Dockerfile:")
    assert [line.split()[0] for line in lines[examples + 1 : examples + 4]] == ["ENTRYPOINT", "SHELL", "ENV"]
    assert examples < lines.index("Options (each has a variable: --grace-period is PYINIT_GRACE_PERIOD, too):")
    for flag in texts.BRIEFLY:
        assert sum(line.split()[:1] in ([flag], [f"{flag}[=yes|no]"]) for line in lines) == 1
    assert "pyinit --help all" in lines[-1]


def test_the_usages_of_the_tools_are_those_that_they_show_themselves() -> None:
    assert texts.USAGES[2:] == (probe.USAGE, status.USAGE, install.USAGE)


def test_merging_lets_the_command_line_win_pair_by_pair() -> None:
    parsed = parse(["--rewrite", "TERM:INT", "--rewrite=USR1:0", "app"], {"PYINIT_REWRITE": "TERM:QUIT,HUP:USR1"})
    assert parsed.config.rewrite == {15: 2, 10: 0, 1: 10}


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["app", "--help"], ("app", "--help")),
        (["app", "-c", "x"], ("app", "-c", "x")),
        (["--", "app"], ("app",)),
        (["--", "--help"], ("--help",)),
        (["--", "-c", "x"], ("-c", "x")),
        (["--", "--", "app"], ("--", "app")),
        (["-"], ("-",)),
        (["", "a"], ("", "a")),
        (["--settle", "1", "--", "app", "--settle", "2"], ("app", "--settle", "2")),
    ],
)
def test_the_command_begins_where_the_options_end(words: list[str], command: tuple[str, ...]) -> None:
    parsed = parse(words, {})
    assert (parsed.command, parsed.script) == (command, None)


def test_a_string_is_taken_with_its_arguments() -> None:
    parsed = parse(["--settle=2", "-c", "app $1", "name", "--settle=3"], {})
    assert (parsed.script, parsed.command, parsed.config.settle) == ("app $1", ("name", "--settle=3"), 2.0)
    assert parse(["-c", ""], {}).script == ""
    assert parse(["-c", "-x"], {}).script == "-x"


@pytest.mark.parametrize(
    "words", [[], ["--"], ["-c"], ["--settle", "1"], ["--settle=1", "--"], ["pyinit"], ["pyinit", "--", "pyinit", "--"]]
)
def test_no_command_is_an_error(words: list[str]) -> None:
    with pytest.raises(UsageError, match=r"no command given|a command string must follow"):
        parse(words, {})


@pytest.mark.parametrize(
    ("word", "asked"),
    [
        ("--help", "--help"),
        ("-h", "--help"),
        ("--version", "--version"),
        ("--help all", "--help all"),
        ("--help=all", "--help all"),
    ],
)
def test_something_to_read_is_asked_for(word: str, asked: str) -> None:
    for words in (word.split(), ["--settle=nonsense", *word.split()], ["--", "pyinit", *word.split()]):
        with pytest.raises(Asked, match=f"^{asked}$"):
            parse(words, {})
    assert texts.answer(asked)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--grace-perod=5", "--grace-period"),
        ("--prestop", "--pre-stop"),
        ("--forwrd", "--forward"),
        ("--log-fromat", "--log-format"),
        ("--stop_on", "--stop-on"),
        ("--hlep", "--help"),
    ],
)
def test_an_unknown_option_is_told_with_the_nearest(word: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"^{word.partition('=')[0]}: no such option; did you mean ({meant})\?"):
        parse([word, "app"], {})


def test_an_option_without_its_value_says_what_must_follow() -> None:
    with pytest.raises(UsageError, match=r"^--grace-period: a value must follow: --grace-period SECONDS$"):
        parse(["--grace-period"], {})


@pytest.mark.parametrize("word", ["--help=more", "--version=2"])
def test_something_to_read_takes_no_value(word: str) -> None:
    with pytest.raises(UsageError, match=f"^{word.partition('=')[0]}: takes no value"):
        parse([word, "app"], {})


@pytest.mark.parametrize(
    "option", [option for option in all_options() if option.implied is None], ids=lambda option: option.flag
)
def test_a_value_that_is_missing_before_the_command_or_another_option_is_told(option: Option) -> None:
    for words, before in ((["--", "true"], "--"), (["--settle", "1", "--", "true"], "--settle")):
        with pytest.raises(UsageError) as caught:
            parse([option.flag, *words], {})
        assert str(caught.value) == f"{option.flag}: a value must follow before {before}: {option.flag} {option.metavar}"


@pytest.mark.parametrize(
    "option", [option for option in all_options() if option.implied is not None], ids=lambda option: option.flag
)
def test_the_value_of_a_switch_that_would_be_the_command_is_told(option: Option) -> None:
    for value in ("yes", "no"):
        with pytest.raises(UsageError) as caught:
            parse([option.flag, value, "--", "true"], CONTEXT.get(option.flag, {}))
        problem = f"{option.flag}: {value!r} would be the command: a value follows an =: {option.flag}={value}"
        assert str(caught.value) == problem
        assert parse([option.flag, value], CONTEXT.get(option.flag, {})).command == (value,), "there is such a program"


def test_what_is_near_nothing_is_told_without_a_suggestion() -> None:
    for word in ("--frobnicate", "-x"):
        with pytest.raises(UsageError, match=rf"^{word}: no such option \(pyinit --help all lists them\)$"):
            parse([word, "app"], {})
    (warning,) = parse(["app"], {"PYINIT_VERSION": "1"}).warnings
    assert warning == "PYINIT_VERSION is no variable of pyinit, and is ignored"


def test_a_string_must_follow_c_and_dumb_init_s_is_told_apart() -> None:
    with pytest.raises(UsageError, match=r"^-c: a command string must follow, as with sh -c; dumb-init's -c is not needed"):
        parse(["-c", "--", "app"], {})


@pytest.mark.parametrize(("word", "level"), [("warn", "warning"), ("INFO", "info"), ("Debug", "debug"), ("WARN", "warning")])
def test_levels_of_the_log_are_taken_as_people_write_them(word: str, level: str) -> None:
    assert parse(["--log-level", word, "app"], {}).config.log_level == level


def test_a_word_that_would_be_a_shell_s_among_the_arguments_is_warned_of() -> None:
    (warning,) = parse(["--", "migrate", "&&", "serve"], {}).warnings
    assert warning == "'&&' is an argument of migrate here, for there is no shell: pyinit -c '...' has one"
    assert parse(["-c", "migrate && serve", "&&"], {}).warnings == ()


def test_an_unknown_variable_is_a_warning_with_the_nearest() -> None:
    environ = {
        "PYINIT_GRACE_PEROID": "5",
        "PYINIT_SIGNAL": "TERM",
        "PYINIT_COMMAND_PID": "7",
        "PATH": "/",
        "PYINIT_SETTLE": "1",
    }
    (warning,) = parse(["app"], environ).warnings
    assert warning == "PYINIT_GRACE_PEROID is no variable of pyinit; did you mean PYINIT_GRACE_PERIOD? It is ignored"


# --- pyinit in pyinit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["pyinit", "/usr/local/bin/pyinit"])
def test_a_pyinit_as_the_command_of_a_pyinit_is_one_pyinit(inner: str) -> None:
    parsed = parse(
        ["--settle=2", "--", inner, "--settle", "3", "--grace-period=4", "-c", "app; x", "name"], {"PYINIT_SETTLE": "9"}
    )
    assert (parsed.script, parsed.command) == ("app; x", ("name",))
    assert (parsed.config.settle, parsed.config.grace_period) == (3.0, 4.0)


def test_three_are_one_as_well_and_pairs_are_merged() -> None:
    words = [
        "--rewrite=TERM:INT,USR1:0",
        "pyinit",
        "--rewrite=TERM:QUIT",
        "pyinit",
        "--map-status=143:0",
        "--",
        "app",
        "pyinit",
    ]
    parsed = parse(words, {"PYINIT_REWRITE": "HUP:0"})
    assert parsed.command == ("app", "pyinit")
    assert parsed.config.rewrite == {15: 3, 10: 0, 1: 0}
    assert parsed.config.map_status == {143: 0}


@pytest.mark.parametrize("command", ["pyinit2", "mypyinit", "/pyinit/app", "pyinit.sh", "pyinit/"])
def test_others_are_commands_like_any_other(command: str) -> None:
    assert parse([command, "--help"], {}).command == (command, "--help")


def test_a_string_is_never_looked_into() -> None:
    assert parse(["-c", "pyinit app"], {}).script == "pyinit app"


# --- whatever is written -------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=8)
FLAGS = [option.flag for option in all_options()]
GIVEN = [text for pair in VALUES.values() for text in pair]
WORD = st.one_of(
    TEXT,
    st.sampled_from([*FLAGS, "--help", "--version", "-c", "--", "-", "pyinit", "app", ""]),
    st.sampled_from(GIVEN),
    st.builds("{}={}".format, st.sampled_from(FLAGS) | TEXT.map("--{}".format), st.sampled_from(GIVEN) | TEXT),
)
ENVIRON = st.dictionaries(
    st.sampled_from([option.variable for option in all_options()]) | TEXT.map("PYINIT_{}".format) | TEXT,
    st.sampled_from(GIVEN) | TEXT,
    max_size=4,
)


@given(st.lists(WORD, max_size=8), ENVIRON)
@example(["--a\nb"], {})
@example(["app"], {"PYINIT_A\nB": ""})
@example(["--settle=a\nb", "app"], {})
@example(["--stop-on", "1" * 5000, "app"], {})
@example(["app"], {"PYINIT_" + "A" * 5000: ""})
def test_whatever_is_written_it_is_understood_or_refused_in_one_line(words: list[str], environ: dict[str, str]) -> None:
    parsed = None
    try:
        parsed = parse(words, environ)
    except (UsageError, Asked) as answer:
        lines = [str(answer)]
    else:
        lines = list(parsed.warnings)
    assert all(len(line.splitlines()) == 1 for line in lines)
    if parsed is None:
        return
    assert parsed.command or parsed.script is not None
    assert set(vars(parsed.config)) - FOUND_OUT == {option.field for option in all_options()}
    # What was not taken is passed on, word for word.
    assert list(parsed.command) == words[len(words) - len(parsed.command) :]


@pytest.mark.parametrize(
    "words", [["--settle", "--forward=\r"], ["--subreaper", "no\r", "--", "x"], ["--expand-env", "\r", "--", "x"]]
)
def test_a_word_that_does_not_fit_into_a_line_is_told_in_one(words: list[str]) -> None:
    try:
        told = list(parse(words, {}).warnings)
    except UsageError as error:
        told = [str(error)]
    assert all(len(line.splitlines()) == 1 for line in told)


def test_a_pyinit_that_runs_no_command_is_a_command_and_not_taken_as_one_with_ours() -> None:
    for words in (
        ["pyinit", "--install", "/a"],
        ["pyinit", "--probe", "tcp:1"],
        ["/usr/bin/pyinit", "--status", "--json"],
        ["pyinit", "--probe=tcp:1"],
    ):
        assert parse(["--settle", "2", "--", *words], {}).command == tuple(words)


# --- readiness ---


def test_a_variable_holds_several_targets_and_a_command_goes_on_to_the_end_of_its_line() -> None:
    config = parse(["app"], {"PYINIT_READY": "tcp:80  notify exec:test -e /a b\n file:/c\n"}).config
    assert config.ready == ("tcp:80", "notify", "exec:test -e /a b", "file:/c")


@pytest.mark.parametrize("target", ["pyinit", "ftp:x", "tcp:0", "", "Notify", "http://example.org/"])
def test_a_target_that_cannot_be_meant_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match=r"^--ready: "):
        parse(["--ready", target, "app"], {})


def test_a_time_limit_for_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^PYINIT_START_TIMEOUT: .*--ready"):
        parse(["app"], {"PYINIT_START_TIMEOUT": "5"})


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "8081x", "example.org:8081", "::1:8081", "[::1]", "[127.0.0.1]:80", "1.2.3:80"]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--health-listen: "):
        parse(["--health-listen", text, "app"], {})


@pytest.mark.parametrize(
    ("text", "found"),
    [("8081", ("", 8081)), (":8081", ("", 8081)), ("*:1", ("", 1)), ("[::]:1", ("::", 1)), ("localhost:9", ("127.0.0.1", 9))],
)
def test_an_address_to_listen_on(text: str, found: tuple[str, int]) -> None:
    assert parse(["--health-listen", text, "app"], {}).config.health_listen == found


def test_readiness_falls_late_inside_kubernetes_and_early_elsewhere_unless_one_says_so() -> None:
    inside = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert parse(["app"], {}).config.unready_at == "request"
    assert parse(["app"], inside).config.unready_at == "signal"
    assert parse(["app"], {**inside, "PYINIT_UNREADY_AT": "request"}).config.unready_at == "request"
    assert (
        options.read(["app"], {key.encode(): text.encode() for key, text in inside.items()}, {}).config.unready_at == "signal"
    )


def test_the_health_port_is_no_traffic() -> None:
    config = parse(["--health-listen", "8081", "app"], {}).config
    assert config.ignores(8081)
    assert not config.watches(8081)
    assert config.watches(8080)
