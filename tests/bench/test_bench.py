"""What must hold in every run, however busy the machine is. The ratios are for `python -m tests.bench`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def bench(only: str, folder: Path) -> dict[str, Any]:
    """Measure these, quickly; the values for pyinit."""
    file = folder / "values.json"
    words = [sys.executable, "-m", "tests.bench", "--quick", "--only", only, "--json", str(file)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "| target | reached |" in done.stdout
    return {row: values["pyinit"] for row, values in json.loads(file.read_text())["values"].items()}


def test_nothing_wakes_it_up_while_nothing_happens(tmp_path: Path) -> None:
    assert bench("idle", tmp_path) == {"idle": 0}


def test_the_size_of_a_file_is_told_of_a_static_binary_alone(tmp_path: Path) -> None:
    assert bench("size", tmp_path) == {}


def test_a_probe_is_cheaper_than_one_with_the_standard_library() -> None:
    words = [sys.executable, "-m", "tests.bench.probes", "--runs", "5"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    rows = {line.split("|")[1].strip(): line.split("|")[2:] for line in done.stdout.splitlines() if line.startswith("| `")}
    ours, urllib = rows["`pyinit --probe`"], rows['`python3 -c "... urllib ..."`']
    for column in range(3):
        assert float(ours[column].replace(",", "")) < float(urllib[column].replace(",", ""))


def test_its_memory_does_not_grow_with_what_it_reaps(tmp_path: Path) -> None:
    # A list of all that a burst left behind takes some pages; those of 20,000 orphans, kept, would take 1 MB and more.
    assert bench("storm", tmp_path)["growth"] <= 64
