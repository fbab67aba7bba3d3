"""The static binary beside others: `python -m tests.bench.beside [--quick] [--before REF]`.

The others are that of the commit before, tini-static and the floor, which is the least that an init in C can do. The command
has no C library (programs/tiny.c), as /bin/echo takes longer to start than these inits do. Instructions are those of the
whole life of PID 1, or those of one signal more in it, by callgrind, and the same in each run; the other figures are medians,
in turns. Signals are measured before all other processes, starts are not: an init that works on while its command starts may
take the CPU from it, and this is to be seen. Every init is a real PID 1 in a PID namespace of its own. Needs Debian, as root;
gcc, git, valgrind.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench import measures
from tests.bench.contenders import PROGRAMS, PYINIT, TINI_STATIC, Contender
from tests.bench.pressure import before_all_others
from tests.bench.profile import build, callgrind, per_signal, total
from tests.bench.table import Row, Target, Values, markdown
from tests.namespace import ROOT

#: How much of everything: in full, and with --quick.
SIZES = {"start": (300, 60), "memory": (5, 2), "latency": (1000, 200), "first_stop": (40, 10), "late_stop": (20, 5)}

#: The names of the other two, and of ours with an option, so that Python decides before the command is started.
BEFORE, FLOOR = "before", "floor"
WITH_OPTION = ("--log-level", "info")

ROWS = (
    Row("size", "size of the file, KiB", "{:.0f}", Target(at_most=7168)),
    Row("plain", "`pyinit -- command`: start to its first byte, ms", "{:.2f}", Target(TINI_STATIC, at_most=1.15)),
    Row("one_cpu", "the same, on one CPU", "{:.2f}", Target(TINI_STATIC, at_most=1.15)),
    Row("option", "the same, on all of them, with an option", "{:.2f}", Target(TINI_STATIC, at_most=3)),
    Row("instructions", "million instructions of that life", "{:.2f}", Target(at_most=2)),
    Row("rss", "resident at rest, KiB", "{:.0f}"),
    Row("private", "private of that, KiB", "{:.0f}", Target(BEFORE, at_most=1)),
    Row("settled_rss", "resident when nothing has happened for a while, KiB", "{:.0f}"),
    Row("settled", "private of that, KiB", "{:.0f}", Target(at_most=700)),
    Row("first_stop", "SIGTERM, the first signal of a life, p50, µs", "{:.0f}", Target(BEFORE, at_most=1)),
    Row("late_stop", "the same, when nothing has happened for a while", "{:.0f}"),
    Row("latency_p50", "SIGUSR1 to a command that is alone, p50, µs", "{:.0f}", Target(TINI_STATIC, at_most=2)),
    Row("latency_p99", "the same, p99, µs", "{:.0f}"),
    Row("answer", "SIGUSR1 to a command with 20 workers, thousand instructions", "{:.1f}", Target(BEFORE, at_most=0.5)),
    Row("answer_below", "the same, with a script above the command", "{:.1f}", Target(BEFORE, at_most=0.5)),
)

#: How many workers the command has that signals are counted with.
WORKERS = 20

OF_OTHERS = "before: the binary of the commit before. floor: blocks, starts, waits, and nothing else."


def compile_program(name: str, folder: Path, *options: str) -> Path:
    """One of programs/*.c, linked statically."""
    made = folder / name
    words = ["gcc", "-std=gnu11", "-O2", "-Wall", "-static", *options, "-o", str(made), str(PROGRAMS / f"{name}.c")]
    subprocess.run(words, check=True)
    return made


def build_before(reference: str, folder: Path) -> Path:
    """The binary of another commit, built by that commit's own script."""
    source = folder / "source"
    source.mkdir(parents=True)
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", reference], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True)
    script = source / "docker" / "static" / "build.sh"
    architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run([str(script), architecture, str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder / f"pyinit-linux-{architecture}"


def contenders(folder: Path, reference: str) -> list[Contender]:
    """Ours first; tini-static where it is installed."""
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", reference], check=True, capture_output=True, text=True
    ).stdout.strip()
    found = [
        Contender(PYINIT, (str(build(folder / "now")), "--"), (), ""),
        Contender(BEFORE, (str(build_before(reference, folder / "before")), "--"), (), commit),
        Contender(FLOOR, (str(compile_program("floor", folder)), "--"), (), ""),
    ]
    path = shutil.which(TINI_STATIC)
    if path is not None:
        found.insert(2, Contender(TINI_STATIC, (path, "-s", "--"), (), ""))
    # By its own name: C starts the command only there.
    for place, contender in enumerate(found[:2]):
        link = folder / f"as-{contender.name}" / "pyinit"
        link.parent.mkdir()
        link.symlink_to(contender.words[0])
        found[place] = replace(contender, words=(str(link), "--"))
    return found


def with_option(found: Sequence[Contender]) -> list[Contender]:
    """The same, ours with an option that changes nothing; the others have nothing to decide."""
    ours = (PYINIT, BEFORE)
    return [replace(each, words=(each.words[0], *WITH_OPTION, "--")) if each.name in ours else each for each in found]


def on_one_cpu(measured: Callable[[], Values]) -> Values:
    """What is measured while all that is started may use one CPU alone."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        return measured()
    finally:
        os.sched_setaffinity(0, cpus)


def measure(found: Sequence[Contender], folder: Path, quick: bool) -> dict[str, Values]:
    """All values, by row and name."""
    asker = str(compile_program("asker", folder))
    tiny = str(compile_program("tiny", folder, "-nostdlib", "-ffreestanding", "-fno-stack-protector"))
    stamp = [str(compile_program("stamp", folder))]
    size = {name: sizes[quick] for name, sizes in SIZES.items()}
    values: dict[str, Values] = {
        "size": measures.size(found),
        "plain": measures.start(found, sys.executable, size["start"], tiny),
        "one_cpu": on_one_cpu(lambda: measures.start(found, sys.executable, size["start"], tiny)),
        "option": measures.start(with_option(found), sys.executable, size["start"], tiny),
        "instructions": {each.name: total(callgrind(each.words, folder, command=[tiny])) for each in found},
    }
    values["rss"], values["private"] = measures.memory(found, sys.executable, size["memory"])
    values["settled_rss"], values["settled"] = measures.settled_memory(found, sys.executable, size["memory"])
    with before_all_others():
        values["late_stop"] = measures.first_stop(found, sys.executable, size["late_stop"], stamp, is_settled=True)
        values["first_stop"] = measures.first_stop(found, sys.executable, size["first_stop"], stamp)
        values["latency_p50"], values["latency_p99"] = measures.latency(found, sys.executable, size["latency"], stamp)
    values["answer"] = {
        each.name: per_signal(each.words, folder, lambda signals: (asker, str(WORKERS), str(signals))) for each in found
    }
    # The others tell the command alone, so the script, which dies of it.
    values["answer_below"] = {
        each.name: per_signal(each.words, folder, lambda signals: ("sh", "-c", f"{asker} {WORKERS} {signals}; exit 0"))
        for each in found
        if each.name in (PYINIT, BEFORE)
    }
    return values


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.beside", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--before", default="HEAD~1", metavar="REF", help="the commit to compare with (default: HEAD~1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load = os.getloadavg()[0]  # other work on the machine spoils the times
        found = contenders(folder, options.before)
        values = measure(found, folder, options.quick)
        machine = f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs"
        machine += f", load {load:.1f} before and {os.getloadavg()[0]:.1f} after"
        print(markdown(ROWS, values, {each.name: each.version for each in found}, machine, {}, OF_OTHERS))


if __name__ == "__main__":
    main()
