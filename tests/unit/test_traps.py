"""Traps: what the text of a shell script says of its signals, on lines as people write them, and for any text at all."""

import subprocess
from signal import SIGHUP, SIGINT, SIGTERM, SIGUSR1

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyinit.delivery import traps
from tests.namespace import need

#: The start of many images.
TEXTBOOK = """#!/bin/bash
# an application and its proxy
set -e
stop() {
    kill -TERM "$pid"
    wait "$pid"
}
trap stop TERM INT
app --port 8080 &
pid=$!
wait "$pid"
"""

PIECES = st.sampled_from(
    [
        "trap",
        "wait",
        "kill",
        "app",
        "TERM",
        "$S",
        "'",
        '"',
        "\\",
        "#",
        "\n",
        " ",
        ";",
        "&",
        "|",
        "(",
        ")",
        ">",
        "<",
        "=",
        "-",
        "a",
    ]
)
TEXTS = st.text(max_size=60) | st.lists(PIECES, max_size=40).map("".join)


# --- traps ---


@pytest.mark.parametrize(
    "line",
    [
        "trap 'echo bye' TERM INT",
        "trap 'echo bye' INT TERM",
        'trap "kill -TERM $pid; wait $pid" TERM',
        "trap stop SIGTERM",
        "trap stop sigterm",
        "trap stop 15",
        "trap stop 2 15",
        "trap -- stop TERM",
        "trap stop TERM  # not INT",
        "trap '#' TERM",
        "trap stop\\\n TERM",
        "trap \\\n  stop \\\n  TERM",
        "trap 'line one\nline two' TERM",
        "trap it\\ stops TERM",
        "trap stop 'TERM'",
        'trap stop "TERM"',
        "cd /app && trap stop TERM",
        "command trap stop TERM",
        "if true; then trap stop TERM; fi",
        "main() { trap stop TERM; }",
        "trap stop EXIT; trap stop TERM",
        "trap - TERM; trap stop TERM",
        "trap ': \"quoted\"' TERM",
        TEXTBOOK,
    ],
)
def test_a_line_that_sets_a_trap_is_found(line: str) -> None:
    assert traps.traps(line, SIGTERM)


@pytest.mark.parametrize("word", ["$SIGNAL", '"$SIGNAL"', '"${1:-TERM}"', "$s"])
def test_a_signal_in_a_variable_may_be_any(word: str) -> None:
    for signum in (SIGTERM, SIGINT, SIGHUP):
        assert traps.traps(f"trap stop {word}", signum)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "app",
        "trap",
        "trap -l",
        "trap stop INT",
        "trap stop EXIT",
        "trap stop 0",
        "trap stop 1",
        "trap stop ERR DEBUG",
        "trap - TERM",
        "trap -- - TERM",
        "trap '' TERM",
        'trap "" TERM INT',
        "trap TERM",
        "trap 15",
        "# trap stop TERM",
        "app # trap stop TERM",
        "echo 'trap stop TERM'",
        'echo "trap stop TERM"',
        "trap 'echo TERM' INT",
        "trap stop; TERM",
        "trapped stop TERM",
    ],
)
def test_a_line_that_sets_no_trap_for_the_signal_is_none(line: str) -> None:
    assert not traps.traps(line, SIGTERM)


def test_each_signal_has_traps_of_its_own() -> None:
    text = "trap reload HUP\ntrap 'rotate logs' USR1\n"
    assert [traps.traps(text, signum) for signum in (SIGHUP, SIGUSR1, SIGTERM, SIGINT)] == [True, True, False, False]


# --- kills ---


@pytest.mark.parametrize(
    "text",
    [
        "kill $pid",
        "kill -TERM $pid",
        "kill -s TERM $pid",
        "kill -- -$$",
        "pkill app",
        "killall app",
        "trap 'kill $pid' TERM",
        'trap "kill -TERM \\$pid; wait \\$pid" TERM',
        "trap 'echo bye; kill 0' EXIT",
        "until ! kill -0 $pid; do sleep 1; done; kill -9 $pid",
        "exec sh -c 'kill 7'",
        TEXTBOOK,
    ],
)
def test_a_script_that_sends_signals_itself_is_known(text: str) -> None:
    assert traps.kills(text)


@pytest.mark.parametrize(
    "text", ["", "app", "kill -0 $pid", "trap 'kill -0 $pid' TERM", "# kill $pid", "app --kill", "killer", "trap stop TERM"]
)
def test_a_script_that_sends_none_or_only_asks_is_not(text: str) -> None:
    assert not traps.kills(text)


# --- waits ---


@pytest.mark.parametrize("text", ["app & wait", "app &\nwait $!", "app & p=$!; status=0 wait $p || exit", "app & fg", TEXTBOOK])
def test_a_script_with_a_wait_may_be_in_it(text: str) -> None:
    assert traps.waits(text)


@pytest.mark.parametrize("text", ["", "app", "proxy & app", "# wait", "echo 'wait'x", "waits"])
def test_a_script_without_a_wait_is_never_in_one(text: str) -> None:
    assert not traps.waits(text)
    assert not traps.is_in_wait(text)


@pytest.mark.parametrize(
    "text",
    [
        "app & wait",
        "app &\nwait $!\n",
        "one & two & wait",
        "app 2>&1 & wait",
        "app >log & wait",
        "prepare; app & pid=$!; wait $pid",
        "app & trap 'kill $!' TERM; wait",
        "app & pid=$!; while kill -0 $pid; do wait $pid; done",
        "app & while true; do wait; done",
        "app & [ -z $! ] || wait $!",
        "app & if ! wait $!; then exit 1; fi",
        "app & STATUS=0 wait $!",
        TEXTBOOK,
    ],
)
def test_a_script_that_starts_nothing_behind_its_last_job_can_only_be_in_wait(text: str) -> None:
    assert traps.is_in_wait(text)


@pytest.mark.parametrize(
    "text",
    [
        "wait",
        "app; wait",
        "app & wait; app",
        "app & sleep 1; wait",
        "app && wait",
        "app | wait",
        "app &>log; wait",
        "app & wait &",
        "app & wait; other &",
        "app & X=1 other; wait",
        "proxy & if prepare; then :; fi; wait",
        "proxy & if true; then app; fi; wait",
        "proxy & if true; then :; else app; fi; wait",
        "proxy & if true; then :; elif app; then :; fi; wait",
        "proxy & while true; do app; done; wait",
        "proxy & until app; do :; done; wait",
        "proxy & ! app; wait",
        "proxy & { app; wait; }",
        "proxy & (app); wait",
        'proxy & eval "$COMMAND"; wait',
    ],
)
def test_a_script_that_may_have_a_foreground_job_need_not_be_in_wait(text: str) -> None:
    assert not traps.is_in_wait(text)


# --- commands ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", [(["a", "b"], "")]),
        ("a; b", [(["a"], ";"), (["b"], "")]),
        ("a && b || c", [(["a"], "&&"), (["b"], "||"), (["c"], "")]),
        ("a | b &", [(["a"], "|"), (["b"], "&")]),
        ("a 'b c' \"d e\"f", [(["a", "b c", "d ef"], "")]),
        ("a ''", [(["a", ""], "")]),
        ('a "\\"b\\""', [(["a", '"b"'], "")]),
        ("a '\\'", [(["a", "\\"], "")]),
        ("a\\;b", [(["a;b"], "")]),
        ("a#b #c", [(["a#b"], "")]),
        ("# a\nb", [(["b"], "")]),
        ("a >&2", [(["a", ">&2"], "")]),
        ("a 'b", [(["a", "b"], "")]),
        ("a\\", [(["a\\"], "")]),
    ],
)
def test_commands_are_words_without_quotes_and_what_ends_them(text: str, expected: list[tuple[list[str], str]]) -> None:
    assert [one for one in traps.commands(text) if one[0]] == expected


@given(TEXTS)
def test_whatever_a_script_holds_there_is_an_answer(text: str) -> None:
    for signum in (SIGTERM, SIGINT):
        assert traps.traps(text, signum) in (True, False)
    assert traps.kills(text) in (True, False)
    assert not traps.is_in_wait(text) or traps.waits(text)


@given(st.text(st.characters(exclude_characters="'", exclude_categories=["Cs"]), max_size=30), TEXTS)
def test_a_quoted_word_is_one_word_whatever_it_holds(word: str, rest: str) -> None:
    assert list(traps.commands(f"a '{word}'")) == [(["a", word], "")]
    first = next(iter(traps.commands(f"a '{word}'\n{rest}")))
    assert first == (["a", word], "\n")


@given(TEXTS)
def test_a_comment_changes_nothing(text: str) -> None:
    comment = text.replace("\n", " ")
    assert list(traps.commands(f"app #{comment}")) == [(["app"], "")]
    assert list(traps.commands(f"#{comment}\napp")) == [([], "\n"), (["app"], "")]


@pytest.mark.parametrize("blank", ["\u00a0", "\r", "\f", "\u2003"])
def test_a_blank_that_is_none_to_a_shell_parts_no_words(blank: str) -> None:
    """Nor is such a word gone through again and again."""
    assert not traps.kills(f"echo now{blank}ready\n")
    assert not traps.kills(f"echo 'now{blank}ready'\n")
    assert traps.kills(f"echo now{blank}ready\nkill 7\n")


SH = ("sh", "/start.sh")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("app & wait", ("app",)),
        ("app --port 8 & pid=$!\nwait $pid\nsleep 1", ("/usr/bin/app", "--port", "8")),
        ("./app.py &\nwait", ("/usr/bin/python3", "./app.py")),
        ("if true; then exec env app & fi; wait", ("env", "app")),
        ("A=1 app | tee log & wait", ("app",)),
        ("A=1 app | tee log & wait", ("tee", "log")),
        ('"$@" & wait', ("anything",)),
        ("(cd /; app) & wait", SH),
        ("run() { app; }\nrun & wait", SH),
    ],
)
def test_a_command_that_a_script_puts_behind_is_known(text: str, words: tuple[str, ...]) -> None:
    assert traps.puts_behind(text, words, SH)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("app; exit 3", ("app",)),
        ("helper & app", ("app",)),
        ("app & app", ("app",)),
        ("app | tee log", ("tee", "log")),
        ('"$@" & app', ("app",)),
        ("app && helper", ("app",)),
        ("app & wait", SH),
        ("", ("app",)),
        ("app & wait", ()),
    ],
)
def test_a_command_that_may_be_in_the_foreground_is_not_taken_for_one_behind(text: str, words: tuple[str, ...]) -> None:
    assert not traps.puts_behind(text, words, SH)


@given(st.text(), st.lists(st.text(), max_size=3).map(tuple))
def test_whatever_a_script_holds_what_it_puts_behind_is_answered(text: str, words: tuple[str, ...]) -> None:
    assert traps.puts_behind(text, words, SH) in (True, False)


def test_the_longest_script_takes_no_longer_than_it_is_long() -> None:
    """A text of many quotes is not gone through once more for each of them."""
    text = 'trap "a \'b\' \\"c\\"" TERM\n' * 4000
    assert len(list(traps.commands(text))) == 4000
    assert not traps.kills(text)


# --- what real shells make of the same text ---

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}

#: Pieces of scripts that run nothing but built-ins that do nothing, whatever is put together of them.
HARMLESS = st.sampled_from(
    [
        *("trap", "trap", "trap --", "tr'a'p", '"trap"', "t\\rap", "\\\n", ":", "true", "if", "then", "fi", "{", "}", "(", ")"),
        *("TERM", "TERM", "15", "INT", "EXIT", "'TERM'", '"TE"RM', "T\\ERM", "HUP TERM"),
        *("''", "-", "':'", '": x"', "true", "'true;:'", "'#'", "\\#"),
        *(" ", " ", " ", "\n", "\n", ";", "&&", "||", "!", "# a\n", "#", "'", '"'),
    ]
)


def outlives(shell: list[str], text: str) -> bool:
    """Whether a shell that has run a text outlives SIGTERM: it has a trap for it. Where the text is no script, nobody knows."""
    # What follows the text is reached only where that is whole, for nothing in it can exit.
    whole = f"{text}\n:\nkill -s TERM $$\n:\nprintf end\n"
    done = subprocess.run([*shell, "-c", whole], capture_output=True, check=False, timeout=30, env={})
    return done.returncode == 0 and done.stdout == b"end"


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=max(100, settings().max_examples // 10))
@given(st.lists(HARMLESS, max_size=8).map("".join))
@example("trap : TERM")
def test_a_trap_that_a_shell_sets_is_found_in_the_text(shell: str, text: str) -> None:
    """The other way round there is room for doubt: what stands behind an `if` is found as well."""
    need(SHELLS[shell][0])
    is_ignoring = "''" in text or '""' in text  # then it outlives the signal without a trap
    if not is_ignoring and outlives(SHELLS[shell], text):
        assert traps.traps(text, SIGTERM)
