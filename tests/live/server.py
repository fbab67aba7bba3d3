"""A server that answers each request with its own words, over connections that stay open. It says what it does on stdout.

usage: server.py [--listen ADDRESS]... [--backlog N] [--accept all|one|none] [--work SECONDS] [--at-stop WAY]

An ADDRESS is tcp:PORT, tcp6:PORT, mptcp:PORT, udp:PORT or unix:PATH; where none is given it listens nowhere. It works for
SECONDS on each request, one after the other. It takes all connections, one at a time (the next when the last is closed), or
none at all. At SIGTERM it closes the ports, and

* drain: the open connections are served to their end, then it exits;
* drop: the connections are closed as they are, and it waits;
* serve: no, it goes on as before, ports and all.

At SIGUSR1 it exits, whatever it does.
"""

import argparse
import os
import selectors
import signal
import socket
import sys
import time

IPPROTO_MPTCP = 262

FAMILIES = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM, 0),
    "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, 0),
    "mptcp": (socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, 0),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
}


def say(what: str) -> None:
    """Say "server ..."."""
    os.write(1, f"server {what}\n".encode())


def bound(address: str, backlog: int) -> socket.socket:
    """A socket that waits for clients at an address."""
    kind, _, place = address.partition(":")
    made = socket.socket(*FAMILIES[kind])
    if kind == "unix":
        made.bind(place)
    else:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", int(place)))
    if kind != "udp":
        made.listen(backlog)
    return made


class Server:
    """The server."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.doors = [bound(address, options.backlog) for address in options.listen]
        self.connections: set[socket.socket] = set()
        self.received: list[int] = []
        self.is_closed = False
        self.selector = selectors.DefaultSelector()
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)  # a signal between the look and the wait must end the wait
        self.selector.register(reader, selectors.EVENT_READ)
        for signum in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(signum, self.on_signal)

    def on_signal(self, signum: int, _: object) -> None:
        """Take note."""
        say(f"got {signal.Signals(signum).name}")
        self.received.append(signum)

    def stop(self) -> None:
        """SIGTERM was received."""
        for door in self.doors:
            door.close()
        self.doors = []
        self.is_closed = True
        if self.options.at_stop == "drop":
            for connection in list(self.connections):
                self.close(connection)
        say("closed its ports")

    def close(self, connection: socket.socket) -> None:
        """Close a connection."""
        self.connections.discard(connection)
        connection.close()

    def serve(self, connection: socket.socket) -> None:
        """Answer a request, or see that no more come."""
        try:
            words = connection.recv(1 << 16)
            if words:
                say("works")
                time.sleep(self.options.work)
                connection.sendall(words)
        except ConnectionError:
            words = b""
        if not words:
            self.close(connection)

    def is_over(self) -> bool:
        """Whether there is nothing left to do."""
        if signal.SIGUSR1 in self.received:
            return True
        if signal.SIGTERM not in self.received or self.options.at_stop == "serve":
            return False
        if not self.is_closed:
            self.stop()
        return not self.connections and self.options.at_stop == "drain"

    def run(self) -> None:
        """Serve until the end."""
        while not self.is_over():
            accepts = self.options.accept == "all" or (self.options.accept == "one" and not self.connections)
            watched = {*self.connections, *(self.doors if accepts else [])}
            known = {key.fileobj for key in self.selector.get_map().values() if isinstance(key.fileobj, socket.socket)}
            for gone in known - watched:
                self.selector.unregister(gone)
            for new in watched - known:
                self.selector.register(new, selectors.EVENT_READ)
            for key, _ in self.selector.select():
                if not isinstance(key.fileobj, socket.socket):
                    os.read(key.fd, 4096)
                elif key.fileobj in self.connections:
                    self.serve(key.fileobj)
                elif signal.SIGTERM not in self.received or self.options.at_stop == "serve":
                    self.connections.add(key.fileobj.accept()[0])


def main() -> None:
    """Serve, as the options say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", action="append", default=[])
    parser.add_argument("--backlog", type=int, default=128)
    parser.add_argument("--accept", choices=("all", "one", "none"), default="all")
    parser.add_argument("--work", type=float, default=0.0)
    parser.add_argument("--at-stop", choices=("drain", "drop", "serve"), default="drain")
    server = Server(parser.parse_args())
    say("ready")
    server.run()
    say("done")
    sys.exit(7)


if __name__ == "__main__":
    main()
