"""The parser of Dockerfiles, beside BuildKit's own by way of the package `dockerfile`."""

import json

import dockerfile as buildkit  # type: ignore[import-not-found, import-untyped, unused-ignore]  # Go, by a wheel; it says nothing of its types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyinit.check import dockerfile
from pyinit.check.pages import RULES
from tests.check.cases import cases

TRICKY = {
    "continuation": 'FROM debian\nRUN apt-get update \\\n    && apt-get install \\\n    curl\nCMD ["x"]\n',
    "comment in a continuation": "FROM debian\nRUN one \\\n# why\n  two \\\n\n  three\nUSER app\n",
    "continuation with blanks behind": "FROM debian\nRUN one \\   \n two\n",
    "escape directive": '# escape=`\nFROM mcr.microsoft.com/windows\nRUN dir c:\\ `\n  && dir d:\\\nCMD ["x"]\n',
    "escape directive too late": "# a comment\n# escape=`\nFROM debian\nRUN one \\\n two\n",
    "lower case": 'from debian as build\nrun true\ncmd ["a", "b"]\n',
    "heredoc": 'FROM debian\nRUN <<EOF\necho "one"\nCMD two\nEOF\nCMD ["x"]\n',
    "heredoc with tabs": "FROM debian\nRUN <<-EOF\n\techo one\n\tEOF\nUSER app\n",
    "two heredocs": 'FROM debian\nCOPY <<one <<"two" /etc/\nfirst\none\nsecond $A\ntwo\nUSER app\n',
    "heredoc into a program": "FROM debian\nRUN python3 - <<'PY'\nprint(1)\nPY\nUSER app\n",
    "no heredoc in quotes": 'FROM debian\nRUN echo "<<EOF"\nUSER app\n',
    "flags": "FROM --platform=linux/amd64 debian AS a\nCOPY --from=a --chown=1:1 --chmod=755 x y /z/\n"
    "RUN --mount=type=cache,target=/c make\n",
    "healthcheck": "FROM debian\nHEALTHCHECK --interval=5s --timeout=3s CMD curl -f http://x/ || exit 1\n",
    "onbuild": 'FROM debian\nONBUILD COPY . /app\nONBUILD CMD ["npm", "start"]\n',
    "json with escapes": 'FROM debian\nCMD ["sh", "-c", "echo \\"a\\" && b"]\n',
    "json over lines": 'FROM debian\nENTRYPOINT [ \\\n  "a", \\\n  "b" \\\n]\n',
    "not quite json": "FROM debian\nCMD ['a', 'b']\n",
    "windows line ends": 'FROM debian\r\nRUN one \\\r\n  two\r\nCMD ["x"]\r\n',
    "no end of line": 'FROM debian\nCMD ["x"]',
    "blank lines and blanks in front": "\n\n  FROM debian\n\n\t RUN true\n",
    "byte order mark": '\ufeffFROM debian\nCMD ["x"]\n',
    "env in both forms": 'FROM debian\nENV a=1 b="2 3" c=4\\ 5\nENV d 6 7\n',
    "shell and stopsignal": 'FROM debian\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nSTOPSIGNAL SIGQUIT\n',
}


def ours(text: str) -> list[tuple[str, int, tuple[str, ...], bool, tuple[str, ...]]]:
    """Instructions as (name, line, flags, whether JSON, JSON words)."""
    made = dockerfile.parse("Dockerfile", text.removeprefix("\ufeff"))
    return [
        (
            one.name,
            one.place.line,
            tuple(f"--{key}={value}" if value else f"--{key}" for key, value in one.flags.items()),
            (one.inner or one).words is not None and one.name not in ("COPY", "ADD", "RUN", "VOLUME", "HEALTHCHECK"),
            one.words if one.words is not None and one.name in ("CMD", "ENTRYPOINT", "SHELL") else (),
        )
        for one in made.instructions
    ]


def theirs(text: str) -> list[tuple[str, int, tuple[str, ...], bool, tuple[str, ...]]]:
    """The same by BuildKit."""
    return [
        (
            one.cmd.upper(),
            one.start_line,
            tuple(one.flags),
            bool(one.json) and one.cmd.upper() not in ("COPY", "ADD", "RUN", "VOLUME", "HEALTHCHECK"),
            tuple(one.value) if one.json and one.cmd.upper() in ("CMD", "ENTRYPOINT", "SHELL") else (),
        )
        for one in buildkit.parse_string(text)
    ]


@pytest.mark.parametrize("name", TRICKY)
def test_buildkit_reads_the_same_instructions(name: str) -> None:
    assert ours(TRICKY[name]) == theirs(TRICKY[name])


def test_buildkit_reads_the_same_in_all_cases_and_examples() -> None:
    texts = [text for case in cases() for name, text in case.files.items() if "Dockerfile" in name]
    texts += [text for rule in RULES for files in (rule.bad, rule.good) for name, text in files.items() if "Dockerfile" in name]
    assert len(texts) > 90
    for text in texts:
        assert ours(text) == theirs(text)


#: Pieces of which Dockerfiles are made; BuildKit itself says whether the whole is one.
PIECES = st.sampled_from(
    [
        "FROM debian",
        "FROM debian AS one",
        "RUN a \\",
        "RUN a",
        "  && b \\",
        "# comment",
        "",
        "   ",
        'CMD ["a", "b"]',
        "CMD a b",
        "CMD [a]",
        "COPY --from=one a b /c/",
        "RUN <<EOF",
        "RUN cat <<-E <<'F'",
        "EOF",
        "\tE",
        "F",
        "ENV a=b",
        "ENTRYPOINT [ \\",
        '"x" \\',
        "]",
        "ONBUILD RUN a",
        "HEALTHCHECK --interval=5s CMD a",
        'LABEL a="b \\',
        'c"',
        "USER a",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=9))
def test_what_buildkit_takes_is_read_as_buildkit_reads_it(lines: list[str]) -> None:
    text = "FROM scratch\n" + "\n".join(lines) + "\n"
    try:
        expected = theirs(text)
    except buildkit.GoParseError:
        dockerfile.parse("Dockerfile", text)
        return
    known = [one for one in expected if one[0] in dockerfile.INSTRUCTIONS]
    assert ours(text) == known


@settings(max_examples=500, deadline=None)
@given(st.text() | st.lists(PIECES, max_size=12).map("\n".join))
def test_no_text_stops_the_parser_and_every_place_is_in_the_text(text: str) -> None:
    made = dockerfile.parse("Dockerfile", text)
    lines = text.count("\n") + 1
    for one in made.instructions:
        assert 1 <= one.place.line <= lines
        assert len(one.offsets) == len(one.text) + 1
        for letter, offset in zip(one.text, one.offsets, strict=False):
            assert text[offset] == letter


def test_a_heredoc_says_where_its_body_begins_and_whether_it_is_expanded() -> None:
    made = dockerfile.parse("Dockerfile", TRICKY["two heredocs"])
    (copy,) = (one for one in made.instructions if one.name == "COPY")
    assert [(here.name, here.body, here.line, here.expands) for here in copy.heredocs] == [
        ("one", "first\n", 3, True),
        ("two", "second $A\n", 5, False),
    ]


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("$A", {"A": "1"}, "1"),
        ("${A}b", {"A": "1"}, "1b"),
        ("${A:-x}", {}, "x"),
        ("${A:-x}", {"A": ""}, "x"),
        ("${A-x}", {"A": ""}, ""),
        ("${A:+x}", {"A": "1"}, "x"),
        ("${A:+x}", {}, ""),
        ("\\$A", {"A": "1"}, "$A"),
        ("$A", {"A": None}, None),
        ("${A#x}", {"A": "1"}, None),
        ("a$", {}, "a$"),
    ],
)
def test_variables_are_replaced_where_they_are_known(text: str, values: dict[str, str | None], expected: str | None) -> None:
    assert dockerfile.expand(text, values) == expected


@given(st.text())
def test_expansion_never_fails(text: str) -> None:
    dockerfile.expand(text, {"A": "1", "B": None})


def test_a_json_array_of_other_things_is_no_exec_form() -> None:
    for text in ("[1]", "[", "{}", '["a", 1]', "[[]]", json.dumps([None])):
        made = dockerfile.parse("Dockerfile", f"FROM a\nCMD {text}\n")
        assert made.instructions[1].words is None
