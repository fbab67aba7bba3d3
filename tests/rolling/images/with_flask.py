"""An application for gunicorn: 50 ms of work per request."""
# mypy: ignore-errors
# Only the image has what is imported here.

import socket
import time

from flask import Flask, Response

app = Flask(__name__)
REPLICA = socket.gethostname()


@app.get("/")
def index() -> Response:
    """Some work, as a query to a database would be."""
    time.sleep(0.05)
    return Response(f"done by {REPLICA}\n", mimetype="text/plain", headers={"X-Replica": REPLICA})
