"""An application for uvicorn: 50 ms of work per request."""
# mypy: ignore-errors
# Only the image has what is imported here.

import asyncio
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

REPLICA = socket.gethostname()


async def index(_: Request) -> PlainTextResponse:
    """Some work, as a query to a database would be."""
    await asyncio.sleep(0.05)
    return PlainTextResponse(f"done by {REPLICA}\n", headers={"X-Replica": REPLICA})


app = Starlette(routes=[Route("/", index)])
