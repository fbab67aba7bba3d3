"""PURE. The variables of a compose file, as far as docs.docker.com/reference/compose-file/interpolation has them."""

import re
from collections.abc import Mapping

from pyinit.rehearse.faults import UsageError

#: $$, $NAME, ${NAME}, ${NAME:-default}, ${NAME-default}, ${NAME:?error}, ${NAME?error}, ${NAME:+other}, ${NAME+other}.
VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<word>[^{}]*))?\}|)"
)


def replace(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced. Raises UsageError for one that has to be set, and for what is no variable."""

    def of(match: "re.Match[str]") -> str:
        if match["escaped"]:
            return "$"
        name = match["bare"] or match["name"]
        if not name:
            raise UsageError(f"{text!r}: a $ that begins no variable; write $$ for a $")
        how, word = match["how"] or "", match["word"] or ""
        value = values.get(name)
        is_there = bool(value) if how.startswith(":") else value is not None
        if how.endswith("+"):
            return word if is_there else ""
        if is_there:
            return value or ""
        if how.endswith("?"):
            raise UsageError(f"{text!r}: {name} is not set: {word}")
        return word if how.endswith("-") else ""

    return VARIABLE.sub(of, text)
