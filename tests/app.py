"""An application that finishes its work when it is told to stop. Everything it says goes to stdout, a line at a time.

usage: app.py [--on SIG[,SIG...]] [--by WAY] [--drain SECONDS] [--status N] [--name NAME] [--workers N] [--own-group]

It handles these signals (default TERM). At the first it works on for SECONDS (default 0.4) and exits with N (default 7).
A further signal meanwhile is told, and changes nothing. HUP and USR1, where handled, are told and change nothing either.

--by says how it takes them: "both" has a handler and takes the blocked signals one by one; "handler" has them unblocked;
"sigwait" and "signalfd" have no handler at all. With --workers it has N children like itself, NAME-1 and so on, which it
manages as a server does: at its end it tells them to end by SIGUSR2, and waits for them. With --own-group it leaves the
process group that it was started in.
"""

import argparse
import collections
import os
import select
import signal
import struct
import time
from collections.abc import Callable

Take = Callable[[float | None], int | None]


def take_by_sigwait(handled: list[signal.Signals]) -> Take:
    """Take blocked signals one by one, so that none merges."""

    def take(timeout: float | None) -> int | None:
        taken = signal.sigwaitinfo(handled) if timeout is None else signal.sigtimedwait(handled, timeout)
        return None if taken is None else taken.si_signo

    return take


def take_by_handler(handled: list[signal.Signals]) -> Take:
    """Take signals as most programs do, unblocked."""
    arrived: collections.deque[int] = collections.deque()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)  # a signal between the look and the wait must end the wait
    for signum in handled:
        signal.signal(signum, lambda number, _: arrived.append(number))

    def take(timeout: float | None) -> int | None:
        if not arrived and select.select([reader], [], [], timeout)[0]:
            os.read(reader, 4096)
        return arrived.popleft() if arrived else None

    return take


def take_by_signalfd(handled: list[signal.Signals]) -> Take:
    """Take blocked signals from a signalfd, as event loops do."""
    import ctypes  # slow to import, and no other way needs it

    mask = sum(1 << signum - 1 for signum in handled)
    descriptor = ctypes.CDLL(None).signalfd(-1, struct.pack("QQ112x", mask, 0), 0)

    def take(timeout: float | None) -> int | None:
        ready = select.select([descriptor], [], [], timeout)[0]
        return struct.unpack_from("I", os.read(descriptor, 128))[0] if ready else None

    return take


def take_by_both(handled: list[signal.Signals]) -> Take:
    """Take blocked signals one by one, and have a handler as well, which makes them visible in SigCgt."""
    for signum in handled:
        signal.signal(signum, lambda *_: None)
    return take_by_sigwait(handled)


WAYS = {"both": take_by_both, "handler": take_by_handler, "sigwait": take_by_sigwait, "signalfd": take_by_signalfd}


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--on", default="TERM")
    parser.add_argument("--by", choices=WAYS, default="both")
    parser.add_argument("--drain", type=float, default=0.4)
    parser.add_argument("--status", type=int, default=7)
    parser.add_argument("--name", default="app")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--own-group", action="store_true")
    return parser.parse_args()


def start_workers(options: argparse.Namespace) -> list[int]:
    """Start the workers and return their PIDs; in a worker, take its name and return none."""
    workers: list[int] = []
    for number in range(1, options.workers + 1):
        worker = os.fork()
        if worker == 0:
            options.name += f"-{number}"
            return []
        workers.append(worker)
    return workers


def end_workers(workers: list[int]) -> None:
    """Tell the workers to end, and wait for them."""
    for worker in workers:
        os.kill(worker, signal.SIGUSR2)
    for worker in workers:
        os.waitpid(worker, 0)


def main() -> None:
    """Say "NAME ready", "NAME got SIGTERM" for each signal, "NAME done" at the end."""
    options = parse()

    def say(what: str) -> None:
        os.write(1, f"{options.name} {what}\n".encode())

    if options.own_group:
        os.setpgid(0, 0)
    handled = [signal.Signals["SIG" + name] for name in options.on.split(",")]
    if options.workers:
        handled.append(signal.SIGUSR2)
    if options.by != "handler":
        signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    take = WAYS[options.by](handled)
    workers = start_workers(options)
    say("ready")
    end: float | None = None
    while end is None or time.monotonic() < end:
        taken = take(None if end is None else max(0.0, end - time.monotonic()))
        if taken is not None:
            say(f"got {signal.Signals(taken).name}")
            if taken not in (signal.SIGHUP, signal.SIGUSR1) and end is None:
                end = time.monotonic() + options.drain
    end_workers(workers)
    say("done")
    raise SystemExit(options.status)


if __name__ == "__main__":
    main()
