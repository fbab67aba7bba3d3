"""Where the instructions and kilobytes of the static binary go: `python -m tests.bench.profile`.

Time as instructions by callgrind, which are the same in each run whatever else the machine does; memory by the kernel's own
account of a pyinit at rest. Needs Debian, as root; valgrind.
"""

import collections
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.stage import Pid1
from tests.namespace import ROOT
from tests.waiting import wait_until

BUILD = ROOT / "docker" / "static" / "build.sh"

#: What was made at build time.
OF_SNAPSHOT = "the snapshot, as far as it was written to"

#: Options with which Python decides before the command is started.
WITH_OPTION = ("--log-level", "info", "--")

#: So many signals, fewer and more: what is done for the first ones alone is in both.
SIGNALS = (40, 140)


def build(folder: Path, **environment: str) -> Path:
    """Build the binary for this machine's architecture."""
    architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(
        [str(BUILD), architecture, str(folder)], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    return folder / f"pyinit-linux-{architecture}"


def callgrind(words: Sequence[str], folder: Path, *options: str, command: Sequence[str] = ("/bin/true",)) -> Path:
    """Run an init with a command that ends at once, under callgrind as PID 1; the file with the counts."""
    counts = folder / "callgrind"
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", *options, *words, *command]
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    subprocess.run([*unshare, *valgrind], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    return counts


def total(counts: Path) -> float:
    """Millions of instructions in a file of callgrind's."""
    return int(re.findall(r"^(?:summary|totals): (\d+)", counts.read_text(), re.MULTILINE)[0]) / 1e6


def per_signal(words: Sequence[str], folder: Path, command: Callable[[int], Sequence[str]]) -> float:
    """Instructions of an init for each SIGUSR1 more, in thousands; `command` gives one that asks for so many."""
    few, many = (total(callgrind(words, folder, command=command(signals))) for signals in SIGNALS)
    return (many - few) * 1e3 / (SIGNALS[1] - SIGNALS[0])


def regions(binary: Path) -> dict[str, int]:
    """KiB of private memory at rest, by what the region is."""
    with Pid1([str(binary), "--", "sleep", "86400"]) as pid1:
        wchan = Path(f"/proc/{pid1.pid}/wchan")
        wait_until(lambda: "sigtimedwait" in wchan.read_text(), "an init at rest")
        text = Path(f"/proc/{pid1.pid}/smaps").read_text()
    names = {"[heap]": "C heap: new objects above 1 KiB", "[stack]": "stack", "": "new objects"}
    found: dict[str, int] = collections.defaultdict(int)
    for head, body in re.findall(r"^([0-9a-f]+-[0-9a-f]+ .*)\n((?:\w+:.*\n)+)", text, re.MULTILINE):
        path = (head.split(maxsplit=5)[5:] or [""])[0].strip()
        [anonymous] = re.findall(r"^Anonymous: +(\d+)", body, re.MULTILINE)
        is_file = path.endswith(binary.resolve().name)
        found[
            "of the snapshot: what was made at build time, and was written to since" if is_file else names.get(path, path)
        ] += int(anonymous)
    return {name: size for name, size in found.items() if size}


def profile(folder: Path) -> None:
    """Print where they go."""
    binary = build(folder, STRIP="--strip-debug")
    called = folder / "pyinit"  # by its own name
    called.symlink_to(binary)
    plain, decided = (str(called), "--"), (str(called), *WITH_OPTION)
    counts = callgrind(plain, folder)
    rows = {
        "the whole life of `pyinit -- true`": total(counts),
        "of it until C starts the command": total(callgrind(plain, folder, "--dump-before=posix_spawnp").with_suffix(".1")),
        "with an option: until Python starts the command": total(
            callgrind(decided, folder, "--dump-before=os_posix_spawn").with_suffix(".1")
        ),
    }
    print("| what | million instructions |", "|---|---:|", sep="\n")
    for name, count in rows.items():
        print(f"| {name} | {count:.2f} |")
    print("", "| private memory at rest | KiB |", "|---|---:|", sep="\n")
    found = regions(binary)
    for name, size in sorted(found.items(), key=lambda item: -item[1]):
        print(f"| {name} | {size} |")
    print(f"| all | {sum(found.values())} |")


def main() -> None:
    """Profile."""
    with tempfile.TemporaryDirectory() as name:
        profile(Path(name))


if __name__ == "__main__":
    main()
