"""Servers and workers of Python, from PyPI."""

from tests.menagerie import forms
from tests.menagerie.row import Packages, Program

TERM = ("TERM",)
ASK = "curl --silent --show-error --fail --max-time 60 http://127.0.0.1:8000/slow"
PORT = 8000


def from_pypi(*names: str) -> Packages:
    """Programs from PyPI, with the client that speaks to them."""
    return Packages(apt=("curl",), pypi=names)


CELERY_FILES = {"queue/.keep": "", "control/.keep": ""}
CELERY = "@PIP@/celery --app celery_app --workdir @APPS@ worker --loglevel INFO --concurrency 2 --pool prefork --without-mingle --without-gossip"

PROGRAMS = (
    Program(
        "Celery",
        CELERY,
        from_pypi("celery"),
        ("@PIP@/celery",),
        "@PIP@/celery --version",
        files=CELERY_FILES,
        ready=r"celery@\S+ ready",
        client="@PIP@/python -c 'import celery_app; celery_app.job.delay()'",
        finished=r"^work finished",
        told="Warm shutdown|Cold shutdown",
        forms={forms.EXEC: ("TERM", "INT", "QUIT"), forms.START_SH: TERM, forms.SHELL_FORM: TERM, forms.TRAP: TERM, forms.PIPELINE: TERM},
        third=(forms.EXEC, forms.START_SH),
    ),
    Program(
        "gunicorn sync",
        "@PIP@/gunicorn --bind 127.0.0.1:8000 --workers 2 web:wsgi",
        from_pypi("gunicorn"),
        ("@PIP@/gunicorn", "curl"),
        "@PIP@/gunicorn --version",
        port=PORT,
        client=ASK,
        told=r"Handling signal: (term|int|quit)",
        forms={forms.EXEC: ("TERM", "INT", "QUIT"), forms.START_SH: TERM, forms.SHELL_FORM: TERM, forms.PIPELINE: TERM,
               forms.TRAP: TERM, **dict.fromkeys(forms.WRAPPERS, TERM)},
        third=(forms.EXEC, forms.PIPELINE, forms.TIMEOUT, forms.HONCHO),
    ),
)  # fmt: skip
