"""The files: which are looked at, of what kind each is, and their text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: Kinds of files.
DOCKERFILE, COMPOSE, KUBERNETES, ECS, NOMAD, QUADLET, FLY, SCRIPT, YAML = (
    "Dockerfile",
    "Compose",
    "Kubernetes",
    "ECS",
    "Nomad",
    "Quadlet",
    "fly.toml",
    "script",
    "YAML",
)

#: Folders that are never gone into.
SKIPPED = frozenset(
    "node_modules vendor .git .hg .svn .venv venv __pycache__ .tox .mypy_cache .pytest_cache .ruff_cache "
    ".terraform dist target".split()
)

#: Bytes above which a file is no Dockerfile, script or manifest.
LARGEST = 4_000_000

#: What services of Compose have; other programs have `services` of their own.
IN_SERVICES = re.compile(r"^[ \t]+(?:image|build)[ \t]*:", re.MULTILINE)

COMPOSE_NAME = re.compile(
    r"^(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml$|^(?:docker-)?stack(?:[.-][\w.-]+)?\.ya?ml$|\.compose\.ya?ml$|-stack\.ya?ml$"
)
DOCKERFILE_NAME = re.compile(r"^(?:[Dd]ockerfile|Containerfile)(?:[.-][\w.-]+)?$|\.(?:[Dd]ockerfile|[Cc]ontainerfile)$")
NOT_DOCKERFILE = re.compile(r"\.(?:dockerignore|md|py|sh|txt|j2|tmpl|tpl|erb|template|in|json|ya?ml|bak|orig)$")


@dataclass
class Files:
    """The files of one run, each read once. `given` has the texts of those that are not on the disk, by their path."""

    given: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)

    def read(self, path: str) -> str | None:
        """The text of a file, or None where it cannot be had."""
        if path in self.given:
            return self.given[path]
        if path not in self.texts:
            self.texts[path] = self._read(path)
        return self.texts[path]

    def _read(self, path: str) -> str | None:
        try:
            if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
                return None
            data = Path(path).read_bytes()
        except OSError:
            return None  # who may not read it does not know what is in it
        if b"\0" in data[:4096]:
            return None
        return data.decode("utf-8-sig" if data[:3] == b"\xef\xbb\xbf" else "utf-8", "replace")

    def is_file(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.given or os.path.isfile(path)


def kind_by_name(path: str) -> str | None:
    """The kind that a file's name tells; YAML and JSON may be several."""
    name = os.path.basename(path)
    if DOCKERFILE_NAME.search(name) and not NOT_DOCKERFILE.search(name):
        return DOCKERFILE
    if COMPOSE_NAME.search(name):
        return COMPOSE
    if name.endswith((".nomad.hcl", ".nomad")):
        return NOMAD
    if name.endswith(".container"):
        return QUADLET
    if re.fullmatch(r"fly(?:\.[\w-]+)?\.toml", name):
        return FLY
    if name.endswith((".yaml", ".yml")):
        return YAML
    if name.endswith(".json") and re.search(r"task|ecs|container", name):
        return ECS
    return None


def kind_of(path: str, text: str, *, is_named: bool) -> str | None:
    """The kind of a file, by its name and its text; `is_named` says that the user has named it, so that scripts count."""
    kind = kind_by_name(path)
    if kind == ECS or (kind is None and path.endswith(".json")):
        return ECS if '"containerDefinitions"' in text else None
    if (
        kind in (YAML, None)
        and re.search(r"^\s*(?:-\s+)?[\"']?kind[\"']?\s*:", text, re.MULTILINE)
        and re.search(r"^\s*(?:-\s+)?[\"']?apiVersion[\"']?\s*:", text, re.MULTILINE)
    ):
        return KUBERNETES
    if kind == YAML and re.search(r"^services\s*:", text, re.MULTILINE) and (is_named or IN_SERVICES.search(text)):
        return COMPOSE
    if kind == YAML:
        return None
    if kind is None and is_named:
        return SCRIPT if text.startswith("#!") or path.endswith(".sh") else _by_text(text)
    return kind


def _by_text(text: str) -> str | None:
    if re.search(r"^\s*FROM\s+\S+", text, re.MULTILINE | re.IGNORECASE):
        return DOCKERFILE
    if re.search(r"^services\s*:", text, re.MULTILINE):
        return COMPOSE
    return ECS if '"containerDefinitions"' in text else None


def is_template(path: str, text: str) -> bool:
    """Whether a YAML file is one that a program has to fill in first: of a Helm chart, of Jinja."""
    if not re.search(r"\{\{|\{%|<%", text):
        return False
    for folder in list(Path(path).parents)[:4]:
        if (folder / "Chart.yaml").is_file():
            return True
    return bool(re.search(r"^\s*(?:-\s*)?\{\{|^\s*\{%|:\s*\{\{", text, re.MULTILINE))


def below(folder: str) -> Iterator[str]:
    """The files below a folder whose names tell that they may be ours, in a fixed order."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            path = os.path.normpath(os.path.join(root, name))
            if kind_by_name(path):
                yield path


def top_of(path: str) -> str:
    """The folder of the repository that a file is in, or the file's own folder."""
    folder = Path(path).resolve().parent
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return str(candidate)
    return str(folder)
