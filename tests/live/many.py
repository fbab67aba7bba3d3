"""Very many connections, between two processes so that the limit of descriptors allows it. Ends at SIGTERM.

usage: many.py CONNECTIONS PORT
"""

import os
import resource
import signal
import socket
import sys


def main() -> None:
    """Connect, say "many ready", wait."""
    count, port = map(int, sys.argv[1:])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGTERM, lambda *_: None)  # visible to those who look for a handler
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with socket.socket() as door:
        door.bind(("127.0.0.1", port))
        door.listen(4096)
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(writer)
            _held = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
            os.read(reader, 1)  # returns when the other has gone
            os._exit(0)
        _held = [door.accept()[0] for _ in range(count)]
        os.write(1, b"many ready\n")
        signal.sigwait({signal.SIGTERM})
        os._exit(0)


if __name__ == "__main__":
    main()
