"""An application in the middle of a request, which is told to stop meanwhile, and needs 2 s for that request and what follows.

It looks for a stop when the request is over, as whoever serves one request at a time; and the request is over when its client,
who writes to our stdin, has sent all of it. So an init that tells it and leaves at once is never heard of.

It says "ready", "told" at every SIGTERM, and "finished". Left alone it ends by itself: nothing outlives the demonstration.
"""

import select
import signal
import sys
import time

#: Seconds from SIGTERM until the client has sent all of the request, and for all of the work.
REQUEST, WORK = 1.0, 2.0
LIFETIME = 30.0


def main() -> int:
    """The exit status: 0 when the work was finished."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGTERM, lambda *_: None)  # taken below, where none merges with another
    print("ready", flush=True)
    readable, _, _ = select.select([sys.stdin], [], [], LIFETIME)
    if not readable or not sys.stdin.readline() or signal.sigtimedwait({signal.SIGTERM}, LIFETIME) is None:
        return 1
    print("told", flush=True)
    end = time.monotonic() + WORK - REQUEST
    while (left := end - time.monotonic()) > 0:
        if signal.sigtimedwait({signal.SIGTERM}, left) is not None:
            print("told", flush=True)
    print("finished", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
