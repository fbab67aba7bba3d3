"""`pyinit --status [--json]`: what there is to see, on stdout; exit status 0 where there is a pyinit, else 1."""

import posix

from pyinit.kernel import system
from pyinit.log import json_object
from pyinit.settings.config import UsageError
from pyinit.status import gather, report, text

USAGE = "pyinit --status [--json]"


def main(words: list[str]) -> int:
    """Look, print, and return the exit status. Raises UsageError."""
    for word in words:
        if word not in ("--status", "--json"):
            raise UsageError(f"{word!r} has no place here: {USAGE}")
    seen = gather.gather()
    document = report.document(seen)
    printed = json_object(document) + "\n" if "--json" in words else text.render(document, _painter())
    if seen.problem:
        system.write_stderr(f"pyinit: {seen.problem}\n".encode("utf-8", "backslashreplace"))
    is_written = system.write_stdout(printed.encode("utf-8", "backslashreplace"))
    return 0 if is_written and seen.state is not None else 1


def _painter() -> text.Painter:
    """Colours and cut lines on a terminal, unless NO_COLOR (no-color.org) says otherwise."""
    if not posix.isatty(system.STDOUT):
        return text.Painter(False, None)
    environment = system.environ()
    is_plain = bool(environment.get(b"NO_COLOR")) or environment.get(b"TERM") == b"dumb"
    try:
        width: int | None = posix.get_terminal_size(system.STDOUT)[0] or None
    except OSError:
        width = None
    return text.Painter(not is_plain, width)
