"""PURE. Words that help with a mistake: in the options, in the name of a variable, in the command.

Imported only where there is a mistake.
"""

from pyinit.settings.words import SHELL_WORDS, is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Letters of a command that are shown once more.
LONGEST = 60

#: Words that nobody means as arguments of a program: they would be a shell's.
JOINS = ("&&", "||")

#: Of a command in one word: what only a shell understands.
OPERATORS = frozenset(";&|<>()`")

#: Values of switches, which are taken for the command where they stand apart.
SWITCHES = ("yes", "no", "on", "off", "true", "false", "0", "1", "auto")

#: A word is near another where not more letters than this differ, or a part of it.
NEAR, PART = 2, 4

NOT_NEEDED = "is not needed: leave it out"

#: What the options of other inits are here, by their first letter or long name. {} is the value that was given.
OTHERS = {
    "-g": f"tini's and catatonit's -g {NOT_NEEDED} (whoever handles the signal is told, in the whole group)",
    "-s": f"tini's -s {NOT_NEEDED} (orphans are adopted; --subreaper=yes insists)",
    "-w": f"tini's -w {NOT_NEEDED}",
    "-e": "tini's -e {} is --map-status {}:0",
    "-p": "tini's -p {} is --parent-death-signal {}",
    "-v": "-v of the others is --log-level debug",
    "--verbose": "dumb-init's --verbose is --log-level debug",
    "-r": "dumb-init's -r {} is --rewrite {}",
    "--single-child": f"dumb-init's --single-child {NOT_NEEDED} (who has a handler above is left to that one)",
    "-V": "-V of the others is --version",
    "-l": "tini's -l tells the licence: Apache-2.0",
    "-L": "catatonit's -L tells the licence: Apache-2.0",
    "-P": "catatonit's -P is taken by that name only: link catatonit to pyinit",
}

#: Of these a value follows, and what to show where it is missing.
VALUES = {"-e": "STATUS", "-p": "SIGNAL", "-r": "FROM:TO"}


def distance(one: str, other: str) -> int:
    """How many letters to insert, delete or replace to get from one word to another (Levenshtein)."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        above, row[0] = row[0], index
        for column, counterpart in enumerate(other, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (letter != counterpart))
    return row[-1]


def nearest(word: str, known: "Iterable[str]") -> str:
    """The known word that may have been meant: one that begins with the given one, or differs in few letters. Else ""."""
    begun = [candidate for candidate in known if len(word) > len("--x") and candidate.startswith(word)]
    if begun:
        return min(begun, key=len)
    found = min(known, key=lambda candidate: distance(word[:64], candidate), default="")
    return found if distance(word[:64], found) <= max(NEAR, len(found) // PART) and len(word) > len("--x") else ""


def shown(word: str) -> str:
    """A word in one line."""
    return word if word.isprintable() else ascii(word)


def of_another(word: str, words: "Sequence[str]") -> str:
    """What an option of tini, dumb-init or catatonit is here, or "". `words` are those that follow."""
    flag, equals, value = word.partition("=")
    if not word.startswith("--"):
        flag, equals, value = word[:2], word[2:], word[2:]
    text = OTHERS.get(flag, "")
    if flag in VALUES:
        value = value if equals else "".join(words[:1])
        value = value if value and value != "--" and value.isprintable() else VALUES[flag]
        text = text.replace("{}", value)
    return text


def unknown_option(word: str, words: "Sequence[str]", known: "Iterable[str]") -> str:
    """What is said of an option that there is not; `words` are those that follow."""
    other = of_another(word, words)
    if other:
        return f"{shown(word)}: no such option: {other} (pyinit --help shows the options)"
    flag = word.partition("=")[0]
    meant = nearest(flag, [*known, "--help", "--version"])
    did_you = f"; did you mean {meant}?" if meant else ""
    return f"{shown(flag)}: no such option{did_you} (pyinit --help all lists them)"


def unknown_variable(name: str, known: "Iterable[str]") -> str:
    """What is warned of a variable that is called like ours and is none."""
    meant = nearest(name, known)
    did_you = f"; did you mean {meant}? It" if meant else ", and"
    return f"{shown(name)} is no variable of pyinit{did_you} is ignored"


def not_found(words: "Sequence[str]") -> str:
    """What may have been meant by a command of these words, of which the first is no program; or ""."""
    command = words[0]
    first = command.split()[0] if command.split() else ""
    assigned, equals, _ = first.partition("=")
    if equals and is_name(assigned):
        return f"a variable is set by env (env {assigned}=... COMMAND), by ENV in the image, or by a shell's line after -c"
    if first == "exec":
        return "exec is a shell's own word, and not needed: leave it out"
    if command.startswith("$"):
        return "variables are expanded by --expand-env, or by -c '...'"
    if " " in command.strip() and not (OPERATORS & set(command) or first in SHELL_WORDS):
        separate = shown(command) if len(command) <= LONGEST else "..."
        return f"a command is separate words (pyinit -- {separate}), or one string after -c (pyinit -c {_quoted(command)})"
    if " " in command.strip():
        return f"that is a shell's line: pyinit -c {_quoted(command)}"
    if command in SWITCHES:
        return f"{command!r} was taken for the command: the value of a switch follows an =, as in --expand-env={shown(command)}"
    if first in SHELL_WORDS:
        return f"{first} is a shell's own word: pyinit -c '{first} ...' has a shell do it"
    return ""


def joined(words: "Sequence[str]") -> str:
    """What is warned of a command of which one word would be a shell's, or ""."""
    found = [word for word in words[1:] if word in JOINS]
    return (
        f"{found[0]!r} is an argument of {shown(words[0])} here, for there is no shell: pyinit -c '...' has one"
        if found
        else ""
    )


def _quoted(text: str) -> str:
    if len(text) > LONGEST:
        return "'...'"
    quoted = "'" + text.replace("'", "'\\''") + "'"
    return quoted if text.isprintable() else "'...'"
