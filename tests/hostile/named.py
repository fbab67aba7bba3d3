r"""Processes with names of any bytes. Each says "ready", and "got SIGTERM" when it is told; the first exits with 7.

usage: named.py [--notify HEX] HEX...

Each HEX is a name in hexadecimal, "-" an empty one. The first is ours, the others are those of children in sessions of their
own, which are told in the sweep. --notify sends that datagram to NOTIFY_SOCKET.
"""

import os
import signal
import sys


def be_called(name: str) -> None:
    """Take a name, which the kernel cuts off at 15 bytes."""
    with open("/proc/self/comm", "wb", buffering=0) as comm:
        comm.write(bytes.fromhex(name) if name != "-" else b"\0")


def notify(datagram: bytes) -> None:
    """Send it as sd_notify(3) does."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
        made.send(datagram)


def main() -> None:
    """Take the names, and wait."""
    words = sys.argv[1:]
    if words[0] == "--notify":
        notify(bytes.fromhex(words[1]))
        words = words[2:]
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    signal.signal(signal.SIGTERM, lambda *_: None)
    name, *others = words
    for other in others:
        if os.fork() == 0:
            os.setsid()
            name = other
            break
    be_called(name)
    os.write(1, b"ready\n")
    signal.sigwait([signal.SIGTERM])
    os.write(1, b"got SIGTERM\n")
    os._exit(7)


if __name__ == "__main__":
    main()
