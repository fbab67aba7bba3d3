"""Hints: what may have been meant by a mistake, and nothing where that is not near."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.settings import hints
from pyinit.settings.options import all_options
from pyinit.settings.words import SHELL_WORDS

FLAGS = [option.flag for option in all_options()]
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=12)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--grace-perod", "--grace-period"),
        ("--graceperiod", "--grace-period"),
        ("--sweep", "--sweep-timeout"),
        ("--pre-stop-dealy", "--pre-stop-delay"),
        ("--prestop", "--pre-stop"),
        ("--log", "--log-level"),
        ("--frobnicate", ""),
        ("--kill", ""),
        ("--x", ""),
        ("-x", ""),
        ("", ""),
    ],
)
def test_a_word_is_near_those_of_which_it_is_the_beginning_or_that_differ_in_few_letters(word: str, meant: str) -> None:
    assert hints.nearest(word, FLAGS) == meant


@given(WORDS, st.lists(WORDS, max_size=5))
def test_what_is_near_is_a_known_word(word: str, known: list[str]) -> None:
    assert hints.nearest(word, known) in (*known, "")


@pytest.mark.parametrize("flag", FLAGS)
def test_a_known_word_is_its_own(flag: str) -> None:
    assert hints.nearest(flag, FLAGS) == flag


@pytest.mark.parametrize(
    ("words", "truth"),
    [
        (["-e", "143", "--", "app"], "tini's -e 143 is --map-status 143:0"),
        (["-e143"], "tini's -e 143 is --map-status 143:0"),
        (["-e"], "tini's -e STATUS is --map-status STATUS:0"),
        (["-e", "--", "app"], "tini's -e STATUS is --map-status STATUS:0"),
        (["-p", "SIGTERM"], "tini's -p SIGTERM is --parent-death-signal SIGTERM"),
        (["-r", "15:3"], "dumb-init's -r 15:3 is --rewrite 15:3"),
        (["-g"], "is not needed: leave it out"),
        (["-s"], "is not needed: leave it out"),
        (["-w"], "is not needed: leave it out"),
        (["-gv"], "is not needed: leave it out"),
        (["-vvv"], "--log-level debug"),
        (["--verbose"], "--log-level debug"),
        (["--single-child"], "is not needed: leave it out"),
        (["-V"], "--version"),
        (["-l"], "Apache-2.0"),
        (["-L"], "Apache-2.0"),
        (["-P"], "link catatonit to pyinit"),
    ],
)
def test_an_option_of_another_init_gets_its_true_answer(words: list[str], truth: str) -> None:
    word, *rest = words
    said = hints.unknown_option(word, rest, FLAGS)
    assert said.startswith(f"{word}: no such option: ")
    assert truth in said
    assert "did you mean" not in said


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (
            ["python3 app.py"],
            "a command is separate words (pyinit -- python3 app.py), or one string after -c (pyinit -c 'python3 app.py')",
        ),
        (["a && b"], "that is a shell's line: pyinit -c 'a && b'"),
        (["cd /app; ./start"], "that is a shell's line: pyinit -c 'cd /app; ./start'"),
        (["echo it's | cat"], "that is a shell's line: pyinit -c 'echo it'\\''s | cat'"),
        (["cd", "/app"], "cd is a shell's own word: pyinit -c 'cd ...' has a shell do it"),
        (["exec", "./app"], "exec is a shell's own word, and not needed: leave it out"),
        (["exec ./app"], "exec is a shell's own word, and not needed: leave it out"),
        (["X=5", "app"], "a variable is set by env (env X=... COMMAND), by ENV in the image, or by a shell's line after -c"),
        (["X=5 app"], "a variable is set by env (env X=... COMMAND), by ENV in the image, or by a shell's line after -c"),
        (["$APP"], "variables are expanded by --expand-env, or by -c '...'"),
        (["no", "app"], "'no' was taken for the command: the value of a switch follows an =, as in --expand-env=no"),
        (["nosuch"], ""),
        (["./app=1"], ""),
        ([""], ""),
        ([" "], ""),
    ],
)
def test_what_may_have_been_meant_by_a_command_that_there_is_not(words: list[str], hint: str) -> None:
    assert hints.not_found(words) == hint


def test_every_word_of_a_shell_has_a_hint() -> None:
    assert all(hints.not_found([word]) for word in SHELL_WORDS)


def test_a_long_command_is_not_shown_again() -> None:
    assert "secret" not in hints.not_found(["app " + "x" * 100 + " secret"])


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_whatever_the_command_a_hint_is_one_line(words: list[str]) -> None:
    for text in (hints.not_found(words), hints.joined(words), hints.unknown_option(words[0], words[1:], FLAGS)):
        assert len(text.splitlines()) <= 1
