"""Tells each signal that it gets by its number, and goes on. Run as a script."""

import signal


def main() -> None:
    """Say so when ready, and for ever wait."""
    for signum in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(signum, lambda got, _: print(got, flush=True))
    print("ready", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
