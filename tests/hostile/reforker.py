"""Processes each of which, at any signal, forks another and exits: whoever was told is gone, and whoever is there was not.

usage: reforker.py NUMBER
"""

import os
import signal
import sys


def main() -> None:
    """Be NUMBER of them; each says "reforker ready"."""
    handled = [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT]
    signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    for signum in handled:
        signal.signal(signum, lambda *_: None)
    for _ in range(int(sys.argv[1]) - 1):
        if os.fork() == 0:
            break
    os.write(1, b"reforker ready\n")
    while True:
        signal.sigwait(handled)
        if os.fork():
            os._exit(0)


if __name__ == "__main__":
    main()
