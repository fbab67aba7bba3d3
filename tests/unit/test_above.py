"""The shell above: what it runs, whether it has a trap, and what to write in its place."""

import json
from signal import SIGINT, SIGTERM

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.above import catches, entrypoint, runs_something


@pytest.mark.parametrize(
    ("words", "shell"),
    [
        (["/bin/sh", "-c", "pyinit -- ./start.sh"], "sh"),
        (["/bin/bash", "-o", "pipefail", "-c", "x"], "bash"),
        (["/bin/sh", "/start.sh"], "sh"),
        (["busybox", "ash", "start.sh"], "ash"),
        (["-bash", "-l", "x"], "bash"),
        (["bash"], ""),
        (["-bash"], ""),
        (["sh", "-i"], ""),
        (["busybox"], ""),
        (["busybox", "sh"], ""),
        (["tini", "--", "sh", "-c", "x"], ""),
        (["python3", "app.py"], ""),
        ([""], ""),
        ([], ""),
    ],
)
def test_a_shell_that_runs_something_is_told_from_one_at_a_prompt_and_from_other_programs(words: list[str], shell: str) -> None:
    assert runs_something(words) == shell


def test_a_trap_shows_in_what_the_shell_catches() -> None:
    status = b"Name:\tsh\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000004000\nCapInh:\t0\n"
    assert catches(status, SIGTERM)
    assert not catches(status, SIGINT)
    assert not catches(b"", SIGTERM)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["pyinit", "--", "./start.sh"], '"pyinit", "--", "./start.sh"'),
        (["pyinit", "./start.sh"], '"pyinit", "--", "./start.sh"'),
        (["pyinit", "--", "./start.sh", "--password", "secret"], '"pyinit", "--", "./start.sh", ...'),
        (["pyinit", "--settle", "2", "--", "./start.sh"], '"pyinit", ..., "--", ...'),
        (["pyinit", "-c", "app --password secret"], '"pyinit", "-c", ...'),
        (["tini", "-g", "--", "app"], '"tini", ..., "--", ...'),
        (["tini", "--", 'a"b\\c\n'], '"tini", "--", "a\\"b\\\\c?"'),
    ],
)
def test_the_exec_form_is_shown_without_what_may_be_long_or_secret(words: list[str], shown: str) -> None:
    assert ", ".join(entrypoint(words)) == shown


@given(st.text(min_size=1).filter(lambda word: not word.startswith("-")))
def test_what_is_shown_is_json_in_one_line(command: str) -> None:
    text = ", ".join(entrypoint(["pyinit", "--", command]))
    assert len(text.splitlines()) == 1
    name, dashes, word = json.loads(f"[{text}]")
    assert (name, dashes) == ("pyinit", "--")
    assert not command.isprintable() or word == command
