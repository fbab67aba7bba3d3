"""A pool of processes in the middle of its jobs, whose master finishes them when it is told to stop."""

import multiprocessing
import os
import signal
import time

from web import WORK, say


def job(number: int) -> int:
    """Work in flight."""
    time.sleep(WORK)
    return number


def on_stop(_: int, __: object) -> None:
    """Told: the jobs that run are finished anyway. The workers inherit this, as they do in most programs."""
    os.write(1, b"told\n")


def main() -> None:
    signal.signal(signal.SIGTERM, on_stop)
    pool = multiprocessing.get_context("fork").Pool(2)
    result = pool.map_async(job, range(2))
    say("work started")
    if result.get() == [0, 1]:
        say("work finished")
    pool.close()  # and not terminate(), which would tell the workers by SIGTERM
    pool.join()
    raise SystemExit(7)


if __name__ == "__main__":
    main()
