"""What a Dockerfile builds: the final stage with all that it inherits, and which file of the build context lies where in it."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pyinit.check import bases, dockerfile
from pyinit.check.dockerfile import Dockerfile, Instruction
from pyinit.check.files import Files
from pyinit.check.model import At, Place, Words

#: What SHELL is where nothing else is said.
SH = ("/bin/sh", "-c")

#: A shell that is pyinit: SHELL ["pyinit", "-c"].
PYINIT = "pyinit"

#: Stages that may stand on each other, beyond which it is no Dockerfile of this world.
DEEPEST = 32


@dataclass(frozen=True)
class Copy:
    """Files put into the image: `origin` is the stage or image that they come from, "" for the build context."""

    origin: str
    sources: tuple[str, ...]
    target: str
    place: Place
    heredocs: tuple[dockerfile.Heredoc, ...] = ()
    stage: Image | None = None


@dataclass(frozen=True)
class Run:
    """A RUN: its text, that of its here-documents among it."""

    text: str
    place: Place


@dataclass(frozen=True)
class Image:
    """An image as far as its Dockerfile, and what is known of its base, tell.

    `entrypoint` and `command` are None where there is none, and `is_entrypoint_known`, `is_command_known` are False where
    the base may have one. `stop_signal` is without SIG; None where it is unknown; `stop_place` where it was declared.
    """

    place: Place
    source: Dockerfile | None = None
    reference: str | None = None
    base: bases.Base | None = None
    shell_words: tuple[str, ...] = SH
    shell: str | None = None
    entrypoint: Words | None = None
    is_entrypoint_known: bool = False
    command: Words | None = None
    is_command_known: bool = False
    stop_signal: str | None = None
    stop_place: Place | None = None
    user: At[str] | None = None
    workdir: str | None = "/"
    env: Mapping[str, At[str | None]] = field(default_factory=dict)
    healthcheck: Instruction | None = None
    layers: tuple[Copy | Run, ...] = ()
    onbuild: tuple[Instruction, ...] = ()
    passes_on: frozenset[str] = frozenset()
    exposes: bool = False

    @property
    def copies(self) -> Iterator[Copy]:
        """What was copied, the last first."""
        return (layer for layer in reversed(self.layers) if isinstance(layer, Copy))

    @property
    def runs(self) -> Iterator[Run]:
        """What was run, in order."""
        return (layer for layer in self.layers if isinstance(layer, Run))


def of_reference(reference: str, place: Place, known: Mapping[str, bases.Base]) -> Image:
    """An image of which only the name is known, and what the table or `--base-image-config` says of it."""
    base = known.get(reference) or known.get(":".join(bases.split(reference)).strip(":")) or bases.find(reference)
    if base is None:
        return Image(place, reference=reference, workdir=None)
    entrypoint = Words(base.entrypoint, place) if base.entrypoint else None
    command = Words(base.command, place) if base.command else None
    return Image(
        place,
        reference=reference,
        base=base,
        shell=base.shell,
        entrypoint=entrypoint,
        is_entrypoint_known=base.entrypoint is not None,
        command=command,
        is_command_known=base.command is not None,
        stop_signal=base.stop_signal,
        user=At(base.user, place) if base.user else None,
        workdir=base.workdir,
        env={name: At(value, place) for name, value in base.env},
        passes_on=frozenset(base.entrypoint[:1]) if base.passes_on and base.entrypoint else frozenset(),
    )


Resolve = Callable[[str, Place], Image]


@dataclass(frozen=True)
class Stage:
    """A stage as it is written: its FROM, and what follows."""

    begin: Instruction
    name: str
    rest: tuple[Instruction, ...]


def stages(source: Dockerfile) -> tuple[tuple[Instruction, ...], tuple[Stage, ...]]:
    """The instructions before the first FROM, and the stages."""
    before: list[Instruction] = []
    found: list[tuple[Instruction, str, list[Instruction]]] = []
    for instruction in source.instructions:
        if instruction.name == "FROM":
            words = instruction.text.split()
            name = words[2].lower() if len(words) > 2 and words[1].lower() == "as" else ""  # noqa: PLR2004 - FROM image AS name
            found.append((instruction, name, []))
        elif found:
            found[-1][2].append(instruction)
        else:
            before.append(instruction)
    return tuple(before), tuple(Stage(begin, name, tuple(rest)) for begin, name, rest in found)


def build(
    source: Dockerfile, resolve: Resolve, target: str | None = None, args: Mapping[str, str | None] | None = None
) -> Image | None:
    """The image of a stage: the last one, or the one that is named (or numbered). None where there is no such stage."""
    before, all_stages = stages(source)
    if not all_stages:
        return None
    given = dict(args or {})
    outer: dict[str, str | None] = {}
    for instruction in before:
        if instruction.name == "ARG":
            for name, default in _pairs_of_arg(instruction.text, source.escape):
                outer[name] = given.get(name, default if default is None else dockerfile.expand(default, outer))
    at = len(all_stages) - 1
    if target is not None:
        wanted = [index for index, stage in enumerate(all_stages) if stage.name == target.lower() or str(index) == target]
        if not wanted:
            return None
        at = wanted[-1]
    return _Builder(source, resolve, outer, given, all_stages).stage(at, 0)


@dataclass
class _Builder:
    """Makes an Image of each stage once."""

    source: Dockerfile
    resolve: Resolve
    outer: dict[str, str | None]
    given: dict[str, str | None]
    all_stages: tuple[Stage, ...]
    made: dict[int, Image] = field(default_factory=dict)

    def stage(self, at: int, depth: int) -> Image:
        if at in self.made:
            return self.made[at]
        stage = self.all_stages[at]
        place = self.source.place(stage.begin.start, stage.begin.end)
        words = stage.begin.text.split()
        reference = dockerfile.expand(words[0], self.outer) if words else None
        below = self.below(reference, at, place, depth)
        image = replace(
            below,
            place=place,
            source=self.source,
            onbuild=(),
            reference=below.reference,
            env=dict(below.env),
        )
        scope = {name: value.value for name, value in below.env.items()}
        for instruction in (*below.onbuild, *stage.rest):
            image = self.instruction(image, instruction, scope, at, depth, below)
        self.made[at] = image
        return image

    def below(self, reference: str | None, at: int, place: Place, depth: int) -> Image:
        if not reference or depth > DEEPEST:
            return Image(place, workdir=None)
        earlier = self.number(reference, at)
        if earlier is not None:
            return self.stage(earlier, depth + 1)
        return self.resolve(reference, place)

    def number(self, name: str, at: int) -> int | None:
        """The number of an earlier stage by its name."""
        for index in range(at - 1, -1, -1):
            if self.all_stages[index].name == name.lower():
                return index
        return None

    def instruction(
        self, image: Image, instruction: Instruction, scope: dict[str, str | None], at: int, depth: int, below: Image
    ) -> Image:
        """The image with one instruction more."""
        name, text = instruction.name, instruction.text
        place = self.source.place(instruction.start, instruction.end)
        if name in ("ENTRYPOINT", "CMD"):
            return self.start(image, instruction, below)
        if name == "ENV":
            pairs = pairs_of_env(text, self.source.escape)
            new = {key: dockerfile.expand(value, scope) for key, value in pairs}
            scope.update(new)
            return replace(image, env={**image.env, **{key: At(value, place) for key, value in new.items()}})
        if name == "ARG":
            for key, default in _pairs_of_arg(text, self.source.escape):
                if key not in image.env:
                    fallback = self.outer.get(key) if default is None else dockerfile.expand(default, scope)
                    scope[key] = self.given.get(key, fallback)
        elif name == "SHELL" and instruction.words:
            return replace(image, shell_words=instruction.words, shell=_shell_of(instruction.words, image))
        elif name == "STOPSIGNAL":
            signal = dockerfile.expand(text.strip(), scope)
            return replace(image, stop_signal=(signal or "").upper().removeprefix("SIG") or None, stop_place=place)
        elif name == "USER":
            user = dockerfile.expand(text.strip(), scope)
            return replace(image, user=At(user, place) if user else None)
        elif name == "WORKDIR":
            folder = dockerfile.expand(text.strip().strip('"'), scope)
            is_known = folder and (folder.startswith("/") or image.workdir is not None)
            return replace(
                image, workdir=posixpath.normpath(posixpath.join(image.workdir or "/", folder or "")) if is_known else None
            )
        elif name == "EXPOSE":
            return replace(image, exposes=True)
        elif name == "HEALTHCHECK":
            return replace(image, healthcheck=instruction)
        elif name == "ONBUILD" and instruction.inner:
            return replace(image, onbuild=(*image.onbuild, instruction.inner))
        elif name in ("COPY", "ADD"):
            copy = self.copy(image, instruction, scope, at, depth, place)
            return replace(image, layers=(*image.layers, copy)) if copy else image
        elif name == "RUN":
            whole = "\n".join(
                [" ".join(instruction.words) if instruction.words else text, *(here.body for here in instruction.heredocs)]
            )
            shell = image.shell
            if re.search(r"\bln\s+-\w*s\w*\s+(?:/usr)?(?:/bin/)?bash\s+(?:/usr)?/bin/sh\b", whole):
                shell = bases.BASH if image.shell_words == SH else shell
            elif re.search(r"dpkg-reconfigure\s.*dash|/bin/sh\b.*\bln\b|\bln\b.*\s/bin/sh\b", whole):
                shell = None
            return replace(image, shell=shell, layers=(*image.layers, Run(whole, place)))
        return image

    def start(self, image: Image, instruction: Instruction, below: Image) -> Image:
        place = self.source.place(instruction.start, instruction.end)
        text_place = self.source.place_in(instruction)
        if instruction.words is not None:
            words = Words(instruction.words, place, text_place=text_place)
        else:
            words = Words((), place, instruction.text, text_place)
        is_nothing = not instruction.words and instruction.words is not None
        if instruction.name == "CMD":
            return replace(image, command=None if is_nothing else words, is_command_known=True)
        # An ENTRYPOINT takes back the CMD that is inherited, but not one of this Dockerfile.
        command = image.command if image.command is not below.command else None
        return replace(
            image,
            entrypoint=None if is_nothing else words,
            is_entrypoint_known=True,
            command=command,
            is_command_known=True,
            passes_on=frozenset(),
        )

    def copy(
        self, image: Image, instruction: Instruction, scope: Mapping[str, str | None], at: int, depth: int, place: Place
    ) -> Copy | None:
        words = instruction.words
        if words is None:
            try:
                words = tuple(shlex.split(instruction.text.replace("\\ ", "\x00"), posix=True))
            except ValueError:
                words = tuple(instruction.text.split())
            words = tuple(word.replace("\x00", " ") for word in words)
        known = [dockerfile.expand(word, scope) for word in words]
        if len(known) < 2 or known[-1] is None:  # noqa: PLR2004 - a source and a target
            return None
        target = known[-1]
        is_folder = target.endswith("/") or target in (".", "..") or len(known) > 2  # noqa: PLR2004 - several sources
        if not target.startswith("/"):
            if image.workdir is None:
                return None
            target = posixpath.join(image.workdir, target)
        target = posixpath.normpath(target) + ("/" if is_folder else "")
        origin = dockerfile.expand(instruction.flags.get("from", ""), scope)
        stage = None
        if origin:
            number = self.number(origin, at)
            if number is None and origin.isdecimal() and int(origin) < at:
                number = int(origin)
            stage = self.stage(number, depth + 1) if number is not None and depth <= DEEPEST else None
        sources = tuple(word for word in known[:-1] if word is not None and not word.startswith("<<"))
        return Copy(origin or "", sources, target.replace("//", "/"), place, instruction.heredocs, stage)


def _shell_of(words: tuple[str, ...], image: Image) -> str | None:
    name = posixpath.basename(words[0])
    if name == "bash":
        return bases.BASH
    if name == "pyinit":
        return PYINIT
    if name in ("sh", "dash"):
        return image.base.shell if image.base else (bases.DASH if name == "dash" else None)
    return bases.BUSYBOX if name == "ash" else None


def pairs_of_env(text: str, escape: str = "\\") -> list[tuple[str, str]]:
    """The variables of an ENV: `a=1 b="2 3"`, or the older `a 1`."""
    first = re.match(r"\s*[^\s=]+", text)
    if first and not text[first.end() :].startswith("="):
        name, _, value = text.strip().partition(" ")
        return [(name, value.strip())] if value else []
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", escape
    try:
        words = list(lexer)
    except ValueError:
        words = text.split()
    return [(name, value) for name, equals, value in (word.partition("=") for word in words) if equals]


def _pairs_of_arg(text: str, escape: str) -> list[tuple[str, str | None]]:
    if "=" not in text:
        return [(word, None) for word in text.split()]
    found: list[tuple[str, str | None]] = []
    for word in shlex_words(text, escape):
        name, equals, value = word.partition("=")
        found.append((name, value if equals else None))
    return found


def shlex_words(text: str, escape: str = "\\") -> list[str]:
    """Words as ENV and ARG have them."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", escape
    try:
        return list(lexer)
    except ValueError:
        return text.split()


# --- files of the image ---

#: Folders in which a bare name is looked for.
PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True)
class Found:
    """A file of the image: its text and the path of the file that it came from, the line where it begins, and the COPY."""

    path: str
    text: str
    first_line: int
    copy: Place


@dataclass(frozen=True)
class Foreign:
    """A file that comes from another image: its name there."""

    image: str
    path: str


def locate(image: Image, path: str | None, contexts: tuple[str, ...], files: Files) -> Found | Foreign | None:
    """The file that is at a path of the image, where it comes from. None where that cannot be known."""
    if not path:
        return None
    if "/" not in path:
        return next((found for folder in PATH if (found := locate(image, f"{folder}/{path}", contexts, files))), None)
    if not path.startswith("/"):
        if image.workdir is None:
            return None
        path = posixpath.join(image.workdir, path)
    return _at(image, posixpath.normpath(path), contexts, files, 0)


def _at(image: Image, path: str, contexts: tuple[str, ...], files: Files, depth: int) -> Found | Foreign | None:
    if depth > DEEPEST:
        return None
    for copy in image.copies:
        for here in copy.heredocs:
            if copy.target == path and image.source is not None:
                return Found(image.source.path, here.body, here.line, copy.place)
        for source in copy.sources:
            if "://" in source:
                continue
            for inner in _inner_paths(copy, source, path):
                if copy.stage is not None:
                    found = _at(copy.stage, posixpath.normpath(posixpath.join("/", inner)), contexts, files, depth + 1)
                    if found:
                        return found
                elif copy.origin:
                    if posixpath.basename(inner) == posixpath.basename(source) or inner == source:
                        return Foreign(copy.origin, inner)
                else:
                    found = _in_context(inner, contexts, files, copy.place)
                    if found:
                        return found
    linked = _link(image, path)
    return _at(image, linked, contexts, files, depth + 1) if linked else None


def _inner_paths(copy: Copy, source: str, path: str) -> Iterator[str]:
    """What may have been copied to a path: a file, or a file of a folder."""
    target = copy.target.rstrip("/") or "/"
    if path == target and not copy.target.endswith("/"):
        yield source
    if posixpath.dirname(path) == target or (target == "/" and path.count("/") == 1):
        name = posixpath.basename(path)
        if fnmatch.fnmatch(name, posixpath.basename(source)) and source not in (".", "./"):
            yield posixpath.join(posixpath.dirname(source), name)
    prefix = target if target == "/" else target + "/"
    if path.startswith(prefix):
        yield posixpath.join(source, path[len(prefix) :])


def _in_context(inner: str, contexts: tuple[str, ...], files: Files, place: Place) -> Found | None:
    for context in contexts:
        candidate = os.path.normpath(os.path.join(context, inner.lstrip("/")))
        if files.is_file(candidate):
            text = files.read(candidate)
            return Found(candidate, text, 1, place) if text is not None else None
    return None


def _link(image: Image, path: str) -> str | None:
    """Where a symbolic link leads that a RUN has made."""
    for run in image.runs:
        for found in re.finditer(r"\bln\s+(?:-\w+\s+)+(\S+)\s+([^\s;&|]+)", run.text):
            name = found[2]
            if name == path or posixpath.join(image.workdir or "/", name) == path:
                return posixpath.normpath(posixpath.join(posixpath.dirname(path), found[1]))
    return None


#: Packages that bring a tool, where they have another name.
PACKAGES = {
    "pgrep": "procps",
    "ps": "procps",
    "pkill": "procps",
    "killall": "psmisc",
    "nc": "netcat",
    "dig": "(?:dnsutils|bind-tools)",
    "pg_isready": "postgresql",
    "psql": "postgresql",
    "redis-cli": "redis",
    "mysqladmin": "(?:mysql|mariadb)",
    "mysql": "(?:mysql|mariadb)",
    "python": "python",
    "python3": "python",
    "node": "node",
    "java": "(?:jre|jdk)",
    "grpc_health_probe": "grpc",
}


def has_tool(image: Image, name: str | None) -> bool | None:
    """Whether a program is in the image; None where that cannot be known."""
    if not name:
        return None
    base = posixpath.basename(name)
    if image.base is None or image.base.tools is None:
        return None
    if base in image.base.tools:
        return True
    for copy in image.copies:
        is_folder = copy.target.endswith("/") or posixpath.basename(copy.target.rstrip("/")) in (
            "bin",
            "local",
            "usr",
            "sbin",
            "",
        )
        brings_folders = copy.origin and is_folder and any("." not in posixpath.basename(source) for source in copy.sources)
        if posixpath.basename(copy.target) == base or any(posixpath.basename(source) == base for source in copy.sources):
            return True
        if brings_folders or "://" in "".join(copy.sources):
            return None
        if name.startswith("/") and name.startswith(copy.target.rstrip("/") + "/"):
            return None
    package = PACKAGES.get(base, re.escape(base))
    for run in image.runs:
        if re.search(rf"(?<![\w-]){package}|\b{re.escape(base)}\b", run.text):
            return True
        if re.search(r"\.sh\b|make\s+install|\bxargs\b|\$\(|\btar\s|dpkg\s+-i|\brpm\b|curl\b.*\|\s*(?:ba)?sh", run.text):
            return None
    return None if name.startswith(("./", "/app", "/opt", "/home", "/srv")) else False
