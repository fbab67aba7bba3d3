"""Attacks an HTTP server on the loopback interface, until it is killed: says "1000" for each thousand connections.

usage: http_attack.py loris|reset|garbage|pour PORT
"""

import contextlib
import os
import random
import socket
import struct
import sys

REQUEST = b"GET /readyz HTTP/1.1\r\nHost: a\r\n"

#: Connections that are open at a time, by those who never finish.
AT_A_TIME = 300


def main() -> None:
    """Attack."""
    way, port = sys.argv[1], int(sys.argv[2])
    chance = random.Random(7)  # noqa: S311 - nothing secret
    held: list[socket.socket] = []
    number = 0
    while True:
        number += 1
        made = socket.socket()
        held.append(made)
        with contextlib.suppress(OSError):
            made.connect(("127.0.0.1", port))
            if way == "loris":
                made.sendall(REQUEST[: number % len(REQUEST)])
            elif way == "reset":
                made.sendall(REQUEST + b"\r\n")
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                held.pop().close()
            elif way == "garbage":
                made.sendall(chance.randbytes(number % 5000))
                held.pop().close()
            else:
                made.settimeout(5)
                made.sendall(REQUEST + b"X: y\r\n" * 10_000)
                held.pop().close()
        if len(held) > AT_A_TIME:
            held.pop(0).close()
        if number % 1000 == 0:
            os.write(1, b"1000\n")


if __name__ == "__main__":
    main()
