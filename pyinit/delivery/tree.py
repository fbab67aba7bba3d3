"""PURE. The walk through all who are in reach of a request: down, what each is; and up, who holds others up."""

from pyinit.delivery import IN_GROUP, LEFT
from pyinit.delivery.jobs import INT, Jobs
from pyinit.delivery.kinds import AGAIN, BLURRED, BUSY, CATCHES_ALL, HANDLER, NEW, OLD, WRAPPER, Kinds
from pyinit.kernel.processes import below

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from pyinit.delivery.scene import Scene
    from pyinit.kernel.processes import Process


class Tree:
    """Those who are in reach of a request, once they were visited.

    `top` is where the way down begins: those who are told first, and those who come after them. `kinds` is what each that was
    visited is, in the order of that way; `known` tells what else there is to know of it. `jobs` are the foreground and the
    background of whoever is open: what is below it counts. `beyond` are background jobs that have left the group. `first` is by
    PID who has others held back: it itself, or one below it; 0: nobody.
    """

    def __init__(self, scene: "Scene") -> None:
        self.scene = scene
        self.known = Kinds(scene, Jobs(scene))
        self.top: tuple[list[int], list[int]] = ([], [])
        self.kinds: dict[int, str] = {}
        self.jobs: dict[int, tuple[list[int], list[int]]] = {}
        self.beyond: list[int] = []
        self.first: dict[int, int] = {}

    def roots(self) -> tuple[list[int], list[int]]:
        """The `top`."""
        scene = self.scene
        request, processes, own, command = scene.request, scene.processes, scene.place.own_pid, scene.place.command
        if request.scope == LEFT or request.is_last_call:
            return [pid for pid in scene.children.get(own, ()) if processes[pid].group != request.spared], []
        orphans = [pid for pid in scene.children.get(own, ()) if processes[pid].group == command and pid != command]
        return ([command] if command in processes else []), orphans

    def go_down(self) -> None:
        """Visit all who are in reach, parents before their children."""
        scene = self.scene
        foreground, background = self.top = self.roots()
        waiting = [*foreground, *background][::-1]
        while waiting:
            pid = waiting.pop()
            if pid in self.kinds:
                continue  # a loop of parents
            process = scene.processes[pid]
            kind = self.kinds[pid] = self.known.of(process)
            if kind == WRAPPER and pid not in scene.children:
                continue  # one of thousands, as a rule
            if kind in (WRAPPER, BUSY, CATCHES_ALL) or (scene.is_deep and kind in (HANDLER, OLD)):
                foreground, background = self.jobs[pid] = self.jobs_in_reach(process, kind)
                waiting += (background + foreground)[::-1]

    def jobs_in_reach(self, process: "Process", kind: str) -> tuple[list[int], list[int]]:
        """The foreground and the background of a process, as far as they are addressed with it."""
        scene = self.scene
        foreground, background = self.known.jobs.of(process)
        if scene.request.scope == IN_GROUP and not scene.request.is_last_call:
            # One that a script has put in the background and that has left the group comes after all others.
            has_left = {child for child in background if not self.stays_in_reach(child, process)}
            self.beyond += has_left
            background = [child for child in background if child not in has_left]
            if scene.is_deep:
                foreground = [child for child in foreground if self.stays_in_reach(child, process)]
            if scene.is_deep and kind in (HANDLER, OLD):
                foreground = [child for child in foreground if scene.processes[child].group == scene.place.command]
        return foreground, background

    def stays_in_reach(self, pid: int, parent: "Process") -> bool:
        """Whether a background job is addressed with the group: it has not left that of its shell, or may be none."""
        child = self.scene.processes[pid]
        has_left = child.group not in (self.scene.place.command, parent.group)
        return not (has_left and child.ignored & ~parent.ignored & 1 << INT - 1)

    def go_up(self, readers: "Container[int]" = ()) -> None:
        """Find for each that was visited who below it, or it itself, has others held back; not so who reads from another."""
        first = self.first
        for pid in list(self.kinds)[::-1]:
            if pid not in self.kinds:
                continue  # it belongs to one that turned out to be a handler
            kind = self.kinds[pid]
            foreground, background = self.jobs.get(pid, ((), ()))
            inside = next((first[child] for child in (*foreground, *background) if first.get(child)), 0)
            if kind == CATCHES_ALL:
                kind = self.kinds[pid] = WRAPPER if inside else HANDLER
                if not inside:
                    del self.jobs[pid]
                    for child in below([pid], self.scene.children):
                        self.kinds.pop(child, None)  # it belongs to somebody after all
            if pid in readers:
                first[pid] = 0
            elif kind in (HANDLER, OLD, NEW, BLURRED):
                first[pid] = pid
            elif kind == BUSY:
                first[pid] = next((first[child] for child in foreground if first.get(child)), 0) or pid
            else:
                first[pid] = 0 if kind == AGAIN else inside

    def spans(self) -> tuple[dict[int, int], dict[int, int]]:
        """The place of each on the way down, and the last place of those below it."""
        place = {pid: number for number, pid in enumerate(self.kinds)}
        end: dict[int, int] = {}
        for pid in reversed(place):
            end[pid] = max(
                (end[child] for jobs in self.jobs.get(pid, ()) for child in jobs if child in end), default=place[pid]
            )
        return place, end
