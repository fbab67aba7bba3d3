"""PURE. The choice, once it is known what each process is: who is told now, who is held back and until when."""

from pyinit.delivery import (
    BELONGS,
    DEAF,
    DENIED,
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
    pipes,
)
from pyinit.delivery.kinds import AGAIN, BLURRED, BUSY, CATCHES_ALL, HANDLER, NEW, OLD, WRAPPER
from pyinit.delivery.outcome import acts, next_request, plan_of
from pyinit.delivery.scene import TERM
from pyinit.delivery.tree import Tree
from pyinit.kernel import signals
from pyinit.kernel.processes import below

#: Those who have others held back while they act.
HOLDING = (HANDLER, BUSY, OLD, NEW, BLURRED)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.delivery.scene import Scene


def of_all(scene: "Scene") -> Plan:
    """The plan for all who are in reach."""
    tree = Tree(scene)
    tree.go_down()
    tree.go_up()
    readers = {} if scene.is_deep else pipes.readers(tree)  # there nobody waits for another
    if readers:
        tree.go_up(readers)
    choice = Choice(tree, readers)
    if readers and not any(acts(pid, choice.fates) for pid in choice.fates):
        # Each is held back for another, through those above them: somebody has to begin.
        tree.go_up()
        choice = Choice(tree, {})
    return choice.plan()


def of_command(scene: "Scene") -> Plan:
    """The plan where the command alone is meant, whatever it is."""
    tree = Tree(scene)  # through which nobody walks
    known = tree.known
    pid = scene.place.command
    process = scene.processes.get(pid)
    if process is None or known.was_told(process):
        return Plan({}, next_request(tree, {}, {}))
    if not known.settle_signal(process):
        known.settle_end(process)
    if not known.signums[pid]:
        return Plan({}, next_request(tree, {}, {}), deaf=(pid,), fates={pid: (DEAF, 0)})
    now, fates = {pid: known.signums[pid]}, {pid: (TOLD, 0)}
    resume = (pid,) if process.is_stopped and scene.request.is_stop else ()
    return Plan(now, next_request(tree, now, fates), resume=resume, fates=fates, reasons=known.reasons)


class Choice:
    """What happens to each of a tree: `now` are those who are told, and by what signal, `fates` is as in Plan.

    `readers` are those who are held back because they read the output of another, and of whom. `mortals` are in reach and would
    die of it.
    """

    def __init__(self, tree: Tree, readers: "Mapping[int, int]") -> None:
        self.tree = tree
        self.scene = tree.scene
        self.readers = readers
        self.now: dict[int, int] = {}
        self.mortals: list[int] = []
        self.fates: dict[int, tuple[str, int]] = {}
        self.choose()

    # --- from the top down once more ---

    def choose(self) -> None:
        """Find who is in reach now, and who has to wait for whom."""
        tree, fates, told_before = self.tree, self.fates, self.scene.request.told
        waiting = self.behind(*tree.top)
        while waiting:
            pid, until = waiting.pop()
            kind = tree.kinds.get(pid)
            if kind is None or pid in fates:
                continue
            if until:
                fates[pid] = (HELD, until) if kind != WRAPPER or tree.known.signums[pid] else (DEAF, 0)
                waiting += [(child, until) for jobs in tree.jobs.get(pid, ()) for child in jobs]
                continue
            if pid in self.readers:
                fates[pid] = (READS, self.readers[pid])
                continue
            if kind in (HANDLER, BUSY, AGAIN):
                told = told_before.get(pid)
                is_old = kind == BUSY and told is not None and told[0] == self.scene.processes[pid].started
                fates[pid] = (FINISHES, 0) if is_old else (TOLD, 0)
                if not is_old:
                    self.now[pid] = tree.known.signums[pid]
            elif kind == OLD:
                fates[pid] = (FINISHES, 0)
            elif kind == NEW:
                fates[pid] = (MAY_FINISH, 0)
            elif kind == BLURRED:
                fates[pid] = (UNSURE, 0)
            elif tree.known.signums[pid]:
                fates[pid] = (HELD, tree.first[pid])
                self.mortals.append(pid)
            else:
                fates[pid] = (DENIED if pid in self.scene.request.denied else DEAF, 0)
            if pid in tree.jobs:
                foreground, background = tree.jobs[pid]
                if kind == WRAPPER:
                    self.leave_to(pid, background)
                # What a trap can reach belongs to its shell.
                waiting += self.behind(foreground, background if kind != BUSY or self.scene.is_deep else [])

    def behind(self, foreground: list[int], background: list[int]) -> list[tuple[int, int]]:
        """Jobs, each with the one it has to wait for or 0: those in the background wait for the foreground."""
        first = self.tree.first
        until = 0 if self.scene.is_deep else next((first[pid] for pid in foreground if first.get(pid)), 0)
        return [*((pid, until) for pid in reversed(background)), *((pid, 0) for pid in reversed(foreground))]

    def leave_to(self, shell: int, background: list[int]) -> None:
        """Leave background jobs to their script for a while, where its text says that it tells them itself: once is enough."""
        request, tree = self.scene.request, self.tree
        is_later = request.is_stop and request.seen is not None and not request.has_waited
        heard = [pid for pid in background if tree.kinds.get(pid) in (HANDLER, BUSY) and not self.scene.is_deep]
        if not (is_later and heard) or any(tree.first.get(pid) for pid in tree.jobs[shell][0]):
            return
        if self.scene.is_shell(self.scene.processes[shell]):
            from pyinit.delivery import traps

            if traps.kills(self.scene.look.script(shell)):
                self.fates.update((pid, (LEFT_TO, shell)) for pid in heard)

    # --- what follows ---

    def plan(self) -> Plan:
        """The plan, when it is known who would die, who belongs to somebody, and who has to go first."""
        request = self.scene.request
        if request.is_last_call:
            return self.last_call()
        tree = self.tree
        holding = [pid for pid, kind in tree.kinds.items() if kind in HOLDING and acts(pid, self.fates)]
        outside: frozenset[int] = frozenset()
        if request.is_stop and request.scope == IN_GROUP and self.has_others_outside():
            outside = self.yield_to_those_outside(holding)
            holding = [pid for pid in holding if acts(pid, self.fates)]
        # A shell that waits for one who works cannot work before that one ends, so nobody waits for the shell.
        working = frozenset(pid for pid in holding if tree.first[pid] == pid) or frozenset(holding) or outside
        if not holding and not request.is_stop:
            self.do_as_at_a_stop()
        elif not holding and not outside:
            working = self.tell_mortals()
        elif request.is_stop and BUSY in tree.kinds.values():
            for pid in self.waited_for_by_traps():
                self.tell(pid)
        if working:
            for pid in self.mortals:
                if self.fates[pid] == (HELD, 0):
                    self.fates[pid] = (HELD, min(working))
        self.let_drain()
        # Those who would die of a signal that is no stop request are spared, where there is somebody who handles it.
        belonging = self.belongings() if not self.scene.is_deep else []
        return plan_of(tree, self.now, self.fates, working, belonging)

    def tell(self, pid: int) -> None:
        """Tell one who would die of it."""
        self.now[pid] = self.tree.known.signums[pid]
        self.fates[pid] = (TOLD, 0)

    def tell_mortals(self) -> frozenset[int]:
        """Tell all who would die of it; return those that a wrapper above waits for all the same.

        Who handles the signal (timeout) passes it on, and what a loop has started again below it would be told twice.
        """
        processes, kinds, signums = self.scene.processes, self.tree.kinds, self.tree.known.signums
        above: dict[int, int] = {}  # who is told, by each that is above
        for told in self.now:
            pid = processes[told].parent
            while pid in kinds and pid not in above:
                above[pid] = told
                pid = processes[pid].parent
        for pid in self.mortals:
            if pid in above and processes[pid].catches(signums[pid]):
                self.fates[pid] = (HELD, above[pid])
            else:
                self.tell(pid)
        return frozenset(above[pid] for pid in self.mortals if self.fates[pid][0] == HELD)

    def yield_to_those_outside(self, holding: list[int]) -> frozenset[int]:
        """Find who outside the group has to go before those in it; return who of them is told in their place.

        Who would be told and reads the output of one outside is held back. As where a script has started a daemon before
        `| tee`: gone before it, tee would take its last lines with it. The daemon is told when nobody else in the group works,
        and so is a background job of a script that has left the group: the script may wait for it.
        """
        scene, tree = self.scene, self.tree
        read = {pid: pipes.read_by(pid, scene) for pid in (list(self.now) if holding else self.mortals)}
        beyond = [] if scene.is_deep else tree.beyond
        if not any(read.values()) and (holding or not beyond):
            return frozenset()
        left = of_all(scene.but(scope=LEFT))
        working = [
            pid for pid, (fate, _) in left.fates.items() if fate in (TOLD, FINISHES, MAY_FINISH) and pid not in tree.kinds
        ]
        working = [pid for pid in working if pid not in left.now or scene.hears(scene.processes[pid])]
        writers = pipes.writers_to({pipe for pipe in read.values() if pipe}, working, tree)
        readers = {pid: writers[pipe][0] for pid, pipe in read.items() if pipe in writers}
        for pid, writer in readers.items():
            self.now.pop(pid, None)
            self.fates[pid] = (READS, writer)
        if any(pid not in readers for pid in holding):
            return frozenset()
        found = {*readers.values(), *({*beyond, *below(beyond, scene.children)}.intersection(working))}
        for pid in found:
            self.fates[pid] = (left.fates[pid][0], 0)
            if pid in left.now:
                self.now[pid] = left.now[pid]
        return frozenset(found)

    def has_others_outside(self) -> bool:
        """Whether anybody below us is out of the group's reach. Mostly nobody is, and then nobody's pipes need be looked at."""
        tree, scene = self.tree, self.scene
        return bool(tree.beyond) or any(pid not in tree.kinds for pid in scene.children.get(scene.place.own_pid, ()))

    def do_as_at_a_stop(self) -> None:
        """Nobody handles a signal that is no stop request: those who would be told of a stop get it, and nobody above them.

        An interactive shell ignores SIGTERM, and ends at SIGHUP: where a stop would reach nobody, all are meant.
        """
        if self.scene.request.spares_mortals:
            return
        told = of_all(self.scene.but(signum=TERM, is_stop=True)).now
        for pid in self.mortals:
            if pid in told or not told:
                self.tell(pid)

    def waited_for_by_traps(self) -> list[int]:
        """Foreground jobs of shells whose trap has to run, where nobody in them would end by a handler."""
        tree = self.tree
        busy = [pid for pid, kind in tree.kinds.items() if kind == BUSY and tree.first[pid] == pid and acts(pid, self.fates)]
        waiting = [child for pid in busy for child in tree.jobs[pid][0]]
        found: list[int] = []
        visited: set[int] = set()
        while waiting:
            pid = waiting.pop()
            if pid in visited:
                continue  # a loop of parents
            visited.add(pid)
            if tree.kinds.get(pid) == WRAPPER and tree.known.signums[pid] and self.fates.get(pid, ("", 1))[0] == HELD:
                found.append(pid)
            for jobs in tree.jobs.get(pid, ()):
                waiting += jobs
        return found

    def let_drain(self) -> None:
        """Spare in the first round of a sweep those who read a pipe: its last lines may still be in it, or on their way.

        Mostly they end by themselves at its end, as tee does when its script has gone.
        """
        request = self.scene.request
        if not (request.scope == LEFT and request.is_stop) or request.has_drained or not self.now:
            return
        for pid in list(self.now):
            if pipes.read_by(pid, self.scene):
                del self.now[pid]
                self.fates[pid] = (DRAINS, 0)

    def belongings(self) -> list[int]:
        """All who belong to somebody who is told or was; their fates are told."""
        tree, children = self.tree, self.scene.children
        found = []
        owners = [pid for pid, kind in tree.kinds.items() if kind not in (WRAPPER, CATCHES_ALL) and acts(pid, self.fates)]
        for owner in owners:
            open_ones = {child for jobs in tree.jobs.get(owner, ()) for child in jobs if child in self.fates}
            waiting = [child for child in children.get(owner, ()) if child not in open_ones]
            while waiting:
                pid = waiting.pop()
                if pid not in self.fates:
                    self.fates[pid] = (BELONGS, owner)
                    found.append(pid)
                    waiting += children.get(pid, ())
        return found

    def last_call(self) -> Plan:
        """Whoever handles the signal and was not told, and whoever has to be hurried."""
        tree, scene = self.tree, self.scene
        now = {pid: signum for pid, signum in self.now.items() if tree.kinds[pid] in (HANDLER, BUSY, AGAIN)}
        reasons = dict(tree.known.reasons)
        for pid, kind in tree.kinds.items():
            program = tree.known.program(scene.processes[pid]) if kind in (OLD, BUSY) else None
            if program is not None and program.hurry and scene.request.by_program:
                now[pid] = signals.number(program.hurry)
                reasons[pid] = f"which ends {program.names[0]} in good order"
        reasons = {pid: reason for pid, reason in reasons.items() if pid in now}
        return Plan(now, next_request(tree, now, self.fates), fates=self.fates, reasons=reasons)
