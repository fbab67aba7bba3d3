"""A server of WebSockets that answers every message, and closes its connections without a close frame at SIGTERM."""
# mypy: ignore-errors
# Only the image has what is imported here.

import asyncio
import os
import signal

import websockets


async def echo(connection, *_):
    """Say it again."""
    async for message in connection:
        await asyncio.sleep(0.03)
        await connection.send(message)


async def main():
    """Serve."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: os._exit(0))
    async with websockets.serve(echo, "0.0.0.0", 8000):
        await asyncio.Future()


asyncio.run(main())
