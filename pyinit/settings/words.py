"""Words of a command line: variables expanded without a shell, and the shell's simple commands told from the rest.

Follows the POSIX shell language (IEEE 1003.1, "Shell Command Language", 2.2 Quoting, 2.3 Token Recognition, 2.6 Word
Expansions) for what it accepts; whatever it does not accept is for /bin/sh, so it is never wrong to say "not simple".
"""

from pyinit.kernel import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Words that a shell does itself, or that do something to the shell: reserved words, special and regular built-ins.
#: (echo, printf, test, true, false, kill and pwd are left to the shell too: an image need not have them as files.)
SHELL_WORDS = frozenset(
    "! [ [[ { } . : alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc declare "
    "dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help "
    "history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set "
    "shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while".split()
)

#: Variables that shells set themselves, whatever the environment says; and all that begin with BASH.
SHELL_VARIABLES = frozenset(
    "_ COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD IFS LINENO OLDPWD OPTERR OPTIND "
    "PIPESTATUS POSIXLY_CORRECT PPID PS1 PS2 PS4 PWD RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID".split()
)

#: Variables that a shell sets where the environment does not.
SHELL_DEFAULTS = frozenset("HOME HOSTNAME HOSTTYPE MACHTYPE MAILCHECK OSTYPE PATH SHELL TERM".split())

#: Characters that, unquoted, make more of a line than a simple command without redirections.
OPERATORS = frozenset("\n;&|<>()`")
PATTERNS = frozenset("*?[")
BLANKS = " \t"
SEPARATORS = {ord("\t"): " ", ord("\n"): " "}  # of fields (IFS); shells take no IFS from the environment


class NotSimple(Exception):
    """The string needs a shell."""


def is_name(text: str) -> bool:
    """Whether a text can be the name of a variable: letters, digits and _ of ASCII, no digit in front."""
    return text.isascii() and text.isidentifier()


def _name_at(text: str, start: int) -> str:
    end = start
    while end < len(text) and is_name("_" + text[end]):
        end += 1
    return text[start:end] if is_name(text[start:end]) else ""


def _closing_brace(text: str, start: int) -> int:
    """Where the brace that was opened before `start` closes, or -1."""
    depth, at = 1, start
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return -1


def _variable_at(text: str, start: int, get: "Callable[[str], str | None]") -> tuple[str, int] | None:
    """The value of the `$NAME`, `${NAME}` or `${NAME:-default}` at `start`, and where it ends; None for other uses."""
    if text.startswith("${", start):
        end = _closing_brace(text, start + 2)
        if end < 0:
            raise ValueError(f"{text!r} has a ${{ that is never closed")
        name, separator, default = text[start + 2 : end].partition(":-")
        if not is_name(name):
            return None
        value = get(name)
        return (value or (_expand(default, get) if separator else ""), end + 1)
    name = _name_at(text, start + 1)
    return (get(name) or "", start + 1 + len(name)) if name else None


def expand(text: str, get: "Callable[[str], str | None]") -> str:
    """A text with `$NAME`, `${NAME}` and `${NAME:-default}` replaced and `$$` made `$`; any other `$` stays.

    `get` gives a variable's value, or None where it is not set, which expands to nothing, as in a shell. One word stays
    one word. Raises ValueError for a `${` that is not closed or holds anything else.
    """
    try:
        return _expand(text, get)
    except RecursionError:
        raise ValueError(f"{text[:64]!r}...: defaults are nested too deeply") from None


def _expand(text: str, get: "Callable[[str], str | None]") -> str:
    result, at = [], 0
    while (dollar := text.find("$", at)) >= 0:
        result.append(text[at:dollar])
        if text.startswith("$$", dollar):
            result.append("$")
            at = dollar + 2
            continue
        variable = _variable_at(text, dollar, get)
        if variable is not None:
            value, at = variable
            result.append(value)
        elif text.startswith("${", dollar):
            raise ValueError(f"{text!r}: only ${{NAME}} and ${{NAME:-default}} are expanded (write $$ for a plain $)")
        else:
            result.append("$")
            at = dollar + 1
    result.append(text[at:])
    return "".join(result)


class _Words:
    """The words of a simple command, as they are put together from pieces."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.word: str | None = None  # None between words; "" is a word, too: it was quoted

    def add(self, piece: str) -> None:
        self.word = (self.word or "") + piece

    def end(self) -> None:
        if self.word is not None:
            self.words.append(self.word)
            self.word = None

    def add_split(self, value: str) -> None:
        """Add the value of an unquoted variable: split at blanks (2.6.5)."""
        if PATTERNS & set(value) or "\\" in value:
            raise NotSimple  # pathname expansion (2.6.6) would follow
        fields = value.translate(SEPARATORS).split(" ")
        for index, field in enumerate(fields):
            if index:
                self.end()
            if field:
                self.add(field)


def _variable(text: str, at: int, get: "Callable[[str], str | None]") -> tuple[str, int]:
    """The variable at `at`, in the forms that mean the same here as in a shell."""
    if text.startswith("${", at):
        end = _closing_brace(text, at + 2)
        if end < 0 or set(text[at + 2 : end]) & set("$\"'\\`{*?[~ \t\n"):
            raise NotSimple  # a default that the shell would expand, split or unquote further
    name = _name_at(text, at + 2 if text.startswith("${", at) else at + 1)
    variable = _variable_at(text, at, get)
    if name.startswith("BASH") or name in SHELL_VARIABLES or (name in SHELL_DEFAULTS and get(name) is None):
        raise NotSimple
    if variable is None:
        raise NotSimple  # $1, $?, $(command), ${NAME%pattern}, ...
    if text.startswith("\\\n", variable[1]):
        raise NotSimple  # the shell joins lines before it sees the name
    return variable


def _double_quoted(text: str, at: int, words: _Words, get: "Callable[[str], str | None]") -> int:
    """Add what stands between double quotes, the first of which is at `at`; return where it ends."""
    at += 1
    words.add("")
    while at < len(text):
        char = text[at]
        if char == '"':
            return at + 1
        if char == "`":
            raise NotSimple
        if char == "\\" and text[at + 1 : at + 2] in ("$", "`", '"', "\\"):
            words.add(text[at + 1])
            at += 2
        elif char == "\\" and text[at + 1 : at + 2] == "\n":
            at += 2
        elif char == "$" and text[at + 1 : at + 2] not in ("", '"', " "):
            value, at = _variable(text, at, get)
            words.add(value)
        else:
            words.add(char)
            at += 1
    raise NotSimple  # unclosed: the shell says it better


def split_simple(text: str, get: "Callable[[str], str | None]") -> list[str]:
    """The words of a simple command, quotes taken away and variables expanded, just as /bin/sh would make them.

    Raises NotSimple for everything else: operators, redirections, assignments, patterns, built-ins, no word at all.
    """
    words, at = _Words(), 0
    while at < len(text):
        char = text[at]
        if char in BLANKS:
            words.end()
            at += 1
        elif char in OPERATORS or char in PATTERNS or char == "{":
            raise NotSimple
        elif char in "#~" and words.word is None:
            raise NotSimple  # a comment, somebody's home
        elif char == "=" and not words.words:
            raise NotSimple  # an assignment before the command, or what may be one
        elif char == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise NotSimple
            words.add(text[at + 1 : end])
            at = end + 1
        elif char == '"':
            at = _double_quoted(text, at, words, get)
        elif char == "\\":
            if at + 1 == len(text):
                raise NotSimple
            if text[at + 1] != "\n":
                words.add(text[at + 1])
            at += 2
        elif char == "$":
            value, at = _variable(text, at, get)
            words.add_split(value)
        else:
            words.add(char)
            at += 1
    words.end()
    if not words.words or not words.words[0] or words.words[0] in SHELL_WORDS:
        raise NotSimple
    return words.words


def getter(environment: "Mapping[bytes, bytes]") -> "Callable[[str], str | None]":
    """A function that looks up a variable's value as text."""

    def get(name: str) -> str | None:
        value = environment.get(name.encode())
        return None if value is None else system.decode(value)

    return get


def as_shell(script: str, arguments: "Sequence[str]", environment: "Mapping[bytes, bytes]") -> list[str]:
    """What to execute for `sh -c script argument ...`: a simple command's own words, or /bin/sh with it all."""
    try:
        return split_simple(script, getter(environment))
    except (NotSimple, ValueError, RecursionError):
        return ["/bin/sh", "-c", script, *arguments]
