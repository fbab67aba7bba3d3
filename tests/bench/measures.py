"""The measurements. Each takes the contenders and gives a value for each, measured in turns or at the same time."""

import contextlib
import os
import random
import select
import signal
import statistics
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import psutil

from tests.bench.contenders import BARE, PROGRAMS, Contender
from tests.bench.smaps import rollup
from tests.bench.stage import Pid1
from tests.waiting import wait_until

Values = dict[str, float]

#: What the bare interpreter does where nothing is asked of it, and where it is to start a command.
ASLEEP = "import _signal; _signal.pause()"
EXECUTE = "import posix, sys; posix.execv(sys.argv[1], sys.argv[1:])"

#: A tiny program that writes to stdout.
TINY = "/bin/echo"

#: Seconds after the exec in which a stop request is early, and in which one that is not lost ends `sleep`.
EARLY, TO_END = 0.01, 0.5

STAMP = struct.Struct("q")


def _medians(samples: dict[str, list[float]]) -> Values:
    return {name: statistics.median(values) for name, values in samples.items()}


def _in_turns(contenders: Sequence[Contender], rounds: int, once: Callable[[Contender], float]) -> dict[str, list[float]]:
    """Measure each so many times, in turns, so that whatever else the machine does meets all of them alike."""
    samples: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for index in range(len(contenders)):
            contender = contenders[(index + number) % len(contenders)]
            samples[contender.name].append(once(contender))
    return samples


def _read(stream: BinaryIO) -> int:
    data = stream.read(STAMP.size)
    assert len(data) == STAMP.size, "the command has died"
    return int(STAMP.unpack(data)[0])


@contextlib.contextmanager
def _running(words: Sequence[str]) -> Iterator[tuple[Pid1, BinaryIO]]:
    """PID 1, and the stream of what its command writes to stdout."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as stream, Pid1(words, stdout=writer) as pid1:
        os.close(writer)
        yield pid1, stream


# --- the file, the start, and rest --------------------------------------------------------------------------------------


def start(contenders: Sequence[Contender], python: str, rounds: int, command: str = TINY) -> Values:
    """Milliseconds from the exec of PID 1 until a tiny command has written its first byte."""

    def once(contender: Contender) -> float:
        words = (python, "-IS", "-c", EXECUTE) if contender.name == BARE else contender.words
        with _running([*words, command]) as (pid1, stream):
            assert stream.read(1), f"{contender.name} has not started its command"
            return (time.monotonic_ns() - pid1.started) / 1e6

    return _medians(_in_turns(contenders, rounds, once))


def size(contenders: Sequence[Contender]) -> Values:
    """KiB of the file, where the init is one file."""
    return {contender.name: os.path.getsize(contender.words[0]) / 1024 for contender in contenders if contender.is_one_file}


def _switches(pid: int) -> int:
    return sum(psutil.Process(pid).num_ctx_switches())


def _wait_for_rest(pid: int) -> None:
    """Wait until a process has slept for a while without interruption."""

    def at_rest() -> bool:
        before = _switches(pid)
        time.sleep(0.2)
        return _switches(pid) == before and psutil.Process(pid).status() == psutil.STATUS_SLEEPING

    wait_until(at_rest, "an init at rest")


def _at_rest(contender: Contender, python: str) -> Pid1:
    words = (python, "-IS", "-c", ASLEEP) if contender.name == BARE else (*contender.words, "sleep", "86400")
    return Pid1(words)


#: Seconds after which a PID 1 whose memory has not changed is as small as it gets: the static binary sleeps after one.
SETTLED = 1.5


def _wait_until_settled(pid: int) -> None:
    """Wait until the memory of a process has been the same for a while."""
    _wait_for_rest(pid)
    process = psutil.Process(pid)
    size, since = process.memory_info().rss, time.monotonic()

    def has_settled() -> bool:
        nonlocal size, since
        now = process.memory_info().rss
        if now != size:
            size, since = now, time.monotonic()
        return time.monotonic() >= since + SETTLED

    wait_until(has_settled, "memory that stays the same", pause=0.05)


def memory(
    contenders: Sequence[Contender], python: str, rounds: int, at_rest: Callable[[int], None] = _wait_for_rest
) -> tuple[Values, Values]:
    """KiB of memory at rest: resident, and private of that. `at_rest` waits for it, see settled_memory().

    Two of each run at the same time, as in two containers of one image: what they share, the pages of programs and
    libraries, is not private then, however many other processes of the machine have it mapped.
    """
    private: dict[str, list[float]] = {contender.name: [] for contender in contenders}

    def once(contender: Contender) -> float:
        with _at_rest(contender, python) as pid1, _at_rest(contender, python) as other:
            at_rest(other.pid)
            at_rest(pid1.pid)
            info = psutil.Process(pid1.pid).memory_full_info()
            private[contender.name].append(info.uss / 1024)
            return float(info.rss / 1024)

    return _medians(_in_turns(contenders, rounds, once)), _medians(private)


def settled_memory(contenders: Sequence[Contender], python: str, rounds: int) -> tuple[Values, Values]:
    """As memory(), when nothing has happened for a while."""
    return memory(contenders, python, rounds, _wait_until_settled)


def idle(contenders: Sequence[Contender], python: str, seconds: float) -> Values:
    """Context switches of PID 1, voluntary or not, in so many seconds in which nothing happens. All at the same time."""
    with contextlib.ExitStack() as stack:
        pids = {contender.name: stack.enter_context(_at_rest(contender, python)).pid for contender in contenders}
        for pid in pids.values():
            _wait_for_rest(pid)
        before = {name: _switches(pid) for name, pid in pids.items()}
        time.sleep(seconds)
        return {name: float(_switches(pid) - before[name]) for name, pid in pids.items()}


# --- signals ------------------------------------------------------------------------------------------------------------


def _latency(pid: int, signum: int, stream: BinaryIO) -> float:
    """Microseconds from kill() until the command has got the signal."""
    sent = time.monotonic_ns()
    os.kill(pid, signum)
    return (_read(stream) - sent) / 1e3


def _stamping(python: str) -> tuple[str, ...]:
    """The command that tells when it gets a signal."""
    return (python, "-IS", str(PROGRAMS / "stamp.py"))


def latency(contenders: Sequence[Contender], python: str, rounds: int, command: Sequence[str] = ()) -> tuple[Values, Values]:
    """Microseconds from kill() of PID 1 with SIGUSR1 until the command has it: median, and the 99th of 100."""
    with contextlib.ExitStack() as stack:
        running = {}
        for contender in contenders:
            words = (*contender.words, *(command or _stamping(python)))
            running[contender.name] = stack.enter_context(_running(words))
        for pid1, stream in running.values():
            _read(stream)
            _wait_for_rest(pid1.pid)

        def once(contender: Contender) -> float:
            pid1, stream = running[contender.name]
            return _latency(pid1.pid, signal.SIGUSR1, stream)

        _in_turns(contenders, 10, once)  # what is loaded at the first signal is not a latency of the others
        samples = _in_turns(contenders, rounds, once)
    return _medians(samples), {name: statistics.quantiles(values, n=100)[-1] for name, values in samples.items()}


def first_stop(
    contenders: Sequence[Contender], python: str, rounds: int, command: Sequence[str] = (), is_settled: bool = False
) -> Values:
    """Microseconds from the kill() of PID 1 with SIGTERM, the first signal of its life, until the command has it.

    It comes as soon as PID 1 waits for signals, or when its memory has settled.
    """

    def once(contender: Contender) -> float:
        with _running((*contender.words, *(command or _stamping(python)))) as (pid1, stream):
            _read(stream)
            wait_until(lambda: psutil.Process(pid1.pid).status() == psutil.STATUS_SLEEPING, "an init that sleeps")
            if is_settled:
                _wait_until_settled(pid1.pid)
            return _latency(pid1.pid, signal.SIGTERM, stream)

    return _medians(_in_turns(contenders, rounds, once))


def early(contenders: Sequence[Contender], rounds: int) -> Values:
    """How many of so many stop requests are lost that come within EARLY seconds of the exec of PID 1, at a random moment."""
    moments = random.Random(1)  # noqa: S311 - no secret

    def once(contender: Contender) -> float:
        program = os.path.realpath(contender.words[0])
        with Pid1([*contender.words, "sleep", "86400"]) as pid1:
            wait_until(lambda: os.path.realpath(f"/proc/{pid1.pid}/exe") == program, "the exec", pause=0)
            ended = os.pidfd_open(pid1.pid)
            moment = time.monotonic() + moments.uniform(0, EARLY)
            while time.monotonic() < moment:
                pass  # a sleep would not be that exact
            os.kill(pid1.pid, signal.SIGTERM)
            is_lost = not select.select([ended], [], [], TO_END)[0]
            os.close(ended)
            return float(is_lost)

    return {name: sum(lost) for name, lost in _in_turns(contenders, rounds, once).items()}


def crowd(contenders: Sequence[Contender], python: str, members: int, rounds: int) -> Values:
    """Milliseconds from kill() of PID 1 with SIGUSR1 until the last member of a large group has it."""

    def once(contender: Contender) -> float:
        words = (*contender.group_words, python, "-IS", str(PROGRAMS / "crowd.py"), str(members))
        with _running(words) as (pid1, stream):
            _read(stream)
            _wait_for_rest(pid1.pid)
            return _latency(pid1.pid, signal.SIGUSR1, stream) / 1e3

    return _medians(_in_turns(contenders, rounds, once))


# --- orphans ------------------------------------------------------------------------------------------------------------


class Storm:
    """programs/storm.py behind an init."""

    def __init__(self, contender: Contender, python: str, stack: contextlib.ExitStack) -> None:
        orders, self._orders = os.pipe()
        stack.callback(os.close, self._orders)
        answers, writer = os.pipe()
        self.answers = stack.enter_context(os.fdopen(answers))
        words = [*contender.words, python, "-IS", str(PROGRAMS / "storm.py")]
        self.pid = stack.enter_context(Pid1(words, stdout=writer, descriptors={3: orders})).pid
        os.close(orders)
        os.close(writer)

    def order(self, count: int) -> None:
        """Have so many children made that exit at once."""
        os.write(self._orders, f"{count}\n".encode())

    def wait_until_made(self) -> None:
        """Wait until all have been made."""
        answer = self.answers.readline()
        assert answer == "made\n", f"{answer!r}: the command has died"

    def wait_until_gone(self) -> int:
        """Wait until all have been reaped; when that was, in nanoseconds."""
        return int(self.answers.readline().split()[1])

    def zombies(self) -> int:
        """How many children PID 1 has, without the command."""
        return len(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()) - 1


def backlog(contenders: Sequence[Contender], python: str, orphans: int, rounds: int) -> Values:
    """Orphans reaped per second, from a heap of them that has piled up while PID 1 was stopped."""
    with contextlib.ExitStack() as stack:
        storms = {contender.name: Storm(contender, python, stack) for contender in contenders}

        def once(contender: Contender) -> float:
            storm = storms[contender.name]
            os.kill(storm.pid, signal.SIGSTOP)
            storm.order(orphans)
            storm.wait_until_made()
            assert storm.zombies() >= orphans
            begin = time.monotonic_ns()
            os.kill(storm.pid, signal.SIGCONT)
            return orphans / (storm.wait_until_gone() - begin) * 1e9

        for contender in contenders:
            storms[contender.name].order(1)
            storms[contender.name].wait_until_made()
            storms[contender.name].wait_until_gone()
        return _medians(_in_turns(contenders, rounds, once))


def storm(contenders: Sequence[Contender], python: str, orphans: int, rounds: int) -> tuple[Values, Values, Values]:
    """Orphans per second while a process makes them as fast as it can; zombies seen at most; KiB of memory grown in all.

    Each round makes its share of the orphans; one more goes before, in which buffers and free lists reach their sizes.
    """
    share = orphans // rounds
    zombies = {contender.name: 0.0 for contender in contenders}
    private = dict(zombies)
    with contextlib.ExitStack() as stack:
        storms = {contender.name: Storm(contender, python, stack) for contender in contenders}

        def once(contender: Contender) -> float:
            storm = storms[contender.name]
            begin = time.monotonic_ns()
            storm.order(share)
            while not select.select([storm.answers], [], [], 0.002)[0]:
                zombies[contender.name] = max(zombies[contender.name], storm.zombies())
            storm.wait_until_made()
            gone = storm.wait_until_gone()
            private[contender.name] = rollup(storm.pid)["Private_Dirty"]  # at once, before it sleeps
            return share / (gone - begin) * 1e9

        _in_turns(contenders, 1, once)
        before = dict(private)
        rates = _medians(_in_turns(contenders, rounds, once))
    return rates, zombies, {name: size - before[name] for name, size in private.items()}
