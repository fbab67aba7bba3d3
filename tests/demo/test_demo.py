"""The demonstration shows what it claims, on every way that this machine offers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo import ways
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("root", "user") if os.geteuid() == 0 else ("user",)


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it, as `make demo` does."""
    return subprocess.run(
        [sys.executable, "-m", "tests.demo", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def rows(markdown: str) -> dict[str, list[str]]:
    """The cells of the table, by the name of the init."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines()]
    return {init: cells for init, *cells in lines[2:]}


@pytest.mark.parametrize("way", WAYS)
def test_pyinit_alone_lets_the_application_finish_its_work(way: str) -> None:
    done = demo("--markdown", "--in", way)
    assert done.returncode == 0, done.stderr
    found = rows(done.stdout)
    told, finished, status, seconds = found.pop("pyinit")
    assert (told, finished, status) == ("once", "yes", "0")
    assert 2.0 <= float(seconds.removesuffix(" s")) < 5.0
    *facts, stopped = found.pop("no init")
    assert facts == ["no", "no", "137"]
    assert stopped.endswith(" s, by SIGKILL")
    assert float(stopped.split()[0]) >= 5.0  # the whole timeout
    for told, finished, status, _ in found.values():
        assert (told, finished, status) == ("no", "no", "143"), "dumb-init tells it, and leaves before it can look"


def test_it_fits_on_a_screen_and_a_file_gets_no_colours() -> None:
    done = demo()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) < 25
    assert max(map(len, lines)) <= 100
    assert "\033" not in done.stdout


def test_nothing_is_left_of_it() -> None:
    with subprocess.Popen([sys.executable, "-m", "tests.demo"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        wait_until(lambda: any("app.py" in command for command in left_of(running.pid)), "an application that was started")
        running.terminate()
    assert running.returncode == 143
    assert not left_of(running.pid)


def test_a_kernel_that_forbids_user_namespaces_is_told_how_to_allow_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = tmp_path / "user" / "max_user_namespaces"
    switch.parent.mkdir()
    monkeypatch.setattr(ways, "SYSCTLS", tmp_path)
    switch.write_text("0\n")
    assert "sudo sysctl -w user.max_user_namespaces=10000" in ways.remedy()
    switch.write_text("15000\n")
    assert "sysctl" not in ways.remedy()


def left_of(pid: int) -> list[str]:
    """The processes whose environment says that they come from that demonstration."""
    mark = f"STARTED_BY={pid}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue  # it has ended, or is another user's
    return found


def test_where_no_way_works_it_says_what_is_missing_and_what_opens_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo", "--in", "docker"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    missing, remedy = done.stderr.splitlines()
    assert missing == "A PID 1 can be run here by none of the ways: no docker."
    assert remedy.startswith("Any of these opens one: install util-linux, which has unshare; ")
    assert "install Docker" in remedy
    assert ("sudo make demo" in remedy) == (os.geteuid() != 0)
    assert done.stdout == ""
