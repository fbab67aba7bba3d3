"""Fixtures of the hostile tests: those of tests/live; and how large an attack is.

`make hostile` sets HOSTILE=1: then crowds are as large as the machine allows, every system call fails in turn, and all is tried
on the source as well. Without it there is the static binary alone, in some 90 s on two idle CPUs.
"""

import os

import pytest

from tests.live.conftest import forms, pyinit, pytest_configure, script, start  # noqa: F401 - fixtures and a hook
from tests.live.forms import SOURCE, STATIC

#: Whether there is time for the large ones.
IS_LONG = bool(os.environ.get("HOSTILE"))

#: The wheel runs the same code as one of these two.
FORMS = (SOURCE, STATIC) if IS_LONG else (STATIC,)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that starts pyinit against each of its forms here, or those that TEST_FORMS names instead."""
    if "form" in metafunc.fixturenames:
        asked = os.environ.get("TEST_FORMS", "").split() or FORMS
        marker = metafunc.definition.get_closest_marker("forms")
        metafunc.parametrize("form", [form for form in asked if marker is None or form in marker.args])
