"""Applications for gunicorn and uvicorn: some work per request, and a path that takes 3 s. `early` loads for 6 s first."""
# mypy: ignore-errors
# Only the image has what is imported here.

import asyncio
import threading
import time

WORK, SLOW, LOADING = 0.05, 3.0, 6.0

HAS_LOADED = threading.Event()


def app(environment, start_response):
    """WSGI."""
    time.sleep(SLOW if environment["PATH_INFO"] == "/slow" else WORK)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"done\n"]


def early(environment, start_response):
    """WSGI: 503 until it has loaded, which it begins to do with its first import."""
    if not HAS_LOADED.is_set():
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return [b""]
    return app(environment, start_response)


async def asgi(scope, _receive, send):
    """ASGI."""
    if scope["type"] != "http":
        return
    await asyncio.sleep(SLOW if scope["path"] == "/slow" else WORK)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"done\n"})


threading.Timer(LOADING, HAS_LOADED.set).start()
