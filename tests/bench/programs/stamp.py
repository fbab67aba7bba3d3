"""A command that handles SIGUSR1 and SIGTERM and writes to stdout, in 8 bytes, when it got each.

A zero is written first, when it is ready.
"""

import os
import signal
import struct
import time


def main() -> None:
    """Never ends by itself."""
    taken = {signal.SIGUSR1, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, taken)
    for signum in taken:
        # Taken with sigwait(), which is quicker than Python's handlers. One is there all the same, to be seen in SigCgt:
        # who sleeps in sigwait() has the signal neither blocked nor caught in the eyes of /proc.
        signal.signal(signum, lambda *_: None)
    os.write(1, struct.pack("q", 0))
    while True:
        signal.sigwait(taken)
        os.write(1, struct.pack("q", time.monotonic_ns()))


if __name__ == "__main__":
    main()
