"""A slow upstream for proxies, beside their namespace. Each request is work of $WORK seconds, told to $EVENTS."""

import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Slow(BaseHTTPRequestHandler):
    """Answers in the time that work takes."""

    def do_GET(self) -> None:
        """Say that the work has begun, do it, answer."""
        with open(os.environ["EVENTS"], "a") as events:
            events.write("work started\n")
        time.sleep(float(os.environ["WORK"]))
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"done\n")


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 9000), Slow).serve_forever()
