"""What runs as PID 1, and what below it: from ENTRYPOINT and CMD, or what stands in their place, down to the program."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pyinit.check import bases, commands, script
from pyinit.check.files import Files
from pyinit.check.image import PYINIT as SHELL_IS_PYINIT
from pyinit.check.image import Foreign, Found, Image, locate
from pyinit.check.model import At, Place, Words
from pyinit.check.script import ARGUMENTS, Script, Statement
from pyinit.settings import options
from pyinit.settings.config import Asked, Config, UsageError

#: What a step is.
PYINIT, INIT, SUPERVISOR, SHELL, SCRIPT, WRAPPER, PROGRAM, UNKNOWN = (
    "pyinit",
    "init",
    "supervisor",
    "shell",
    "script",
    "wrapper",
    "program",
    "unknown",
)

Line: TypeAlias = tuple[At["str | None"], ...]

#: Steps behind which nobody goes.
MOST = 12


@dataclass(frozen=True)
class Step:
    """One program of the chain. `executes` tells whether the next takes its place: None where that is unknown.

    `text` is what `sh -c` was given, `script` what it or the file says, `is_shell_form` that Docker puts the shell there.
    `config` is what pyinit's options say.
    """

    kind: str
    name: str
    line: Line
    place: Place
    executes: bool | None = False
    script: Script | None = None
    text: str | None = None
    shell: str | None = None
    is_shell_form: bool = False
    config: Config | None = None
    copied: Place | None = None

    @property
    def words(self) -> tuple[str | None, ...]:
        """The words of its command line."""
        return tuple(word.value for word in self.line)


@dataclass(frozen=True)
class Launch:
    """The steps of a start, and whether ENTRYPOINT and CMD are known. `error` is what pyinit says to its options."""

    steps: tuple[Step, ...]
    is_known: bool
    start: Words | None = None
    error: str = ""

    @property
    def pyinit(self) -> Step | None:
        """The pyinit that is in the chain."""
        return next((step for step in self.steps if step.kind == PYINIT), None)

    @property
    def first(self) -> Step | None:
        """What is PID 1 once all that executes has done so; None where that is unknown."""
        for step in self.steps:
            if step.executes is None or step.kind == UNKNOWN:
                return None
            if not step.executes:
                return step
        return None

    @property
    def program(self) -> Step | None:
        """The application at the end of the chain, if it is known."""
        last = self.steps[-1] if self.steps else None
        return last if last is not None and last.kind == PROGRAM else None

    @property
    def is_held(self) -> bool:
        """Whether pyinit, or an init that knows its own business, is in front: then no shell stands in the way."""
        for step in self.steps:
            if step.kind in (PYINIT, SUPERVISOR):
                return True
            if step.executes is not True and step.kind != INIT:
                return False
        return False


def line_of(words: Words | None) -> Line:
    """A command as words with their place."""
    return tuple(At(word, words.place) for word in words.words) if words else ()


def commanded(image: Image | None, entrypoint: Words | None, command: Words | None) -> tuple[Line, bool, Words | None, bool]:
    """What is executed first: its words, whether that is known, what of it is in shell form, and whether CMD is dropped."""
    own_entrypoint = entrypoint or (image.entrypoint if image else None)
    is_known = entrypoint is not None or (image is not None and image.is_entrypoint_known)
    own_command = command
    if command is None and entrypoint is None and image is not None:
        own_command = image.command
        is_known = is_known and image.is_command_known
    shell = image.shell_words if image else ("/bin/sh", "-c")
    if own_entrypoint is not None and own_entrypoint.shell_form is not None:
        first: Line = tuple(At(word, own_entrypoint.place) for word in (*shell, own_entrypoint.shell_form))
        return first, is_known, own_entrypoint, own_command is not None
    line = line_of(own_entrypoint)
    if own_command is not None and own_command.shell_form is not None:
        more: Line = tuple(At(word, own_command.place) for word in (*shell, own_command.shell_form))
        return (*line, *more), is_known, own_command, False
    return (*line, *line_of(own_command)), is_known, None, False


@dataclass(frozen=True)
class Surroundings:
    """What a launch needs to know: the image, its build contexts, the files, and the environment."""

    image: Image | None
    contexts: tuple[str, ...]
    files: Files
    env: Mapping[str, str | None] = field(default_factory=dict)


def follow(around: Surroundings, entrypoint: Words | None = None, command: Words | None = None) -> Launch:
    """The launch of a container."""
    line, is_known, shell_form, _ = commanded(around.image, entrypoint, command)
    if not is_known and not (entrypoint or (around.image and around.image.entrypoint)):
        return Launch((), False, shell_form)
    follower = _Follower(around, shell_form)
    follower.go(line)
    return Launch(tuple(follower.steps), is_known, shell_form, follower.error)


def inner(around: Surroundings, command: Words) -> Launch:
    """The launch of a command behind an ENTRYPOINT that is not known: what holds whatever that is."""
    follower = _Follower(around, command if command.shell_form is not None else None)
    line, _, _, _ = commanded(replace(around.image, entrypoint=None) if around.image else None, None, command)
    follower.go(line)
    return Launch(tuple(follower.steps), False, command)


class _Follower:
    """Goes from step to step."""

    def __init__(self, around: Surroundings, shell_form: Words | None):
        self.around = around
        self.shell_form = shell_form
        self.steps: list[Step] = []
        self.error = ""

    def go(self, line: Line) -> None:
        """Add the steps of a command line."""
        for _ in range(MOST):
            if not line:
                return
            rest = commands.inside([word.value for word in line])
            line = line[len(line) - len(rest) :]
            following = self.step(line)
            if following is None:
                return
            line = following

    def add(self, kind: str, line: Line, **more: object) -> None:
        words = [word.value for word in line]
        name = commands.base(words[0]) if kind in (SHELL, SCRIPT) else commands.name_of(words)
        self.steps.append(replace(Step(kind, name, line, line[0].place), **more))  # type: ignore[arg-type]  # fields of Step

    def step(self, line: Line) -> Line | None:
        """Add the next step; what it runs, or None at the end."""
        words = [word.value for word in line]
        first = words[0]
        if first is None or first == ARGUMENTS:
            self.add(UNKNOWN, line)
            return None
        image = self.around.image
        is_path = image is not None and "/" in first
        origin = self.located(first) if image is not None else None
        if commands.is_pyinit(words) or (isinstance(origin, Foreign) and posixpath.basename(origin.path) == "pyinit"):
            return self.pyinit(line)
        if commands.is_init(words):
            self.add(INIT, line)
            rest = commands.behind_init(words)
            return line[len(line) - len(rest) :]
        name = commands.base(first)
        if name in commands.SUPERVISORS:
            self.add(SUPERVISOR, line)
            return None
        if image is not None and first in image.passes_on:
            return line[1:]
        if commands.is_shell(first):
            return self.shell(line)
        if isinstance(origin, Found):
            if origin.text.startswith("#!") and not script.shell_of(origin.text):
                self.add(PROGRAM, line)
                return None
            if script.shell_of(origin.text) or name.endswith(".sh"):
                return self.script(line, origin)
        if name in commands.STAYING:
            self.add(WRAPPER, line)
            return None
        is_script = name.endswith((".sh", ".bash")) or "entrypoint" in name or (name in ("start", "run") and is_path)
        self.add(UNKNOWN if is_script else PROGRAM, line)
        return None

    def located(self, path: str) -> Found | Foreign | None:
        around = self.around
        return locate(around.image, path, around.contexts, around.files) if around.image is not None else None

    def pyinit(self, line: Line) -> Line | None:
        words = [word.value for word in line]
        if commands.is_init(words):  # by the name of another one it takes that one's options
            rest = commands.behind_init(words)
            dashes = At[str | None]("--", line[0].place)
            line = (line[0], dashes, *line[len(line) - len(rest) :])
            words = [word.value for word in line]
        known = ["\0" if word is None else word for word in words]
        at = known.index("pyinit") + 1 if "-m" in known[1:4] and "pyinit" in known[2:5] else 1
        env = {name: value for name, value in self.around.env.items() if value is not None}
        try:
            parsed = options.parse(known[at:], env)
        except UsageError as error:
            self.error = str(error)
            self.add(PYINIT, line)
            return None
        except Asked:
            self.add(PROGRAM, line)
            return None
        self.add(PYINIT, line, config=parsed.config)
        if parsed.script is not None:
            text_at = next(index for index, word in enumerate(known) if word == parsed.script)
            sh: tuple[At[str | None], ...] = tuple(At(word, line[0].place) for word in ("sh", "-c"))
            return (*sh, *line[text_at:])
        return line[len(line) - len(parsed.command) :]

    def shell(self, line: Line) -> Line | None:
        """`sh -c TEXT` or `sh FILE`."""
        words = [word.value for word in line]
        image = self.around.image
        kind = _kind_of_shell(commands.base(words[0]), image)
        at = 1
        while at < len(words):
            word = words[at]
            if word is None or not word.startswith(("-", "+")) or word in ("-", "--"):
                break
            if not word.startswith("--") and "c" in word[1:] and word.startswith("-"):
                return self.shell_text(line, at + 1, kind)
            at += 2 if word in ("-o", "+o", "-O", "--rcfile", "--init-file") else 1
        if at < len(words) and words[at] in ("-", "--"):
            at += 1
        if at >= len(words):
            self.add(SHELL, line)  # an interactive one
            return None
        origin = self.located(self._beside(words[at])) if words[at] else None
        if isinstance(origin, Found):
            return self.script(line[at:], origin)
        self.add(UNKNOWN, line)
        return None

    def _beside(self, path: str | None) -> str:
        """A script that is named to a shell is looked for in the working folder."""
        return path if path and "/" in path else f"./{path}"

    def shell_text(self, line: Line, at: int, kind: str | None) -> Line | None:
        words = [word.value for word in line]
        if at < len(words) and words[at] == "--":
            at += 1
        text = words[at] if at < len(words) else None
        if text is None:
            self.add(SHELL, line, executes=None, shell=kind)
            return None
        place = line[at].place
        parsed = script.parse(place.path, text, place.line)
        form = self.shell_form
        is_form = form is not None and form.shell_form == text
        following, executes = _tail(parsed, line[at + 2 :], place)
        if executes is False and parsed.is_whole:
            executes = stays_not(kind, parsed)
        if not parsed.is_whole:
            executes = None
        self.add(SHELL, line, executes=executes, script=parsed, text=text, shell=kind, is_shell_form=is_form)
        return following

    def script(self, line: Line, origin: Found) -> Line | None:
        parsed = script.parse(origin.path, origin.text, origin.first_line)
        following, executes = _tail(parsed, line[1:], None)
        self.add(SCRIPT, line, executes=executes if parsed.is_whole else None, script=parsed, copied=origin.copy)
        return following


def _kind_of_shell(name: str, image: Image | None) -> str | None:
    if name == "bash":
        return bases.BASH
    if name == "dash":
        return bases.DASH
    if name == "ash":
        return bases.BUSYBOX
    if name != "sh" or image is None:
        return None
    if image.shell == SHELL_IS_PYINIT or image.shell_words[0] not in ("/bin/sh", "sh"):
        return image.base.shell if image.base else None
    return image.shell


def stays_not(kind: str | None, parsed: Script) -> bool | None:
    """Whether a shell that was given `-c` executes the last command, so that no shell stays. None where that is unknown.

    Measured: dash 0.5.12 never does. bash 5.2 does it for a simple command without redirections that stands alone or ends a
    list, older versions only where it stands alone. busybox does it for whatever simple command is the last.
    """
    last = parsed.statements[-1] if parsed.statements else None
    if last is None:
        return None
    is_trapped = any(True for _ in script.traps(parsed.statements))
    if kind == bases.DASH or is_trapped or last.kind == script.PIPELINE:
        return False if kind else None
    if kind == bases.BASH:
        if len(parsed.statements) == 1 and last.kind == script.COMMAND:
            return not last.is_redirected
        return None
    if kind == bases.BUSYBOX:
        return True if last.kind in (script.COMMAND, script.LISTED, script.GROUP, script.IF) else None
    return None


def tails(statements: tuple[Statement, ...], functions: Mapping[str, Statement], depth: int = 0) -> list[Statement]:
    """The statements that may be the last to run: one for each branch; of a function that is called, its last one."""
    if not statements or depth > MOST:
        return []
    last = statements[-1]
    while len(statements) > 1 and _is_only_end(last):
        statements = statements[:-1]
        last = statements[-1]
    if last.is_background:
        return [last]
    if last.kind in (script.IF, script.CASE):
        found = [tail for branch in last.branches for tail in tails(branch, functions, depth + 1)]
        return found if last.has_else else [*found, last]
    if last.kind == script.LISTED and last.word in ("&&", "||") and last.parts:
        return tails(last.parts[-1:], functions, depth + 1)
    if last.kind == script.GROUP:
        return tails(last.parts, functions, depth + 1)
    if last.kind == script.COMMAND and last.words and last.words[0] in functions:
        return tails(functions[last.words[0] or ""].parts, functions, depth + 1)
    return [last]


def _is_only_end(statement: Statement) -> bool:
    """Whether a statement merely leaves, as `exit $?` does, or is none that runs."""
    return statement.kind == script.FUNCTION or (
        statement.kind == script.COMMAND and statement.words[:1] in (("exit",), ("return",))
    )


def _tail(parsed: Script, arguments: Line, place: Place | None) -> tuple[Line | None, bool | None]:
    """What a script runs last, and whether it executes it."""
    if not parsed.is_whole or not parsed.statements:
        return None, None
    found = tails(parsed.statements, parsed.functions)
    runs = [tail for tail in found if tail.kind == script.COMMAND and tail.words]
    executed = [tail for tail in runs if tail.is_exec]
    passing = [tail for tail in executed if tail.words[1:] == (ARGUMENTS,)]
    sets = [one for one in parsed.walk() if one.kind == script.COMMAND and one.words[:2] == ("set", "--")]
    if passing and len(executed) == len(found) and arguments:
        is_option = (arguments[0].value or "-").startswith("-")
        if sets and is_option:
            return None, True
        others = [one for one in parsed.walk() if one.is_exec and one not in passing]
        return (arguments if not others and not _reset(sets) else None), True
    if len(found) != 1 or not runs:
        return None, (bool(found) and len(executed) == len(found))
    (last,) = runs
    if not last.is_exec and commands.is_short(last.words):
        last = next((one for one in parsed.statements if _serves(one)), last)  # what it cleans up after
    words = last.words[1:] if last.is_exec else last.words
    if last.is_background:
        return None, False
    line: list[At[str | None]] = []
    for word in words:
        if word == ARGUMENTS:
            line += arguments
        else:
            line.append(At(word, place or last.place))
    early = [one for one in parsed.walk() if one.is_exec and one is not last]
    if early:
        return None, last.is_exec or None
    return tuple(line), last.is_exec


def _serves(statement: Statement) -> bool:
    """Whether a command in the foreground is a server, as far as is known."""
    is_plain = statement.kind == script.COMMAND and not statement.is_background and not statement.is_exec
    return is_plain and commands.is_server(statement.words) and not commands.daemonizes(statement.words)


def _reset(sets: list[Statement]) -> bool:
    """Whether the arguments may be others: `set --` with a program of its own in front, however it is conditioned."""
    return any(len(one.words) > 2 and one.words[2] != ARGUMENTS and one.words[-1] != ARGUMENTS for one in sets)  # noqa: PLR2004 - set -- WORD
