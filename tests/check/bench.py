"""How long pyinit-check takes for a repository of 200 files.

    python3 -m tests.check.bench

A service in each of 50 folders: a Dockerfile, its start script, a Compose file and a Deployment with its Service. Medians of
several runs, each a process of its own, as in CI: the start of Python and all imports are in it.
"""

from __future__ import annotations

import os
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
    "HEALTHCHECK --interval=5s CMD curl -f http://127.0.0.1:8080/\n"
    'ENTRYPOINT ["/app/start.sh"]\nCMD ["gunicorn", "shop:app"]\n',
    "start.sh": '#!/bin/sh\nset -eu\nif [ "${DATABASE:-}" ]; then\n  until pg_isready; do sleep 1; done\nfi\n'
    'python manage.py migrate\nexec "$@"\n',
    "compose.yaml": "services:\n  shop:\n    build: .\n    stop_grace_period: 40s\n    environment: {A: b}\n"
    "  cache:\n    image: redis:7\n",
    "deploy.yaml": deployment(PORT + PROBE, "terminationGracePeriodSeconds: 40", "replicas: 3", SERVICE),
}


def measure(folder: Path, *words: str) -> tuple[float, float]:
    """Seconds of one run: by the clock, and of the processor."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "pyinit.check", *words, str(folder)]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode in (0, 1)
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        for number in range(FOLDERS):
            write(folder / f"shop{number}", {name: text.replace("shop", f"shop{number}") for name, text in SERVICES.items()})
        empty = folder / "empty"
        empty.mkdir()
        print("| files | output | s of the processor | s by the clock | target | reached |")
        print("|---:|---|---:|---:|---|---|")
        count = FOLDERS * len(SERVICES)
        for files, where, style in ((count, folder, "text"), (count, folder, "sarif"), (0, empty, "text")):
            runs = [measure(where, "--format", style) for _ in range(RUNS)]
            clock, processor = median(run[0] for run in runs), median(run[1] for run in runs)
            is_reached = "yes" if processor < TARGET else "**no**"
            print(f"| {files} | {style} | {processor:.2f} | {clock:.2f} | < {TARGET:g} s | {is_reached} |")
    print(
        f"\nLoad {os.getloadavg()[0]:.1f}; medians of {RUNS} runs. The target is for the processor: the clock also counts "
        "others' work."
    )


if __name__ == "__main__":
    main()
