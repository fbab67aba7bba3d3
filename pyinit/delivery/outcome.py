"""PURE. What comes of a choice: the plan as others are to have it, and what the next round has to know."""

from pyinit.delivery import DEAF, DRAINS, FINISHES, HELD, IN_GROUP, LEFT, LEFT_TO, MAY_FINISH, READS, TOLD, UNSURE, Plan
from pyinit.delivery.kinds import BLURRED, WRAPPER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.delivery import Request
    from pyinit.delivery.tree import Tree

    Fates = Mapping[int, tuple[str, int]]


def acts(pid: int, fates: "Fates") -> bool:
    """Whether one who was visited is told, works, or is looked at again in this round."""
    return pid in fates and fates[pid][0] in (TOLD, FINISHES, MAY_FINISH, LEFT_TO, UNSURE)


def plan_of(tree: "Tree", now: dict[int, int], fates: "Fates", working: frozenset[int], belonging: list[int]) -> Plan:
    """The plan: `now` and `fates` as in it; `working` hold up who is held back, `belonging` are left to somebody above."""
    request, processes = tree.scene.request, tree.scene.processes
    pids: dict[str, list[int]] = {}  # by what happens to them
    for pid in sorted(fates):
        pids.setdefault(fates[pid][0], []).append(pid)
    held = tuple(sorted([*pids.get(HELD, ()), *pids.get(READS, ())]))
    spared = tuple(sorted([*pids.get(MAY_FINISH, ()), *pids.get(LEFT_TO, ())]))
    unsure = tuple(pids.get(UNSURE, ()))
    resume = tuple(pid for pid in fates if processes[pid].is_stopped) if request.is_stop else ()
    reasons = {pid: reason for pid, reason in tree.known.reasons.items() if pid in now}
    is_whole = not held and not unsure and not belonging and not request.told and set(now.values()) == {request.signum}
    is_whole = is_whole and all(processes[pid].group == tree.scene.place.command for pid in now)
    # What a handler starts meanwhile belongs to it, and would get the signal with the group.
    is_whole = is_whole and request.scope == IN_GROUP and not spared and all(_dies(pid, now, tree) for pid in now)
    heard = request.heard
    if request.is_stop and belonging:
        left = (processes[pid] for pid in belonging if _may_lose_handler(pid, fates, tree))
        heard = {**heard, **{process.pid: (process.started, process.image) for process in left}}
    return Plan(
        now, next_request(tree, now, fates, heard, held), is_whole, resume, held,
        working if held or unsure or spared else frozenset(), unsure, spared, tuple(pids.get(DRAINS, ())),
        tuple(pids.get(DEAF, ())), fates, reasons,
    )  # fmt: skip


def _may_lose_handler(pid: int, fates: "Fates", tree: "Tree") -> bool:
    """Whether one who belongs to somebody who was told has a handler of its own, which it may lose when it is told in turn."""
    process = tree.scene.processes[pid]
    is_owned = fates[fates[pid][1]][0] in (TOLD, FINISHES)
    return is_owned and any(process.catches(one) for one in tree.scene.choices) and not tree.known.is_copy(process)


def _dies(pid: int, now: "Mapping[int, int]", tree: "Tree") -> bool:
    """Whether one who is told dies of it."""
    return tree.kinds.get(pid) == WRAPPER and not tree.scene.processes[pid].catches(now[pid])


def _nobody_goes_on(now: "Mapping[int, int]", fates: "Fates", tree: "Tree") -> bool:
    """Whether all in reach got a signal of which they die.

    Then nobody is left who could run last lines: what was started since was on its way already, and is not to be spared.
    """
    return bool(now) and all(pid in now and _dies(pid, now, tree) for pid in fates)


def next_request(
    tree: "Tree",
    now: "Mapping[int, int]",
    fates: "Fates",
    heard: "Mapping[int, tuple[int, int]] | None" = None,
    held: tuple[int, ...] = (),
) -> "Request":
    """The request for the next round: `heard` as in Request, if it is another one now; all else as in Plan."""
    request, processes, look, kinds = tree.scene.request, tree.scene.processes, tree.scene.look, tree.kinds
    told = {pid: (processes[pid].started, processes[pid].image) for pid in now}
    seen, usual = request.seen, request.usual
    unsure = {pid: (processes[pid].started, look.ran(pid)) for pid, kind in kinds.items() if kind == BLURRED}
    is_blurred = bool(unsure)  # then the first round is not over
    # Who has had no CPU since the last look is where it was then: on a busy machine that look does not count.
    is_early = any(has_run and request.unsure.get(pid) == (started, has_run) for pid, (started, has_run) in unsure.items())
    if request.is_stop and _nobody_goes_on(now, fates, tree):
        seen = None
    elif request.is_stop and seen is None and not is_blurred:
        seen = {pid: process.started for pid, process in processes.items()}
    if request.is_stop and held:
        # Only a script that is held back starts anything, and only what it has started before is started again.
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
