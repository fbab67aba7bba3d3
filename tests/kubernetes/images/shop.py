"""The application of the manifests: 50 ms of work per request, /healthz, and pages for what goes wrong in a cluster."""
# mypy: ignore-errors
# Only the image has what is imported here.

import os
import socket
import time
from pathlib import Path

from flask import Flask, Response

app = Flask(__name__)
REPLICA = socket.gethostname()
SICK = Path("/app/sick")


@app.get("/")
def index() -> Response:
    """Some work, as a query to a database would be."""
    time.sleep(0.05)
    return Response(f"done by {REPLICA}\n", mimetype="text/plain", headers={"X-Replica": REPLICA})


@app.get("/healthz")
def healthz() -> Response:
    """Whether it is well."""
    return Response("sick\n", 503) if SICK.exists() else Response("ok\n")


@app.get("/slow")
def slow() -> Response:
    """A request that takes its time."""
    time.sleep(float(os.environ.get("SLOW", "5")))
    return Response("slowly done\n", headers={"X-Replica": REPLICA})
