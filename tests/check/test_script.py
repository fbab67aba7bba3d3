"""Scripts as statements, beside shfmt's own reading of them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyinit.check import launch, script
from pyinit.check.script import COMMAND, FUNCTION, LOOP, PIPELINE, Statement
from tests.check.cases import cases

SHFMT = Path(sys.executable).with_name("shfmt")

SCRIPTS = {f"{case.name}/{name}": text for case in cases() for name, text in case.files.items() if name.endswith(".sh")}


def by_shfmt(text: str) -> list[tuple[int, str, bool]]:
    """Simple commands as (line, first word where it is plain, in the background), in the order of the text."""
    done = subprocess.run([SHFMT, "-tojson", "-ln", "bash"], input=text, capture_output=True, text=True, check=True)
    found: list[tuple[int, int, str, bool]] = []

    def walk(node: Any, *, is_statement: bool = False) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict):
            command = node.get("Cmd")
            if isinstance(command, dict) and command.get("Type") == "CallExpr" and command.get("Args"):
                parts = command["Args"][0]["Parts"]
                word = parts[0]["Value"] if len(parts) == 1 and parts[0]["Type"] == "Lit" else ""
                at = node["Position"] if "Position" in node else node["Pos"]
                found.append((at["Line"], at["Col"], word, bool(node.get("Background"))))
            for key, value in node.items():
                if key not in ("Redirs", "Assigns", "Last", "Comments") and not (key == "Args" and not is_statement):
                    walk(value)

    walk(json.loads(done.stdout))
    return [(line, word, background) for line, _, word, background in sorted(found)]


def by_us(text: str) -> list[tuple[int, str, bool]]:
    """The same by our reading. Words in backslashes and quotes are no plain ones."""
    parsed = script.parse("x.sh", text)
    assert parsed.is_whole
    found = []
    for one in parsed.walk():
        if one.kind == COMMAND and one.words and parsed.text[one.start :].split(None, 1)[0] not in DECLARES:
            word = one.words[0] or ""
            is_plain = bool(word) and word != script.ARGUMENTS and not word.startswith(script.SOMEWHERE)
            found.append(
                (one.place.line, one.start, word if is_plain and _is_literal(parsed.text, one) else "", one.is_background)
            )
    return [(line, word, background) for line, _, word, background in sorted(found)]


#: What shfmt does not call a simple command.
DECLARES = ("export", "declare", "local", "readonly", "typeset", "let", "unset")


def _is_literal(text: str, statement: Statement) -> bool:
    head = text[statement.start : statement.end]
    return not head.startswith(('"', "'", "$")) and "\\" not in head.split(None, 1)[0]


def simple(found: list[tuple[int, str, bool]]) -> list[tuple[int, str, bool]]:
    """Without what the two grammars call by different names: tests, and words with assignments in front."""
    return [one for one in found if one[1] not in ("[", "[[", *DECLARES)]


@pytest.mark.parametrize("name", SCRIPTS)
def test_shfmt_reads_the_same_commands(name: str) -> None:
    assert simple(by_us(SCRIPTS[name])) == simple(by_shfmt(SCRIPTS[name]))


#: Lines of which scripts are made.
LINES = st.sampled_from(
    [
        "app --x",
        "app &",
        "app | tee log",
        "app > log 2>&1 &",
        "a && b || c",
        "a && b &",
        "if x; then a; elif y; then b; else c; fi",
        "case $1 in a) x ;; b|c) y; z ;; *) exec w ;; esac",
        "while true; do app; sleep 1; done",
        "until x; do y; done &",
        "for i in 1 2; do a; done",
        "f() { g; }",
        "( a; b )",
        "{ a; b; } > log",
        "! a",
        "exec app",
        "cat <<E\ntext $x\nE",
        "cat <<E | wc\ntext\nE",
        "trap 'kill $p; wait' TERM INT",
        "wait",
        "# comment",
        "",
        "X=1 app",
        "X=1",
        "a \\\n  b",
    ]
)


@settings(max_examples=120, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=7))
def test_shfmt_reads_the_same_commands_in_scripts_that_are_put_together(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    mine = [
        (line, background) for line, word, background in simple(by_us(text)) if not text.splitlines()[line - 1].startswith("X=")
    ]
    other = [
        (line, background)
        for line, word, background in simple(by_shfmt(text))
        if not text.splitlines()[line - 1].startswith("X=")
    ]
    assert mine == other


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(LINES, max_size=6).map("\n".join))
def test_no_text_stops_the_reader(text: str) -> None:
    parsed = script.parse("x.sh", text)
    launch.tails(parsed.statements, parsed.functions)
    for one in parsed.walk():
        assert 0 <= one.start <= one.end <= len(text)
    for trap in script.traps(parsed.statements):
        script.action_of(trap, parsed)


def statements(text: str) -> tuple[Statement, ...]:
    return script.parse("x.sh", text).statements


def test_what_the_grammar_does_not_understand_is_no_script() -> None:
    parsed = script.parse("x.sh", "if true; then\n")
    assert not parsed.is_whole
    assert parsed.statements == ()


def test_words_are_as_the_shell_passes_them_on() -> None:
    (one,) = statements("""app 'a b' "c d" e\\ f --g="h i" "$X" pre$Y "$@" "$HOME/bin/java" *.txt\n""")
    assert one.words == ("app", "a b", "c d", "e f", "--g=h i", None, None, script.ARGUMENTS, "\0/bin/java", None)


#: Pieces of which words are made, as they are written.
PIECES = st.sampled_from(
    [
        "a",
        "-x",
        "=1",
        "'b c'",
        '"d e"',
        "\\ ",
        "\\$",
        "'$X'",
        '"\\$Y"',
        '"\\\\"',
        "'\\'",
        '"\'"',
        '\\"',
        "''",
        '""',
        "/p",
        ":80",
        "%",
        "@",
        '"\\n"',
        "\\n",
        "{z}",
        "~",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(PIECES, min_size=1, max_size=4).map("".join), min_size=1, max_size=4))
def test_the_shell_passes_on_the_words_that_were_read(raw: list[str]) -> None:
    """Where a word is known, and shlex agrees, it is what dash makes of it: the fixes go by both."""
    line = " ".join(raw)
    parsed = script.parse("x.sh", f"app {line}\n")
    if not parsed.is_whole or len(parsed.statements) != 1 or parsed.statements[0].kind != COMMAND:
        return
    known = parsed.statements[0].words[1:]
    if any(word is None or word == script.ARGUMENTS or word.startswith(script.SOMEWHERE) for word in known):
        return
    try:
        if list(known) != shlex.split(line):
            return
    except ValueError:
        return
    done = subprocess.run(
        ["dash", "-c", f"printf '%s\\0' {line}"], capture_output=True, text=True, check=True, env={"HOME": "/h"}
    )
    assert done.stdout == "".join(f"{word}\0" for word in known)


def test_places_are_those_of_the_file_that_the_text_stands_in() -> None:
    parsed = script.parse("Dockerfile", "set -e\napp\n", first_line=10)
    assert [one.place.line for one in parsed.statements] == [10, 11]


def test_text_that_is_not_ascii_moves_no_place() -> None:
    text = "echo 'größer'; app\n"
    (_, app) = statements(text)
    assert text[app.start : app.end] == "app"


@pytest.mark.parametrize(
    ("text", "signals", "action"),
    [
        ("trap 'x' TERM INT", ("TERM", "INT"), "x"),
        ("trap x SIGTERM 2 0", ("TERM", "INT", "EXIT"), "x"),
        ("trap -- 'x y' 15", ("TERM",), "x y"),
        ("trap - TERM", ("TERM",), "-"),
        ("trap '' TERM", ("TERM",), ""),
        ('trap "kill $p" TERM', ("TERM",), "kill $p"),
        ("trap $action TERM", ("TERM",), None),
    ],
)
def test_traps_are_found_with_their_signals(text: str, signals: tuple[str, ...], action: str | None) -> None:
    (trap,) = script.traps(statements(text + "\n"))
    assert (trap.signals, trap.action) == (signals, action)
    assert trap.is_set == (action not in ("", "-"))


@pytest.mark.parametrize(
    ("text", "tails"),
    [
        ("a\nb\n", ["b"]),
        ("a\nexit $?\n", ["a"]),
        ("if x; then a; else b; fi\n", ["a", "b"]),
        ("if x; then a; fi\n", ["a", "if x; then a; fi"]),
        ("case $1 in a) x ;; *) y ;; esac\n", ["x", "y"]),
        ("a && b\n", ["b"]),
        ("f() { a; b; }\nf\n", ["b"]),
        ("a\nf() { b; }\n", ["a"]),
        ("a\nb &\n", ["b"]),
        ("f() { f; }\nf\n", []),
        ("", []),
    ],
)
def test_the_tails_are_what_may_run_last(text: str, tails: list[str]) -> None:
    parsed = script.parse("x.sh", text)
    assert [parsed.text[one.start : one.end] for one in launch.tails(parsed.statements, parsed.functions)] == tails


@pytest.mark.parametrize("letter", ["\xe9", "\u65e5", "\U000579fa", "\U0010adbc", "\0"])
def test_no_character_behind_a_brace_stops_the_grammar(letter: str) -> None:
    """It did, with a segmentation fault: the first of these that is far beyond ASCII."""
    (one,) = statements(f"app {{{letter}-}} {letter}x\n")
    assert one.words[-1] == f"{letter}x"


def test_shebangs_name_the_shell() -> None:
    shells = {
        "#!/bin/sh\n": "sh",
        "#!/usr/bin/env bash\n": "bash",
        "#! /bin/dash -e\n": "dash",
        "#!/usr/bin/env -S bash -e\n": "bash",
    }
    assert {text: script.shell_of(text) for text in shells} == shells
    assert script.shell_of("#!/usr/bin/env python3\n") == ""
    assert script.shell_of("echo\n") == ""


def test_kinds_are_told_apart() -> None:
    found = statements("a | b\nwhile true; do c; done\nf() { d; }\n")
    assert [one.kind for one in found] == [PIPELINE, LOOP, FUNCTION]
