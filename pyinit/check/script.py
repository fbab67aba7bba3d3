"""Shell scripts as a small tree of statements, read by tree-sitter's grammar of bash."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import tree_sitter
import tree_sitter_bash

from pyinit.check.dockerfile import line_starts, place_of
from pyinit.check.place import Place

#: A word that stands for all the arguments of the script.
ARGUMENTS = "\0$@"

#: What a path begins with whose beginning is not known.
SOMEWHERE = "\0"

COMMAND, PIPELINE, LISTED, IF, CASE, LOOP, FUNCTION, SUBSHELL, GROUP, ASSIGNMENT, OTHER = (
    "command",
    "pipeline",
    "list",
    "if",
    "case",
    "loop",
    "function",
    "subshell",
    "group",
    "assignment",
    "other",
)

LANGUAGE = tree_sitter.Language(tree_sitter_bash.language())

#: Interpreters whose scripts we read, as the first line names them.
SHELLS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh")

#: What the grammar is not given: its scanner asks the C library of each character whether it is a letter, and far beyond ASCII
#: that reads memory which is not there. A letter stands in the place of each, so bytes and characters count the same.
NOT_ASCII = re.compile(r"[^\x01-\x7f]")

SHEBANG = re.compile(r"^#!\s*(?:\S*/env\s+(?:-\S+\s+)*)?(?:\S*/)?(\w+)")


@dataclass(frozen=True)
class Statement:
    """A statement and what is below it.

    `words` are those of a simple command, without assignments: None for a word that cannot be known, ARGUMENTS for "$@".
    `parts` are the commands of a pipeline, the two sides of a list, or the body of a loop, function, group or subshell;
    `branches` those of an `if` or `case`, and `has_else` says that one of them runs in any case. Offsets count characters of
    the script's text.
    """

    kind: str
    place: Place
    start: int
    end: int
    words: tuple[str | None, ...] = ()
    parts: tuple[Statement, ...] = ()
    branches: tuple[tuple[Statement, ...], ...] = ()
    condition: tuple[Statement, ...] = ()
    word: str = ""  # the operator of a list, the keyword of a loop, the name of a function or of an assigned variable
    has_else: bool = False
    is_background: bool = False
    is_redirected: bool = False
    has_assignments: bool = False

    @property
    def is_exec(self) -> bool:
        """Whether it is an `exec` of a program, and not just of redirections."""
        return self.kind == COMMAND and len(self.words) > 1 and self.words[0] == "exec"

    def walk(self) -> Iterator[Statement]:
        """The statement and all below it, in the order of the text."""
        yield self
        for group in (self.condition, self.parts, *self.branches):
            for child in group:
                yield from child.walk()


@dataclass(frozen=True)
class Script:
    """A script: its path, its text, the shell that runs it ("" where it has no first line), and its statements.

    `is_whole` is False where the grammar did not understand all of it; nothing is said of such a script.
    """

    path: str
    text: str
    shell: str
    statements: tuple[Statement, ...]
    is_whole: bool
    first_line: int = 1
    column: int = 1
    functions: dict[str, Statement] = field(default_factory=dict, compare=False)

    def walk(self) -> Iterator[Statement]:
        """Every statement, in the order of the text."""
        for statement in self.statements:
            yield from statement.walk()


def shell_of(text: str) -> str:
    """The shell that the first line names; "" for other interpreters and where there is none."""
    found = SHEBANG.match(text)
    return found[1] if found and found[1] in SHELLS else ""


@functools.lru_cache(maxsize=512)
def parse(path: str, text: str, first_line: int = 1, column: int = 1) -> Script:
    """Read a script. `first_line` and `column` tell where its text begins, for one that stands in another file."""
    tree = tree_sitter.Parser(LANGUAGE).parse(NOT_ASCII.sub("_", text).encode("ascii"))
    reader = _Reader(path, text, first_line, column)
    is_whole = not tree.root_node.has_error
    try:
        statements = tuple(reader.statements(tree.root_node)) if is_whole else ()
    except RecursionError:
        is_whole, statements = False, ()  # deeper than anything that a person has written
    script = Script(path, text, shell_of(text), statements, is_whole, first_line, column)
    for statement in script.walk():
        if statement.kind == FUNCTION:
            script.functions[statement.word] = statement
    return script


class _Reader:
    """Makes Statements of the grammar's nodes."""

    def __init__(self, path: str, text: str, first_line: int, column: int):
        self.path, self.text = path, text
        self.starts = line_starts(text)
        self.first_line, self.column = first_line, column

    def text_of(self, node: tree_sitter.Node) -> str:
        return self.text[node.start_byte : node.end_byte]

    def place(self, node: tree_sitter.Node) -> Place:
        found = place_of(self.path, self.text, self.starts, node.start_byte, node.end_byte)
        shift = self.column - 1 if found.line == 1 else 0
        return Place(self.path, found.line + self.first_line - 1, found.column + shift, found.end + shift)

    def statements(self, parent: tree_sitter.Node, skip: int = 0) -> Iterator[Statement]:
        """The statements of a block."""
        return self.several(parent.children[skip:])

    def make(self, kind: str, node: tree_sitter.Node, **more: object) -> Statement:
        place, start, end = self.place(node), node.start_byte, node.end_byte
        return replace(Statement(kind, place, start, end), **more)  # type: ignore[arg-type]  # fields of Statement

    def statement(self, node: tree_sitter.Node) -> Statement:
        kind = node.type
        if kind in ("command", "declaration_command", "unset_command"):
            return self.command(node)
        if kind == "redirected_statement":
            return self.redirected(node)
        if kind == "pipeline":
            return self.make(PIPELINE, node, parts=tuple(self.statements(node)))
        if kind == "list":
            operator = next((child.type for child in node.children if child.type in ("&&", "||")), "")
            return self.make(LISTED, node, parts=tuple(self.statement(child) for child in node.named_children), word=operator)
        if kind == "negated_command":
            inner = node.named_children
            return self.make(LISTED, node, parts=tuple(self.statement(child) for child in inner), word="!")
        if kind == "if_statement":
            return self.conditional(node)
        if kind == "case_statement":
            return self.case(node)
        if kind in ("while_statement", "for_statement", "c_style_for_statement"):
            return self.loop(node)
        if kind == "function_definition":
            name = node.child_by_field_name("name")
            body = node.child_by_field_name("body")
            parts = tuple(self.statements(body)) if body is not None else ()
            return self.make(FUNCTION, node, word=self.text_of(name) if name else "", parts=parts)
        if kind == "subshell":
            return self.make(SUBSHELL, node, parts=tuple(self.statements(node)))
        if kind == "compound_statement":
            return self.make(GROUP, node, parts=tuple(self.statements(node)))
        if kind in ("variable_assignment", "variable_assignments"):
            name = node.child_by_field_name("name")
            return self.make(ASSIGNMENT, node, word=self.text_of(name) if name else "")
        return self.make(OTHER, node)

    def command(self, node: tree_sitter.Node) -> Statement:
        words: list[str | None] = []
        has_assignments = is_redirected = False
        for child in node.children:
            if child.type == "variable_assignment" and not words and node.type == "command":
                has_assignments = True
            elif child.type == "command_name":
                words += [self.word(inner) for inner in child.children]
            elif child.type.endswith("redirect"):
                is_redirected = True
            elif not child.is_named and node.type != "command":
                words.append(child.type)  # export, declare, unset
            elif words == ["trap"] and child.type == "string":
                words.append(self.text_of(child)[1:-1])  # what it does is in its words, whatever the variables are
            elif child.is_named or child.type not in ("(", ")"):
                words.append(self.word(child))
        return self.make(COMMAND, node, words=tuple(words), has_assignments=has_assignments, is_redirected=is_redirected)

    def redirected(self, node: tree_sitter.Node) -> Statement:
        """A statement with redirections. The grammar hangs the words that follow one below it."""
        body = node.child_by_field_name("body") or next((child for child in node.named_children), None)
        if body is None or body.type.endswith("redirect"):
            return self.make(OTHER, node)
        inner = self.statement(body)
        more: list[str | None] = []
        rest: list[Statement] = []
        for child in node.named_children[1:]:
            named = child.named_children
            if child.type == "herestring_redirect":
                continue
            is_target = child.type == "file_redirect"
            destinations = [part for part in named if part.type != "file_descriptor"]
            if is_target and inner.kind == COMMAND:
                more += [self.word(part) for part in destinations[1:]]
            if child.type == "heredoc_redirect":
                rest += [self.statement(part) for part in named if part.type in ("pipeline", "command", "list")]
                more += [self.word(part) for part in named if part.type in ("word", "string", "raw_string", "concatenation")]
        start, end, place = node.start_byte, node.end_byte, self.place(node)
        words = (*inner.words, *more) if inner.kind == COMMAND else inner.words
        made = replace(inner, start=start, end=end, place=place, words=words, is_redirected=True)
        if rest:
            return self.make(PIPELINE, node, parts=(made, *rest))
        return made

    def conditional(self, node: tree_sitter.Node) -> Statement:
        branches: list[tuple[Statement, ...]] = []
        condition, rest = self.split(node, "then")
        branches.append(rest)
        has_else = False
        for child in node.named_children:
            if child.type == "elif_clause":
                more, rest = self.split(child, "then")
                condition += more
                branches.append(rest)
            elif child.type == "else_clause":
                has_else = True
                branches.append(tuple(self.statements(child)))
        return self.make(IF, node, condition=condition, branches=tuple(branches), has_else=has_else)

    def split(self, node: tree_sitter.Node, keyword: str) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
        """The statements before and behind a keyword; the clauses that follow are left out."""
        before: list[tree_sitter.Node] = []
        behind: list[tree_sitter.Node] = []
        found = False
        for child in node.children:
            if child.type == keyword and not child.is_named:
                found = True
            elif child.type not in ("elif_clause", "else_clause"):
                (behind if found else before).append(child)
        return tuple(self.several(before)), tuple(self.several(behind))

    def several(self, nodes: list[tree_sitter.Node]) -> Iterator[Statement]:
        """The statements of some nodes; `&` behind one puts it in the background."""
        last: Statement | None = None
        for child in nodes:
            if child.type == "&" and last is not None:
                last = _in_background(last)
            elif child.is_named and child.type != "comment":
                if last is not None:
                    yield last
                last = self.statement(child)
        if last is not None:
            yield last

    def case(self, node: tree_sitter.Node) -> Statement:
        branches = []
        has_else = False
        for child in node.named_children:
            if child.type != "case_item":
                continue
            at = next((index for index, part in enumerate(child.children) if part.type == ")"), -1)
            pattern = "".join(self.text_of(part) for part in child.children[:at]).strip("(")
            has_else = has_else or pattern == "*"
            branches.append(tuple(self.several(list(child.children[at + 1 :]))))
        return self.make(CASE, node, branches=tuple(branches), has_else=has_else)

    def loop(self, node: tree_sitter.Node) -> Statement:
        body = node.child_by_field_name("body")
        parts = tuple(self.statements(body)) if body is not None else ()
        keyword = node.children[0].type
        condition: tuple[Statement, ...] = ()
        if keyword in ("while", "until"):
            condition = tuple(self.several([child for child in node.children if child.type != "do_group"]))
        elif node.type == "c_style_for_statement" and re.match(r"for\s*\(\(\s*;\s*;\s*\)\)", self.text_of(node)):
            keyword = "forever"
        return self.make(LOOP, node, parts=parts, condition=condition, word=keyword)

    def tail(self, parts: list[str | None]) -> str | None:
        """A path of which only the end is known, of "$JAVA_HOME/bin/java" say; None where that is no path."""
        last = parts[-1] if parts else None
        return SOMEWHERE + last if len(parts) == 2 and parts[0] is None and last and last.startswith("/") else None  # noqa: PLR2004

    def word(self, node: tree_sitter.Node) -> str | None:
        """The text of a word as the shell passes it on; None where that depends."""
        kind = node.type
        text = self.text_of(node)
        if kind in ("word", "number", "[", "[["):
            if re.search(r"(?<!\\)[*?]|^~", text):
                return None
            return re.sub(r"\\\n", "", text) if "\\\n" in text else re.sub(r"\\(.)", r"\1", text)
        if kind == "raw_string":
            return text[1:-1]
        if kind == "string":
            inner = [child for child in node.children if child.type != '"']
            if len(inner) == 1 and self.text_of(inner[0]) in ("$@", "${@}"):
                return ARGUMENTS
            if all(child.type == "string_content" for child in inner):
                return re.sub(r"\\([\"\\$`])", r"\1", text[1:-1]).replace("\\\n", "")
            return self.tail([self.text_of(child) if child.type == "string_content" else None for child in inner])
        if kind == "concatenation":
            parts = [self.word(child) for child in node.children]
            is_known = all(part is not None and part != ARGUMENTS for part in parts)
            return "".join(map(str, parts)) if is_known else self.tail(parts)
        if kind in ("simple_expansion", "expansion") and text in ("$@", "$*", "${@}"):
            return ARGUMENTS
        return None


def _in_background(statement: Statement) -> Statement:
    """The statement that `&` puts in the background: all of a list, but not what stands before it."""
    return replace(statement, is_background=True)


@dataclass(frozen=True)
class Trap:
    """A trap: what it does (None where that cannot be known), the signals without SIG, and the statement that sets it."""

    action: str | None
    signals: tuple[str, ...]
    statement: Statement

    @property
    def is_set(self) -> bool:
        """Whether this sets an action, and neither ignores the signal nor takes an action back."""
        return self.action is None or self.action not in ("", "-")


def traps(statements: tuple[Statement, ...]) -> Iterator[Trap]:
    """The traps that statements set, with signals as names: 15 and SIGTERM are TERM, 0 is EXIT."""
    names = {"0": "EXIT", "1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "15": "TERM", "19": "STOP"}
    for top in statements:
        for statement in top.walk():
            words = tuple(word for word in statement.words if word != "--")
            if statement.kind == COMMAND and words[:1] == ("trap",) and len(words) > 2:  # noqa: PLR2004 - trap ACTION SIGNAL
                known = [word.upper().removeprefix("SIG") for word in words[2:] if word]
                yield Trap(words[1], tuple(names.get(word, word) for word in known), statement)


def action_of(trap: Trap, script: Script) -> tuple[Statement, ...] | None:
    """The statements that a trap runs, those of the functions that it calls among them; None where they cannot be known."""
    if trap.action is None or ARGUMENTS in trap.action:
        return None
    inner = parse(script.path, trap.action, trap.statement.place.line)
    return with_functions(inner.statements, script) if inner.is_whole else None


def with_functions(statements: tuple[Statement, ...], script: Script) -> tuple[Statement, ...]:
    """Statements, and behind them the bodies of the script's functions that they call, and that these call."""
    found = list(statements)
    called: set[str] = set()
    at = 0
    while at < len(found):
        for statement in found[at].walk():
            name = statement.words[0] if statement.kind == COMMAND and statement.words else None
            if name in script.functions and name not in called:
                called.add(name or "")
                found += script.functions[name or ""].parts
        at += 1
    return tuple(found)
