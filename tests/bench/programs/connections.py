"""Very many connections, held by several processes so that the limit of descriptors allows it. Ends at SIGTERM.

usage: connections.py NUMBER PORT. Writes a byte to stdout when all are there.

Each client process comes from a loopback address of its own, because one address has no more than 28,232 ports.
"""

import os
import resource
import signal
import socket
import sys

#: Of one process; a pair of processes holds both ends of so many.
EACH = 5000


def main() -> None:
    """Connect, and wait for the end."""
    number, port = map(int, sys.argv[1:])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, EACH + 100)), hard))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGTERM, lambda *_: None)  # visible to those who look for a handler
    ready, tell = os.pipe()
    with socket.socket() as door:
        door.bind(("127.0.0.1", port))
        door.listen(4096)
        shares = [min(EACH, number - begin) for begin in range(0, number, EACH)]
        for index, share in enumerate(shares):
            for is_client in (False, True):
                if os.fork() == 0:
                    held = []
                    for _ in range(share):
                        if is_client:
                            held.append(
                                socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.1.{index + 1}", 0))
                            )
                        else:
                            held.append(door.accept()[0])
                    os.write(tell, b".")
                    signal.sigwait({signal.SIGTERM})
                    os._exit(0)
        for _ in range(2 * len(shares)):
            os.read(ready, 1)
        os.write(1, b".")
        signal.sigwait({signal.SIGTERM})
        os._exit(0)


if __name__ == "__main__":
    main()
