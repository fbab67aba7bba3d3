"""PURE. JSON that is looked at and changed in places, while all else stays as it is, to the byte.

A document that is parsed and written anew is another one: numbers lose digits, fields their order, strings their way of being
escaped. So each value here knows where it stands in the text, and a change replaces just that. Strict as RFC 8259 has it, and
moreover no name may stand twice in an object: programs differ about which of the two counts.

The module `json` tells no places, and the static binary has none.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

BLANKS = " \t\n\r"

#: What may follow a backslash, and what the two make, `u` apart.
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

WORDS = {"true": True, "false": False, "null": None}

#: The two halves of a character above 0xFFFF.
HIGH, LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)

#: How deep arrays and objects may be nested; a config.json has eight levels.
DEEPEST = 64


class Malformed(ValueError):
    """The text is no JSON, or not what it should be: one line that says where and why."""


class Node:
    """A value and its place: `text[start:end]`.

    `value` is a dict of nodes by name, a list of nodes, a string, True, False or None; of a number it is the node's own text,
    as bytes, which nobody here takes for a number.
    """

    __slots__ = ("end", "start", "value")

    def __init__(self, start: int, end: int, value: "dict[str, Node] | list[Node] | str | bytes | bool | None") -> None:
        self.start = start
        self.end = end
        self.value = value


def parse(text: str) -> Node:
    """The value that a text holds. Raises Malformed."""
    node = _value(text, _blanks(text, 0), 0)
    if _blanks(text, node.end) != len(text):
        raise _malformed(text, _blanks(text, node.end), "something follows the end")
    return node


def _malformed(text: str, at: int, what: str) -> Malformed:
    line = text.count("\n", 0, at) + 1
    return Malformed(f"line {line}, character {at - text.rfind(chr(10), 0, at)}: {what}")


def _blanks(text: str, at: int) -> int:
    """Where what is no blank begins."""
    while text[at : at + 1] and text[at] in BLANKS:
        at += 1
    return at


def _value(text: str, at: int, depth: int) -> Node:
    if depth > DEEPEST:
        raise _malformed(text, at, f"nested more than {DEEPEST} deep")
    first = text[at : at + 1]
    if first == '"':
        content, end = _string(text, at)
        return Node(at, end, content)
    if first == "{":
        return _object(text, at, depth)
    if first == "[":
        return _array(text, at, depth)
    for word, meaning in WORDS.items():
        if text.startswith(word, at):
            return Node(at, at + len(word), meaning)
    end = _number(text, at)
    return Node(at, end, text[at:end].encode())


def _object(text: str, start: int, depth: int) -> Node:
    members: dict[str, Node] = {}
    at = _blanks(text, start + 1)
    if text[at : at + 1] == "}":
        return Node(start, at + 1, members)
    while True:
        if text[at : at + 1] != '"':
            raise _malformed(text, at, "a name in quotes is missing")
        name, end = _string(text, at)
        if name in members:
            raise _malformed(text, at, f"{name!r} stands twice in one object")
        at = _blanks(text, end)
        if text[at : at + 1] != ":":
            raise _malformed(text, at, "a colon is missing")
        members[name] = member = _value(text, _blanks(text, at + 1), depth + 1)
        at = _blanks(text, member.end)
        if text[at : at + 1] == "}":
            return Node(start, at + 1, members)
        at = _comma(text, at)


def _array(text: str, start: int, depth: int) -> Node:
    items: list[Node] = []
    at = _blanks(text, start + 1)
    if text[at : at + 1] == "]":
        return Node(start, at + 1, items)
    while True:
        item = _value(text, at, depth + 1)
        items.append(item)
        at = _blanks(text, item.end)
        if text[at : at + 1] == "]":
            return Node(start, at + 1, items)
        at = _comma(text, at)


def _comma(text: str, at: int) -> int:
    """Where what follows the comma at `at` begins."""
    if text[at : at + 1] != ",":
        raise _malformed(text, at, "a comma or the end is missing" if at < len(text) else "the text ends too early")
    return _blanks(text, at + 1)


def _string(text: str, start: int) -> tuple[str, int]:
    """The string that begins with the quote at `start`, and where it ends."""
    end = text.find('"', start + 1)
    plain = text[start + 1 : end]
    if end >= 0 and "\\" not in plain and plain.isprintable():  # all but a few
        return plain, end + 1
    parts, at = [], start + 1
    while (char := text[at : at + 1]) != '"':
        if not char:
            raise _malformed(text, start, "a string is never closed")
        if char < " ":
            raise _malformed(text, at, "a control character stands in a string")
        if char != "\\":
            parts.append(char)
            at += 1
        elif text[at + 1 : at + 2] == "u":
            code, at = _code(text, at)
            parts.append(code)
        elif (escaped := ESCAPES.get(text[at + 1 : at + 2])) is not None:
            parts.append(escaped)
            at += 2
        else:
            raise _malformed(text, at, "an escape that does not exist")
    return "".join(parts), at + 1


def _code(text: str, at: int) -> tuple[str, int]:
    """The character of the escape at `at`, `u` and four digits, or of two that are a pair of surrogates; and where it ends."""
    first = _hex(text, at)
    if first in HIGH and text.startswith("\\u", at + 6) and (second := _hex(text, at + 6)) in LOW:
        return chr(0x10000 + (first - HIGH.start << 10) + second - LOW.start), at + 12
    return chr(first), at + 6


def _hex(text: str, at: int) -> int:
    digits = text[at + 2 : at + 6]
    if len(digits) != 4 or not set(digits) <= set("0123456789abcdefABCDEF"):  # noqa: PLR2004 - four
        raise _malformed(text, at, "four hexadecimal digits must follow \\u")
    return int(digits, 16)


def _number(text: str, start: int) -> int:
    """Where the number at `start` ends."""
    at = start + (text[start : start + 1] == "-")
    whole = _digits(text, at)
    if whole == at:
        raise _malformed(text, start, "no value" if start < len(text) else "the text ends too early")
    if text[at] == "0" and whole > at + 1:
        raise _malformed(text, start, "a number begins with 0")
    at = whole
    if text[at : at + 1] == ".":
        at = _some_digits(text, at + 1)
    if text[at : at + 1] in ("e", "E"):
        at = _some_digits(text, at + 1 + (text[at + 1 : at + 2] in ("+", "-")))
    return at


def _digits(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in "0123456789":
        at += 1
    return at


def _some_digits(text: str, at: int) -> int:
    end = _digits(text, at)
    if end == at:
        raise _malformed(text, at, "a digit is missing")
    return end


# --- what is there ---------------------------------------------------------------------------------------------------


def member(node: Node | None, name: str) -> Node | None:
    """A member of an object, None where it is missing or null.

    Raises Malformed where there is another of nearly this name: runc, unlike crun, does not care for upper and lower case.
    """
    if node is None or not isinstance(node.value, dict):
        return None
    if sum(other.lower() == name.lower() for other in node.value) > (name in node.value):
        raise Malformed(f"{name!r} stands there in upper and lower case")
    found = node.value.get(name)
    return None if found is None or found.value is None else found


def objects(node: Node | None, what: str) -> list[Node]:
    """The items of an array of objects; none where it is missing. Raises Malformed."""
    return _items(node, dict, f"{what} is no array of objects")


def strings(node: Node | None, what: str) -> list[str]:
    """The items of an array of strings; none where it is missing. Raises Malformed."""
    return [str(item.value) for item in _items(node, str, f"{what} is no array of strings")]


def _items(node: Node | None, kind: type, complaint: str) -> list[Node]:
    if node is None:
        return []
    if not isinstance(node.value, list) or not all(isinstance(item.value, kind) for item in node.value):
        raise Malformed(complaint)
    return node.value


def string(node: Node | None, name: str) -> str:
    """A member that is a string; "" where it is missing or anything else."""
    found = member(node, name)
    return found.value if found is not None and isinstance(found.value, str) else ""


# --- changes ---------------------------------------------------------------------------------------------------------

#: What replaces `text[start:end]`.
Change = tuple[int, int, str]


def in_front(array: Node, items: str) -> Change:
    """Put items, as JSON with commas in between, before those of an array that has some."""
    first: Node = array.value[0]  # type: ignore[index, assignment]  # an array, as it says
    return first.start, first.start, items + ","


def at_end(owner: Node, name: str, items: str) -> Change:
    """Put items behind those of an array, the member `name` of an object that has members; it is made where it is missing."""
    members: dict[str, Node] = owner.value  # type: ignore[assignment]  # an object, as it says
    array = members.get(name)
    if array is None:
        return owner.start + 1, owner.start + 1, f'"{name}":[{items}],'
    if not array.value:  # empty, or null
        return array.start, array.end, f"[{items}]"
    last: Node = array.value[-1]  # type: ignore[index, assignment]  # an array, as has been seen
    return last.end, last.end, "," + items


def changed(text: str, changes: "Iterable[Change]") -> str:
    """A text with these changes, which do not overlap."""
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text
