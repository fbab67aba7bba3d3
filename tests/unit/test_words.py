"""Words: what is expanded or split here must be just what a shell makes of it, so the shells themselves are the judges."""

import contextlib
import os
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyinit.settings.words import SHELL_WORDS, NotSimple, as_shell, expand, getter, is_name, split_simple
from tests.counting import lines_run
from tests.namespace import need

#: What may be /bin/sh somewhere.
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}

ENVIRONMENT = {
    b"X": b"x",
    b"XY": b"joined",
    b"E": b"",
    b"B": b"two words",
    b"L": b" \t leads",
    b"T": b"trails\n",
    b"S": b" ",
    b"BS": b"back\\slash",
    b"ST": b"*",
    b"Q": b'it\'s "so"',
    b"D": b"$X $(X) `X`",
    b"H": b"~ # = ; & {a,b}",
    b"P": b"prog",
    b"N8": b"\xc3\xa9\xff\x81\x88",
    b"IFS": b"xo",  # no shell takes it from the environment
    b"LC_ALL": b"C.UTF-8",
}
GET = getter(ENVIRONMENT)

PIECES = [
    *("a b", "a", "-", "x=y", "=", ":", "~", "#", "%", "!", "@", "^", "]", "}", "/", ".", ",", "+", "1", "_", "if", "0"),
    *(" ", " ", "\t", "\\\n", "\\", "'", '"', "''", '""', "'a b'", '"a b"', "\\ ", "\\'", '\\"', "\\$", "\\\\", "\\`"),
    *("$", "$$", "$X", "$XY", "$E", "$B", "$L", "$T", "$S", "$BS", "$ST", "$Q", "$D", "$H", "$N8", "$UNSET", "$1", "$?", "$@"),
    *(
        "${X}",
        "${E}",
        "${B}",
        "${L}",
        "${N8}",
        "${E:-d}",
        "${E:-}",
        "${X:-d}",
        "${UNSET:-a,b}",
        "${E:-a;b}",
        "${E:-!}",
        "${E:-=}",
    ),
    *(
        "${",
        "{",
        "${X",
        ":-",
        "${E:-\\}}",
        "${E:-'}'}",
        "${E:-${X}}",
        "${X:=a}",
        "${#X}",
        '"$B"',
        '"$T"',
        '"$D"',
        "'$X'",
        '"$"',
    ),
    *(
        '"$X',
        '$X"',
        "$'a'",
        '$"a"',
        "{a,b}",
        "a=~",
        "\u00e9",
        "\u3000",
        "\u00a0",
        "\udc81",
        "\udc88",
        "\udcff",
        "\x01",
        "\x7f",
        "\r",
        "\v",
    ),
]
#: Rarely of any use for a simple command, but a shell has to be met with them, too.
OPERATORS = [*"*?[;&|<>()`\n", "\\*", "'*'", '"*"', "';'"]

STRINGS = st.lists(
    st.sampled_from(PIECES) | st.sampled_from(PIECES + OPERATORS) | st.characters(codec="utf-8", min_codepoint=1), max_size=12
).map("".join)


def accepted(text: str) -> list[str] | None:
    """The words of a simple command, or None where it is not one."""
    try:
        return split_simple(text, GET)
    except (NotSimple, ValueError):
        return None


def shell_words(shell: list[str], texts: list[str]) -> list[list[str]]:
    """The words that a shell makes of each text, all in one process. One that begins with `prog` is run as it stands."""
    script = """
        prog() { printf '%s\\0' prog "$@" end-of-words; }
        words_of() {
            case $1 in prog*) eval "$1" ;; *) eval "set -- $1"; printf '%s\\0' "$@" end-of-words ;; esac
        }
        for text do words_of "$text"; done
    """
    # The last assignment to IFS in the environment is of no effect; PATH is not needed, printf is a built-in.
    words: list[str | bytes] = [*shell, "-c", script, "sh", *(os.fsencode(text) for text in texts)]
    answer = subprocess.run(words, env=ENVIRONMENT, capture_output=True, check=False, executable=None, timeout=30)
    found: list[list[str]] = [[]]
    for word in answer.stdout.split(b"\0")[:-1]:
        if word == b"end-of-words":
            found.append([])
        else:
            found[-1].append(os.fsdecode(word))
    assert (answer.stderr, answer.returncode, found.pop()) == (b"", 0, [])
    return found


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=30)
@given(
    st.lists(
        STRINGS.map(lambda text: "prog " + text) | STRINGS | STRINGS.map(lambda text: "a" + text), min_size=20, max_size=60
    )
)
@example(["$X\\\nY", '"$X\\\nY"', "prog $X\\\nY"])
@example(['""$E', '""$S', '""$S""', '$S""', "$E$S", "a$S", "$S$S", "$L$L", "$T$T", "a${T}b", "''$L''"])
@example(["prog #a", "a#b", "''#a", "'a'~", "a ! b", "a {", "a }", "a=b", "a a=b", "a a=~", "a a=~:~"])
@example(["prog \udc81\udc88$N8\"$N8\"'\udc81'\\\udc82"])
def test_accepted_words_are_those_of_a_shell(shell: str, texts: list[str]) -> None:
    need(SHELLS[shell][0])
    simple = [(text, words) for text in texts if (words := accepted(text)) is not None]
    if simple:
        found = shell_words(SHELLS[shell], [text for text, _ in simple])
        for (text, words), theirs in zip(simple, found, strict=True):
            assert words == theirs, text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("app --port 80", ["app", "--port", "80"]),
        ("  app\t-x ", ["app", "-x"]),
        ("./app '$X' \"$X\" \\$X $X", ["./app", "$X", "x", "$X", "x"]),
        ("app $B", ["app", "two", "words"]),
        ('app "$B"', ["app", "two words"]),
        ("app ${UNSET:-default} ${X:-default}", ["app", "default", "x"]),
        ("app $UNSET '' \"\"", ["app", "", ""]),
        ('app "a\\"b" a\\ b', ["app", 'a"b', "a b"]),
        ("$P x", ["prog", "x"]),
        ("app --name=value a=b", ["app", "--name=value", "a=b"]),
        ("app '*' \"?\" \\[", ["app", "*", "?", "["]),
        ("app a#b a~", ["app", "a#b", "a~"]),
        ("app 'a\nb'", ["app", "a\nb"]),
        ("app \\\n  -x", ["app", "-x"]),
    ],
)
def test_simple_commands_are_split(text: str, words: list[str]) -> None:
    assert split_simple(text, GET) == words


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "# app",
            "app; app",
            "app &",
            "app | tee",
            "app > log",
            "(app)",
            "`app`",
            "$(app)",
            "app $(date)",
            "app\napp",
        ),
        *(
            "X=1 app",
            "X=1",
            "app *",
            "app [a]",
            "app a?",
            "$ST app",
            "~/app",
            "app ~",
            "{ app; }",
            "app {a,b}",
            "if app",
            "exec app",
        ),
        *("cd /", "echo a", "! app", "app 'a", 'app "a', "app \\", "app $1", "app $?", "app $@", "app $", "${X%x}", "${E:-$X}"),
        *(
            "''",
            "$E",
            '"$E"',
            ". app",
            "[ a ]",
            "test a",
            "app ${X",
            "app ${E:-'a'}",
            "$BS",
            "app ${E:-a b}",
            "app $'a'",
            "app # why",
        ),
    ],
)
def test_everything_else_is_left_to_the_shell(text: str) -> None:
    assert as_shell(text, ["a", "b"], ENVIRONMENT) == ["/bin/sh", "-c", text, "a", "b"]


def test_arguments_of_a_simple_command_are_dropped_as_a_shell_does() -> None:
    assert as_shell("app -x", ["name", "b"], ENVIRONMENT) == ["app", "-x"]


@pytest.mark.parametrize("shell", SHELLS)
def test_variables_that_a_shell_sets_by_itself_are_left_to_it(shell: str) -> None:
    """`app --dir $PWD` has a value in every shell, whatever the environment holds."""
    need(SHELLS[shell][0])
    answer = subprocess.run([*SHELLS[shell], "-c", "set"], env={}, capture_output=True, check=True, text=True)
    names = [line.partition("=")[0] for line in answer.stdout.splitlines() if is_name(line.partition("=")[0]) and "=" in line]
    assert {"PWD", "PPID"} <= set(names)
    differing = []
    for name in names:
        try:
            words = split_simple(f'app "${name}" "${{{name}:-}}"', getter({}))
        except NotSimple:
            continue
        value = subprocess.run(
            [*SHELLS[shell], "-c", f'printf "%s" "${name}"'], env={}, capture_output=True, check=True, text=True
        ).stdout
        if words != ["app", value, value]:
            differing.append(name)
    assert differing == []


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_shell_does_by_itself_is_left_to_it(shell: str) -> None:
    """Built-in commands need not be there as files, and some cannot be."""
    need(SHELLS[shell][0])
    candidates = set(SHELL_WORDS) | {"bind", "login", "newgrp", "hash", "sleep", "ls", "cat", "env", "nosuch", "sync", "ulimit"}
    if shell == "bash":
        answer = subprocess.run(["bash", "-c", "compgen -b; compgen -k"], capture_output=True, check=True, text=True)
        candidates |= set(answer.stdout.split()) - {"]]"}  # which is a command like any other in front
    script = 'PATH=/nowhere; for word do case $(type "$word" 2>&1) in *"not found"*) ;; *) printf "%s\\n" "$word" ;; esac; done'
    answer = subprocess.run(
        [*SHELLS[shell], "-c", script, "sh", *sorted(candidates)], capture_output=True, check=True, text=True
    )
    built_in = set(answer.stdout.split())
    assert {"cd", "exec", "export", "if", "while"} <= built_in
    simple = {word for word in built_in if accepted(f"{word} a") is not None}
    # A busybox that finds its own applets without a file for each is the image's choice; pyinit must not guess it.
    assert simple <= ({"sleep", "ls", "cat", "env", "sync", "login"} if shell == "busybox" else set())


# --- expand() ------------------------------------------------------------------------------------------------------

PLAIN = st.text(st.characters(exclude_characters="${}"), max_size=5)


def with_variables() -> st.SearchStrategy[tuple[str, str]]:
    """Texts and what they must expand to."""
    leaf = PLAIN.map(lambda text: (text, text))

    def compound(inner: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[tuple[str, str]]:
        return st.one_of(
            st.lists(inner, max_size=4).map(
                lambda pairs: ("".join(text for text, _ in pairs), "".join(value for _, value in pairs))
            ),
            inner.map(lambda pair: (f"${{E:-{pair[0]}}}", pair[1])),
            inner.map(lambda pair: (f"${{UNSET:-{pair[0]}}}", pair[1])),
            inner.map(lambda pair: (f"${{X:-{pair[0]}}}", "x")),
            st.sampled_from(
                [("${B}", "two words"), ("$X.", "x."), ("$X-$XY/", "x-joined/"), ("$$", "$"), ("$1", "$1"), ("$ ", "$ ")]
            ),
        )

    return st.recursive(leaf, compound, max_leaves=12)


@given(with_variables())
def test_what_is_written_is_what_comes_out(pair: tuple[str, str]) -> None:
    text, value = pair
    assert expand(text, GET) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$X", "x"),
        ("$XY", "joined"),
        ("${X}Y", "xY"),
        ("$UNSET", ""),
        ("$X$Y", "x"),
        ("$$X", "$X"),
        ("$$$X", "$x"),
        ("$", "$"),
        ("a$", "a$"),
        ("$1 $? $(x)", "$1 $? $(x)"),
        ("${E:-${X}}", "x"),
        ("${E:-a:-b}", "a:-b"),
        ("${X:-${}}", "x"),
        ("{X}", "{X}"),
        ("a b  c", "a b  c"),
        ("$Q", 'it\'s "so"'),
        ("${E:-$$}", "$"),
    ],
)
def test_variables_are_expanded(text: str, value: str) -> None:
    assert expand(text, GET) == value


@pytest.mark.parametrize(
    "text", ["${", "${X", "${}", "${X-a}", "${X:+a}", "${#X}", "${1}", "${X:-${E}", "${X%a}", "${ X }", "${E:-${}}"]
)
def test_what_cannot_be_expanded_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"never closed|only \$\{NAME\}"):
        expand(text, GET)


@given(st.text("$X{}:-E \n", max_size=20) | st.text())
def test_any_text_is_expanded_or_refused_in_one_line(text: str) -> None:
    message = "none"
    try:
        expand(text, GET)
    except ValueError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


def test_very_deep_defaults_are_expanded_or_refused() -> None:
    depth = 2000
    with contextlib.suppress(ValueError):
        assert expand("${E:-" * depth + "x" + "}" * depth, GET) == "x"


@pytest.mark.parametrize("expanded", [lambda text: expand(text, GET), accepted])
def test_long_names_take_work_that_grows_with_their_length_and_no_faster(expanded: Callable[[str], object]) -> None:
    short, long = (lines_run(lambda: expanded("$" + "A" * length)) for length in (500, 5000))  # noqa: B023 - called at once
    assert long <= 11 * short


@given(st.text())
def test_names_are_those_of_a_shell(text: str) -> None:
    assert is_name(text) == (
        text != "" and not text[0].isdigit() and all(char.isascii() and (char.isalnum() or char == "_") for char in text)
    )
