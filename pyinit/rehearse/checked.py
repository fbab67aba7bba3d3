"""What pyinit-check says of an image and of the file that it was described in: its rules, and its mends as diffs.

An image brings no Dockerfile along, so one is written from its configuration, with the start scripts that it has. All other
files are the user's own.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
import shlex
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound

from pyinit.check import bases, chain, check, fix, suppress
from pyinit.check.files import COMPOSE, DOCKERFILE, KUBERNETES, Files
from pyinit.check.model import INFO, Edit, Finding
from pyinit.check.pages import BY_ID
from pyinit.kernel.processes import SHELLS
from pyinit.rehearse import subject as subjects
from pyinit.rehearse.advice import Change
from pyinit.rehearse.engine import remove

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

    from pyinit.rehearse.engine import Owner
    from pyinit.rehearse.subject import Found

#: The Dockerfile that is written, and what it is called where it is shown.
WRITTEN, SHOWN = "Dockerfile", "Dockerfile (from the image's configuration)"

#: What that is built on: nothing is known of it.
BASE = "what-it-is-built-on"

#: Words of a command that are looked at for scripts, and the folders that a shell looks for them in; the largest script.
MOST_WORDS, PATH, LARGEST = 8, ("/usr/local/bin", "/usr/bin", "/bin", "/app"), 1 << 16

#: The shell that /bin/sh is, by what it is a link to.
SHELLS_OF_LINKS = {"dash": bases.DASH, "bash": bases.BASH, "busybox": bases.BUSYBOX}

#: A mode of Go's os.FileMode that is a plain file has none of these bits: ModeType.
NOT_PLAIN = 0x8F280000

#: The stop signal that a rule proposes.
STOPSIGNAL = re.compile(r"STOPSIGNAL (SIG\w+)")


# --- what the image says ---


@dataclass(frozen=True)
class Inside:
    """What is in an image: shell scripts by their paths, and which shell /bin/sh is, in the words of check.bases."""

    scripts: Mapping[str, str] = field(default_factory=dict)
    shell: str | None = None


def written(config: Mapping[str, Any], entrypoint: Sequence[str], command: Sequence[str], scripts: Mapping[str, str]) -> str:
    """A Dockerfile of an image with this configuration, as the engine has it, and these words."""
    lines = [f"FROM {BASE}"]
    for word in config.get("Env") or ():
        name, _, value = str(word).partition("=")
        if "\n" not in value:
            lines.append(f"ENV {name}={_quoted(value)}")
    if config.get("WorkingDir"):
        lines.append(f"WORKDIR {config['WorkingDir']}")
    lines += [f"COPY {path.lstrip('/')} {path}" for path in scripts]
    if config.get("User"):
        lines.append(f"USER {config['User']}")
    lines += [f"EXPOSE {port}" for port in sorted(config.get("ExposedPorts") or {})]
    if config.get("StopSignal"):
        lines.append(f"STOPSIGNAL {config['StopSignal']}")
    lines += _healthcheck(config.get("Healthcheck") or {})
    lines += [f"{name} {_words(words)}" for name, words in (("ENTRYPOINT", entrypoint), ("CMD", command)) if words]
    return "\n".join([*lines, ""])


def _quoted(value: str) -> str:
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def _words(words: Sequence[str]) -> str:
    """Words as an instruction has them: in shell form where Docker has put its shell before them."""
    is_shell_form = len(words) == 3 and tuple(words[:2]) == ("/bin/sh", "-c")  # noqa: PLR2004 - sh -c TEXT
    return words[2] if is_shell_form and "\n" not in words[2] and words[2].strip() else json.dumps(list(words))


def _healthcheck(health: Mapping[str, Any]) -> Iterator[str]:
    test = list(health.get("Test") or ())
    flags = [
        f"--{flag}={int(health[name]) / subjects.SECOND:g}s"
        for name, flag in (("Interval", "interval"), ("Timeout", "timeout"), ("StartPeriod", "start-period"))
        if health.get(name)
    ]
    if test[:1] == ["NONE"]:
        yield "HEALTHCHECK NONE"
    elif test[:1] == ["CMD-SHELL"] and "\n" not in test[-1]:
        yield " ".join(["HEALTHCHECK", *flags, "CMD", test[-1]])
    elif test[:1] == ["CMD"]:
        yield " ".join(["HEALTHCHECK", *flags, "CMD", json.dumps(test[1:])])


def look(client: DockerClient, owner: Owner, image: str, workdir: str, words: Sequence[str]) -> Inside:
    """What is in an image, which is not started, as far as the words of a command name it."""
    made = client.containers.create(image, ["-"], entrypoint=["-"], labels=owner.labels(), network_mode="none")
    try:
        found = {}
        for path in _candidates(words, workdir):
            text = _script(made, path)
            if text is not None:
                found[path] = text
        return Inside(found, _shell(made))
    finally:
        remove(client, str(made.id))


def _shell(container: Container) -> str | None:
    """Which shell /bin/sh is, by the link that it is: shells differ in whether they stay in `sh -c`."""
    try:
        _, said = container.get_archive("/bin/sh")
    except NotFound:
        return bases.NO_SHELL
    except APIError:
        return None
    return SHELLS_OF_LINKS.get(posixpath.basename(str((said or {}).get("linkTarget", ""))))


def _candidates(words: Sequence[str], workdir: str) -> Iterator[str]:
    flat: list[str] = []
    for word in words:
        try:
            flat += shlex.split(word) if " " in word else [word]
        except ValueError:
            continue
    for word in [one for one in flat if one and not one.startswith("-")][:MOST_WORDS]:
        if "/" in word:
            yield posixpath.normpath(posixpath.join(workdir or "/", word))
        elif posixpath.basename(word) not in SHELLS:
            yield from (f"{folder}/{word}" for folder in PATH)


def _script(container: Container, path: str) -> str | None:
    """The text of a shell script in an image; None for what is something else."""
    try:
        stream, said = container.get_archive(path)
        mode, size = (int((said or {})[name]) for name in ("mode", "size"))
        if mode & NOT_PLAIN or not mode & stat.S_IXUSR or size > LARGEST:
            return None
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            data = b"" if file is None else file.read()
    except (APIError, NotFound, KeyError, tarfile.TarError):
        return None
    first = data.partition(b"\n")[0]
    is_shell = first.startswith(b"#!") and any(
        posixpath.basename(word) in SHELLS for word in first[2:].decode("latin-1").split()
    )
    return data.decode("utf-8", "replace") if is_shell else None


# --- what the rules say ---


def changes(found: Found, config: Mapping[str, Any], inside: Inside) -> list[Change]:
    """What pyinit-check finds, the worst first, as changes with its rule and its diff. Advice for information is left out."""
    described = found.subject
    is_image = described.source == subjects.IMAGE
    entrypoint = found.entrypoint if is_image else tuple(config.get("Entrypoint") or ())
    command = found.command if is_image else tuple(config.get("Cmd") or ())
    texts = {WRITTEN: written(config, entrypoint, command, inside.scripts)}
    texts |= {path.lstrip("/"): text for path, text in inside.scripts.items()}
    project = chain.Project(Files(given=texts))
    project.bases[BASE] = bases.Base(inside.shell, entrypoint=(), command=(), stop_signal="TERM")
    project.contexts[WRITTEN] = (".",)
    project.load(WRITTEN, texts[WRITTEN], DOCKERFILE)
    if not is_image and described.file:
        text = project.files.read(described.file)
        if text is not None:
            texts[described.file] = text
            project.images[bases.split(described.image)[0]] = WRITTEN
            project.load(described.file, text, COMPOSE if described.source == subjects.COMPOSE else KUBERNETES)
    findings: list[Finding] = []
    for subject in chain.subjects(project):
        name = None if subject.workload is None else subject.workload.name.rpartition("/")[2]
        if name is not None and name != described.name:
            continue
        for rule in check.CHECKS:
            try:
                findings += rule(subject)
            except Exception:  # noqa: BLE001, S112 - advice beside a verdict: pyinit-check itself tells of such a fault
                continue
    standing, _, _ = suppress.apply(check.once(findings), texts, frozenset(BY_ID))
    return [_change(one, texts) for one in check.worst_first(standing) if check.severity(one) != INFO]


def _change(finding: Finding, texts: Mapping[str, str]) -> Change:
    edits = list(finding.edits) or list(_stop_signal(finding, texts))
    lines: list[str] = []
    for path in dict.fromkeys(edit.path for edit in edits):
        after = fix.applied(texts[path], [edit for edit in edits if edit.path == path])
        lines += fix.diff(SHOWN if path == WRITTEN else path, texts[path], after).splitlines()
    where = SHOWN if finding.place.path == WRITTEN else f"{finding.place.path}:{finding.place.line}"
    mend = f" Mend: {finding.mend}." if finding.mend else ""
    return Change(f"{finding.rule}, {where}: {finding.message}.{mend}", tuple(lines), finding.rule)


def _stop_signal(finding: Finding, texts: Mapping[str, str]) -> Iterator[Edit]:
    """The mend of a rule that names a STOPSIGNAL: in the place of the one that is there, or before what is started."""
    named = STOPSIGNAL.fullmatch(finding.mend)
    if named is None or finding.place.path != WRITTEN:
        return
    text = texts[WRITTEN]
    at = re.search(r"^STOPSIGNAL .*$", text, re.MULTILINE) or re.search(r"^(?=ENTRYPOINT|CMD)", text, re.MULTILINE)
    if at is not None:
        yield Edit(WRITTEN, at.start(), at.end(), named[0] if at[0] else f"{named[0]}\n")
