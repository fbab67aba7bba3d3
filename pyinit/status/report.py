"""PURE. The document that --status --json prints and that the text is made from: what was seen, and what it means.

Who would be told, held back and waited for is decided by the same code as in a stop, delivery.plan. Times are seconds.
"""

from pyinit.delivery import BELONGS, DEAF, DENIED, HELD, IN_GROUP, LEFT, LOOKS, READS, Request, plan
from pyinit.delivery.scene import Place
from pyinit.kernel import signals
from pyinit.kernel.processes import below_us
from pyinit.kernel.signals import signal
from pyinit.record import Record
from pyinit.settings.config import GROUP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.kernel.processes import Look, Process
    from pyinit.page import State

# What a process does about the stop signal.
HANDLES, DIES, IGNORES = "handles", "dies", "ignores"

# What happens to it at a stop, besides what delivery has words for.
IN_SWEEP, NOT_TOLD, OWN = "in the sweep", "not told", "pyinit"


class Detail(Record):
    """What is told of a process besides what decides its fate. None where it is not known."""

    command: str
    user: int | None = None
    memory_kib: int | None = None  # resident
    private_kib: int | None = None  # of that, unshared: by psutil alone
    cpu_percent: float | None = None  # over its life


class Port(Record):
    """A TCP port that is listened on; `idle` is the age of the last inbound data."""

    port: int
    connections: int
    waiting: int
    idle: float | None


class Seen(Record):
    """All that was gathered. `look` tells more of single processes; `problem` is why there is no `state`."""

    now: float
    pid: int  # of pyinit, 0: none
    state: "State | None"
    problem: str
    processes: "Mapping[int, Process] | None"
    details: "Mapping[int, Detail]"
    look: "Look"
    ports: tuple[Port, ...] | None
    is_shared: bool  # on the host's network
    others: tuple[int, ...]  # further pyinits


def document(seen: Seen) -> dict[str, object]:
    """The document."""
    state = seen.state
    signum = int(signal.SIGTERM) if state is None else state.stop_signal
    table = {} if seen.processes is None else dict(seen.processes)
    fates, stop = ({}, None) if state is None or seen.processes is None else _fates(seen, state, table)
    return {
        "pyinit": None if state is None else _of_pyinit(seen, state),
        "readiness": None if state is None else _readiness(seen, state),
        "problem": seen.problem or None,
        "stop": stop,
        "processes": None
        if seen.processes is None
        else [_of_process(process, signum, fates, seen, depth) for process, depth in tree(table, seen.pid)],
        "assumed": not seen.look.sees_masks,
        "ports": None if seen.ports is None else [dict(vars(port)) for port in seen.ports],
        "host_network": seen.is_shared,
        "other_pyinits": list(seen.others),
    }


def _since(seen: Seen, time: float | None) -> float | None:
    return None if time is None else max(0.0, seen.now - time)


def _of_pyinit(seen: Seen, state: "State") -> dict[str, object]:
    return {
        "pid": seen.pid,
        "version": state.version,
        "phase": state.phase,
        "phase_seconds": _since(seen, state.phase_since),
        "uptime": _since(seen, state.started_at),
        "stop_requested_seconds": _since(seen, state.requested_at),
        "command": state.command,
        "command_status": state.status,
        "forward": state.forward,
        "orphans_reaped": state.orphans,
        "health_helper": state.health or None,
    }


def _readiness(seen: Seen, state: "State") -> dict[str, object]:
    return {
        "state": state.readiness,
        "seconds": _since(seen, state.readiness_since),
        "first_ready_seconds": _since(seen, state.first_ready_at),
        "reason": state.reason or None,
        "notify_status": state.notify_status or None,
    }


def _fates(seen: Seen, state: "State", table: "dict[int, Process]") -> tuple[dict[int, str], dict[str, object]]:
    """What would happen to each process at a stop right now, and the same as lists."""
    others = {pid: process for pid, process in table.items() if pid not in (seen.pid, state.health)}
    scope = IN_GROUP if state.status is None else LEFT
    # There is one look here, so what it finds counts, as the last one does at a stop.
    request = Request(state.stop_signal, scope, True, bool(state.by_program), looks=LOOKS)
    found = plan.plan(request, others, seen.look, Place(seen.pid, state.command, state.forward or GROUP))
    below = {process.pid for process in below_us(others, seen.pid)}
    fates = {pid: IN_SWEEP if pid in below else NOT_TOLD for pid in table}
    fates |= dict.fromkeys((pid for pid in (seen.pid, state.health) if pid in table), OWN)
    fates |= {pid: said(*fate) for pid, fate in found.fates.items()}

    def those(*words: str) -> list[int]:
        return sorted(pid for pid, (fate, _) in found.fates.items() if fate in words)

    return fates, {
        "signal": signals.name(state.stop_signal),
        "signalled": sorted(found.now),
        "signals": {str(pid): signals.name(signum) for pid, signum in sorted(found.now.items())},
        "reasons": {str(pid): reason for pid, reason in sorted(found.reasons.items())},
        "held_back": those(HELD, READS),
        "until_gone": sorted(found.working),
        "left_to_others": those(BELONGS),
        "ignored_by": those(DEAF, DENIED),
        "in_sweep": sorted(pid for pid, fate in fates.items() if fate == IN_SWEEP),
        "waited_for": sorted(below),
    }


def said(fate: str, other: int) -> str:
    """What happens to a process, in words: "belongs to 7", "held back until 9 has gone"."""
    if fate == HELD:
        return f"{fate} {other} has gone"
    return f"{fate} {other}" if fate in (BELONGS, READS) else fate


def disposition(process: "Process", signum: int, look: "Look") -> str:
    """What a process would do about a signal."""
    if plan.is_deaf(process, signum):
        return IGNORES
    is_handler = process.catches(signum) or process.blocks(signum) or "sigtimedwait" in look.sleeps_in(process.pid)
    return HANDLES if is_handler else DIES


def tree(table: "Mapping[int, Process]", first: int) -> "list[tuple[Process, int]]":
    """The processes as a tree, each with its depth: first the one that is named, then others whose parent is not there."""
    children: dict[int, list[int]] = {}
    for pid, process in sorted(table.items()):
        children.setdefault(process.parent, []).append(pid)
    roots = sorted((pid for pid, process in table.items() if process.parent not in table), key=lambda pid: (pid != first, pid))
    waiting = [(pid, 0) for pid in reversed(roots)]
    found: dict[int, int] = {}
    while waiting:
        pid, depth = waiting.pop()
        if pid not in found:
            found[pid] = depth
            waiting += [(child, depth + 1) for child in reversed(children.get(pid, []))]
    # A loop of parents, which a table that was read while PIDs were reused may show, has no root.
    return [(table[pid], depth) for pid, depth in [*found.items(), *((pid, 0) for pid in table if pid not in found)]]


def _of_process(process: "Process", signum: int, fates: dict[int, str], seen: Seen, depth: int) -> dict[str, object]:
    detail = seen.details.get(process.pid, Detail(process.name))
    return {
        "pid": process.pid,
        "parent": process.parent,
        "depth": depth,
        "name": process.name,
        "command": detail.command,
        "disposition": None if process.pid == seen.pid else disposition(process, signum, seen.look),
        "at_stop": fates.get(process.pid),
        "stopped": process.is_stopped,
        "user": detail.user,
        "memory_kib": detail.memory_kib,
        "private_kib": detail.private_kib,
        "cpu_percent": detail.cpu_percent,
    }
