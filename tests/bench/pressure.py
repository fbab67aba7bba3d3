"""What PID 1 costs where there is much of everything: `python -m tests.bench.pressure [--quick] [--before REF]`.

CPU of PID 1, as the kernel counts it, beside that of the commit before and of `tini -g`; and what is late under pressure.
Prints one Markdown table. Every init is a real PID 1 in a PID namespace of its own; needs root, gcc and git.

The processes are those of programs/throng.c, which says what each shape is. A figure is the median of some runs, in turns.
"""

import argparse
import contextlib
import os
import platform
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from tests.bench.contenders import PROGRAMS, ROOT
from tests.bench.stage import Pid1
from tests.waiting import wait_until

SIZES = (10, 100, 1000, 10_000)

#: How often each is measured.
RUNS = 3

#: Signals in one run, after one that has everything loaded.
SIGNALS = 3

#: Seconds between two SIGUSR1 of a storm, and how long one goes on before the stop is requested.
STORM_GAP, STORM_LASTS = 0.003, 0.5

#: Seconds of grace, where it is a matter of when they are over.
GRACE = 1.0

#: Port of the connections that are watched, and how many seconds.
PORT, WATCHED = 8000, 20

#: Far more than anything here takes, in seconds.
LONG = 120.0

STAMP = struct.Struct("q")

#: Runs a program in a network of its own.
NETWORK = ("unshare", "--net", sys.executable, "-IS", str(ROOT / "tests" / "live" / "loopback.py"))


@dataclass(frozen=True)
class Init:
    """Who is measured. `words` run it, without a command; `takes` says whether it knows the options of pyinit."""

    name: str
    words: tuple[str, ...]
    takes: bool

    def running(self, options: Sequence[str]) -> list[str]:
        """The words before a command, for a whole group."""
        return [*self.words, *(options if self.takes else ()), "--"]


@dataclass(frozen=True)
class Row:
    """A row: what it says, sizes, and the figures of one run of an init at a size. `unit` is of a figure.

    `per_process` divides by the size. The target is for the largest size; `growth` compares the first size with the last.
    """

    key: str
    title: str
    once: Callable[["Init", int], float]
    sizes: tuple[int, ...] = SIZES
    unit: str = "ms"
    per_process: bool = True
    at_most: float | None = None
    grows_at_most: float | None = None
    of_tini: bool = True


def _has_not_failed(log: IO[bytes]) -> None:
    """What is measured is not the loop of the last resort."""
    log.seek(0)
    text = log.read().decode()
    assert "less care" not in text, text


class Throng:
    """A throng below an init, ready."""

    def __init__(self, init: Init, shape: str, number: int, stack: contextlib.ExitStack, *options: str) -> None:
        reader, writer = os.pipe()
        self._stream: BinaryIO = stack.enter_context(os.fdopen(reader, "rb", buffering=0))
        log = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack is one
        stack.callback(_has_not_failed, log)
        words = [*init.running(options), str(throng()), shape, str(number)]
        self.pid1 = stack.enter_context(Pid1(words, stdout=writer, descriptors={2: log.fileno()}))
        os.close(writer)
        self.next()
        self.settle()

    def next(self) -> int:
        """The next moment that it tells of, in nanoseconds."""
        assert select.select([self._stream], [], [], LONG)[0], "the throng has said nothing"
        data = self._stream.read(STAMP.size)
        assert len(data) == STAMP.size, "the throng has died"
        return int(STAMP.unpack(data)[0])

    def settle(self) -> None:
        """Wait until PID 1 has nothing to do."""
        wchan = Path(f"/proc/{self.pid1.pid}/wchan")

        def is_at_rest() -> bool:
            before = self.pid1.cpu
            time.sleep(0.05)
            return self.pid1.cpu == before and "sigtimedwait" in wchan.read_text()

        wait_until(is_at_rest, "PID 1 at rest", LONG)

    def send(self, signum: int) -> int:
        """Send PID 1 a signal; when that was, in nanoseconds."""
        now = time.monotonic_ns()
        os.kill(self.pid1.pid, signum)
        return now

    def wait(self) -> None:
        """Wait for the end of PID 1, which may still be looked at then."""
        wait_for_end(self.pid1.pid)

    def first_member(self) -> int:
        """The PID of the first child of the command, which is the first child of PID 1."""
        pid = self.pid1.pid
        for _ in range(2):
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return pid


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended, whose child it may not be."""
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], LONG)[0], f"{pid} has not ended"
    finally:
        os.close(descriptor)


def wait_for_kill(pid: int) -> None:
    """Wait until a process has got SIGKILL. Its end comes later: the kernel lets nobody end while it signals 10,000."""
    status = Path(f"/proc/{pid}/status")

    def is_killed() -> bool:
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (FileNotFoundError, ProcessLookupError):
            return True
        return "SigPnd" not in fields or bool(int(fields["SigPnd"], 16) >> signal.SIGKILL - 1 & 1) or "Z" in fields["State"]

    wait_until(is_killed, "SIGKILL", LONG, pause=0.002)


@contextlib.contextmanager
def before_all_others() -> Iterator[None]:
    """Run before all other processes, so that what is seen is seen in time."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


_BUILT: list[Path] = []


def throng() -> Path:
    """The program, compiled."""
    if not _BUILT:
        folder = Path(tempfile.mkdtemp(prefix="pyinit-bench-"))
        source = PROGRAMS / "throng.c"
        subprocess.run(["gcc", "-O2", "-o", str(folder / "throng"), str(source)], check=True)
        _BUILT.append(folder / "throng")
    return _BUILT[0]


# --- CPU of PID 1 -------------------------------------------------------------------------------------------------------


def at_a_signal(shape: str, *options: str) -> Callable[[Init, int], float]:
    """CPU of PID 1 for a SIGUSR1, in ms. The first one of a life, which has more loaded, does not count."""

    def once(init: Init, number: int) -> float:
        with contextlib.ExitStack() as stack:
            throng = Throng(init, shape, number, stack, *options)
            costs = []
            for _ in range(1 + SIGNALS):
                before = throng.pid1.cpu
                throng.send(signal.SIGUSR1)
                throng.next()
                throng.settle()
                costs.append(throng.pid1.cpu - before)
        return statistics.median(costs[1:]) * 1e3

    return once


def at_a_stop(shape: str) -> Callable[[Init, int], float]:
    """CPU of PID 1 from a SIGTERM to its end, in ms. Another signal has had everything loaded, where it would end nobody."""

    def once(init: Init, number: int) -> float:
        with contextlib.ExitStack() as stack:
            throng = Throng(init, shape, number, stack)
            if shape not in ("mortals", "last", "first"):
                throng.send(signal.SIGUSR1)
                throng.next()
                throng.settle()
            before = throng.pid1.cpu
            throng.send(signal.SIGTERM)
            throng.wait()
            return (throng.pid1.cpu - before) * 1e3

    return once


def at_exits(shape: str) -> Callable[[Init, int], float]:
    """CPU of PID 1 from the moment at which all members have the stop signal to its end, in ms: they exit one by one."""

    def once(init: Init, number: int) -> float:
        with contextlib.ExitStack() as stack:
            throng = Throng(init, shape, number, stack)
            throng.send(signal.SIGTERM)
            throng.next()
            before = throng.pid1.cpu
            throng.wait()
            return (throng.pid1.cpu - before) * 1e3

    return once


def of_watching(init: Init, number: int) -> float:
    """CPU of PID 1 in the seconds of a pre-stop delay that the traffic decides about, in % of one."""
    reader, writer = os.pipe()
    command = [sys.executable, "-IS", str(PROGRAMS / "connections.py"), str(number), str(PORT)]
    options = ["--pre-stop-delay=auto", f"--pre-stop-min={WATCHED + 5}", f"--pre-stop-max={WATCHED + 5}"]
    with (
        os.fdopen(reader, "rb", buffering=0) as stream,
        Pid1([*NETWORK, *init.running(options), *command], stdout=writer) as pid1,
    ):
        os.close(writer)
        assert stream.read(1), "the connections are not there"
        before = pid1.cpu
        os.kill(pid1.pid, signal.SIGTERM)
        time.sleep(WATCHED)
        return (pid1.cpu - before) / WATCHED * 100


# --- what is late -------------------------------------------------------------------------------------------------------


def told_in_a_storm(init: Init, number: int) -> float:
    """Milliseconds from a SIGTERM until the one that handles it has it, while a SIGUSR1 comes every STORM_GAP seconds."""
    with contextlib.ExitStack() as stack:
        throng = Throng(init, "one", number, stack)
        stack.enter_context(storm(throng.pid1.pid))
        time.sleep(STORM_LASTS)
        sent = throng.send(signal.SIGTERM)
        while not (told := throng.next()) % 2:
            pass  # a SIGUSR1
        return (told - sent) / 1e6


@contextlib.contextmanager
def storm(pid: int) -> Iterator[None]:
    """SIGUSR1 for a process, every STORM_GAP seconds, until it has ended."""
    words = (
        "import os, sys, time\npid, gap = int(sys.argv[1]), float(sys.argv[2])\nwhile True: os.kill(pid, 10); time.sleep(gap)"
    )
    process = subprocess.Popen([sys.executable, "-IS", "-c", words, str(pid), str(STORM_GAP)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def chain_told(init: Init, number: int) -> float:
    """Milliseconds from a SIGTERM until the last of a chain has it."""
    with contextlib.ExitStack() as stack:
        throng = Throng(init, "chain", number, stack)
        throng.send(signal.SIGUSR1)
        throng.next()
        throng.settle()
        sent = throng.send(signal.SIGTERM)
        return (throng.next() - sent) / 1e6


def killed_late(in_a_storm: bool) -> Callable[[Init, int], float]:
    """Milliseconds by which SIGKILL comes after the end of the grace period, to those who do not end.

    In a storm: while each of many SIGUSR1 has PID 1 look at all.
    """

    def once(init: Init, number: int) -> float:
        with contextlib.ExitStack() as stack:
            throng = Throng(init, "stubborn", number, stack, f"--grace-period={GRACE:g}")
            member = throng.first_member()
            sent = throng.send(signal.SIGTERM)
            if in_a_storm:
                stack.enter_context(storm(throng.pid1.pid))
            with before_all_others():
                wait_for_kill(member)
            return (time.monotonic_ns() - sent) / 1e6 - GRACE * 1e3

    return once


ROWS = (
    Row(
        "signal_handlers",
        "a signal, to each of so many that handle it (`--forward handlers`)",
        at_a_signal("handlers", "--forward=handlers"),
        at_most=40,
    ),
    Row("signal_one", "a signal, to the one that handles it, in a group of so many", at_a_signal("one"), at_most=40),
    Row(
        "signal_outside",
        "a signal, to a command that handles it, with so many below it in sessions of their own",
        at_a_signal("outside"),
    ),
    Row(
        "signal_beside",
        "a signal, to a script with one that handles it, beside so many daemons that PID 1 has adopted",
        at_a_signal("beside"),
    ),
    Row("signal_chain", "a signal, to the last of a chain", at_a_signal("chain"), (10, 100, 1000, 2000), at_most=40),
    Row("stop_handlers", "a stop of so many that handle it", at_a_stop("handlers"), at_most=60),
    Row("stop_mortals", "a stop of so many that die of it", at_a_stop("mortals"), at_most=60),
    Row("stop_outside", "a stop of a command with so many below it in sessions of their own", at_a_stop("outside"), at_most=60),
    Row("stop_daemons", "a stop with so many daemons that PID 1 has adopted", at_a_stop("daemons"), at_most=60),
    Row("stop_chain", "a stop of a chain", at_a_stop("chain"), (10, 100, 1000, 2000), at_most=60),
    Row(
        "exits_stopping",
        "an exit of a member, the command being the last",
        at_exits("last"),
        (300, 1000, 3000, 10_000),
        grows_at_most=1.5,
        of_tini=False,
    ),
    Row(
        "exits_sweep",
        "an exit of a member, the command being the first",
        at_exits("first"),
        (300, 1000, 3000, 10_000),
        grows_at_most=1.5,
        of_tini=False,
    ),
    Row(
        "chain_told",
        "SIGTERM is told to the last of a chain after",
        chain_told,
        (10, 100, 1000, 2000),
        per_process=False,
        at_most=200,
    ),
    Row(
        "storm",
        "SIGTERM is told, in a group of so many, while SIGUSR1 comes every 3 ms, after",
        told_in_a_storm,
        (100, 300, 1000),
        per_process=False,
    ),
    Row(
        "deadline",
        "SIGKILL comes after the end of the grace period",
        killed_late(False),
        per_process=False,
        at_most=200,
        of_tini=False,
    ),
    Row(
        "deadline_storm",
        "the same, while SIGUSR1 comes every 3 ms",
        killed_late(True),
        per_process=False,
        at_most=200,
        of_tini=False,
    ),
    Row(
        "watching",
        "`--pre-stop-delay auto`, with so many connections",
        of_watching,
        (1000, 10_000, 50_000),
        "%",
        False,
        at_most=5,
        of_tini=False,
    ),
)


# --- the table ----------------------------------------------------------------------------------------------------------


def before(ref: str, folder: Path) -> Init:
    """What pyinit was as of a commit."""
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", ref, "pyinit"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract", "--directory", str(folder)], input=archive, check=True)
    name = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", ref], check=True, capture_output=True, text=True)
    return Init(f"before ({name.stdout.strip()})", (sys.executable, "-IS", str(folder / "pyinit" / "__main__.py")), True)


def measure(row: Row, inits: Sequence[Init], sizes: Sequence[int], runs: int) -> dict[tuple[str, int], float]:
    """The medians, by init and size."""
    found: dict[tuple[str, int], float] = {}
    for size in sizes:
        samples: dict[str, list[float]] = {init.name: [] for init in inits}
        for number in range(runs):
            for index in range(len(inits)):
                init = inits[(index + number) % len(inits)]
                samples[init.name].append(row.once(init, size))
        found |= {(name, size): statistics.median(values) for name, values in samples.items()}
    return found


def lines(row: Row, inits: Sequence[Init], sizes: Sequence[int], found: dict[tuple[str, int], float]) -> Iterator[str]:
    """The lines of the table for one row: one for each init."""
    for init in inits:
        values = [found[init.name, size] for size in sizes]
        per_process = [value * 1e3 / size for value, size in zip(values, sizes, strict=True)]
        cells = [f"{size:,}: {value:,.1f}" for value, size in zip(values, sizes, strict=True)]
        cells = [*cells, *[""] * (4 - len(cells))]
        target = reached = ""
        if init is inits[0]:
            target, reached = judged(row, values, per_process)
        title = row.title if init is inits[0] else ""
        last = f"{per_process[-1]:.1f}" if row.per_process else ""
        yield f"| {title} | {init.name} | " + " | ".join([*cells, last, target, reached]) + " |"


def judged(row: Row, values: Sequence[float], per_process: Sequence[float]) -> tuple[str, str]:
    """The target in words, and whether it is reached."""
    if row.grows_at_most is not None:
        grown = per_process[-1] / per_process[0]
        return (
            f"µs ≤ {row.grows_at_most:g} times the first",
            f"{'yes' if grown <= row.grows_at_most else '**no**'}: {grown:.2f}",
        )
    if row.at_most is None:
        return "", ""
    value = per_process[-1] if row.per_process else max(values)
    return f"{'µs' if row.per_process else row.unit} ≤ {row.at_most:g}", "yes" if value <= row.at_most else "**no**"


PAGE = """# pyinit under pressure

`python -m tests.bench.pressure --page docs/pressure.md` measures and prints this page; `make bench` prints the table. It is
about PID 1 where there is much of everything: processes, signals, exits, connections.

What a line costs is CPU of PID 1, as the kernel counts it (`/proc/PID/schedstat`). The size is the number of processes beside
the command, or of connections. Behind each size stand milliseconds, or % of a CPU where the target says so; "µs per process" is
the last of them, divided by its size. The processes are those of `tests/bench/programs/throng.c`. *before* is the commit that
it is compared with.

`tini -g` signals the group without a look at anybody, and leaves when the command has exited, whoever still works. pyinit looks
at each process, to find out who handles the signal; so its cost grows with their number, and no faster. How many system calls
that takes is held by `tests/live/test_linear.py`.

"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pressure", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="nothing of the largest size")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"how often each is measured ({RUNS})")
    parser.add_argument(
        "--sizes", type=lambda text: [int(word) for word in text.split(",")], metavar="N[,...]", help="just these"
    )
    parser.add_argument("--before", default="HEAD~1", metavar="REF", help="the commit to compare with (default: HEAD~1)")
    parser.add_argument("--only", default="", metavar="NAME[,...]", help=", ".join(row.key for row in ROWS))
    parser.add_argument("--inits", default="pyinit,before,tini", metavar="NAME[,...]", help="pyinit, before, tini")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the table there, too, with what it is about")
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.only or row.key in options.only.split(",")]
    load = os.getloadavg()[0]
    printed: list[str] = []

    def tell(line: str) -> None:
        printed.append(line)
        print(line, flush=True)

    with tempfile.TemporaryDirectory() as name:
        inits = find(options.inits.split(","), options.before, Path(name))
        tell("| what it costs PID 1, or how late it is | init | at a size | | | | µs per process | target | reached |")
        tell("|---|---|---:|---:|---:|---:|---:|---|---|")
        for row in rows:
            print(f"measuring: {row.key} ...", file=sys.stderr)
            sizes = options.sizes or (row.sizes[:-1] if options.quick else row.sizes)
            who = [init for init in inits if init.takes or row.of_tini]
            for line in lines(row, who, sizes, measure(row, who, sizes, options.runs)):
                tell(line)
    tell("")
    tell(f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs, load {load:.1f} before and")
    how_often = "one run" if options.runs == 1 else f"medians of {options.runs} runs"
    tell(f"{os.getloadavg()[0]:.1f} after, that of the processes themselves included; {how_often}, all in one go and in turns.")
    if options.page is not None:
        options.page.write_text(PAGE + "\n".join(printed) + "\n", encoding="utf-8")


def find(chosen: Sequence[str], ref: str, folder: Path) -> list[Init]:
    """Those of the inits that are asked for, and are here."""
    inits = [Init("pyinit", (sys.executable, "-IS", str(ROOT / "pyinit" / "__main__.py")), True)]
    if "before" in chosen and (ROOT / ".git").exists():
        inits.append(before(ref, folder))
    tini = shutil.which("tini")
    if "tini" in chosen and tini is not None:
        inits.append(Init("tini -g", (tini, "-s", "-g"), False))
    return inits


if __name__ == "__main__":
    main()
