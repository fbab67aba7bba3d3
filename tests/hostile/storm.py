"""Sends signals to a process, one after the other and again, as fast as it can: until its stdin ends. Then it says how many.

usage: storm.py PID SIGNAL...
"""

import contextlib
import os
import select
import sys


def main() -> None:
    """Send."""
    pid, *signums = map(int, sys.argv[1:])
    sent = 0
    with contextlib.suppress(ProcessLookupError):  # it has ended
        while not select.select([0], [], [], 0)[0]:
            for signum in signums:
                os.kill(pid, signum)
                sent += 1
    print(sent)


if __name__ == "__main__":
    main()
