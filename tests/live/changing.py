"""A command that handles SIGUSR1, and becomes another one at SIGUSR2: changing.py CHANGE.

Each is told on stdout, a line at a time: "ready", "got SIGUSR1", "changed". CHANGE is what happens then:

exec        the same program with the same words is executed
drop        SIGUSR1 has its default again
title       the command line is that of memcached
name        the name is that of memcached
sigwait     SIGUSR1, which it does not handle before, is taken by sigwait()
daemon      there is another one of it, which has no parent
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_NAME = 15  # prctl(2)

#: Fields of /proc/self/stat behind the name: where the command line is (proc(5), arg_start).
ARG_START, ARG_END = 45, 46

#: A program that finishes its work at SIGUSR1.
OTHER = b"memcached"


def set_title() -> None:
    """Write another command line in the place of ours, as setproctitle() does."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[ARG_START]), int(fields[ARG_END])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, OTHER, len(OTHER))


def change(how: str) -> None:
    """Become another."""
    if how == "exec":
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - that is the change
    if how == "drop":
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    if how == "title":
        set_title()
    if how == "name":
        ctypes.CDLL(None).prctl(PR_SET_NAME, OTHER, 0, 0, 0)
    if how == "sigwait":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        os.write(1, b"changed\n")
        while signal.sigwait([signal.SIGUSR1]):
            os.write(1, b"got SIGUSR1\n")
    if how == "daemon":
        between = os.fork()
        if between == 0:
            if os.fork() == 0:
                return
            os._exit(0)
        os.waitpid(between, 0)
    os.write(1, b"changed\n")


def main() -> None:
    """Never ends by itself."""
    # An exec leaves the mask as it is, and it is done in the handler of SIGUSR2.
    if sys.argv[1] != "sigwait":
        signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"got SIGUSR1\n"))
    signal.signal(signal.SIGUSR2, lambda *_: change(sys.argv[1]))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)  # in pause() it would sleep on where the signal came just before
    os.write(1, b"ready\n")
    while True:
        os.read(reader, 1)


if __name__ == "__main__":
    main()
