"""`pyinit --status [--json]`."""

from pyinit.config import UsageError


def main(words: list[str]) -> int:
    """Raises UsageError."""
    raise UsageError(f"{words[0]}: not yet")
