"""The shell above, where pyinit should be PID 1 and a shell is: a stop request goes to that shell, and no further.

Imported only where our parent is PID 1 of our namespace, and forgotten once the command runs.
"""

from pyinit.kernel import system
from pyinit.kernel.processes import SHELLS
from pyinit.kernel.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: The option that takes a command string: what follows it may be long.
STRING = "-c"


def warning(words: "Sequence[str]") -> str:
    """What to warn of, in one line; "" where PID 1 is no shell, or passes the signal on.

    `words` are those that pyinit was called by: its name, and its arguments.
    """
    if system.read_link("/proc/self") != str(system.getpid()):
        return ""  # another namespace's, or none
    above = [system.decode(word) for word in system.read_file("/proc/1/cmdline").split(b"\0")[:-1]]
    shell = runs_something(above)
    if not shell or catches(system.read_file("/proc/1/status"), signal.SIGTERM):
        return ""
    return (
        f"PID 1 is a shell ({shell}), which does not pass the stop request on: nobody here will hear of it; "
        f"write ENTRYPOINT [{', '.join(entrypoint(words))}], or exec in front of {words[0]} in the shell's line"
    )


def runs_something(words: "Sequence[str]") -> str:
    """PURE. The name of the shell in which these words run a script or a command string; "" of any other, and at a prompt."""
    names = [word.rpartition("/")[2].lstrip("-") for word in words]
    if names[:1] == ["busybox"]:
        names, words = names[1:], words[1:]
    has_work = any(word[:1] not in ("-", "+") for word in words[1:])
    return names[0] if has_work and names[0] in SHELLS else ""


def catches(status: bytes, signum: int) -> bool:
    """PURE. Whether a handler is set for a signal, by /proc/PID/status: the shell has a trap."""
    _, _, rest = status.partition(b"\nSigCgt:")
    return bool(int(rest.split(b"\n", 1)[0], 16) >> (signum - 1) & 1) if rest else False


def entrypoint(words: "Sequence[str]") -> list[str]:
    """PURE. The words for the exec form, in quotes. Of what may be long or secret only "..." is shown."""
    name, *rest = words
    shown = [_quoted(name)]
    if rest[:1] == [STRING]:
        return [*shown, _quoted(STRING), "..."]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    elif rest[0].startswith("-"):
        return [*shown, "...", _quoted("--"), "..."]  # which word ends the options is not worth to be found out twice
    return [*shown, _quoted("--"), _quoted(rest[0]), *(["..."] if rest[1:] else [])]


def _quoted(word: str) -> str:
    text = "".join(char if char.isprintable() else "?" for char in word)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
