"""A worker of Celery that gets a job every second, each of 2 s. Its log says when a job begins and ends."""
# mypy: ignore-errors
# Only the image has what is imported here.

import os
import sys
import threading
import time

from celery import Celery

app = Celery("jobs", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "/tmp/queue",
    "data_folder_out": "/tmp/queue",
    "control_folder": "/tmp/control",
}
app.conf.broker_connection_retry_on_startup = True


@app.task(name="jobs.job")
def job(number):
    """Some work."""
    print(f"job {number} begins", file=sys.stderr, flush=True)
    time.sleep(2)
    print(f"job {number} ends", file=sys.stderr, flush=True)


def feed():
    """Send a job every second."""
    for number in range(1000):
        job.delay(number)
        time.sleep(1)


if os.environ.get("FEED"):
    del os.environ["FEED"]  # the workers do not
    os.makedirs("/tmp/queue", exist_ok=True)
    threading.Thread(target=feed, daemon=True).start()
