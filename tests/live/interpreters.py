"""Every supported CPython that this machine has."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

#: The oldest supported version; pyproject.toml says the same.
OLDEST = (3, 10)


@cache
def version(python: str) -> tuple[int, int]:
    """The version of an interpreter."""
    code = "import sys; print(*sys.version_info[:2])"
    major, minor = subprocess.run([python, "-IS", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return int(major), int(minor)


def name_of(python: str) -> str:
    """A short name for a report: the version and where it comes from."""
    return f"{'.'.join(map(str, version(python)))}-{'system' if python.startswith('/usr/') else 'own'}"


def _installed() -> list[str]:
    folders = [Path("/usr/bin"), Path("/usr/local/bin")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders += sorted(pyenv.glob("3.*/bin"))
    candidates = {Path(sys.executable).resolve()}
    for folder in folders:
        candidates |= {path.resolve() for path in folder.glob("python3.*") if re.fullmatch(r"python3\.\d+", path.name)}
    return sorted(str(path) for path in candidates if version(str(path)) >= OLDEST)


INTERPRETERS = _installed()
