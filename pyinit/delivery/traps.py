"""PURE. What the text of a shell script says, where /proc leaves a doubt.

/proc tells which signals a shell catches, and not why: dash and busybox catch SIGINT always, mksh catches SIGTERM always, and
bash with an EXIT trap catches all that would end it. Nor does it tell whether bash waits for a foreground job, or in `wait`.
"""

from pyinit.kernel import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters that end a simple command.
ENDS = "\n;&|()"

#: What an action may be that sets no trap: `trap - TERM` takes it back, `trap '' TERM` ignores the signal.
NO_ACTION = ("", "-")

#: Commands that start no process, after which a script that goes on can only be in `wait`.
BUILTINS = frozenset(
    "wait trap exit return echo printf : true false read local export set shift kill test [ [[ } fi for done case esac in "
    "break continue exec declare let unset".split()
)

#: Words that a command may follow.
BEFORE_COMMAND = frozenset({"{", "!", "if", "then", "else", "elif", "do", "while", "until"})


def traps(text: str, signum: int) -> bool:
    """Whether a script sets a trap for a signal, as far as its text tells: a signal in a variable may be any."""
    names = {signals.name(signum), signals.name(signum).removeprefix("SIG"), str(signum)}
    for words, _ in commands(text):
        if "trap" not in words:
            continue
        action, *conditions = (word for word in [*words[words.index("trap") + 1 :], ""] if word != "--")
        is_set = bool(conditions) and action not in NO_ACTION
        if is_set and any(word.upper() in names or word.startswith("$") for word in conditions):
            return True
    return False


def kills(text: str) -> bool:
    """Whether a script sends signals itself, as far as its text tells; `kill -0` only asks whether somebody is there."""
    for words, _ in commands(text):
        for at, word in enumerate(words):
            is_text = len(word.split()) > 1 and len(word) < len(text)  # the action of a trap; never the same text once more
            if word in ("pkill", "killall") or (word == "kill" and words[at + 1 : at + 2] != ["-0"]):
                return True
            if is_text and kills(word):
                return True
    return False


def waits(text: str) -> bool:
    """Whether a script may wait for what it has put in the background: it has a `wait`, or an `fg` of job control."""
    return any("wait" in words or "fg" in words for words, _ in commands(text))


def is_in_wait(text: str) -> bool:
    """Whether a script that has got so far can only be in `wait`: it starts nothing since it has put the last job behind it."""
    is_behind, has_wait = False, False
    for words, end in commands(text):
        first = next((word for word in words if word not in BEFORE_COMMAND and not _is_assignment(word)), ":")
        if end == "&":
            is_behind, has_wait = True, False
        elif first not in BUILTINS:
            is_behind = False
        elif "wait" in words:
            has_wait = True
    return is_behind and has_wait


def puts_behind(text: str, words: "tuple[str, ...]", shell: "tuple[str, ...]") -> bool:
    """Whether a script starts a command of these words in the background, and none like it in the foreground.

    As far as its text tells: by the command's first word, which may be that of a script that an interpreter runs. `shell` are
    the words of the script's own shell, which its subshells share. A variable may be any command that the foreground lacks.
    """
    called = {word.rpartition("/")[2] for word in words[:2]}
    behind: list[str] = []  # first words; "" of what runs in a subshell
    before: list[str] = []
    functions = {""}
    for given, end in commands(text):
        left = [word for word in given if word not in (*BEFORE_COMMAND, "exec") and not _is_assignment(word)]
        if end == ")" and not given:
            functions.update(before[-1:])
        before.append(left[0] if left else "")
        if end in ("|", "("):
            continue
        if end == "&":
            behind += before
        elif any(word.rpartition("/")[2] in called for word in before if word):
            return False
        before = []
    is_same_shell = words == shell
    return any(
        is_same_shell if word in functions else word.startswith("$") or word.rpartition("/")[2] in called for word in behind
    )


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def commands(text: str) -> "Iterator[tuple[list[str], str]]":
    """The simple commands of a script as words without their quotes, and the character that ends each ("" at the end).

    Neither expansions nor here-documents are understood: what looks like a command there counts as one.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote, at = "", 0
    while at < len(text):
        letter = text[at]
        at += 1
        if quote:
            if letter == quote:
                quote = ""
            elif word is not None:
                if letter == "\\" and quote == '"' and at < len(text):
                    letter, at = text[at], at + 1
                word.append(letter)
        elif letter in "'\"":
            quote, word = letter, word if word is not None else []
        elif letter == "\\" and at < len(text):
            if text[at] != "\n":
                word = word if word is not None else []
                word.append(text[at])
            at += 1
        elif letter == "#" and word is None:
            at = text.find("\n", at) % (len(text) + 1)
        elif letter == "&" and (text[at - 2 : at - 1] in (">", "<") or text[at : at + 1] == ">"):
            word = [*(word or []), letter]  # of a redirection
        elif letter in " \t" or letter in ENDS:
            if word is not None:
                words.append("".join(word))
                word = None
            if letter in ENDS:
                if letter in "&|" and text[at : at + 1] == letter:
                    letter, at = letter * 2, at + 1
                yield words, letter
                words = []
        else:
            word = word if word is not None else []
            word.append(letter)
    if word is not None:
        words.append("".join(word))
    if words:
        yield words, ""
