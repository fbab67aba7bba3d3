"""Very many small processes. What happens to them is counted in a file: a byte for each.

usage: throng.py NUMBER FILE [--deaf] [--sessions]

Says "ready" when all are there. Each waits for SIGTERM, writes a byte to FILE and ends; so do we, after them, with status 7.
--deaf: all but us ignore it. --sessions: each is in a session of its own, and we do not
wait for them.
"""

import argparse
import os
import signal


def be_one(descriptor: int, options: argparse.Namespace) -> None:
    """One of them."""
    if options.sessions:
        os.setsid()
    if options.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    signal.sigwait([signal.SIGTERM])
    os.write(descriptor, b".")
    os._exit(0)


def main() -> None:
    """Be many."""
    parser = argparse.ArgumentParser()
    parser.add_argument("number", type=int)
    parser.add_argument("file")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--sessions", action="store_true")
    options = parser.parse_args()
    descriptor = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # so all are ready when the last is forked
    signal.signal(signal.SIGTERM, lambda *_: None)
    for _ in range(options.number):
        if os.fork() == 0:
            be_one(descriptor, options)
    os.write(1, b"ready\n")
    signal.sigwait([signal.SIGTERM])
    os.write(1, b"got SIGTERM\n")
    if not options.deaf and not options.sessions:
        for _ in range(options.number):
            os.wait()
    os._exit(7)


if __name__ == "__main__":
    main()
