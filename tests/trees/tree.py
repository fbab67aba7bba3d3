"""PURE. A process tree as a value: what a container's command may start, nested. `words()` is the command that becomes it.

Every kind of node is a frozen dataclass, so that a tree can be printed, compared, shrunk, and typed in again. A node's name is
the way to it from the root: "t" is the root, "t1" the second child of that, "t1.w0" the first worker of a master.
"""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass

#: What is between a wrapper and its name: a function that writes a script and returns its path.
WriteScript = Callable[[str, str], str]

#: The shells, as the interpreter of a script.
SHELLS = {"dash": "/bin/dash", "bash": "/bin/bash", "busybox": "/bin/busybox sh"}


@dataclass(frozen=True)
class App:
    """An application. It takes signals by `way`: handler, sigwait, signalfd. Told to stop, it works and exits with `status`.

    With `second` "dies" it resets its handler at the first signal, so that a second one kills it. `extra`: "spawns" starts
    short children in a loop; "stopped" stops itself when it is ready; "parent-stopped" its parent.
    """

    status: int = 7
    milliseconds: int = 40
    way: str = "handler"
    second: str = "told"
    extra: str = ""


@dataclass(frozen=True)
class Mortal:
    """A program that does nothing about any signal, and has no end."""


@dataclass(frozen=True)
class Master:
    """A server with workers that it finishes by itself; a worker that gets SIGTERM drops its work."""

    workers: int = 2
    status: int = 0
    milliseconds: int = 60


@dataclass(frozen=True)
class Forward:
    """A program that passes the signal on to its child, and exits with its status."""

    child: "Node"


@dataclass(frozen=True)
class Script:
    """A start script: the child in the foreground, last lines, and `status` or else the child's.

    `exits_by_trap`: with an EXIT trap. `subshell`: all of it in parentheses. `last_work`: the last lines take longer than the
    settling time. `by_c`: the shell gets it as `-c`.
    """

    shell: str
    child: "Node"
    status: int | None = None
    exits_by_trap: bool = False
    subshell: bool = False
    last_work: bool = False
    by_c: bool = False


@dataclass(frozen=True)
class ShellForm:
    """`sh -c "command"`: bash and busybox execute the command in their own place, dash 0.5.12 does not."""

    shell: str
    child: "Node"


@dataclass(frozen=True)
class Pipeline:
    """`child | tee`, or with a `reader` that takes SIGTERM for its end, and exits with that status."""

    shell: str
    child: "Node"
    reader: int | None = None


@dataclass(frozen=True)
class Background:
    """`a & b & wait`; with `of_last`, the status is that of the last one."""

    shell: str
    children: "tuple[Node, ...]"
    of_last: bool = True


@dataclass(frozen=True)
class Beside:
    """`behind & front`: a background job and a foreground application. With `waits`, the script then waits for the job."""

    shell: str
    behind: "Node"
    front: "Node"
    waits: bool = False


@dataclass(frozen=True)
class Daemon:
    """`( daemon & ); front`: an orphan in the group and an application. With `leaves`, the orphan has a session of its own."""

    shell: str
    daemon: "Node"
    front: "Node"
    leaves: bool = False


@dataclass(frozen=True)
class Poll:
    """`app & while kill -0 $!; do sleep; done; wait $!`: a script that starts short children in a loop."""

    shell: str
    child: "Node"


@dataclass(frozen=True)
class TrapForward:
    """`child & trap 'kill $!; wait $!' TERM; wait $!`: the textbook."""

    shell: str
    child: "Node"


@dataclass(frozen=True)
class TrapWord:
    """A script whose trap ends its application in another way than by SIGTERM, which would kill it."""

    shell: str
    status: int = 7


@dataclass(frozen=True)
class TrapAfter:
    """A script with a trap, and the child in the foreground: the trap runs when that has ended, and exits with `status`."""

    shell: str
    child: "Node"
    status: int = 4


@dataclass(frozen=True)
class Env:
    """`env`, `nice`, ...: what executes the child in its own place."""

    child: "Node"


@dataclass(frozen=True)
class Setsid:
    """`setsid --wait child`: another session, the same status."""

    child: "Node"


@dataclass(frozen=True)
class Timeout:
    """`timeout 100 child`: it passes the signal on, to its child, and if not `foreground` then to its group, as GNU's does."""

    child: "Node"
    foreground: bool = True


@dataclass(frozen=True)
class Tini:
    """An init within: it passes the signal on to its child."""

    child: "Node"


@dataclass(frozen=True)
class DumbInit:
    """An init within that passes the signal on to its child's whole session."""

    child: App


@dataclass(frozen=True)
class Restart:
    """`while :; do app; done`, which nothing but a signal ends."""

    shell: str
    child: App


Node = (
    App | Mortal | Master | Forward | Script | ShellForm | Pipeline | Background | Beside | Daemon | Poll | TrapForward
    | TrapWord | TrapAfter | Env | Setsid | Timeout | Tini | DumbInit | Restart
)  # fmt: skip


def children(node: Node) -> list[Node]:
    """The nodes right below this one, in the order of their names."""
    found: list[Node] = []
    for field in fields(node):
        value = getattr(node, field.name)
        found.extend(value if isinstance(value, tuple) else [value] if is_dataclass(value) else [])  # type: ignore[list-item]
    return found


def walk(node: Node, name: str = "t") -> Iterator[tuple[str, Node]]:
    """All nodes of a tree, each with its name."""
    yield name, node
    for number, child in enumerate(children(node)):
        yield from walk(child, f"{name}{number}")


def words(node: Node, leaf: str, write: WriteScript, name: str = "t") -> list[str]:
    """The command that becomes this tree. `leaf` is the program of leaf.c; `write` writes a script and returns its path."""
    below = [words(child, leaf, write, f"{name}{number}") for number, child in enumerate(children(node))]
    lines = [shlex.join(each) for each in below]
    match node:  # by full paths: busybox sh prefers its own applets, which know other options
        case App():
            return [leaf, "app", name, str(node.status), str(node.milliseconds), node.way, node.second, node.extra]
        case Mortal():
            return [leaf, "app", name, "0", "0", "none", "told"]
        case Master():
            return [leaf, "master", name, str(node.status), str(node.milliseconds), str(node.workers)]
        case Forward():
            return [leaf, "forward", name, *below[0]]
        case Env():
            return ["/usr/bin/env", "TREE=1", *below[0]]
        case Setsid():
            return ["/usr/bin/setsid", "--wait", *below[0]]
        case Timeout():
            return ["/usr/bin/timeout", *(["--foreground"] if node.foreground else []), "100", *below[0]]
        case Tini():
            return ["tini", "-s", "--", *below[0]]
        case DumbInit():
            return ["dumb-init", "--", *below[0]]
        case ShellForm():
            return [*SHELLS[node.shell].split(), "-c", lines[0]]
        case _:
            text = "\n".join(script(node, lines, name, leaf))
            if isinstance(node, Script) and node.by_c:
                return [*SHELLS[node.shell].split(), "-c", text]
            return [write(name, f"#!{SHELLS[node.shell]}\n# {type(node).__name__}\n{text}\n")]


def script(node: Node, lines: list[str], name: str, leaf: str) -> list[str]:
    """The lines of a node that is a script; `lines` are the commands of its children."""

    def say(what: str) -> str:
        return f'echo "{name} {what}" >>"$TREE_LOG"'

    match node:
        case Script():
            body = [lines[0], "r=$?", say("last $r")]
            if node.exits_by_trap:
                body.insert(0, f"trap '{say('exiting')}' EXIT")
            if node.last_work:
                body.append(f"{leaf} job {name} 600")
            body.append(f"exit {'$r' if node.status is None else node.status}")
            return ["(", *body, ")"] if node.subshell else body
        case Pipeline(reader=None):
            return [f"{lines[0]} | tee /dev/null", "r=$?", say("last $r"), "exit $r"]
        case Pipeline():
            return [f"{lines[0]} | {leaf} reader {name} {node.reader}", "r=$?", say("last $r"), "exit $r"]
        case Background():
            started = [f"{line} & p{number}=$!" for number, line in enumerate(lines)]
            waited = ["wait", "r=$?"]
            if node.of_last:
                waited = [f"wait $p{number}; r=$?" for number in range(len(lines))]
            return [*started, say("ready"), *waited, say("last $r"), "exit $r"]
        case Beside():
            waited = ["wait"] if node.waits else []
            return [f"{lines[0]} &", lines[1], "r=$?", say("last $r"), *waited, "exit $r"]
        case Daemon():
            return [f"( {'/usr/bin/setsid ' if node.leaves else ''}{lines[0]} & )", lines[1], "r=$?", say("last $r"), "exit $r"]
        case Poll():
            loop = "while kill -0 $p 2>/dev/null; do /bin/sleep 0.01; done"
            return [f"{lines[0]} & p=$!", loop, "wait $p", "r=$?", say("last $r"), "exit $r"]
        case TrapForward() | TrapWord():
            signum, line = "TERM", "".join(lines)
            if isinstance(node, TrapWord):
                signum, line = "USR2", f"{leaf} app {name} {node.status} 40 word told"
            trap = f"trap '{say('trapped')}; kill -{signum} $p; wait $p; exit $?' TERM"
            return [f"{line} & p=$!", trap, say("set"), "wait $p", "exit $?"]
        case TrapAfter():
            return [f"trap '{say('trapped')}; exit {node.status}' TERM", lines[0], say("last $?"), "exit 9"]
        case Restart():
            return ["while :; do", lines[0], "done"]
        case _:
            raise TypeError(node)


def typed(value: object) -> str:
    """A tree, or what holds one, as somebody would type it in: without what is as it is by default."""
    if isinstance(value, tuple):
        return f"({''.join(typed(each) + ', ' for each in value)})"
    if not is_dataclass(value):
        return repr(value)
    given = [(field.name, getattr(value, field.name)) for field in fields(value) if getattr(value, field.name) != field.default]
    return f"{type(value).__name__}({', '.join(f'{name}={typed(each)}' for name, each in given)})"


def one_line(node: Node, name: str = "t") -> str:
    """A tree as a line that reads like a shell's, each program under its name."""
    below = [one_line(child, f"{name}{number}") for number, child in enumerate(children(node))]
    match node:
        case App():
            extra = [word for word in (node.way, "dies of a second", node.extra) if word not in ("", "handler")]
            extra = [word for word in extra if word != "dies of a second" or node.second == "dies"]
            return " ".join([f"{name}:app", *(f"[{', '.join(extra)}]" for _ in extra[:1]), f"-> {node.status}"])
        case Mortal():
            return f"{name}:mortal"
        case Master():
            return f"{name}:master [{node.workers} workers] -> {node.status}"
        case Forward():
            return f"{name}:forward {{ {below[0]} }}"
        case Env():
            return f"env {below[0]}"
        case Setsid():
            return f"setsid --wait {{ {below[0]} }}"
        case Timeout():
            return f"timeout {'--foreground ' if node.foreground else ''}100 {{ {below[0]} }}"
        case Tini():
            return f"tini -- {{ {below[0]} }}"
        case DumbInit():
            return f"dumb-init {below[0]}"
        case ShellForm():
            return f"{node.shell} -c {{ {below[0]} }}"
        case _:
            lines = [line.replace(' >>"$TREE_LOG"', "") for line in script(node, below, name, "leaf")]
            form = " -c" if isinstance(node, Script) and node.by_c else ""
            return f"{node.shell}{form} {{ {'; '.join(lines)} }}"
