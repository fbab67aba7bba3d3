"""What is written into the table of C, and what is not. That C keeps to it is tested in tests/live/test_rest.py."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pyinit.kernel import frozen, processes, rest
from pyinit.kernel.processes import Process, Seen
from pyinit.kernel.rest import Rest

OWN = os.getpid()
USR1, HUP = int(signal.SIGUSR1), int(signal.SIGHUP)
COMMAND, OTHER = 1002, 1003

#: What is_same_process() of docker/static/rest.c goes by, and what no decision about a signal that is no stop request does: it
#: is of those who have stopped that a stop goes on with, and of those who block everything, whom C never answers for.
COMPARED = {"pid", "parent", "group", "session", "name", "blocked", "ignored", "caught", "started", "image"}
OF_NO_MATTER = {"state"}


def stat(process: Process) -> bytes:
    """The line of /proc/PID/stat."""
    fields = ["0"] * 52
    fields[0:4] = process.state, str(process.parent), str(process.group), str(process.session)
    fields[processes.STARTED], fields[processes.START_CODE] = str(process.started), str(process.image)
    fields[processes.BLOCKED], fields[processes.IGNORED] = str(process.blocked), str(process.ignored)
    fields[processes.CAUGHT] = str(process.caught)
    return f"{process.pid} ({process.name}) {' '.join(fields)}\n".encode()


def command(**changed: object) -> Process:
    """A command that handles SIGUSR1 and SIGHUP."""
    caught = 1 << USR1 - 1 | 1 << HUP - 1
    made = Process(COMMAND, OWN, COMMAND, COMMAND, "app", "S", 0, 0, caught, 7, 8)
    return Process(**(vars(made) | changed))


class Table:
    """In the place of C: what it sees, and what it is told to answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.processes: dict[int, Process] = {COMMAND: command()}
        self.words = b"app\0"
        self.asked: list[int] = []
        self.answers: dict[int, list[tuple[int, int]]] = {}
        monkeypatch.setattr(frozen, "look_for_answer", self.look)
        monkeypatch.setattr(frozen, "answer", self.answers.__setitem__)

        def words(_: int) -> tuple[str, ...]:
            return ("app",)

        monkeypatch.setattr(processes, "_words", words)
        monkeypatch.setattr(processes, "FILES", {words: (("cmdline",), lambda _, line: processes.words_of(line))})

    def look(self, received: int, _: int, questions: list[tuple[int, str]]) -> list[bytes] | None:
        """See everything as it is; None where a process has gone."""
        self.asked.append(received)
        pids = b"".join(pid.to_bytes(4, "little") for pid in sorted({OWN, *self.processes}))
        found = {"/proc": pids, f"/proc/{COMMAND}/cmdline": self.words}
        found |= {f"/proc/{pid}/stat": stat(process) for pid, process in self.processes.items()}
        return [found[path] for _, path in questions] if all(path in found for _, path in questions) else None


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    """The table."""
    return Table(monkeypatch)


def seen(signum: int = USR1, others: dict[int, Process] | None = None, **changed: object) -> Seen:
    """A signal that was told to the command; with others, after a look at them."""
    found = Seen(signum, None)
    found.single.append(command(**changed))
    found.look.words(COMMAND)
    if others is not None:
        found.table = {COMMAND: command(), **others}
    found.told.append((COMMAND, signum))
    return found


def other(**changed: object) -> dict[int, Process]:
    """Somebody who belongs to it."""
    return {OTHER: command(**({"pid": OTHER, "parent": COMMAND} | changed))}


def test_what_a_lone_command_was_told_it_is_told_again(table: Table) -> None:
    Rest(COMMAND, (), {}).learn(USR1, seen())
    assert table.answers == {USR1: [(COMMAND, USR1)]}


def test_a_signal_that_is_rewritten_is_answered_by_the_other_one(table: Table) -> None:
    Rest(COMMAND, (), {}).learn(USR1, seen(HUP))
    assert table.answers == {USR1: [(COMMAND, HUP)]}


@pytest.mark.parametrize(
    "signum", [signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG, signal.SIGTSTP, signal.SIGTTIN, signal.SIGRTMIN]
)
def test_what_pid_1_itself_has_to_do_with_is_never_written_down(table: Table, signum: int) -> None:
    Rest(COMMAND, (), {}).learn(int(signum), seen(int(signum)))
    assert table.asked == []


def test_what_nobody_was_told_is_not_written_down(table: Table) -> None:
    nobody = seen()
    nobody.told.clear()
    Rest(COMMAND, (), {}).learn(USR1, nobody)
    assert table.asked == []


@pytest.mark.parametrize(
    "now",
    [
        {"name": "other"},
        {"image": 9},
        {"started": 9},
        {"caught": 1 << HUP - 1},
        {"ignored": 1},
        {"blocked": processes.BASIC},
        {"state": "Z"},
        {"parent": 1},
    ],
)
def test_who_is_another_by_now_is_not_written_down(table: Table, now: dict[str, object]) -> None:
    table.processes[COMMAND] = command(**now)
    Rest(COMMAND, (), {}).learn(USR1, seen())
    assert table.answers == {}


def test_whose_words_are_others_by_now_is_not_written_down(table: Table) -> None:
    table.words = b"memcached\0"
    Rest(COMMAND, (), {}).learn(USR1, seen())
    assert table.answers == {}


def test_with_others_it_is_written_down_when_the_same_were_there_before(table: Table) -> None:
    table.processes |= other()
    writer = Rest(COMMAND, (), {})
    writer.learn(USR1, seen(others=other()))
    assert table.asked == [], "those who come and go cost nothing"
    writer.learn(USR1, seen(others=other(started=9)))
    assert table.asked == []
    writer.learn(USR1, seen(others=other()))
    assert table.answers == {}
    writer.learn(USR1, seen(others=other()))
    assert table.answers == {USR1: [(COMMAND, USR1)]}


@pytest.mark.parametrize(
    "now",
    [
        {},
        other(caught=0),
        other(group=5),
        other(ignored=1),
        {**other(), 1004: command(pid=1004)},
    ],
    ids=["gone", "handler", "group", "ignores", "newcomer"],
)
def test_with_others_who_are_others_by_now_it_is_not_written_down(table: Table, now: dict[int, Process]) -> None:
    table.processes |= now
    writer = Rest(COMMAND, (), {})
    for _ in range(3):
        writer.learn(USR1, seen(others=other()))
    assert table.asked == [USR1, USR1]
    assert table.answers == {}


def test_who_is_never_steady_is_not_written_down(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_turns", lambda _: 0)
    table.processes |= other()
    writer = Rest(COMMAND, (), {})
    for _ in range(3):
        momentary = seen(others=other())
        momentary.look.blocks(OWN, USR1)
        writer.learn(USR1, momentary)
    assert table.asked == []


def test_a_crowd_is_not_written_down(table: Table) -> None:
    crowd = {pid: command(pid=pid, parent=COMMAND) for pid in range(2000, 2000 + rest.FEW)}
    writer = Rest(COMMAND, (), {})
    for _ in range(3):
        writer.learn(USR1, seen(others=crowd))
    assert table.asked == []


def test_every_field_of_a_process_is_compared_or_known_to_be_of_no_matter() -> None:
    assert set(Process.__annotations__) == COMPARED | OF_NO_MATTER


@pytest.mark.parametrize(
    "ask",
    [
        processes.Look.words,
        processes.Look.sleeps_in,
        processes.Look.reads_from,
        processes.Look.opened,
        processes.Look.writes_to,
        processes.Look.shell,
    ],
)
def test_a_closer_look_is_what_is_made_of_its_files(ask: Callable[[processes.Look, int], object]) -> None:
    look = processes.Look()
    answer = ask(look, OWN)
    [(pid, names, make, known)] = look.files() or []
    assert (pid, known) == (OWN, answer)
    contents = []
    for name in names:
        path = Path(f"/proc/{OWN}/{name}")
        contents.append(os.readlink(path).encode() if rest.kind_of(name) == rest.LINK else path.read_bytes())
    assert make(OWN, *contents) == answer
