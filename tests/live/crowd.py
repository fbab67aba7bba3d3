"""Commands that make processes in numbers. What they say goes to stdout, a line at a time.

usage: crowd.py orphans NUMBER       leave NUMBER orphans, some at a time; say "left"; wait for SIGTERM and exit with 6
       crowd.py members NUMBER FILE  have NUMBER children in our group that append a byte to FILE at SIGTERM; say
                                     "ready"; exit with 6 when all have ended
"""

import os
import signal
import sys

#: Orphans that one parent leaves. Some have exited before it does, others after it.
AT_A_TIME = 200


def leave_orphans(number: int) -> None:
    """Fork twice for each orphan: its parent exits without waiting for it."""
    for _ in range(number // AT_A_TIME):
        parent = os.fork()
        if parent == 0:
            for _ in range(AT_A_TIME):
                if os.fork() == 0:
                    os._exit(0)
            os._exit(0)
        os.waitpid(parent, 0)


def have_members(number: int, path: str) -> None:
    """Fork the members; each is ready before the next is forked, because SIGTERM is blocked from the start."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(number):
        if os.fork() == 0:
            signal.sigwait([signal.SIGTERM])
            os.write(descriptor, b".")
            os._exit(0)


def main() -> None:
    """Do as told."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    if sys.argv[1] == "orphans":
        leave_orphans(int(sys.argv[2]))
        os.write(1, b"left\n")
        signal.sigwait([signal.SIGTERM])
    else:
        have_members(int(sys.argv[2]), sys.argv[3])
        os.write(1, b"ready\n")
        for _ in range(int(sys.argv[2])):
            os.wait()
    os._exit(6)


if __name__ == "__main__":
    main()
