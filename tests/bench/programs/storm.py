"""A command that gives PID 1 as many exited children as it is told to.

For each line "COUNT" on descriptor 3 it makes so many, says "made" on stdout, waits until all have been reaped, and says
"gone" with the time of the monotonic clock in nanoseconds.

The processes are clones that share our memory and are born as our siblings (CLONE_PARENT): to PID 1 they are what orphans
are, children that it did not start, at a tenth of the price of two fork()s.
"""

import ctypes
import os
import signal
import sys
import time

CLONE_VM = 0x00000100  # linux/sched.h
CLONE_VFORK = 0x00004000
CLONE_PARENT = 0x00008000
STACK_BYTES = 1 << 16


class Clones:
    """Makes children of our parent that exit at once."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._stack = ctypes.create_string_buffer(STACK_BYTES)  # CLONE_VFORK: one at a time, so one stack will do
        top = (ctypes.addressof(self._stack) + STACK_BYTES - 64) & ~15
        exit_now = ctypes.cast(self._libc["_exit"], ctypes.c_void_p)
        flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | signal.SIGCHLD
        self._arguments = (exit_now, ctypes.c_void_p(top), ctypes.c_int(flags), ctypes.c_void_p(0))

    def make(self) -> int:
        """Make one, which has exited when this returns; its PID."""
        while True:
            pid = int(self._libc.clone(*self._arguments))
            if pid > 0:
                return pid
            time.sleep(0.001)  # a limit of processes is reached: let PID 1 catch up


def is_there(pid: int) -> bool:
    """Whether a process, or its zombie, exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """Serve until descriptor 3 ends."""
    clones = Clones()
    with os.fdopen(3) as orders:
        for order in iter(orders.readline, ""):
            for _ in range(int(order)):
                last = clones.make()
            print("made", flush=True)
            while is_there(last):  # waitpid() takes the oldest first
                time.sleep(0.0001)
            print("gone", time.monotonic_ns(), flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
