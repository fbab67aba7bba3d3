"""JSON with places: what the library reads is read alike, and nothing but what is changed changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pyinit.runtime import document
from pyinit.runtime.document import Malformed, Node

TEXTS = some.text(some.characters(exclude_categories=["Cs"]))
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: some.lists(inner) | some.dictionaries(TEXTS, inner),
    max_leaves=30,
)


def plain(node: Node) -> Any:
    """The value of a node, as the library would have it."""
    if isinstance(node.value, dict):
        return {name: plain(member) for name, member in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return json.loads(node.value) if isinstance(node.value, bytes) else node.value


@given(VALUES, some.booleans(), some.sampled_from([None, 1, "\t"]))
def test_whatever_the_library_writes_is_read_alike(value: Any, ascii_alone: bool, indent: int | str | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_alone, indent=indent)
    assert plain(document.parse(f" {text}\r\n")) == value


@given(VALUES)
def test_each_node_is_at_its_place(value: Any) -> None:
    text = json.dumps(value, indent=2)

    def look(node: Node) -> None:
        assert json.loads(text[node.start : node.end]) == plain(node)
        below = node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
        for one in below:
            look(one)

    look(document.parse(text))


@given(some.text('{}[]",:\\ \t\n\x00u0123456789abcdefE+-.truefalsn', max_size=30))
def test_what_the_library_refuses_is_refused(text: str) -> None:
    try:
        expected = json.loads(text, parse_constant=lambda _: pytest.fail("no NaN in here"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        with pytest.raises(Malformed):
            document.parse(text)
    else:
        assert plain(document.parse(text)) == expected


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("twice the same name")
    return dict(pairs)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1, character 1: the text ends too early"),
        ("{", "line 1, character 2: a name in quotes is missing"),
        ('{"a": 1,}', "line 1, character 9: a name in quotes is missing"),
        ('{"a" 1}', "line 1, character 6: a colon is missing"),
        ('{"a": 1, "a": 2}', "line 1, character 10: 'a' stands twice in one object"),
        ("[1 2]", "line 1, character 4: a comma or the end is missing"),
        ("[1,\n2", "line 2, character 2: the text ends too early"),
        ("[1]]", "line 1, character 4: something follows the end"),
        ('"a', "line 1, character 1: a string is never closed"),
        ('"\t"', "line 1, character 2: a control character stands in a string"),
        ('"\\x"', "line 1, character 2: an escape that does not exist"),
        ('"\\u12g4"', "line 1, character 2: four hexadecimal digits must follow \\u"),
        ("01", "line 1, character 1: a number begins with 0"),
        ("1.", "line 1, character 3: a digit is missing"),
        ("1e+", "line 1, character 4: a digit is missing"),
        ("NaN", "line 1, character 1: no value"),
        ("\ufeff{}", "line 1, character 1: no value"),
        ("[" * 100, f"line 1, character {document.DEEPEST + 2}: nested more than {document.DEEPEST} deep"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(Malformed) as caught:
        document.parse(text)
    assert str(caught.value) == complaint


def test_a_name_that_differs_in_its_case_alone_is_refused() -> None:
    node = document.parse('{"Args": [], "args": []}')
    with pytest.raises(Malformed, match="upper and lower case"):
        document.member(node, "args")
    with pytest.raises(Malformed, match="upper and lower case"):
        document.member(document.parse('{"ARGS": []}'), "args")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [ "x" ], "n": 1.50}', '{"a": [ "x",7 ], "n": 1.50}'),
        ('{"a": [], "n": 1e2}', '{"a": [7], "n": 1e2}'),
        ('{"a": null}', '{"a": [7]}'),
        ('{"n": "\\u00e9"}', '{"a":[7],"n": "\\u00e9"}'),
    ],
)
def test_an_item_comes_to_the_end_and_all_else_stays(text: str, expected: str) -> None:
    assert document.changed(text, [document.at_end(document.parse(text), "a", "7")]) == expected


def test_several_changes_do_not_get_in_each_other_s_way() -> None:
    text = '{"a": [1], "b": [2]}'
    node = document.parse(text)
    front = document.member(node, "b")
    assert front is not None
    changes = [document.in_front(front, "0"), document.at_end(node, "a", "9"), document.at_end(node, "c", "5")]
    assert document.changed(text, changes) == '{"c":[5],"a": [1,9], "b": [0,2]}'
