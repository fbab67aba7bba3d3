"""A job of Huey, with a file as its queue."""

import os
import time

from huey import FileHuey
from web import WORK, say

huey = FileHuey(path=os.environ["DIR"] + "/queue")


@huey.task()
def job() -> None:
    """Work in flight."""
    say("work started")
    time.sleep(WORK)
    say("work finished")
