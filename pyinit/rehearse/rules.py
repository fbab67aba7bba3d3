"""PURE. The image as pyinit-check's rules read it: its configuration as a Dockerfile, its start scripts, the file around it."""

import difflib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pyinit.check import bases, chain, check, files, fix
from pyinit.check.chain import Project
from pyinit.check.files import Files
from pyinit.check.model import At, Finding, Words
from pyinit.check.pages import BY_ID
from pyinit.check.rules.image import pi104
from pyinit.rehearse.subject import IMAGE, Found

#: What the image's Dockerfile is called, which is not there: it is written by the image's configuration.
DOCKERFILE = "Dockerfile"
UNWRITTEN = "<the image's configuration>"

#: What that Dockerfile begins with: all that is known of what is below it is its shell.
BELOW = "pyinit-rehearse/below:latest"

#: The shell form, as the engine has it.
SHELL_FORM = ("/bin/sh", "-c")

#: The signal that a container gets where nobody says otherwise.
DEFAULT = "SIGTERM"

#: Rules of pyinit-check's own work, which say nothing of a stop.
OWN = "PI9"

#: Lines around a change of a file that is there.
AROUND = 1


@dataclass(frozen=True)
class Content:
    """What of an image's files matters: the texts of the scripts that it starts, by path, and which shell its /bin/sh is.

    `shell` is one of pyinit.check.bases, or None where it is not known.
    """

    scripts: Mapping[str, str] = field(default_factory=dict)
    shell: str | None = None


@dataclass(frozen=True)
class Ruled:
    """A finding of pyinit-check. `diff` is empty where the rule has no fix; `link` leads to its source."""

    rule: str
    says: str
    diff: tuple[str, ...]
    link: str


def written(config: Mapping[str, Any], entrypoint: Sequence[str], command: Sequence[str], scripts: Mapping[str, str]) -> str:
    """A Dockerfile that makes this configuration, as `docker image inspect` has it, but starts these words."""
    lines = [f"FROM {BELOW}"]
    if config.get("WorkingDir"):
        lines.append(f"WORKDIR {config['WorkingDir']}")
    lines += [f"COPY {json.dumps([path.lstrip('/'), path])}" for path in scripts]
    for name, _, value in (str(word).partition("=") for word in config.get("Env") or ()):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", " ")
        lines.append(f'ENV {name}="{quoted}"')
    lines += [f"EXPOSE {port}" for port in config.get("ExposedPorts") or {}]
    if config.get("User"):
        lines.append(f"USER {config['User']}")
    lines += _healthcheck(config.get("Healthcheck") or {})
    if config.get("StopSignal"):
        lines.append(f"STOPSIGNAL {config['StopSignal']}")
    if entrypoint:
        lines.append(f"ENTRYPOINT {in_form(entrypoint)}")
    if command:
        lines.append(f"CMD {in_form(command)}")
    return "\n".join(lines) + "\n"


def in_form(words: Sequence[str]) -> str:
    """A command as its Dockerfile probably has it: the shell form is what Docker makes of one without brackets."""
    if tuple(words[:2]) == SHELL_FORM and len(words) == 3 and "\n" not in words[2]:  # noqa: PLR2004 - sh -c TEXT
        return words[2]
    return json.dumps(list(words), ensure_ascii=False)


def _healthcheck(health: Mapping[str, Any]) -> list[str]:
    test = list(health.get("Test") or [])
    if not test:
        return []
    if test == ["NONE"]:
        return ["HEALTHCHECK NONE"]
    flags = [
        f"--{flag}={int(health[name]) / 1e9:g}s"
        for flag, name in (
            ("interval", "Interval"),
            ("timeout", "Timeout"),
            ("start-period", "StartPeriod"),
            ("start-interval", "StartInterval"),
        )
        if health.get(name)
    ]
    words = test[1] if test[0] == "CMD-SHELL" and len(test) > 1 else json.dumps(test[1:])
    return [" ".join(["HEALTHCHECK", *flags, "CMD", words.replace("\n", " ")])]


def started(found: Found, config: Mapping[str, Any], content: Content) -> list[tuple[str, bool]]:
    """The files that the chain from ENTRYPOINT and CMD leads through, as it names them, and whether their text is known."""
    texts = Files()
    project = _of_image(found, config, content, texts, found.entrypoint, found.command)
    steps = [step for subject in chain.subjects(project) for step in subject.launch.steps]
    names = [(step.words[0] or "", step.script is not None) for step in steps if step.words]
    return [(name, is_known) for name, is_known in names if name]


def _of_image(
    found: Found,
    config: Mapping[str, Any],
    content: Content,
    texts: Files,
    entrypoint: Sequence[str],
    command: Sequence[str],
) -> Project:
    texts.given.update(content.scripts)
    texts.given[UNWRITTEN] = written(config, entrypoint, command, content.scripts)
    made = Project(texts)
    made.bases[BELOW] = bases.Base(content.shell, None, (), (), stop_signal="TERM")
    made.contexts[UNWRITTEN] = ("/",)
    made.load(UNWRITTEN, texts.given[UNWRITTEN], files.DOCKERFILE)
    made.images[bases.split(found.subject.image)[0]] = UNWRITTEN
    return made


def findings(found: Found, config: Mapping[str, Any], content: Content) -> tuple[Ruled, ...]:
    """What the rules find in an image, or in the file that describes a container and in its image, the worst first.

    `config`: the image's, as the engine has it.
    """
    texts = Files()
    subject = found.subject
    is_image = subject.source == IMAGE or not subject.file
    if is_image:
        project = _of_image(found, config, content, texts, found.entrypoint, found.command)
    else:
        own = tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ())
        project = _of_image(found, config, content, texts, *own)
        _add_file(project, found)
    rules = frozenset(rule for rule in BY_ID if not rule.startswith(OWN))
    standing, _ = check.findings_of(project, rules)
    if not is_image and (found.entrypoint, found.command) != own:  # what the image would start is not what is started
        standing = [one for one in standing if one.place.path != UNWRITTEN]
    known = {name: text for name, text in texts.texts.items() if text is not None} | texts.given
    return tuple(_ruled(one, known) for one in check.worst_first(standing))


def _add_file(project: Project, found: Found) -> None:
    """The file that describes the container, of which only this container counts."""
    name, path = found.subject.name, found.subject.file
    text = project.files.read(path)
    kind = files.kind_of(path, text, is_named=True) if text is not None else None
    if text is None or kind is None:
        return
    project.load(path, text, kind)
    chosen = []
    for one in project.workloads:
        if one.name != name and one.name.rpartition("/")[2] != name:
            continue
        mine = one
        if mine.build is not None and not project.files.is_file(mine.build.dockerfile):
            mine = replace(mine, build=None, image=At(found.subject.image, mine.place))
        elif mine.build is not None:  # the Dockerfile itself is there: what it says has a place
            project.read_dockerfile(mine.build.dockerfile)
            project.dockerfiles.pop(UNWRITTEN, None)
        command = found.subject.command
        if command is not None and (mine.command is None or mine.command.words != command):  # another one was asked for
            mine = replace(mine, command=Words(command, mine.place))
        chosen.append(mine)
    project.workloads[:] = chosen


def _ruled(finding: Finding, texts: Mapping[str, str]) -> Ruled:
    rule = BY_ID[finding.rule]
    link = re.search(r"https://[^\s;]+", rule.source)
    arithmetic = f" ({finding.sum})" if finding.sum else ""
    where = "" if finding.place.path == UNWRITTEN else f"{_shown(finding.place.path)}:{finding.place.line}: "
    mend = f"; {finding.mend}" if finding.mend else ""
    return Ruled(finding.rule, f"{where}{finding.message}{arithmetic}{mend}.", _diff(finding, texts), link[0] if link else "")


def _shown(path: str) -> str:
    here = os.path.relpath(path)
    return path if here.startswith("..") else here


def _diff(finding: Finding, texts: Mapping[str, str]) -> tuple[str, ...]:
    """What the fix changes, file by file. The file that nobody has written has no lines around a change."""
    lines: list[str] = []
    edits = fix.edits_of([finding], unsafe=True)
    for path in dict.fromkeys(edit.path for edit in edits):
        before = texts[path]
        after = fix.applied(before, [edit for edit in edits if edit.path == path])
        around = 0 if path == UNWRITTEN else AROUND
        changed = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=around))[2:]
        lines += [] if path == UNWRITTEN else [f"--- {_shown(path)}"]
        lines += [line for line in changed if not line.startswith("@@")]
    return tuple(lines)


def of_signal(name: str, words: Sequence[str], signal: str, *, declares_signal: bool) -> Ruled | None:
    """What PI104 says of a program that was seen to get a signal; None where it finishes its work at that.

    `name`: what the kernel calls it. `words`: its command line, or what it has put there.
    """
    texts = Files()
    config = {"StopSignal": signal} if declares_signal or signal != DEFAULT else {}
    project = Project(texts)
    text = texts.given[UNWRITTEN] = written(config, [name, *words[1:]], (), {})
    project.bases[BELOW] = bases.Base(None, None, (), (), stop_signal="TERM")
    project.contexts[UNWRITTEN] = ("/",)
    project.load(UNWRITTEN, text, files.DOCKERFILE)
    for subject in chain.subjects(project):
        for finding in pi104(subject):
            ruled = _ruled(finding, texts.given)
            return ruled if declares_signal else replace(ruled, diff=tuple(one for one in ruled.diff if one[:1] == "+"))
    return None
