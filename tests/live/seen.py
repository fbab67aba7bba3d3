"""Tells each signal that it gets by its number, and goes on. Run as a script."""

import os
import signal


def main() -> None:
    """Say so when ready, and for ever wait."""
    for signum in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(signum, lambda got, _: os.write(1, b"%d\n" % got))  # print() may not be interrupted by itself
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)  # in pause() it would sleep on where the signal came just before
    print("ready", flush=True)
    while True:
        os.read(reader, 1)


if __name__ == "__main__":
    main()
