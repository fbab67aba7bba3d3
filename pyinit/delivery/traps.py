"""PURE. What the text of a shell script says about traps.

/proc tells which signals a shell catches, and not why: dash and busybox catch SIGINT always, mksh catches SIGTERM always, and
bash with an EXIT trap catches all that would end it. Where that leaves a doubt, the text decides.
"""

from pyinit import signals

#: Characters that end a simple command.
ENDS = "\n;&|()"

#: What an action may be that sets no trap: `trap - TERM` takes it back, `trap '' TERM` ignores the signal.
NO_ACTION = ("", "-")


def traps(text: str, signum: int) -> bool:
    """Whether a script sets a trap for a signal, as far as its text tells: a signal in a variable may be any."""
    names = {signals.name(signum), signals.name(signum).removeprefix("SIG"), str(signum)}
    at = text.find("trap")
    while at >= 0:
        is_word = (at == 0 or text[at - 1] in " \t{!" + ENDS) and text[at + 4 : at + 5] in (" ", "\t")
        if is_word:
            words = _words(text, at + 4)
            if words[:1] == ["--"]:
                del words[0]
            is_set = len(words) > 1 and words[0] not in NO_ACTION
            if is_set and any(word.upper() in names or word.startswith("$") for word in words[1:]):
                return True
        at = text.find("trap", at + 4)
    return False


def kills(text: str) -> bool:
    """Whether a script sends signals itself, as far as its text tells; `kill -0` only asks whether somebody is there."""
    at = text.find("kill")
    while at >= 0:
        is_word = at == 0 or text[at - 1] in " \t{!'\"pl" + ENDS  # pkill, killall
        words = _words(text, at + 4) if is_word else []
        if is_word and text[at + 4 : at + 5] in (" ", "\t", "a") and words[:1] != ["-0"] and words[:2] != ["-s", "0"]:
            return True
        at = text.find("kill", at + 4)
    return False


def waits(text: str) -> bool:
    """Whether a script may wait for what it has put in the background: it has a `wait`, or an `fg` of job control."""
    blank = text.translate(dict.fromkeys(map(ord, ENDS + "\t{}'\""), " "))
    return any(f" {word} " in f" {blank} " for word in ("wait", "fg"))


def _words(text: str, at: int) -> list[str]:
    """The words from a place on to the end of the command, with their quotes taken off."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    while at < len(text):
        letter = text[at]
        at += 1
        if quote:
            if letter == quote:
                quote = ""
            else:
                if letter == "\\" and quote == '"' and at < len(text):
                    letter, at = text[at], at + 1
                (word := word if word is not None else []).append(letter)
        elif letter in "'\"":
            quote = letter
            word = word if word is not None else []
        elif letter == "\\" and at < len(text):
            if text[at] != "\n":
                (word := word if word is not None else []).append(text[at])
            at += 1
        elif letter in " \t" or letter in ENDS:
            if word is not None:
                words.append("".join(word))
                word = None
            if letter in ENDS:
                break
        else:
            (word := word if word is not None else []).append(letter)
    if word is not None:
        words.append("".join(word))
    return words
