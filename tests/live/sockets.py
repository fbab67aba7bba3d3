"""Makes sockets in the network namespace that it runs in, and sends them over the unix socket that is its stdin.

A socket belongs to the namespace in which it was made, whoever uses it: so a test is a client of a server in there without
going there itself. Each request is the family, the type and the protocol, as three numbers; the end of them is the end.
"""

import contextlib
import socket
import struct

REQUEST = struct.Struct("3i")


def main() -> None:
    """Serve."""
    with socket.socket(fileno=0) as asked:
        while request := asked.recv(REQUEST.size):
            try:
                with socket.socket(*REQUEST.unpack(request)) as made:
                    socket.send_fds(asked, [b"y"], [made.fileno()])
            except OSError as error:
                asked.send(str(error).encode())


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # nobody waits for the answer any more
        main()
