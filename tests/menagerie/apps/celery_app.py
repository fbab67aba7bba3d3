"""Jobs of Celery, with a folder as its broker."""

import os
import time

from celery import Celery
from web import WORK, say

FOLDER = os.environ["DIR"]
app = Celery("celery_app", broker="filesystem://")
app.conf.broker_transport_options = dict.fromkeys(("data_folder_in", "data_folder_out"), FOLDER + "/queue") | {
    "control_folder": FOLDER + "/control",
    "polling_interval": 0.1,
}
app.conf.beat_schedule = {}
app.conf.broker_connection_retry_on_startup = True


@app.task
def job() -> None:
    """Work in flight."""
    say("work started")
    time.sleep(WORK)
    say("work finished")
