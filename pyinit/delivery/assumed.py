"""PURE. What is assumed of processes where the kernel does not tell what they do about signals, as gVisor does not.

There /proc has the tree, the names, the command lines and the open files, and no masks. So a program is taken to handle all
signals, and a shell those for which the text of its script sets a trap: then all is as if each wrapper had used exec. What
programs.py knows of wrappers, and of those who only wait, holds as well.
"""

from pyinit.delivery import programs, traps
from pyinit.kernel import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.kernel.processes import Look, Process

#: A mask of all signals.
ALL = (1 << 64) - 1


def seen(table: "dict[int, Process]", look: "Look") -> "dict[int, Process]":
    """The processes with what is assumed of them, where processes.tells_masks() is false; so is `look.sees_masks` then."""
    look.sees_masks = False
    return {pid: process.but(caught=_caught(process, look)) for pid, process in table.items()}


def _caught(process: "Process", look: "Look") -> int:
    if look.is_shell(process.pid, process.name):
        text = look.script(process.pid)
        return sum(1 << signum - 1 for signum in range(1, processes.LAST_IN_STAT + 1) if traps.traps(text, signum))
    return 0 if programs.name_of(process.name, look.words(process.pid)) in programs.ONLY_WAITING else ALL
