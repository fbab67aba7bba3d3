"""The terminal: the command has its foreground, and both are suspended and resumed as one job of whatever shell we run in."""

import posix

from pyinit.kernel import system
from pyinit.kernel.signals import signal

#: How to start the command: with a session of its own, as a group in ours, or as one that gets the terminal as well.
NONE, BACKGROUND, FOREGROUND = "none", "background", "foreground"


def owns_terminal() -> bool:
    """Whether stdin is our controlling terminal and we stand in its foreground."""
    try:
        return posix.tcgetpgrp(system.STDIN) == posix.getpgrp()
    except OSError:
        return False  # ENOTTY: no terminal, or not ours


def has_terminal() -> bool:
    """Whether stdin is our controlling terminal."""
    try:
        posix.tcgetpgrp(system.STDIN)
    except OSError:
        return False
    return True


def give_terminal(group: int) -> None:
    """Put a process group into the foreground of the terminal. SIGTTOU is blocked, so this cannot stop us."""
    try:
        posix.tcsetpgrp(system.STDIN, group)
    except OSError:
        pass  # EPERM, ESRCH: the group has gone. EIO, ENOTTY: the terminal has


def suspend_self() -> None:
    """Stop until SIGCONT, and nobody else with us."""
    posix.kill(posix.getpid(), signal.SIGSTOP)
    _forget_resuming()


def suspend_job() -> None:
    """Stop as a job of our shell, together with the others in our process group, until SIGCONT; then they go on as we do."""
    posix.kill(0, signal.SIGTSTP)  # for the others: we have it blocked
    posix.kill(posix.getpid(), signal.SIGSTOP)
    posix.kill(0, signal.SIGCONT)  # a shell has told them as well; who resumes us by our PID has not
    _forget_resuming()


def _forget_resuming() -> None:
    # What has resumed us is dealt with by whoever called us; forwarded once more, later, it could undo the next Ctrl-Z.
    signal.sigtimedwait({signal.SIGCONT}, 0)


def mode() -> str:
    """How to start the command here."""
    if not has_terminal():
        return NONE
    return FOREGROUND if owns_terminal() else BACKGROUND


class JobControl:
    """Suspends and resumes the command together with us."""

    def __init__(self, command: int, terminal: str) -> None:
        self._command = command
        self.on_terminal = terminal != NONE
        self._is_pid_1 = system.getpid() == 1

    def on_command_stopped(self, signum: int) -> None:
        """The command was stopped, by Ctrl-Z for one: stop together with it, as one job."""
        if signum != signal.SIGTSTP and owns_terminal():
            self.resume()  # `fg` has put us into the foreground while we ran, and told nobody
        elif not self._is_pid_1:
            give_terminal(posix.getpgrp())
            suspend_job()
            self.resume()
        elif signum == signal.SIGTSTP:
            system.send(-self._command, signal.SIGCONT)  # no shell is there that could resume it

    def suspend(self) -> None:
        """Stop until somebody resumes us, then resume the command: we were told to. PID 1 cannot be stopped from inside.

        Whoever else is in our process group (the script that has started us) was told by the same sender, or is not meant.
        """
        if not self._is_pid_1:
            suspend_self()
            self.resume()

    def resume(self) -> None:
        """Let the command go on, in the foreground if that is ours."""
        self.take_up()
        system.send(-self._command, signal.SIGCONT)

    def take_up(self) -> None:
        """Pass the foreground on to the command, if it is ours again."""
        if self.on_terminal and owns_terminal():
            give_terminal(self._command)

    def give_back(self) -> None:
        """Take the foreground back at the end: the script that called us may read from the terminal next."""
        if self.on_terminal and not self._is_pid_1:
            give_terminal(posix.getpgrp())
