"""pyinit on a CPython whose sigtimedwait() returns, where it is interrupted until its time is over, the signal taken before.

Any CPython returns memory that it has never filled in then (signal_sigtimedwait_impl() in Modules/signalmodule.c). What stands
there depends on the compiler and on the calls before: with some builds, at some times, it is that signal.

usage: leftover.py [pyinit option ...] -- command
"""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def replace() -> None:
    """Have the calls that wait for signals remember what was taken last, and return it once more as said above."""
    from pyinit.kernel.signals import signal

    wait, wait_for = signal.sigwaitinfo, signal.sigtimedwait
    taken: list[signal.struct_siginfo] = []

    def sigwaitinfo(among: "Iterable[int]") -> "signal.struct_siginfo":
        taken.append(wait(among))
        return taken[-1]

    def sigtimedwait(among: "Iterable[int]", seconds: float) -> "signal.struct_siginfo | None":
        until = time.monotonic() + seconds
        found = wait_for(among, seconds)
        # A signal that is in time is that: a time that is over without an interruption is told by None.
        if found is not None and seconds > 0 and time.monotonic() > until:
            return taken[-1]
        taken.extend([] if found is None else [found])
        return found

    signal.sigwaitinfo, signal.sigtimedwait = sigwaitinfo, sigtimedwait


def main() -> None:
    """Replace, then run."""
    sys.path.insert(0, ROOT)
    from pyinit import cli
    from pyinit.kernel import signals

    mask = signals.block_all()
    replace()
    cli.main(sys.argv[1:], mask, "pyinit")


if __name__ == "__main__":
    main()
