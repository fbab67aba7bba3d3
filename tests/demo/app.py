"""An application that serves until it is told to stop, and then needs 2 s to finish the work that it has begun.

It says "ready", "told" at every SIGTERM, and "finished". Left alone it ends by itself: nothing outlives the demonstration.
"""

import signal
import sys
import time

WORK = 2.0
LIFETIME = 30.0


def main() -> int:
    """The exit status: 0 when the work was finished."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGTERM, lambda *_: None)  # taken below, where none merges with another
    print("ready", flush=True)
    if signal.sigtimedwait({signal.SIGTERM}, LIFETIME) is None:
        return 1
    print("told", flush=True)
    end = time.monotonic() + WORK
    while (left := end - time.monotonic()) > 0:
        if signal.sigtimedwait({signal.SIGTERM}, left) is not None:
            print("told", flush=True)
    print("finished", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
