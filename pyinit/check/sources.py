"""Everything that a run looks at: the paths that it is given, and what lies below them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from pyinit.check import files
from pyinit.check.chain import Fault, Project
from pyinit.check.files import Files

#: What standard input is called.
STDIN = "-"

#: Files that may say which Dockerfile builds which image.
BUILD_FILES = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile")


class NoSuchPath(Exception):
    """A path that the user has named is not there."""


def project_of(paths: Iterable[str], texts: Files, images: dict[str, str], *, excluded: tuple[str, ...] = ()) -> Project:
    """Read all files. Raises NoSuchPath."""
    made = Project(texts)
    made.images.update(images)
    names: dict[str, str] = {}
    for given in dict.fromkeys(paths):
        path = given if given in texts.given else from_here(given)
        if path in texts.given:
            _add(made, path, is_named=True)
        elif os.path.isdir(path):
            for found in files.below(path):
                if not any(os.path.normpath(found).startswith(os.path.normpath(one)) for one in excluded):
                    _add(made, found, is_named=False)
            for name in BUILD_FILES:
                text = texts.read(os.path.normpath(os.path.join(path, name)))
                if text is not None:
                    names[os.path.normpath(os.path.join(path, name))] = text
        elif os.path.exists(path):
            _add(made, os.path.normpath(path), is_named=True)
        else:
            raise NoSuchPath(f"{given}: there is no such file or folder")
    names.update({path: dockerfile.text for path, dockerfile in made.dockerfiles.items()})
    made.merge_compose()
    made.learn_names(names)
    return made


def from_here(path: str) -> str:
    """A path as seen from the working folder, where it is below that."""
    here = os.getcwd()
    full = os.path.abspath(path)
    return os.path.relpath(full, here) if full == here or full.startswith(here + os.sep) else os.path.normpath(path)


def _add(made: Project, path: str, *, is_named: bool) -> None:
    text = made.files.read(path)
    if text is None:
        if is_named:
            made.faults.append(Fault(path, 1, "this is no text, or may not be read, or is larger than any manifest"))
        return
    kind = files.kind_of(path, text, is_named=is_named)
    if kind is not None:
        made.load(path, text, kind)
