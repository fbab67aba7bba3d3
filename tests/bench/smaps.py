"""How much memory a process has mapped, as the kernel adds it up."""

from pathlib import Path


def rollup(pid: int) -> dict[str, int]:
    """What /proc/PID/smaps_rollup (proc(5)) says, by its names: KiB.

    What a process has to itself is "Private_Dirty": what is clean is the page cache's, whoever else has it mapped or has not.
    """
    table = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in table}
