"""PURE. What comes of a choice: the plan as others are to have it, and what the next round has to know."""

from pyinit.delivery import (
    DEAF,
    DRAINS,
    FINISHES,
    HELD,
    IN_GROUP,
    LEFT,
    LEFT_TO,
    MAY_FINISH,
    READS,
    TOLD,
    UNSURE,
    Plan,
)
from pyinit.delivery.kinds import BLURRED, WRAPPER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.delivery import Request
    from pyinit.delivery.tree import Tree


def acts(pid: int, fates: "Mapping[int, tuple[str, int]]") -> bool:
    """Whether one who was visited is told, works, or is looked at again in this round."""
    return pid in fates and fates[pid][0] in (TOLD, FINISHES, MAY_FINISH, LEFT_TO, UNSURE)


class Outcome:
    """`now` and `fates` are as in Plan, for a tree."""

    def __init__(self, tree: "Tree", now: dict[int, int], fates: "Mapping[int, tuple[str, int]]") -> None:
        self.tree = tree
        self.scene = tree.scene
        self.now = now
        self.fates = fates
        self.pids: dict[str, list[int]] = {}  # by what happens to them
        for pid, (fate, _) in fates.items():
            self.pids.setdefault(fate, []).append(pid)

    def plan(self, working: frozenset[int], belonging: list[int]) -> Plan:
        """The plan: `working` hold up those who are held back, `belonging` are left to somebody above."""
        request, processes, now = self.scene.request, self.scene.processes, self.now
        held, unsure = self.those(HELD, READS), self.those(UNSURE)
        spared = self.those(MAY_FINISH, LEFT_TO)
        resume = tuple(pid for pid in self.fates if processes[pid].is_stopped) if request.is_stop else ()
        reasons = {pid: reason for pid, reason in self.tree.known.reasons.items() if pid in now}
        is_whole = not held and not unsure and not belonging and not request.told and set(now.values()) == {request.signum}
        is_whole = is_whole and all(processes[pid].group == self.scene.place.command for pid in now)
        # What a handler starts meanwhile belongs to it, and would get the signal with the group.
        is_whole = is_whole and request.scope == IN_GROUP and not spared and all(self.is_end_of(pid) for pid in now)
        heard = request.heard
        if request.is_stop and belonging:
            is_copy = self.tree.known.is_copy
            left = (processes[pid] for pid in belonging if self.has_handler(pid) and not is_copy(processes[pid]))
            heard = {**heard, **{process.pid: (process.started, process.image) for process in left}}
        return Plan(
            now, self.next(heard, held), is_whole, resume, held, working if held or unsure or spared else frozenset(),
            unsure, spared, self.those(DRAINS), self.those(DEAF), self.fates, reasons,
        )  # fmt: skip

    def those(self, *fates: str) -> tuple[int, ...]:
        """The PIDs of those with one of these fates."""
        return tuple(sorted(pid for fate in fates for pid in self.pids.get(fate, ())))

    def has_handler(self, pid: int) -> bool:
        """Whether one who belongs to somebody who was told has a handler, which it may lose when it is told in turn."""
        is_owned = self.fates[self.fates[pid][1]][0] in (TOLD, FINISHES)
        return is_owned and any(self.scene.processes[pid].catches(one) for one in self.scene.choices)

    def nobody_goes_on(self) -> bool:
        """Whether all in reach got a signal of which they die.

        Then nobody is left who could run last lines: what was started since was on its way already, and is not to be spared.
        """
        return bool(self.now) and all(pid in self.now and self.is_end_of(pid) for pid in self.fates)

    def is_end_of(self, pid: int) -> bool:
        """Whether one who is told dies of it."""
        return self.tree.kinds.get(pid) == WRAPPER and not self.scene.processes[pid].catches(self.now[pid])

    def next(self, heard: "Mapping[int, tuple[int, int]] | None" = None, held: tuple[int, ...] = ()) -> "Request":
        """The request for the next round: `heard` as in Request, if it is another one now, `held` as in Plan."""
        request, processes, look, kinds = self.scene.request, self.scene.processes, self.scene.look, self.tree.kinds
        told = {pid: (processes[pid].started, processes[pid].image) for pid in self.now}
        seen, usual = request.seen, request.usual
        unsure = {pid: (processes[pid].started, look.ran(pid)) for pid, kind in kinds.items() if kind == BLURRED}
        is_blurred = bool(unsure)  # then the first round is not over
        # Who has had no CPU since the last look is where it was then: on a busy machine that look does not count.
        is_early = any(has_run and request.unsure.get(pid) == (started, has_run) for pid, (started, has_run) in unsure.items())
        if request.is_stop and self.nobody_goes_on():
            seen = None
        elif request.is_stop and seen is None and not is_blurred:
            seen = {pid: process.started for pid, process in processes.items()}
        if request.is_stop and held:
            # Only a script that is held back starts anything, and only what it has started before is started again.
            fates = self.fates
            fresh = [pid for pid, kind in kinds.items() if (pid not in request.told and acts(pid, fates)) or kind == WRAPPER]
            usual = usual.union(look.words(pid) for pid in fresh)
        return request.but(
            told={**request.told, **told},
            heard=request.heard if heard is None else heard,
            seen=seen,
            usual=usual,
            looks=request.looks + (not is_early) if is_blurred else 0,
            unsure=unsure,
            waits=request.waits + is_early if is_blurred else 0,
            has_drained=request.has_drained or (request.scope == LEFT and not is_blurred),
        )
