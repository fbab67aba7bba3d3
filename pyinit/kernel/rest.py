"""What C answers by itself while PID 1 is at rest: the table that Python writes for it. In the static binary alone.

The decision stays here. A signal is written down when it has gone the whole way once, and was for the command alone, with
nobody else looked at. That was decided by the command's name, by its command line, by its handler, and by its being no copy of
somebody before an exec. C looks at these each time (docker/static/rest.c). Where one is another now, and where nothing is
written, it hands the signal to Python.
"""

from pyinit.kernel import processes, signals, system
from pyinit.kernel.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from pyinit.kernel.processes import Process

#: Those that may be written down: which /proc/PID/stat tells of, and with which PID 1 has nothing else to do.
ALLOWED = frozenset(range(1, processes.LAST_IN_STAT + 1)) - signals.IGNORED_BY_DEFAULT - signals.SUSPENDS - {signal.SIGCONT}


class Rest:
    """Writes the table, and empties it."""

    def __init__(self, command: int, stops: "Collection[int]") -> None:
        """`stops` are the numbers of the stop requests, which never wait for anything that is written down."""
        self._command = command
        self._stops = sum(1 << signum - 1 for signum in stops)
        self._is_empty = True

    def learn(self, received: int, sent: int, told: "Process", words: tuple[str, ...]) -> None:
        """Have a signal answered by the same or another one to the command, as long as that is what was told now.

        Where it is another by now nothing is written, and neither where it cannot be looked at.
        """
        if not {received, sent} <= ALLOWED:
            return
        seen = system.know_command(self._command, self._stops)
        if seen is None:
            return
        self._is_empty = False
        stat, line = seen
        try:
            command = processes.parse(stat)
        except (ValueError, IndexError):
            return
        if command is None or command.parent != system.getpid():
            return  # it ends; or this is the /proc of another namespace
        is_the_same = (command.name, command.started, command.image) == (told.name, told.started, told.image)
        if is_the_same and processes.words_of(line) == words:
            system.answer(received, sent)

    def forget(self) -> None:
        """Empty the table, and close its files."""
        if not self._is_empty:
            self._is_empty = True
            system.forget_answers()
