"""Fixtures of the live tests: pyinit as a real PID 1 in a PID namespace of its own, for each test and each of its forms."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.live.forms import FORMS, SOURCE, Forms
from tests.live.originals import OURS, RunCalled, init_called
from tests.namespace import APP, WITH_PROC, Namespace, pyinit_from_source
from tests.shared import folder_of

Start = Callable[..., Namespace]

#: The words that run the application of tests/app.py.
APP_WORDS = f"{sys.executable} -IS {APP}"


def pytest_configure(config: pytest.Config) -> None:
    """Declare our marker."""
    config.addinivalue_line("markers", "forms(form, ...): run against these forms of pyinit only, see tests/live/forms.py")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that starts pyinit against each of its forms: FORMS, or those that TEST_FORMS names instead.

    A marker leaves some of them out.
    """
    if "form" in metafunc.fixturenames:
        asked = os.environ.get("TEST_FORMS", "").split() or FORMS
        marker = metafunc.definition.get_closest_marker("forms")
        metafunc.parametrize("form", [form for form in asked if marker is None or form in marker.args])


@pytest.fixture(scope="session")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Forms:
    """Where the forms of pyinit are built and found."""
    folder = folder_of(tmp_path_factory) / "forms"
    folder.mkdir(exist_ok=True)
    return Forms(folder)


@pytest.fixture
def pyinit(forms: Forms, form: str) -> list[str]:
    """The words that run pyinit, in one of its forms."""
    return forms.words(form)


@pytest.fixture
def start(tmp_path: Path, pyinit: list[str], form: str) -> Iterator[Start]:
    """A function that starts pyinit as PID 1 with these options and this command; extra keywords are for Namespace."""
    with contextlib.ExitStack() as stack:

        def start_one(*words: str | bytes, python: str | None = None, **keywords: Any) -> Namespace:
            assert python is None or form == SOURCE, "only the source can be run by any Python"
            init = pyinit if python is None else pyinit_from_source(python)
            return stack.enter_context(Namespace([*init, *words], tmp_path, **keywords))

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


@pytest.fixture
def run_called(tmp_path: Path) -> Iterator[RunCalled]:
    """A function that starts an init by this name, ours or theirs, as PID 1; extra keywords are for Namespace."""
    with contextlib.ExitStack() as stack:

        def run_one(
            name: str,
            *words: str,
            whose: str = OURS,
            variables: Mapping[str, str] | None = None,
            unshare: Sequence[str] = WITH_PROC,
        ) -> Namespace:
            folder = tmp_path / whose
            folder.mkdir(exist_ok=True)
            arguments = [*init_called(name, whose, folder), *words]
            env = {"PATH": os.environ["PATH"], **(variables or {})}
            return stack.enter_context(Namespace(arguments, folder, env=env, unshare=unshare))

        yield run_one
