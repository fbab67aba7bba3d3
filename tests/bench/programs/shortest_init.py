"""The shortest init that one can write in Python: it forwards to the command's group, reaps, and can do nothing else.

What it needs is the floor for an init in Python. usage: shortest_init.py COMMAND [ARGUMENT ...]
"""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

ALL = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}

given = signal.pthread_sigmask(signal.SIG_SETMASK, ALL)
command = posix.posix_spawnp(sys.argv[1], sys.argv[1:], posix.environ, setsid=True, setsigmask=given)
while True:
    signum = signal.sigwait(ALL)
    if signum != signal.SIGCHLD:
        posix.kill(-command, signum)
    try:
        while True:
            pid, status = posix.waitpid(-1, posix.WNOHANG)
            if pid == command:
                sys.exit(posix.waitstatus_to_exitcode(status) % 256)
            if pid == 0:
                break
    except ChildProcessError:
        pass
