"""An application for gunicorn that has to load for 3 s: a model, a cache, a schema. It says 503 until then.

gunicorn opens its port before it imports anything, so the port tells nothing. An application that loaded while it is imported
would let its first requests wait; one that loads in the background, as this does, can say that it is not ready.
"""
# mypy: ignore-errors
# Only the image has what is imported here.

import socket
import threading
import time

from flask import Flask, Response

app = Flask(__name__)
REPLICA = socket.gethostname()

HAS_LOADED = threading.Event()


def load() -> None:
    """What takes its time."""
    time.sleep(3)
    HAS_LOADED.set()


threading.Thread(target=load, daemon=True).start()


@app.get("/")
def index() -> Response:
    """Some work, as a query to a database would be; it cannot be done before everything has loaded."""
    if not HAS_LOADED.is_set():
        return answer("loading", 503)
    time.sleep(0.05)
    return answer(f"done by {REPLICA}", 200)


@app.get("/healthz")
def healthz() -> Response:
    """The truth about index()."""
    return answer("ok", 200) if HAS_LOADED.is_set() else answer("loading", 503)


def answer(text: str, status: int) -> Response:
    """An answer that says whose it is."""
    return Response(f"{text}\n", status, mimetype="text/plain", headers={"X-Replica": REPLICA})
