r"""An application that works until it may go. What happens to it goes to stdout, a line at a time.

usage: patient.py [--name NAME] [--status STATUS] [--daemon FILE] [--deaf] FILE

Says "NAME ready", "NAME got SIGTERM" for each, and once it was told and FILE is there "NAME done"; exits with STATUS. All
signals of a storm are handled by doing nothing. --daemon leaves another one behind, in a session of its own, that waits for
that FILE and is called "daemon". --deaf ignores SIGTERM.
"""

import argparse
import contextlib
import os
import signal
import time
from pathlib import Path

#: What is handled by doing nothing. A job-control signal would stop us.
STORM = (
    *(
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGALRM,
        signal.SIGPIPE,
        signal.SIGWINCH,
        signal.SIGCONT,
        signal.SIGIO,
    ),
    *range(signal.SIGRTMIN, signal.SIGRTMAX + 1),
)


def work(name: str, path: str) -> None:
    """Say what comes, until it was told to stop and may go."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name)

    def say(what: str) -> None:
        os.write(1, f"{name} {what}\n".encode())

    told = 0

    def on_stop(*_: object) -> None:
        nonlocal told
        told += 1
        say("got SIGTERM")

    for signum in STORM:
        signal.signal(signum, lambda *_: None)
    signal.signal(signal.SIGTERM, on_stop)
    say("ready")
    while not (told and os.path.exists(path)):
        time.sleep(0.02)
    say("done")


def main() -> None:
    """Do as told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="app")
    parser.add_argument("--status", type=int, default=7)
    parser.add_argument("--daemon")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("file")
    options = parser.parse_args()
    if options.daemon and os.fork() == 0:
        os.setsid()
        work("daemon", options.daemon)
        os._exit(0)
    if options.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(1, b"app ready\n")
        while True:
            signal.pause()
    work(options.name, options.file)
    raise SystemExit(options.status)


if __name__ == "__main__":
    main()
