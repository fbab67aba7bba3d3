"""What the health helper bears, and what that costs PID 1: `python -m tests.bench.health`. Prints a Markdown table.

A request is a connection of its own, as a probe's is. Paced: one client, 2,000 requests/s. As many as there can be: wrk, with
eight connections at a time, where it is installed (tests/prepare.sh). A crowd: a thousand clients that connect, never finish a
request, and come again as soon as they are let go; meanwhile a real probe each 20 ms.
"""

import argparse
import contextlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.namespace import Namespace, pyinit_from_source
from tests.waiting import wait_until

REQUEST = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"

#: Requests per second that are asked for.
PACE = 2000

#: Clients that never finish.
CROWD = 1000


class Load(NamedTuple):
    """What was reached: requests/s, and the milliseconds of the median and of the slowest in a hundred."""

    rate: float
    median: float
    slowest: float


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def request(port: int) -> float:
    """Make a request over a connection of its own; return the milliseconds that it took."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(REQUEST)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    return (time.perf_counter() - began) * 1000


def summary(took: list[float], seconds: float) -> Load:
    """The figures of a load."""
    return Load(len(took) / seconds, statistics.median(took), statistics.quantiles(took, n=100)[98])


def paced(port: int, seconds: float) -> Load:
    """PACE requests/s, one after the other; what is behind is made up for."""
    began = time.perf_counter()
    took: list[float] = []
    while (now := time.perf_counter()) < began + seconds:
        behind = len(took) / PACE - (now - began)
        if behind > 0:
            time.sleep(behind)
        took.append(request(port))
    return summary(took, time.perf_counter() - began)


def by_wrk(port: int, seconds: float) -> Load:
    """As many as there can be."""
    words = [
        "wrk",
        "--threads=1",
        "--connections=8",
        f"--duration={seconds:.0f}s",
        "--latency",
        f"http://127.0.0.1:{port}/readyz",
    ]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in told, told
    found = dict(line.split()[:2] for line in told.splitlines() if len(line.split()) >= 2 and line.strip()[0] in "59R")
    rate = next(float(line.split()[1]) for line in told.splitlines() if line.startswith("Requests/sec:"))
    return Load(rate, milliseconds(found["50%"]), milliseconds(found["99%"]))


def milliseconds(text: str) -> float:
    """A time as wrk prints it."""
    for unit, factor in (("us", 0.001), ("ms", 1.0), ("s", 1000.0)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise ValueError(text)


@contextlib.contextmanager
def crowd(port: int) -> Iterator[None]:
    """Clients that never finish."""
    over = threading.Event()
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(CROWD)]

    def come_again() -> None:
        while not over.is_set():
            for index, client in enumerate(clients):
                client.close()
                with contextlib.suppress(OSError):
                    clients[index] = socket.create_connection(("127.0.0.1", port), timeout=5)
                    clients[index].sendall(b"GET /")
                if over.is_set():
                    break
        for client in clients:
            client.close()

    thread = threading.Thread(target=come_again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def in_a_crowd(port: int, seconds: float) -> Load:
    """Fifty real probes a second, among those who never finish."""
    with crowd(port):
        began = time.perf_counter()
        took = []
        while time.perf_counter() < began + seconds:
            took.append(request(port))
            time.sleep(0.02)
        return summary(took, time.perf_counter() - began)


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def memory(process: psutil.Process) -> tuple[float, float]:
    """Resident, and private memory, in KiB."""
    found = process.memory_full_info()
    return found.rss / 1024, found.uss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    loads: dict[str, Callable[[int, float], Load]] = {f"paced, {PACE} requests/s": paced}
    if shutil.which("wrk"):
        loads["wrk, 8 connections"] = by_wrk
    loads[f"a probe among {CROWD} clients that never finish"] = in_a_crowd
    print(
        "| load | requests/s | median, ms | 99 % within, ms | its CPU | CPU of PID 1 | wake-ups of PID 1 | RSS, KiB | private |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        words = [*pyinit_from_source(), "--health-listen", f"127.0.0.1:{port}", "--", "sleep", "1000"]
        with Namespace(words, Path(folder)) as namespace:
            helper = wait_until(lambda: namespace.named("pyinit-health"), "the helper")[0]
            wait_until(lambda: request(port), "an answer")
            print("| at rest |  |  |  |  |  |  | {:.0f} | {:.0f} |".format(*memory(helper)))
            for name, load in loads.items():
                before = cpu(helper), cpu(namespace.init), namespace.init.num_ctx_switches().voluntary
                began = time.perf_counter()
                reached = load(port, options.seconds)
                took = time.perf_counter() - began
                shares = [(cpu(one) - was) / took * 100 for one, was in zip((helper, namespace.init), before[:2], strict=True)]
                woken = namespace.init.num_ctx_switches().voluntary - before[2]
                figures = f"{reached.rate:,.0f} | {reached.median:.2f} | {reached.slowest:.2f}"
                costs = f"{shares[0]:.0f} % | {shares[1]:.1f} % | {woken} | {memory(helper)[0]:.0f} | {memory(helper)[1]:.0f}"
                print(f"| {name} | {figures} | {costs} |", flush=True)


if __name__ == "__main__":
    main()
