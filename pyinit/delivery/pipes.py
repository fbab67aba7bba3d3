"""PURE. Who reads what another one writes: gone before it, the other's last lines would be lost (SIGPIPE)."""

from pyinit.delivery.kinds import AGAIN, BUSY, HANDLER, WRAPPER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pyinit.delivery.scene import Scene
    from pyinit.delivery.tree import Tree
    from pyinit.kernel.processes import Look


def read_by(pid: int, scene: "Scene") -> str:
    """The pipe that a process reads; nothing where its stdin is none, or comes from outside, as ours does."""
    stdin = scene.look.reads_from(pid)
    return stdin if stdin.startswith("pipe:") and stdin != scene.look.reads_from(scene.place.own_pid) else ""


def written_by(pid: int, look: "Look") -> list[str]:
    """The pipes that a process writes to. Who writes to /dev/null is read by nobody, though somebody reads that, too."""
    return [output for output in look.writes_to(pid) if output.startswith("pipe:")]


def readers(tree: "Tree") -> dict[int, int]:
    """Who reads the output of one who works, and of whom."""
    working = [pid for pid in tree.kinds if tree.first[pid]]
    if len(working) < 2:  # noqa: PLR2004 - it takes two
        return {}
    stdins = {pid: tree.scene.look.reads_from(pid) for pid, kind in tree.kinds.items() if kind in (HANDLER, BUSY)}
    wanted = {stdin for stdin in stdins.values() if stdin.startswith("pipe:")}
    if not wanted:
        return {}
    found = {}
    writers = writers_to(wanted, working, tree)
    place, end = tree.spans()
    for pid, stdin in stdins.items():
        # What a script reads from below itself (`while read ...; done < <(app)`) is told together with it.
        outside = (one for one in writers.get(stdin, ()) if not place[pid] <= place[one] <= end[pid])
        writer = next(outside, 0)
        if writer:
            found[pid] = writer
    if all(pid in found for pid, kind in tree.kinds.items() if kind not in (WRAPPER, AGAIN)):
        return {}  # each reads from another: somebody has to begin
    return found


def writers_to(wanted: "Collection[str]", working: "Iterable[int]", tree: "Tree") -> dict[str, list[int]]:
    """Who of those who work writes to each of these pipes: directly, or through one who would merely die (`| tee |`)."""
    look = tree.scene.look
    writers: dict[str, list[int]] = {}
    for pid in working:
        for pipe in written_by(pid, look):
            writers.setdefault(pipe, []).append(pid)
    if all(pipe in writers for pipe in wanted):
        return writers
    relays: dict[str, list[int]] = {}
    for pid, kind in tree.kinds.items():
        if kind == WRAPPER and not tree.first[pid]:
            relays.setdefault(look.reads_from(pid), []).append(pid)
    waiting = [pipe for pipe in writers if pipe in relays]
    while waiting:
        source = waiting.pop()
        for pid in relays.pop(source, ()):
            for pipe in written_by(pid, look):
                writers.setdefault(pipe, []).extend(writers[source] if pipe != source else ())
                if pipe in relays:
                    waiting.append(pipe)
    return writers
