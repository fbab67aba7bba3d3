"""Fixtures of the live tests: pyinit as a real PID 1 in a PID namespace of its own, for each test."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.namespace import APP, Namespace, pyinit_from_source

Start = Callable[..., Namespace]

#: The words that run the application of tests/app.py.
APP_WORDS = f"{sys.executable} -IS {APP}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A function that starts pyinit as PID 1 with these options and this command; extra keywords are for Namespace."""
    with contextlib.ExitStack() as stack:

        def start_one(*words: str | bytes, python: str = sys.executable, **keywords: Any) -> Namespace:
            return stack.enter_context(Namespace([*pyinit_from_source(python), *words], tmp_path, **keywords))

        yield start_one


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """A function that writes an executable script with these lines; `APP` in them is the application's command."""

    def write(text: str, shell: str = "/bin/sh", name: str = "start.sh") -> str:
        path = tmp_path / name
        path.write_text(f"#!{shell}\n{text.replace('APP', APP_WORDS)}\n")
        path.chmod(0o755)
        return str(path)

    return write
