"""How long pyinit-check takes for a repository of 200 files.

    python3 -m tests.check.bench

A service in each of 50 folders: a Dockerfile, its start script, a Compose file and a Deployment with its Service. Medians of several
runs, each a process of its own, as in CI: the start of Python and all imports are in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from pyinit.check.pages.orchestrator import PROBE
from pyinit.check.pages.rule import PORT, SERVICE, deployment
from tests.check.checked import write
from tests.namespace import ROOT

FOLDERS, RUNS = 50, 7

#: Seconds that it may take.
TARGET = 1.0

SERVICES = {
    "Dockerfile": "FROM python:3.12-slim\nRUN apt-get update && apt-get install --yes curl\nWORKDIR /app\nCOPY . .\n"
    'HEALTHCHECK --interval=5s CMD curl -f http://127.0.0.1:8080/\nENTRYPOINT ["/app/start.sh"]\nCMD ["gunicorn", "shop:app"]\n',
    "start.sh": '#!/bin/sh\nset -eu\nif [ "${DATABASE:-}" ]; then\n  until pg_isready; do sleep 1; done\nfi\npython manage.py migrate\nexec "$@"\n',
    "compose.yaml": "services:\n  shop:\n    build: .\n    stop_grace_period: 40s\n    environment: {A: b}\n  cache:\n    image: redis:7\n",
    "deploy.yaml": deployment(PORT + PROBE, "terminationGracePeriodSeconds: 40", "replicas: 3", SERVICE),
}


def measure(folder: Path, *words: str) -> float:
    """Seconds of one run."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pyinit.check", *words, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begin
    assert done.returncode in (0, 1), done.stderr
    return seconds


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        for number in range(FOLDERS):
            write(folder / f"service{number}", SERVICES)
        empty = folder / "empty"
        empty.mkdir()
        print("| files | output | s, median | target | reached |")
        print("|---:|---|---:|---|---|")
        for count, where, style in (
            (FOLDERS * len(SERVICES), folder, "text"),
            (FOLDERS * len(SERVICES), folder, "sarif"),
            (0, empty, "text"),
        ):
            seconds = median(measure(where, "--format", style) for _ in range(RUNS))
            print(f"| {count} | {style} | {seconds:.2f} | < {TARGET:g} s | {'yes' if seconds < TARGET else '**no**'} |")


if __name__ == "__main__":
    main()
