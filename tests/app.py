"""An application that finishes its work when it is told to stop. Everything it says goes to stdout, a line at a time.

usage: app.py [--on SIG[,SIG...]] [--drain SECONDS] [--status N] [--name NAME]

It handles these signals (default TERM). At the first it works on for SECONDS (default 0.4) and exits with N (default 7).
A further signal meanwhile is told, and changes nothing. HUP and USR1, where handled, are told and change nothing either.
"""

import argparse
import os
import signal
import time


def main() -> None:
    """Say "NAME ready", "NAME got SIGTERM" for each signal, "NAME done" at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--on", default="TERM")
    parser.add_argument("--drain", type=float, default=0.4)
    parser.add_argument("--status", type=int, default=7)
    parser.add_argument("--name", default="app")
    options = parser.parse_args()

    def say(what: str) -> None:
        os.write(1, f"{options.name} {what}\n".encode())

    handled = [signal.Signals["SIG" + name] for name in options.on.split(",")]
    signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    for signum in handled:
        # A handler makes it visible in SigCgt; the blocked signals are then taken one by one, so that none merges.
        signal.signal(signum, lambda *_: None)
    say("ready")
    end: float | None = None
    while True:
        timeout = None if end is None else max(0.0, end - time.monotonic())
        taken = signal.sigtimedwait(handled, timeout) if timeout is not None else signal.sigwaitinfo(handled)
        if taken is None:
            break
        say(f"got {signal.Signals(taken.si_signo).name}")
        if taken.si_signo not in (signal.SIGHUP, signal.SIGUSR1) and end is None:
            end = time.monotonic() + options.drain
    say("done")
    raise SystemExit(options.status)


if __name__ == "__main__":
    main()
