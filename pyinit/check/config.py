"""The configuration: [tool.pyinit-check] of pyproject.toml, or .pyinit-check.toml, and what the command line says above it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Where the configuration may be, in this order.
OWN, SHARED = ".pyinit-check.toml", "pyproject.toml"

KEYS = ("select", "ignore", "exclude", "fail-on", "images", "base-image-config")


class BadConfig(Exception):
    """The configuration cannot be understood; the message is one line."""


@dataclass(frozen=True)
class Config:
    """What is checked, and how. `images` has a Dockerfile by the name of the image that it builds."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: str = "warning"
    images: dict[str, str] = field(default_factory=dict)
    base_image_config: tuple[str, ...] = ()


def find(start: str) -> tuple[str, dict[str, Any]] | None:
    """The nearest file that has a configuration, from a folder upwards, and what it says."""
    folder = Path(start).resolve()
    for candidate in (folder, *folder.parents):
        own, shared = candidate / OWN, candidate / SHARED
        if own.is_file():
            return str(own), _read(own)
        if shared.is_file():
            said = _read(shared).get("tool", {})
            if isinstance(said, dict) and "pyinit-check" in said:
                return str(shared), said["pyinit-check"]
        if (candidate / ".git").exists():
            return None
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadConfig(f"{path}: {error}") from None


def load(start: str) -> Config:
    """The configuration that holds in a folder. Raises BadConfig."""
    found = find(start)
    if found is None:
        return Config()
    path, said = found
    folder = os.path.relpath(os.path.dirname(path))
    unknown = [key for key in said if key not in KEYS]
    if unknown:
        raise BadConfig(f"{path}: {unknown[0]!r} is no setting: there are {', '.join(KEYS)}")
    images = said.get("images", {})
    if not isinstance(images, dict) or not all(isinstance(value, str) for value in images.values()):
        raise BadConfig(f"{path}: images is a table of Dockerfiles by image name")
    return Config(
        _words(path, said, "select"),
        _words(path, said, "ignore"),
        tuple(os.path.normpath(os.path.join(folder, word)) for word in _words(path, said, "exclude")),
        str(said.get("fail-on", "warning")),
        {str(name): os.path.normpath(os.path.join(folder, value)) for name, value in images.items()},
        tuple(os.path.normpath(os.path.join(folder, word)) for word in _words(path, said, "base-image-config")),
    )


def _words(path: str, said: dict[str, Any], key: str) -> tuple[str, ...]:
    value = said.get(key, ())
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise BadConfig(f"{path}: {key} is a list of texts")
    return tuple(words)
