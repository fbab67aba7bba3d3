"""What C answers by itself while PID 1 is at rest: the table that Python writes for it. In the static binary alone.

The decision stays here. An entry is written when a signal has gone the whole way: what was looked at for it, what that was
like, and who was told. C looks at the same again (docker/static/rest.c). Where all is the same, so is the decision. Where
anything is another, and where nothing is written, it hands the signal to Python.

So whatever a decision depends on must be in a processes.Seen, or be the same while the command runs and no stop is requested.
"""

from pyinit.kernel import frozen, processes, signals, system
from pyinit.kernel.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from pyinit.kernel.processes import Process, Seen

#: Those that may be written down: which /proc/PID/stat tells of, and with which PID 1 has nothing else to do.
ALLOWED = frozenset(range(1, processes.LAST_IN_STAT + 1)) - signals.IGNORED_BY_DEFAULT - signals.SUSPENDS - {signal.SIGCONT}

#: Of so many processes at most, as in delivery/kinds.py.
FEW = 100

#: Kinds of questions, as in docker/static/rest.h.
HANDLER, PROCESS, KEPT, FILE, LINK, PIDS, STEADY, STATUS = 1, 2, 3, 4, 5, 6, 7, 8


def kind_of(name: str) -> int:
    """The kind of a question about a name of processes.Look.files()."""
    if name.startswith("="):
        return STATUS
    if not name:
        return STEADY
    return LINK if name.startswith(("fd/", "exe")) else FILE


class Rest:
    """Writes the table; frozen.forget_answers() empties it."""

    def __init__(self, command: int, stops: "Collection[int]", there: dict[int, int]) -> None:
        """`stops` are the numbers of the stop requests, which never wait for anything that is written down.

        `there` tells by signal who was there when it came last, as a hash; it is brought up to date.
        """
        self._command = command
        self._stops = sum(1 << signum - 1 for signum in stops)
        self._there = there

    def learn(self, received: int, seen: "Seen") -> None:
        """Have a signal answered in this way while all is as it was seen; not where it is another by now."""
        if not seen.told or not {received, *(signum for _, signum in seen.told)} <= ALLOWED:
            return
        if seen.table is None:
            is_the_same = self._look_at_one(received, seen)
        else:
            # With others there is much to be compared, in vain where they come and go.
            there = hash(tuple(sorted((pid, process.started, process.image) for pid, process in seen.table.items())))
            before, self._there[received] = self._there.get(received), there
            is_the_same = before == there and len(seen.table) <= FEW and self._look_at_all(received, seen, seen.table)
        if is_the_same:
            frozen.answer(received, seen.told)

    def _ask(self, received: int, questions: list[tuple[int, str]]) -> list[bytes] | None:
        return frozen.look_for_answer(received, self._stops, questions)

    def _look_at_one(self, received: int, seen: "Seen") -> bool:
        """Whether the command is still as it was seen, and was all that was looked at."""
        files = seen.look.files()
        if files is None or any(pid != self._command or names != ("cmdline",) for pid, names, _, _ in files):
            return False
        found = self._ask(received, [(HANDLER, self._path("stat")), (KEPT, self._path("cmdline"))])
        if found is None:
            return False
        stat, line = found
        return self._is_as_seen(stat, seen.single) and processes.words_of(line) == seen.look.words(self._command)

    def _look_at_all(self, received: int, seen: "Seen", table: "dict[int, Process]") -> bool:
        """Whether all are still as they were seen."""
        files = seen.look.files()
        if files is None:
            return False
        pids = sorted({system.getpid(), *table, *seen.passed_over})
        others = [pid for pid in pids if pid != system.getpid()]
        questions = [(PIDS, "/proc"), *((PROCESS, self._path("stat", pid)) for pid in others)]
        for pid, names, _, _ in files:
            questions += [(kind_of(name), self._path(name.removeprefix("="), pid)) for name in names]
        found = self._ask(received, questions)
        if found is None or list(memoryview(found[0]).cast("i")) != pids:
            return False
        for pid, stat in zip(others, found[1:]):  # noqa: B905 - not strict: the files come after them
            single = [process for process in seen.single if process.pid == pid]
            if not self._is_as_seen(stat, [table[pid], *single] if pid in table else []):
                return False
        contents = iter(found[1 + len(others) :])
        return all(make(pid, *[next(contents) for _ in names]) == answer for pid, names, make, answer in files)

    def _path(self, name: str, pid: int = 0) -> str:
        return f"/proc/{pid or self._command}/{name}"

    def _is_as_seen(self, stat: bytes, seen: "Collection[Process]") -> bool:
        """Whether a process is still the same, each time that it was seen."""
        try:
            process = processes.parse(stat)
        except (ValueError, IndexError):
            return False
        if process is None or (process.pid == self._command and process.parent != system.getpid()):
            return False  # it ends; or this is the /proc of another namespace
        if not seen and process.group == self._command:
            return False  # it has been passed over, and would not be now
        return all(_is_same(process, one) for one in seen)


def _is_same(one: "Process", other: "Process") -> bool:
    """As is_same_process() of docker/static/rest.c."""
    if one.name != other.name or one.blocked & processes.BASIC == processes.BASIC:
        return False
    values = (
        (each.parent, each.group, each.session, each.started, each.image, each.ignored, each.caught) for each in (one, other)
    )
    return len(set(values)) == 1 and (one.blocked & ~one.caught) == (other.blocked & ~other.caught)
