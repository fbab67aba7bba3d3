"""What modules of the standard library would cost PID 1: `python -m tests.bench.imports [--python PATH]`.

Each is imported alone in a fresh isolated interpreter; medians over several. Prints a Markdown table.
"""

import argparse
import statistics
import subprocess
import sys

MODULES = (
    *("time", "errno", "select", "os", "struct", "collections", "functools", "ctypes", "contextlib", "enum", "signal"),
    *("re", "shlex", "socket", "argparse", "typing", "pathlib", "subprocess", "json", "logging", "dataclasses"),
)

#: Prints the milliseconds that an import took, and the KiB of private memory that it added.
PROGRAM = """
import time
def private():
    with open("/proc/self/smaps_rollup") as table:
        return sum(int(line.split()[1]) for line in table if line.startswith("Private"))
private()  # what measuring itself takes is taken here
before, start = private(), time.perf_counter()
import MODULE
print((time.perf_counter() - start) * 1000, private() - before)
"""


def cost(python: str, module: str, runs: int) -> tuple[float, float]:
    """Milliseconds and private KiB of an import, medians."""
    outputs = [
        subprocess.run(
            [python, "-IS", "-c", PROGRAM.replace("MODULE", module)], check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(runs)
    ]
    times, sizes = zip(*((float(time), float(size)) for time, size in outputs), strict=True)
    return statistics.median(times), statistics.median(sizes)


def main() -> None:
    """Print the table, cheapest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    costs = {module: cost(options.python, module, options.runs) for module in MODULES}
    print("| import | ms | private KiB |\n|---|---:|---:|")
    for module, (milliseconds, size) in sorted(costs.items(), key=lambda item: item[1]):
        print(f"| `{module}` | {milliseconds:.1f} | {size:.0f} |")


if __name__ == "__main__":
    main()
