"""The inits of the table: none at all, the two that people use, and pyinit (or another build of it)."""

import os
import shlex

from tests.namespace import pyinit_from_source

NONE, TINI, DUMB_INIT, PYINIT = "none", "tini", "dumb-init", "pyinit"

#: In the order of the table's columns. The last is the one that is judged by the others.
INITS = (NONE, TINI, DUMB_INIT, PYINIT)
REFERENCES = INITS[:-1]


def words_of(init: str) -> list[str]:
    """The words that stand before the command. For pyinit those of $MENAGERIE_INIT, or the source of this checkout."""
    if init == PYINIT:
        chosen = os.environ.get("MENAGERIE_INIT", "")
        return [*(shlex.split(chosen) or pyinit_from_source()), "--"]
    return {NONE: [], TINI: ["tini", "--"], DUMB_INIT: ["dumb-init", "--"]}[init]
