"""An application that opens its port at once, and can serve only later: until then it answers 503. It says what it does.

usage: slow_start.py PORT [--load SECONDS] [--drain SECONDS] [--notify LINE]...

At SIGTERM it serves on for some seconds and exits with 7. At SIGUSR1 it answers 503 from then on, at SIGUSR2 200. Each LINE
goes to NOTIFY_SOCKET, in a datagram of its own, once it can serve; and "STOPPING=1" at SIGTERM where there is any.
"""

import argparse
import http.server
import os
import signal
import socket
import sys
import threading
import time


def tell(line: str) -> None:
    """Send a datagram to NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.sendto(line.encode(), os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))


class Application:
    """What it is able to do."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.is_loaded = options.load == 0
        self.is_told = threading.Event()

    def load(self) -> None:
        """Become able to serve."""
        time.sleep(self.options.load)
        self.is_loaded = True
        print("app loaded", flush=True)
        for line in self.options.notify:
            tell(line)

    def on_signal(self, signum: int, _: object) -> None:
        """Take note."""
        print(f"app got {signal.Signals(signum).name}", flush=True)
        if signum == signal.SIGTERM:
            self.is_told.set()
        else:
            self.is_loaded = signum == signal.SIGUSR2


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--load", type=float, default=0.0)
    parser.add_argument("--drain", type=float, default=0.0)
    parser.add_argument("--notify", action="append", default=[])
    options = parser.parse_args()
    application = Application(options)

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers 200 or 503."""

        def do_GET(self) -> None:
            """Answer."""
            self.send_response(200 if application.is_loaded else 503)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    for signum in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(signum, application.on_signal)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("app listens", flush=True)
    threading.Thread(target=application.load, daemon=True).start()
    while not application.is_told.wait(0.05):
        pass
    if options.notify:
        tell("STOPPING=1")
    time.sleep(options.drain)
    print("app done", flush=True)
    sys.stdout.flush()
    os._exit(7)


if __name__ == "__main__":
    main()
