"""`pyinit --install PATH`: the static binary brings itself elsewhere."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.live.forms import SOURCE, STATIC, WHEEL


def install(pyinit: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run([*pyinit, *words], capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.forms(STATIC)
@pytest.mark.parametrize("form_of_option", ["--install PATH", "--install=PATH"])
def test_it_is_copied_with_all_that_is_in_it_and_can_be_run_by_everybody(
    pyinit: list[str], tmp_path: Path, form_of_option: str
) -> None:
    copy = tmp_path / "pyinit"
    copy.write_text("an older one")
    before = copy.stat().st_ino
    os.umask(0o077)
    try:
        done = install(pyinit, *form_of_option.replace("PATH", str(copy)).split())
    finally:
        os.umask(0o022)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert copy.read_bytes() == Path(pyinit[0]).read_bytes()
    assert copy.stat().st_mode & 0o7777 == 0o755
    assert copy.stat().st_ino != before, "what runs from the old one goes on"
    assert list(tmp_path.iterdir()) == [copy]
    assert install([str(copy)], "--version").stdout.startswith("pyinit ")


@pytest.mark.forms(STATIC)
def test_where_it_cannot_be_one_line_says_why_and_nothing_is_left(pyinit: list[str], tmp_path: Path) -> None:
    done = install(pyinit, "--install", str(tmp_path / "no" / "pyinit"))
    assert done.returncode == 125
    assert done.stderr == f"pyinit: error: --install: {tmp_path}/no/pyinit: No such file or directory\n"
    done = install(pyinit, "--install", str(tmp_path))
    assert done.returncode == 125
    assert done.stderr == f"pyinit: error: --install: {tmp_path}: Is a directory\n"
    assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.parent.glob(f"{tmp_path.name}.*")) == []


@pytest.mark.forms(STATIC)
@pytest.mark.parametrize("words", [["--install"], ["--install", "/a", "/b"], ["--install=/a", "/b"], ["--installed", "/a"]])
def test_it_is_used_alone(pyinit: list[str], words: list[str]) -> None:
    done = install(pyinit, *words)
    assert done.returncode == 125
    assert done.stderr.endswith("this is used alone: pyinit --install PATH\n")


@pytest.mark.forms(SOURCE, WHEEL)
def test_what_runs_from_python_says_that_it_is_no_file(pyinit: list[str], tmp_path: Path) -> None:
    done = install(pyinit, "--install", str(tmp_path / "pyinit"))
    assert done.returncode == 125
    assert "only the static binary is one file that can be copied" in done.stderr
