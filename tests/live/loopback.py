"""Brings up the loopback interface, and becomes the program given: what `ip link set lo up` does, without iproute2.

usage: loopback.py command [argument ...]
"""

import fcntl
import os
import socket
import struct
import sys

# linux/sockios.h, linux/if.h; struct ifreq has 40 bytes.
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def bring_up() -> None:
    """Bring up `lo` in our network namespace."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))


if __name__ == "__main__":
    bring_up()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is wanted
