"""A slow answer, for every server of Python: `wsgi` and `asgi`. Each request is work of $WORK seconds, told to $EVENTS."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

WORK = float(os.environ["WORK"])


def say(what: str) -> None:
    """Tell the runner of the table."""
    with open(os.environ["EVENTS"], "a") as events:
        events.write(what + "\n")


def wsgi(_: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A slow answer of a WSGI application."""
    say("work started")
    time.sleep(WORK)
    start_response("200 OK", [("Content-Length", "5")])
    return [b"done\n"]


async def asgi(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """A slow answer of an ASGI application."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    say("work started")
    await asyncio.sleep(WORK)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"done\n"})
