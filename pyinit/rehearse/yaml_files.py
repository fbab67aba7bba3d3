"""Files of YAML, with one clear line where they cannot be read."""

from pathlib import Path
from typing import Any

import yaml

from pyinit.rehearse.faults import UsageError


def documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a file. Raises UsageError."""
    try:
        found = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    return [document for document in found if isinstance(document, dict)]


def lines_of(path: Path) -> list[str]:
    """The lines of a file of variables, without comments. Raises UsageError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
