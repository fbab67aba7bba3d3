"""The programs of docker/packages, as they are called from outside."""

import os
import subprocess
import sys
from pathlib import Path

from tests.namespace import ROOT

FOLDER = ROOT / "docker" / "packages"

#: The time of all that is made here: 2024-01-01, in seconds since the epoch.
EPOCH = 1_704_067_200


def made(program: str, *words: str | Path) -> str:
    """What one of the programs writes to stdout."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    command = [sys.executable, FOLDER / program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
