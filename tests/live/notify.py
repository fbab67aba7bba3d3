r"""Sends datagrams to NOTIFY_SOCKET, or to the socket that --to names: each word is one.

usage: notify.py [--to ADDRESS] [--as PID] [--with-descriptors] [--stay] DATAGRAM...

In a DATAGRAM "\n" is a line end, and "%N" at its end repeats it to N bytes. --as lies about who sends it, which takes a
privilege; --with-descriptors passes some along; --stay sleeps afterwards.
"""

import argparse
import os
import socket
import struct
import time


def main() -> None:
    """Send, and say "sent"."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", default=os.environ.get("NOTIFY_SOCKET", ""))
    parser.add_argument("--as", type=int, default=0, dest="pid")
    parser.add_argument("--with-descriptors", action="store_true")
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("datagrams", nargs="*")
    options = parser.parse_args()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.connect(options.to.replace("@", "\0", 1))
        for text in options.datagrams:
            words, percent, size = text.replace("\\n", "\n").partition("%")
            data = words.encode("latin-1")
            data = (data * (int(size) // len(data) + 1))[: int(size)] if percent else data
            ancillary = []
            if options.with_descriptors:
                ancillary.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("3i", 0, 1, 2)))
            if options.pid:
                credentials = struct.pack("3i", options.pid, os.getuid(), os.getgid())
                ancillary.append((socket.SOL_SOCKET, socket.SCM_CREDENTIALS, credentials))
            made.sendmsg([data], ancillary)
    os.write(1, b"sent\n")
    while options.stay:
        time.sleep(1000)


if __name__ == "__main__":
    main()
