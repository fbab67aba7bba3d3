"""A job of RQ."""

import time

from web import WORK, say


def job() -> None:
    """Work in flight."""
    say("work started")
    time.sleep(WORK)
    say("work finished")
