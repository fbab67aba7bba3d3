"""The short table: what it counts, and what it leaves out."""

import subprocess
import sys
from pathlib import Path

import pytest

from pyinit.rehearse.moments import Stop
from tests.namespace import ROOT
from tests.rolling.report import RESULTS
from tests.rolling.results import RolloutResult
from tests.rolling.summary import starts, summary
from tests.rolling.variants import READYZ, SWARM_BLIND


def result(init: str, removal: str, lost: int, took: float, server: str = "gunicorn-sync") -> RolloutResult:
    """One rollout of one replica."""
    stop = Stop("replica", requested=1.0, removed=2.5, ended=1.0 + took, status=0 if init.startswith("pyinit") else 143)
    losses = {"refused": lost} if lost else {}
    return RolloutResult(server, "start.sh", init, "haproxy", removal, 1, 0.0, 9.0, 100, losses, (stop,))


def test_losses_are_counted_by_removal_and_the_stop_time_is_that_of_the_usual_one() -> None:
    table = summary(
        [
            result("pyinit, delay auto", "1.5 s", 0, 8.0),
            result("tini", "1.5 s", 30, 0.2),
            result("tini", "1.5 s", 5, 0.4),
            result("tini", "5 s", 90, 9.9),
            result("tini", "1.5 s", 1000, 99.0, server="nginx"),
        ]
    )
    assert table.splitlines()[2:] == [
        "| tini | start.sh |  | **35** in 2 | **90** in 1 |  | 0.3 s | 143 |",
        "| pyinit, delay auto | start.sh |  | 0 in 1 |  |  | 8.0 s | 0 |",
    ]


def test_of_the_starting_half_those_are_told_apart_who_were_asked_too_early() -> None:
    stop = Stop("replica", requested=1.0, removed=2.5, ended=9.0, status=0)

    def one(router: str, removal: str, lost: dict[str, int]) -> RolloutResult:
        names = ("gunicorn-loading", "start.sh", "pyinit", router, removal)
        return RolloutResult(*names, 1, 0.0, 9.0, 1000, lost, (stop,))

    table = starts(
        [
            one(SWARM_BLIND, "DNS every 5 s", {"too-early": 4, "refused": 2}),
            one(SWARM_BLIND, "DNS every 1 s", {"too-early": 1000}),
            one(READYZ, "by its checks", {}),
            one(SWARM_BLIND, "DNS every 5 s", {"too-early": 3}),
        ]
    )
    assert table.splitlines()[2:] == [
        "| HAProxy, `httpchk`: pyinit's `/readyz` | pyinit | 1 | 1,000 | 0 | 0 | 8.0 s |",
        "| Swarm, no HEALTHCHECK | pyinit | 2 | 2,000 | **7** | **2** | 8.0 s |",
    ]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it, from the root of the checkout."""
    run = [sys.executable, "-m", "tests.rolling.summary", *words]
    return subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_prints_the_tables_of_a_folder(tmp_path: Path) -> None:
    one, other = result("tini", "1.5 s", 30, 0.2), result("tini", "1.5 s", 0, 0.4)
    (tmp_path / RESULTS).write_text(f"{one.as_json()}\n{other.as_json()}\n")
    done = command(str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == summary([one, other]) + "\n"


def test_a_call_for_help_is_answered() -> None:
    done = command("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m tests.rolling.summary [-h] [FOLDER]\n")
    assert "build/rolling/results" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there are no results (results.jsonl) in {folder}; "),
        ("", "{folder}/results.jsonl has no results of gunicorn-sync or gunicorn-loading, which the tables are of; "),
        ('{"server": "gunicorn-sync", "fo', "{folder}/results.jsonl cannot be read as results of rolling updates: "),
        ('{"server": "gunicorn-sync"}', "{folder}/results.jsonl cannot be read as results of rolling updates: "),
    ],
    ids=["without a file", "nothing measured", "cut off", "of something else"],
)
def test_a_folder_without_results_is_told_of_in_a_line(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / RESULTS).write_text(content)
    done = command(str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"python -m tests.rolling.summary: {said.format(folder=tmp_path)}")
    assert "`python -m tests.rolling` measures" in done.stderr


def test_a_folder_that_is_not_there_is_told_of_in_a_line(tmp_path: Path) -> None:
    done = command(str(tmp_path / "none"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"there is no folder {tmp_path / 'none'}; " in done.stderr
