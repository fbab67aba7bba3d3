"""A command that takes every signal and tells of each on stdout, a line at a time: "ready", then "got NUMBER"."""

import os
import signal


def main() -> None:
    """Take one signal after the other, for ever. None merges that the kernel does not merge: all are blocked."""
    takeable = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    signal.pthread_sigmask(signal.SIG_BLOCK, takeable)
    for signum in takeable:
        signal.signal(signum, lambda *_: None)  # makes it visible in SigCgt
    os.write(1, b"ready\n")
    while True:
        taken = signal.sigwaitinfo(takeable)
        os.write(1, b"got %d\n" % taken.si_signo)


if __name__ == "__main__":
    main()
