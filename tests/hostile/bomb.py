"""A fork bomb: each process of it forks for ever, whether that works or not. Who is told to end forks once more, and ends."""

import os
import signal
import time


def refork(*_: object) -> None:
    """Fork again and exit."""
    try:
        if os.fork() == 0:
            return
    except OSError:
        pass
    os._exit(0)


def main() -> None:
    """Explode."""
    signal.signal(signal.SIGTERM, refork)
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.001)  # others may take a turn: the test runs on the same machine


if __name__ == "__main__":
    main()
