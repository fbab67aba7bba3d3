"""PURE. The parts of a document that a script prints: each behind a mark, a comment that names the command."""

import re


def put(text: str, mark: str, part: str) -> str:
    """A document with a printed part behind its mark, in the place of the one that was there: up to the next empty line.

    Raises ValueError where it has no such mark.
    """
    if f"{mark}\n" not in text:
        raise ValueError(f"the document has no mark: {mark}")
    return re.sub(re.escape(f"{mark}\n") + r"(?:[^\n]+\n)*", lambda _: f"{mark}\n{part}", text)
