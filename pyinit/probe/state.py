"""Reading the state page of page.py: bytes back to a State, and where to find them. Not for PID 1."""

import errno
import posix

from pyinit.kernel import system
from pyinit.page import BEGIN, END, SIZE, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What the link to the page says. The kernel makes it, so no other kind of file looks like that.
LINK = "/memfd:pyinit (deleted)"

#: Of the mode of a link in /proc/PID/fd.
OPEN_FOR_WRITING = 0o200

#: The types of the fields that are no texts.
NUMBERS: "dict[str, Callable[[str], float]]" = {
    **dict.fromkeys(("phase_since", "started_at", "requested_at", "readiness_since", "first_ready_at"), float),
    **dict.fromkeys(("command", "status", "stop_signal", "orphans", "health", "by_program"), int),
}

#: How often, and seconds in between, a page is read that is being written.
ATTEMPTS, PAUSE = 200, 0.005

#: Ticks for which a pyinit may have no page yet: the command has begun before it (docker/static/plain.c).
BEGINNING = 50

#: Field of /proc/PID/stat behind the name, counted from 0: when it started, in ticks.
STARTED = 19


def from_bytes(data: bytes) -> State | None:
    """PURE. The State that a page tells of; None where it is not whole: empty, read while it was written, or another format."""
    head, _, rest = data.decode("utf-8", "replace").partition("\n")
    body, mark, tail = rest.rpartition(f"{END} ")
    first = head.removeprefix(f"{BEGIN} ")
    if head == first or not mark or tail.rstrip("\n") != first or not body.endswith("\n"):
        return None
    fields: dict[str, object] = {}
    try:
        for line in body.split("\n"):
            key, tab, value = line.partition("\t")
            if tab and key in State.__match_args__:
                fields[key] = NUMBERS[key](value) if key in NUMBERS else _text(value)
    except (ValueError, OverflowError):
        return None
    return State(**fields)  # type: ignore[arg-type]  # fields of State, each of its type


def _text(value: str) -> str:
    return "\\".join(part.replace("\\n", "\n") for part in value.split("\\\\"))


def read(descriptor: int) -> State | None:
    """The State on the page behind a descriptor; None where it tells of none for a whole second. Raises OSError."""
    for attempt in range(ATTEMPTS):
        state = from_bytes(posix.pread(descriptor, SIZE, 0))
        if state is not None:
            return state
        if attempt:  # the first one may just have met the writer
            system.nap(PAUSE)
    return None


def open_of(pid: int) -> int | None:
    """A descriptor of a process's page, None where it has none. Raises OSError where we may not know."""
    folder = f"/proc/{pid}/fd"
    for entry in posix.listdir(folder):
        try:
            is_page = posix.readlink(f"{folder}/{entry}") == LINK
            # Whoever reads it just now has it, too: the link's own mode tells that it is open for reading alone (proc(5)).
            if is_page and posix.lstat(f"{folder}/{entry}").st_mode & OPEN_FOR_WRITING:
                return posix.open(f"{folder}/{entry}", posix.O_RDONLY | posix.O_CLOEXEC)
        except FileNotFoundError:
            pass  # closed since it was listed
    return None


def _of_several(pids: "list[int]") -> "Iterator[tuple[int, int]]":
    """PID and a descriptor of its page, of each that has one that we may see; not ours, which is somebody's page to read."""
    for pid in sorted({*pids} - {posix.getpid()}):
        try:
            descriptor = open_of(pid)
        except OSError:
            continue  # EACCES: another user's. ENOENT: gone
        if descriptor is not None:
            yield pid, descriptor


def _topmost() -> int:
    """The PID of the topmost process with a page (the helper that it has forked has it too), or 0.

    Where there are several that are not below one another, one with our own files comes first: containers may share their
    PIDs. Then that with the lowest PID.
    """
    found = all_with_one()
    topmost = []
    for pid in found:
        above, seen = parent_of(pid), {pid}
        while above and above not in seen and above not in found:
            seen.add(above)
            above = parent_of(above)
        if above not in found:
            topmost.append(pid)
    return min(topmost, key=lambda pid: (not has_our_files(pid), pid), default=0)


def has_our_files(pid: int) -> bool:
    """Whether a process is in the same container as we, as far as we may know: in the same mount namespace."""
    try:
        return posix.readlink(f"/proc/{pid}/ns/mnt") == posix.readlink("/proc/self/ns/mnt")
    except OSError:
        return True


def parent_of(pid: int) -> int:
    """The parent of a process; 0 where there is none that we could know."""
    fields = system.read_file(f"/proc/{pid}/stat").rpartition(b") ")[2].split()
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0


class NotFoundError(Exception):
    """There is no state page that could be read; the message says why, in one line."""


def _no_right(pid: int) -> str:
    theirs, ours = user_of(pid), posix.getuid()
    if theirs == ours:
        return f"no right to look at pid {pid}, which has more capabilities than we"
    return f"no right to look at pid {pid}, which runs as uid {theirs}, and this as uid {ours}: try docker exec --user {theirs}"


def _begins(pid: int) -> bool:
    """Whether a process is the same program as this one, and has just been started: then its page is to come."""
    fields = system.read_file(f"/proc/{pid}/stat").rpartition(b") ")[2].split()
    is_ours = pid != system.getpid() and system.read_link(f"/proc/{pid}/exe") == system.read_link("/proc/self/exe")
    return is_ours and len(fields) > STARTED and system.ticks() - int(fields[STARTED]) < BEGINNING


def user_of(pid: int) -> int:
    """The user that a process runs as; -1 where it cannot be known."""
    at = (status := system.read_file(f"/proc/{pid}/status")).find(b"\nUid:")
    return int(status[at + 5 :].split()[0]) if at >= 0 else -1


def all_with_one() -> list[int]:
    """The PIDs of all who have a state page that we may see: every pyinit, and their health helpers."""
    found = dict(_of_several(system.list_processes()))
    for descriptor in found.values():
        system.close(descriptor)
    return list(found)


def find(pid: int | None = None) -> tuple[int, State]:
    """The PID of the pyinit of this container, and its State: PID 1 if that is one, else the topmost that is found.

    Where PID 1 has just been started, its page is waited for. Raises NotFoundError.
    """
    if not system.list_processes():
        raise NotFoundError("there is no /proc of this PID namespace, so pyinit's state cannot be read")
    why = "no process here is a pyinit that has a state page"
    chosen = pid or 1
    if pid is None and not has_our_files(1):
        chosen = _topmost() or 1  # PIDs are shared, and PID 1 is that of another container
    descriptor = None
    try:
        descriptor = open_of(chosen)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            why = _no_right(chosen)
    try:
        if descriptor is None and pid is None:
            chosen = _topmost()
            descriptor = open_of(chosen) if chosen else None
        while descriptor is None and pid is None and _begins(1):
            system.nap(PAUSE)
            chosen, descriptor = 1, open_of(1)
        if descriptor is None:
            raise NotFoundError(why)
        state = read(descriptor)
    except OSError:
        raise NotFoundError(why) from None  # it has just ended
    finally:
        if descriptor is not None:
            system.close(descriptor)
    if state is None:
        raise NotFoundError(f"pid {chosen} has a state page that cannot be understood: is it of another version?")
    return chosen, state
