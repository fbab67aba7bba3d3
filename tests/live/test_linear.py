"""What PID 1 does for each of many processes: in system calls, which are the same however busy the machine is.

How much time they take is printed by tests.bench.pressure. The processes are those of tests/bench/programs/throng.c.
"""

import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.namespace import ROOT, Namespace, need
from tests.waiting import PATIENCE

COUNTING = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "counting.py")]

#: So many processes, few and many. Up to plan.FEW of them are looked at more closely, which is not what this is about.
FEW, MANY = 200, 500

STAMP = struct.Struct("q")

Count = Callable[..., dict[str, int]]


@pytest.fixture(scope="module")
def throng(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled."""
    need("gcc")
    path = tmp_path_factory.mktemp("throng") / "throng"
    subprocess.run(["gcc", "-O2", "-o", str(path), str(ROOT / "tests" / "bench" / "programs" / "throng.c")], check=True)
    return path


@pytest.fixture
def count(throng: Path, tmp_path: Path) -> Count:
    """A function that lets pyinit be told of some SIGUSR1 and of SIGTERM, above a throng, and returns its calls by stage."""

    def counted(shape: str, number: int, *options: str, signals: int = 1, is_told: bool = True) -> dict[str, int]:
        folder = tmp_path / f"{shape}-{number}-{signals}"
        folder.mkdir()
        reader, writer = os.pipe()
        words = [*COUNTING, str(folder / "calls"), *options, "--", str(throng), shape, str(number)]

        def heard() -> None:
            assert select.select([reader], [], [], PATIENCE)[0], namespace.stderr
            assert len(os.read(reader, STAMP.size)) == STAMP.size, namespace.stderr

        with Namespace(words, folder, stdout=writer) as namespace:
            os.close(writer)
            heard()
            for _ in range(signals):
                namespace.wait_until_at_rest()
                namespace.signal(signal.SIGUSR1)
                heard()
            namespace.wait_until_at_rest()
            namespace.signal(signal.SIGTERM)
            if is_told:
                heard()
            namespace.wait(60)
            assert "less care" not in namespace.stderr
        os.close(reader)
        return {stage: int(calls) for stage, calls in map(str.split, (folder / "calls").read_text().splitlines())}

    return counted


def per_process(count: Count, stage: str, shape: str, *options: str, signals: int = 1) -> float:
    """Calls for each process more."""
    few = count(shape, FEW, *options, signals=signals)[stage]
    many = count(shape, MANY, *options, signals=signals)[stage]
    print(f"{shape}, {stage}: {few} calls with {FEW} processes, {many} with {MANY}")
    return (many - few) / (MANY - FEW)


#: At a signal, by shape. A process is looked at by open(), read() and close(): its state, and its words if it handles a signal.
#: One is asked for its group at most if it is not in that of the command, and not at all below a command that handles it.
AT_A_SIGNAL = {
    "handlers": (7.5, "--forward=handlers"),
    "one": (3.5,),
    "chain": (6.5,),
    "beside": (1.5,),
    "outside": (0.1,),
}


@pytest.mark.parametrize("shape", AT_A_SIGNAL)
def test_a_signal_takes_a_few_calls_for_each_process(count: Count, shape: str) -> None:
    at_most, *options = AT_A_SIGNAL[shape]
    assert per_process(count, "signals", shape, *map(str, options)) <= float(at_most)


#: At a stop, by shape: two looks at most, the telling, the watching of those who work, and the reaping.
AT_A_STOP = {"handlers": 20, "outside": 20, "daemons": 20, "chain": 30, "last": 25, "first": 40}


@pytest.mark.parametrize("shape", AT_A_STOP)
def test_a_stop_takes_a_few_calls_for_each_process(count: Count, shape: str) -> None:
    signals = 0 if shape in ("last", "first") else 1
    assert per_process(count, "stop", shape, "--settle=5", signals=signals) <= AT_A_STOP[shape]


def test_those_who_are_killed_are_looked_at_once(count: Count) -> None:
    assert per_process(count, "stop", "stubborn", "--grace-period=1", signals=0) <= 20
