"""A worker of Celery with jobs of 2 s each; its log says when one begins and ends. As a script it sends 60 jobs, and leaves."""
# mypy: ignore-errors
# Only the image has what is imported here.

import os
import sys
import time

from celery import Celery

app = Celery("jobs", broker="filesystem://")
FOLDERS = {"data_folder_in": "/tmp/queue", "data_folder_out": "/tmp/queue", "control_folder": "/tmp/control"}
app.conf.broker_transport_options = FOLDERS
app.conf.broker_connection_retry_on_startup = True


@app.task(name="jobs.job")
def job(number):
    """Some work."""
    print(f"job {number} begins", file=sys.stderr, flush=True)
    time.sleep(2)
    print(f"job {number} ends", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.makedirs("/tmp/queue", exist_ok=True)
    for number in range(60):
        job.delay(number)
