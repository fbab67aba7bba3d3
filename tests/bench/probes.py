"""What a probe costs beside other ways to ask: `python -m tests.bench.probes [--binary PATH]`. Prints a Markdown table.

Each asks a server of ours for /healthz, in turns. The memory is that of a client which waits for the answer.
"""

import argparse
import contextlib
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.smaps import rollup
from tests.namespace import pyinit_from_source
from tests.waiting import PATIENCE

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

URLLIB = "import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5).read()"


def contenders(python: str, binary: str | None) -> dict[str, list[str]]:
    """The words that ask for what is appended to them, by what the table says."""
    found = {"`pyinit --probe`": [*pyinit_from_source(python), "--probe"]}
    if binary is not None:
        found["`pyinit --probe`, the static binary"] = [binary, "--probe"]
    if shutil.which("curl"):
        found["`curl -fsS`"] = ["curl", "-fsS"]
    return {
        **found,
        '`python3 -c "... urllib ..."`': [python, "-c", URLLIB],
        "`python3 -IS -c pass`": [python, "-IS", "-c", "pass"],
    }


def ask(door: socket.socket, words: Sequence[str]) -> tuple[float, float]:
    """Let one ask and keep it waiting meanwhile: KiB resident, and of that its own (private and dirty)."""
    with subprocess.Popen([*words, url(door)], stdout=subprocess.DEVNULL) as client:
        connection, _ = door.accept()
        with connection:
            connection.recv(1 << 16)
            sizes = rollup(client.pid)
            connection.sendall(ANSWER)
        assert client.wait(PATIENCE) == 0
    return sizes["Rss"], sizes["Private_Dirty"]


def url(door: socket.socket) -> str:
    """What is asked for."""
    return f"http://127.0.0.1:{door.getsockname()[1]}/healthz"


@contextlib.contextmanager
def answering(door: socket.socket) -> Iterator[None]:
    """Answer all who ask, at once."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with door.accept()[0] as connection, contextlib.suppress(OSError):
                if connection.recv(1 << 16):
                    connection.sendall(ANSWER)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        socket.create_connection(door.getsockname()).close()
        thread.join(PATIENCE)


def took(door: socket.socket, words: Sequence[str]) -> float:
    """Milliseconds from the start of one who asks to its end."""
    began = time.perf_counter()
    assert subprocess.run([*words, url(door)], stdout=subprocess.DEVNULL, check=False).returncode == 0
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.probes", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--python", default=str(Path(sys.executable).resolve()))
    parser.add_argument("--binary", help="a static pyinit, to be measured as well")
    options = parser.parse_args()
    asking = contenders(options.python, options.binary)
    times: dict[str, list[float]] = {name: [] for name in asking}
    sizes: dict[str, tuple[float, float] | None] = {}
    with socket.create_server(("127.0.0.1", 0)) as door:
        with answering(door):
            for _ in range(options.runs + 1):
                for name, words in asking.items():
                    times[name].append(took(door, words))
        for name, words in asking.items():
            sizes[name] = None if "pass" in name else ask(door, words)
    print("| | ms | resident KiB | own KiB |\n|---|---:|---:|---:|")
    for name, taken in times.items():  # the first of which has compiled what had changed
        memory = sizes[name]
        figures = (f"{size:,.0f}" for size in memory) if memory else ("", "")
        print(f"| {name} | {statistics.median(taken[1:]):.1f} | {' | '.join(figures)} |")
    machine = f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    print(f"\n{machine}; medians of {options.runs}, in turns.")


if __name__ == "__main__":
    main()
