"""A command that is a process group of many, each of which handles SIGUSR1 and notes when it got it.

usage: crowd.py MEMBERS. Once all wait it writes a zero to stdout; when all were signalled, the moment of the last one.
Both are 8 bytes; the second is the time of the monotonic clock in nanoseconds.
"""

import mmap
import os
import signal
import struct
import sys
import time

STAMP = struct.Struct("q")


def main() -> None:
    """Never ends by itself."""
    members = int(sys.argv[1])
    stamps = mmap.mmap(-1, members * STAMP.size)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    signal.signal(signal.SIGUSR1, lambda *_: None)  # to be seen in SigCgt; it is taken with sigwait(), see stamp.py
    for index in range(1, members):
        if os.fork() == 0:
            while True:
                signal.sigwait({signal.SIGUSR1})
                STAMP.pack_into(stamps, index * STAMP.size, time.monotonic_ns())
    os.write(1, STAMP.pack(0))
    while True:
        signal.sigwait({signal.SIGUSR1})
        STAMP.pack_into(stamps, 0, time.monotonic_ns())
        while not all(stamp for (stamp,) in STAMP.iter_unpack(stamps)):
            time.sleep(0.01)
        os.write(1, STAMP.pack(max(stamp for (stamp,) in STAMP.iter_unpack(stamps))))
        for index in range(members):
            STAMP.pack_into(stamps, index * STAMP.size, 0)


if __name__ == "__main__":
    main()
