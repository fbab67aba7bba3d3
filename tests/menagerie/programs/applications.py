"""Applications of our own that show what a wrapper does: to a signal, to a second one, and to a status."""

from tests.menagerie import forms
from tests.menagerie.row import Program

TERM = ("TERM",)
FRAGILE = "@PYTHON@ -IS @APPS@/once.py"

PROGRAMS = (
    Program(
        "fragile app",
        FRAGILE,
        ready="^ready|^work started",
        forms={
            forms.EXEC: ("TERM", "INT"),
            forms.START_SH: TERM,
            forms.SHELL_FORM: TERM,
            forms.PIPELINE: TERM,
            forms.TRAP: TERM,
            forms.BACKGROUND: TERM,
            **dict.fromkeys(forms.WRAPPERS, TERM),
        },
        third=(
            forms.EXEC, forms.START_SH, forms.SHELL_FORM, forms.PIPELINE, forms.TRAP, forms.BACKGROUND, forms.TIMEOUT,
            forms.SUDO, forms.SU, forms.RUNUSER, forms.GOSU, forms.SCRIPT, forms.EXPECT, forms.NPM_START, forms.UV_RUN,
            forms.FOREMAN, forms.HONCHO, forms.SUPERVISOR, forms.RUNIT, forms.S6, forms.NESTED_TINI, forms.NESTED_DUMB_INIT,
        ),
    ),
    Program(
        "fragile job",
        FRAGILE + " --job",
        ready="^work started",
        forms={forms.EXEC: TERM, forms.PARALLEL: TERM, forms.XARGS: TERM, forms.MAKE: TERM},
        third=(forms.XARGS, forms.PARALLEL, forms.MAKE),
    ),
)  # fmt: skip
