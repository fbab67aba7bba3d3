"""A server with one fault: after SIGTERM it serves on for 3 s, but closes kept connections under their next request."""
# mypy: ignore-errors
# Only the image has what is imported here.

import asyncio
import signal

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n"

is_stopping = False


async def serve(reader, writer):
    """Answer the requests of one connection."""
    served = 0
    while b"\r\n\r\n" in (head := await reader.readuntil(b"\r\n\r\n")):
        if is_stopping and served:
            break
        await asyncio.sleep(0.02)
        writer.write(ANSWER)
        await writer.drain()
        served += 1
        if b"connection: close" in head.lower():
            break
    writer.close()


async def main():
    """Serve until SIGTERM, and for 3 s more."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    async with await asyncio.start_server(serve, "0.0.0.0", 8000):
        await told.wait()
        globals()["is_stopping"] = True
        await asyncio.sleep(3)


asyncio.run(main())
