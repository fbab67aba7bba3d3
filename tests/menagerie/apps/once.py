"""An application whose second SIGTERM kills it, as process.once in Node and signal.NotifyContext in Go have it.

usage: once.py [--on SIG] [--status N] [--job] [--dump]

It has work in flight from the start, which takes $WORK seconds. Told to stop, it finishes that and exits with N (default 7).
With --job it is a job, and exits with its work though nobody tells it to. With --dump SIGQUIT dumps its
stack. What happens is written to $EVENTS.
"""

import argparse
import os
import signal
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--on", default="TERM")
    parser.add_argument("--status", type=int, default=7)
    parser.add_argument("--job", action="store_true")
    parser.add_argument("--dump", action="store_true")
    options = parser.parse_args()
    if options.dump:
        import faulthandler

        faulthandler.register(signal.SIGQUIT)
    events = os.open(os.environ["EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    told = options.job

    def on_stop(signum: int, _: object) -> None:
        nonlocal told
        told = True
        os.write(events, f"told {signal.Signals(signum).name}\n".encode())
        signal.signal(signum, signal.SIG_DFL)

    signal.signal(getattr(signal, "SIG" + options.on), on_stop)
    print("ready", flush=True)
    os.write(events, b"work started\n")
    end = time.monotonic() + float(os.environ["WORK"])
    while (left := end - time.monotonic()) > 0:
        time.sleep(left)  # interrupted or not: PEP 475
    os.write(events, b"work finished\n")
    while not told:
        time.sleep(0.05)
    raise SystemExit(options.status)


if __name__ == "__main__":
    main()
