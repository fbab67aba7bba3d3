"""Run pyinit-check on files that a test writes down."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyinit.check import check, sources
from pyinit.check.chain import Project
from pyinit.check.files import Files
from pyinit.check.model import Finding
from pyinit.check.pages import BY_ID

ALL = frozenset(BY_ID)


def write(folder: Path, files: dict[str, str]) -> None:
    """Put files into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def project(
    folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, images: dict[str, str] | None = None
) -> Project:
    """All that is read of files, with paths as seen from their folder."""
    write(folder, files)
    monkeypatch.chdir(folder)
    return sources.project_of(["."], Files(), images or {})


def findings(
    folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, images: dict[str, str] | None = None
) -> list[Finding]:
    """What is found in files."""
    found, _ = check.findings_of(project(folder, files, monkeypatch, images), ALL)
    return found


def rules(
    folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, images: dict[str, str] | None = None
) -> list[str]:
    """The rules that find something, with the line of each: "start.sh:4 PI201"."""
    found = findings(folder, files, monkeypatch, images)
    return [f"{finding.place} {finding.rule}" for finding in found]
