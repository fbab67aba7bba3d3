"""A test that takes too long fails, alone, wherever it was; and one line says what was skipped and how to have it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Tests that hang in each of their parts, and a report that is slow to write, as on a busy machine.
SLOW = """\
import time
import pytest

@pytest.fixture
def slow_setup():
    time.sleep(60)

@pytest.fixture
def slow_teardown():
    yield
    time.sleep(60)

def test_slow_call(): time.sleep(60)
def test_slow_setup(slow_setup): pass
def test_slow_teardown(slow_teardown): pass
def test_slow_report(): pass
def test_another(): pass
def test_skipped(): pytest.skip("this needs a moon (tests/prepare.sh fetches one)")
def test_skipped_as_well(): pytest.skip("this needs a moon (tests/prepare.sh fetches one)")
"""
PLUGIN = """\
import time

def pytest_runtest_logreport(report):
    if "slow_report" in report.nodeid and report.when == "call":
        time.sleep(1.5)
"""


def run(folder: Path, *words: str) -> str:
    """What pytest prints of these tests, with the settings of all others and a limit of a second."""
    (folder / "test_slow.py").write_text(SLOW)
    (folder / "slow_reports.py").write_text(PLUGIN)
    settings = ["-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-p", "slow_reports", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "--timeout", "1", *words, str(folder / "test_slow.py")],
        cwd=folder,
        env={"PYTHONPATH": f"{ROOT}:{folder}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_what_takes_too_long_fails_alone(tmp_path: Path) -> None:
    for words in ([], ["-n", "2"]):
        said = run(tmp_path, *words)
        assert "INTERNALERROR" not in said
        assert re.search(r"1 failed, 3 passed, 2 skipped, 2 errors in ", said), said
        assert "FAILED" in said
        assert re.findall(r"(FAILED|ERROR) \S+::(test_\w+) - Failed: Timeout", said) != []


def test_in_the_end_one_line_says_what_was_skipped_and_how_to_have_it(tmp_path: Path) -> None:
    for words in ([], ["-n", "1"]):
        *_, line, _ = run(tmp_path, "-k", "skipped", *words).splitlines()
        assert line == "2 skipped: 2 this needs a moon (tests/prepare.sh fetches one)"
    assert "skipped:" not in run(tmp_path, "-k", "another")
