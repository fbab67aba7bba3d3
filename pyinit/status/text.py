"""PURE. The document of report.py for people: plain lines, or with colours."""

from pyinit.delivery import BELONGS, DEAF, HELD, READS, TOLD
from pyinit.log import printable, seconds
from pyinit.status.report import DIES, HANDLES, IGNORES, IN_SWEEP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: How many processes a line names.
NAMED = 8

COLOURS = {
    HANDLES: "32", TOLD: "32", DIES: "33", HELD: "33", READS: "33", IGNORES: "31", DEAF: "31", IN_SWEEP: "36", BELONGS: "36",
    "running": "32", "ready": "32", "pre-stop": "33", "waiting": "33", "stopping": "33", "sweeping": "33", "unready": "31",
    "fallen": "31", "killing": "31",
}  # fmt: skip


def lasting(value: float) -> str:
    """A time for people: "1.5s", "3m20s", "5h10m", "2d4h"."""
    minutes, hours = int(value) // 60, int(value) // 3600
    if not minutes:
        return seconds(value)
    if not hours:
        return f"{minutes}m{int(value) % 60}s"
    return f"{hours}h{minutes % 60}m" if hours < 24 else f"{hours // 24}d{hours % 24}h"  # noqa: PLR2004 - of a day


class Painter:
    """Paints words, or leaves them plain; cuts lines to a width, if there is one."""

    def __init__(self, is_coloured: bool, width: int | None) -> None:
        self._is_coloured = is_coloured
        self.width = width

    def paint(self, word: str, shown: str | None = None) -> str:
        """A word in its colour; `shown` is what stands in its place, filled up with blanks perhaps."""
        text = printable(word) if shown is None else shown
        colour = COLOURS.get(word) or next((COLOURS[one] for one in (HELD, READS, BELONGS) if word.startswith(one)), None)
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured and colour else text

    def cut(self, text: str, used: int) -> str:
        """What fits on a line of which so many columns are in use."""
        return text if self.width is None else text[: max(8, self.width - used)]


def render(document: "dict[str, Any]", painter: Painter) -> str:
    """All lines."""
    lines = []
    if document["pyinit"]:
        lines += _heading(document, painter)
    if document["other_pyinits"]:
        lines.append(f"another pyinit: {', '.join(map(str, document['other_pyinits']))}")
    if document["processes"] is None:
        lines += ["", "/proc does not tell of processes here: all would be signalled at once"]
    else:
        lines += _stop(document)
        if document["assumed"]:
            lines.append("/proc does not tell what processes do about signals: that is assumed")
        lines += ["", *_processes(document["processes"], painter)]
    return "\n".join([*lines, "", *_ports(document)]).strip("\n") + "\n"


def _heading(document: "dict[str, Any]", painter: Painter) -> list[str]:
    ours, readiness = document["pyinit"], document["readiness"]
    phase = f"{painter.paint(ours['phase'])} for {lasting(ours['phase_seconds'])}"
    up = f", up {lasting(ours['uptime'])}"
    lines = [f"pyinit {printable(ours['version'])}, pid {ours['pid']}: {phase}{up}"]
    if ours["stop_requested_seconds"] is not None:
        lines.append(f"stop requested: {lasting(ours['stop_requested_seconds'])} ago")
    status = "" if ours["command_status"] is None else f", exited with status {ours['command_status']}"
    helper = f"; health helper: {ours['health_helper']}" if ours["health_helper"] else ""
    lines.append(f"command: {ours['command']}{status}; orphans reaped: {ours['orphans_reaped']}{helper}")
    if readiness["state"] == "unasked":
        lines.append("readiness: not asked for (--ready)")
    else:
        since = "" if readiness["seconds"] is None else f" for {lasting(readiness['seconds'])}"
        reason = f": {printable(readiness['reason'])}" if readiness["reason"] else ""
        lines.append(f"readiness: {painter.paint(readiness['state'])}{since}{reason}")
    if readiness["notify_status"]:
        lines.append(f"it says: {printable(readiness['notify_status'])}")
    return lines


def _named(pids: list[int], names: dict[int, str]) -> str:
    shown = [f"{pid} ({names.get(pid, '?')})" for pid in pids[:NAMED]]
    return ", ".join(shown) + (f" and {len(pids) - NAMED} more" if len(pids) > NAMED else "")


def _stop(document: "dict[str, Any]") -> list[str]:
    """As the log tells of a stop, in the conditional."""
    stop = document["stop"]
    if stop is None:
        return []
    names = {process["pid"]: printable(process["name"]) for process in document["processes"]}
    parts = []
    for signum in sorted(set(stop["signals"].values()), key=lambda name: name != stop["signal"]):
        pids = [int(pid) for pid, name in stop["signals"].items() if name == signum]
        reason = next((f", {stop['reasons'][str(pid)]}" for pid in pids if str(pid) in stop["reasons"]), "")
        parts.append(f"{signum} to {_named(pids, names)}{reason}")
    parts = parts or [f"{stop['signal']} to nobody"]
    if stop["held_back"]:
        parts.append(f"held back: {_named(stop['held_back'], names)}, until {_named(stop['until_gone'], names)} has gone")
    if stop["left_to_others"]:
        parts.append(f"left to those above: {_named(stop['left_to_others'], names)}")
    if stop["ignored_by"]:
        parts.append(f"ignored by {_named(stop['ignored_by'], names)}")
    if stop["in_sweep"]:
        parts.append(f"in the sweep: {_named(stop['in_sweep'], names)}")
    return [f"a stop now: {'; '.join(parts)}", f"waited for: {_named(stop['waited_for'], names) or 'nobody'}"]


def _processes(processes: "list[dict[str, Any]]", painter: Painter) -> list[str]:
    has_more = any(process["private_kib"] is not None for process in processes)
    more = "PRIVATE " if has_more else ""
    width = max([12, *(len(process["at_stop"] or "") for process in processes)])
    lines = [f"{'PID':>7} {'USER':>6} {'MEM KiB':>8} {more}  %CPU {'SIGNAL':<8} {'AT A STOP':<{width}} COMMAND"]
    for process in processes:
        user, memory, cpu = (_or_blank(process[key]) for key in ("user", "memory_kib", "cpu_percent"))
        private = f"{_or_blank(process['private_kib']):>7} " if has_more else ""
        head = f"{process['pid']:>7} {user:>6} {memory:>8} {private}{cpu:>6} "
        does, fate = process["disposition"] or "", process["at_stop"] or ""
        branch = "  " * process["depth"]
        command = painter.cut(
            branch + printable(process["command"]) + (" (stopped)" if process["stopped"] else ""), len(head) + width + 10
        )
        lines.append(f"{head}{painter.paint(does, f'{does:<8}')} {painter.paint(fate, f'{fate:<{width}}')} {command}".rstrip())
    return lines


def _or_blank(value: object) -> str:
    return "" if value is None else str(value)


def _ports(document: "dict[str, Any]") -> list[str]:
    if document["ports"] is None:
        return ["the sockets cannot be seen here"]
    if not document["ports"]:
        return ["nobody listens on a TCP port"]
    lines = ["   PORT CONNECTIONS WAITING LAST DATA"]
    for port in document["ports"]:
        idle = "" if port["idle"] is None else f"{lasting(port['idle'])} ago"
        lines.append(f"{port['port']:>7} {port['connections']:>11} {port['waiting']:>7} {idle}".rstrip())
    return [*lines, *(["on the host's network: these are not ours alone"] if document["host_network"] else [])]
