"""PURE. What must happen to a tree that is asked to stop: the contract of docs/design.md and the shells' own rules, no more.

Whoever would be PID 1 if each wrapper had used exec is told, once; what is below it is its own business. A node is met in one
of two ways. It is `named`: the init asks it to stop, from the top down. Or it is told `alone`: its parent, which passes the
signal on, sends it to the node's first process only. A shell dies of that, and leaves orphans to the init, which names them.

Where the contract leaves freedom, so does this: the order of background jobs, whether an init within or `timeout` is told or
held back, whether who reads a pipe is told when the writer has gone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.trees import tree as t
from tests.trees.tree import Node, walk

#: The status of one that has died of SIGTERM.
DIED = 128 + 15

Event = tuple[str, str]  # a name, and what happened: "told", "done", "last", "trapped", ...
Range = tuple[int, int]


@dataclass
class Expected:
    """What is expected of a tree. `counts` says how often each event happens, at least and at most.

    `statuses` are those that the first process may end with. `in_order` are pairs of events: all of the first come before any
    of the second. `fronts` are such pairs, too: what is in the foreground goes before what is in the background. `seen` is what
    the last lines of a script may see as its child's status. `within` are the "done" that come before the first process ends,
    `after` the "told" that come after it was named. `first` are those that a reload reaches at once, and `later` those that it
    may reach; no other.
    """

    statuses: frozenset[int]
    counts: dict[Event, Range] = field(default_factory=dict)
    in_order: set[tuple[Event, Event]] = field(default_factory=set)
    fronts: set[tuple[Event, Event]] = field(default_factory=set)
    seen: dict[str, frozenset[int]] = field(default_factory=dict)
    within: set[Event] = field(default_factory=set)
    after: set[Event] = field(default_factory=set)
    first: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)

    def of(self, what: str) -> set[Event]:
        """The events of this kind that are expected."""
        return {event for event in self.counts if event[1] == what}


def one(name: str, status: int, times: int = 1) -> Expected:
    """A single process that is told so many times, and finishes."""
    counts = {(name, "told"): (1, times), (name, "done"): (1, 1)}
    return Expected(frozenset({status}), counts, within={(name, "done")}, after={(name, "told")}, first={name})


def together(parts: Sequence[Expected], statuses: frozenset[int]) -> Expected:
    """All of these; the status is given."""
    found = Expected(statuses)
    for part in parts:
        found.counts |= part.counts
        found.in_order |= part.in_order
        found.fronts |= part.fronts
        found.seen |= part.seen
        found.within |= part.within
        found.after |= part.after
        found.first |= part.first
        found.later |= part.later
    return found


def either(one: Expected, other: Expected) -> Expected:
    """The one or the other: what both of them rule out."""
    counts = {}
    for event in one.counts | other.counts:
        low, high = one.counts.get(event, (0, 0)), other.counts.get(event, (0, 0))
        counts[event] = (min(low[0], high[0]), max(low[1], high[1]))
    seen = {name: one.seen.get(name, frozenset()) | other.seen.get(name, frozenset()) for name in one.seen | other.seen}
    return Expected(
        statuses=one.statuses | other.statuses,
        counts=counts,
        in_order=one.in_order & other.in_order,
        fronts=one.fronts & other.fronts,
        seen=seen,
        within=one.within & other.within,
        after=one.after & other.after,
        later=one.first | other.first | one.later | other.later,
    )


def orphans(parts: Sequence[Expected]) -> Expected:
    """What a shell leaves behind that dies of the signal: nobody waits for them, and nothing orders them."""
    found = together(parts, frozenset({DIED}))
    found.later |= found.first
    found.within, found.after, found.first = set(), set(), set()
    return found


def background(child: Expected) -> Expected:
    """The same, put in the background by a shell.

    All in there has inherited that SIGINT and SIGQUIT are ignored, so nobody can tell what is in the foreground of a script in
    there from what is not.
    """
    child.fronts = set()
    return child


def shows_that_it_is_behind(node: Node) -> bool:
    """Whether a background job still ignores SIGINT or SIGQUIT: GNU's timeout and dumb-init catch both, and all the rest."""
    if isinstance(node, t.Env | t.Setsid | t.ShellForm):
        return shows_that_it_is_behind(node.child)
    return not isinstance(node, t.Timeout | t.DumbInit)


def looks_behind(node: Node) -> bool:
    """Whether a foreground job ignores SIGQUIT as a background job does: what `busybox sh -c` executes in its own place."""
    if isinstance(node, t.ShellForm) and node.shell == "busybox":
        return True
    return isinstance(node, t.Env | t.Setsid | t.ShellForm) and looks_behind(node.child)


def below(child: Expected) -> Expected:
    """The same, below one that is told in its place: a reload does not reach it before that has gone."""
    child.later |= child.first
    child.first = set()
    return child


def named(node: Node, name: str) -> Expected:
    """What happens to a tree that the init asks to stop."""
    match node:
        case t.App():
            return one(name, node.status)
        case t.Mortal():
            return Expected(frozenset({DIED}))
        case t.Master():
            workers = [f"{name}.w{number}" for number in range(node.workers)]
            found = one(name, node.status)
            found.counts |= {(worker, what): (1, 1) for worker in workers for what in ("got USR2", "done")}
            found.within |= {(worker, "done") for worker in workers}
            return found
        case t.Forward():
            child = below(alone(node.child, name + "0"))
            return together([one(name, 0), child], child.statuses)
        case t.Script():
            return script(node, name, named(node.child, name + "0"))
        case t.ShellForm(shell="busybox"):  # it ignores SIGQUIT, and what it executes in its own place inherits that
            return background(named(node.child, name + "0"))
        case t.Setsid():
            child = named(node.child, name + "0")
            child.statuses |= {15} if DIED in child.statuses else set()  # it ends with what wait() says of one killed
            return child
        case t.ShellForm() | t.Env():
            return named(node.child, name + "0")
        case t.Pipeline():
            return pipeline(node, name, named(node.child, name + "0"))
        case t.Background():
            parts = [background(named(child, f"{name}{number}")) for number, child in enumerate(node.children)]
            found = together(parts, parts[-1].statuses if node.of_last else frozenset({0}))
            return with_last(found, name, found.statuses)
        case t.Beside():
            behind, front = background(named(node.behind, name + "0")), named(node.front, name + "1")
            found = together([behind, with_last(front, name, front.statuses)], front.statuses)
            if shows_that_it_is_behind(node.behind) and not looks_behind(node.front):
                found.fronts |= {(done, told) for done in front.within for told in behind.after}
            found.within = set(front.within | behind.within if node.waits else front.within)
            found.first, found.later = set(front.first), front.later | behind.later | behind.first
            return found
        case t.Daemon():
            daemon, front = orphans([background(named(node.daemon, name + "0"))]), named(node.front, name + "1")
            return with_last(together([daemon, front], front.statuses), name, front.statuses)
        case t.Poll():
            child = background(named(node.child, name + "0"))
            return with_last(child, name, child.statuses)
        case t.TrapForward():
            child = background(below(alone(node.child, name + "0")))
            child.counts[name, "trapped"] = (1, 1)
            return child
        case t.TrapWord():
            counts = {(name, "trapped"): (1, 1), (name, "got USR2"): (1, 1), (name, "done"): (1, 1)}
            return Expected(frozenset({node.status}), counts, within={(name, "done")})
        case t.TrapAfter():
            child = named(node.child, name + "0")
            child.counts[name, "trapped"] = (1, 1)
            child.in_order |= {(done, (name, "trapped")) for done in child.within}
            child.statuses = frozenset({node.status})
            return child
        case t.Timeout(foreground=False):  # it tells its child, and then its group, of which that is one
            return below(one(name + "0", node.child.status if isinstance(node.child, t.App) else DIED, times=2))
        case t.Tini() | t.Timeout():
            return either(below(alone(node.child, name + "0")), named(node.child, name + "0"))
        case t.DumbInit():
            return below(one(name + "0", node.child.status))
        case t.Restart():
            return Expected(frozenset({DIED}))  # see restarted()


def alone(node: Node, name: str) -> Expected:
    """What happens to a tree whose first process alone is sent the signal, by its parent."""
    match node:
        case t.Script() | t.Pipeline() | t.Background() | t.Beside() | t.Daemon() | t.Poll() | t.Restart():
            found = orphans([strip_last(node, name)])
            if isinstance(node, t.Script) and node.exits_by_trap:
                found.counts[name, "exiting"] = (1, 1)
            if isinstance(node, t.Script) and node.subshell:  # which is a process of its own or not, and if so lives on
                return either(found, orphans([named(node, name)]))
            return found
        case t.ShellForm() if node.shell == "dash":
            return orphans([named(node.child, name + "0")])
        case t.ShellForm() | t.Env():
            return alone(node.child, name + "0")
        case t.Setsid():  # it forks where it leads its group already
            return either(alone(node.child, name + "0"), orphans([named(node.child, name + "0")]))
        case t.TrapAfter():
            raise ValueError("nobody would tell the child, and so the trap would never run")
        case _:
            return named(node, name)


def strip_last(node: Node, name: str) -> Expected:
    """The tree without what its shell does at its end, which it does not reach."""
    found = named(node, name)
    for event in [(name, "last"), (name, "exiting"), (name, "job")]:
        found.counts.pop(event, None)
    if isinstance(node, t.Beside):
        found.fronts -= {
            pair for pair in found.fronts if pair[1][0].startswith(name + "0") and pair[0][0].startswith(name + "1")
        }
    return found


def with_last(found: Expected, name: str, seen: frozenset[int]) -> Expected:
    """The same, and a script that says in its last line what it has seen."""
    found.counts[name, "last"] = (1, 1)
    found.in_order |= {(done, (name, "last")) for done in found.within}
    found.seen[name] = seen
    return found


def script(node: t.Script, name: str, child: Expected) -> Expected:
    """A start script whose child is this."""
    found = with_last(child, name, child.statuses)
    if node.status is not None:
        found.statuses = frozenset({node.status})
    if node.exits_by_trap:
        found.counts[name, "exiting"] = (1, 1)
    if node.last_work:
        found.counts[name, "job"] = (1, 1)
    return found


def pipeline(node: t.Pipeline, name: str, child: Expected) -> Expected:
    """A pipeline into which this writes: the reader outlives whoever writes, and gives the status."""
    found = with_last(child, name, frozenset({node.reader or 0}))
    if node.reader is not None:
        found.counts |= {(name, "told"): (0, 1), (name, "done"): (1, 1)}
        found.in_order |= {(done, (name, "told")) for done in found.of("done") - {(name, "done")}}
    found.statuses = found.seen[name]
    if any(isinstance(below, t.Mortal) for _, below in walk(node)):  # it may hold the pipe until all that is left is told
        found.statuses |= {DIED}
        found.counts[name, "last"] = (0, 1)
    return found


def ready(tree: Node) -> set[Event]:
    """What is in the log when everybody is ready."""
    found: set[Event] = set()
    for name, node in walk(tree):
        match node:
            case t.Master():
                found |= {(name, "ready")} | {(f"{name}.w{number}", "ready") for number in range(node.workers)}
            case t.App() | t.Mortal() | t.Forward() | t.Background():
                found.add((name, "ready"))
            case t.Pipeline() if node.reader is not None:
                found.add((name, "ready"))
            case t.TrapForward():
                found.add((name, "set"))
            case t.TrapWord():
                found |= {(name, "set"), (name, "ready")}
    return found


def parse(log: str) -> list[tuple[str, str, str]]:
    """The lines of a log as name, event, value. SIGTERM and SIGINT are the same event, "told"."""
    found = []
    for line in log.splitlines():
        name, what, *value = line.split(" ")
        if what == "got" and value in (["TERM"], ["INT"]):
            what, value = "told", []
        elif what == "got":
            what, value = f"got {value[0]}", []
        found.append((name, what, " ".join(value)))
    return found


def faults(tree: Node, log: str, status: int, reload: str = "", is_early: bool = False, ignored: bool = False) -> list[str]:
    """What is wrong with a run: the log of events, and the status of PID 1. Empty if nothing is.

    `reload` was sent before the stop if `is_early`, else during it. `ignored` says that all were started with
    SIGINT and SIGQUIT ignored, so that nothing tells what is in the background.
    """
    events = parse(log)
    lines = [(name, what) for name, what, _ in events]
    expected = named(tree, "t")
    found = []
    counts = Counter(event for event in lines if event not in ready(tree))
    if isinstance(tree, t.Restart):
        return restarted(Counter(lines), status)
    if not (
        expected.of("told") | expected.of("trapped")
    ):  # nobody handles it: all die of it at once, whoever sees the other die
        expected.counts = {event: (0, high) for event, (_, high) in expected.counts.items()}
        expected.statuses = frozenset({DIED})
    if ignored:
        expected = background(expected)
    if reload:
        expected.counts |= reloads(expected, f"got {reload}", is_early)
    for event in sorted(expected.counts | counts):
        low, high = expected.counts.get(event, (0, 0))
        if not low <= counts[event] <= high:
            found.append(say(event, counts[event], low, high))
    for before, after in sorted(expected.in_order | expected.fronts):
        if before in lines and after in lines and lines.index(after) < len(lines) - 1 - lines[::-1].index(before):
            found.append(f"{' '.join(after)} came before {' '.join(before)}")
    for name, what, value in events:
        if what == "last" and name in expected.seen and int(value) not in expected.seen[name]:
            found.append(f"{name} saw the status {value} of its child, which is {listed(expected.seen[name])}")
    if status not in expected.statuses:
        found.append(f"PID 1 ended with {status}, and not with {listed(expected.statuses)}")
    return found


def reloads(expected: Expected, got: str, is_early: bool) -> dict[Event, Range]:
    """How often who gets a reload: whoever would be told first gets it, if it comes in time."""
    low = 1 if is_early else 0
    return {(name, got): (low, 1) for name in expected.first} | {(name, got): (0, 1) for name in expected.later}


def restarted(counts: Counter[Event], status: int) -> list[str]:
    """What is wrong with a loop that restarts its application: each of these that was there is told once and finishes."""
    started, told, done = (counts["t0", what] for what in ("ready", "told", "done"))
    found = [] if started == told == done >= 1 else [f"of {started} applications {told} were told and {done} finished"]
    return found if status == DIED else [*found, f"PID 1 ended with {status}, and not with {DIED}"]


def say(event: Event, count: int, low: int, high: int) -> str:
    """An event that happened too often or not often enough."""
    name, what = event
    if what == "told" and count > high:
        return f"{name} was told {count} times, and not at most {high}"
    if what == "told":
        return f"{name} was not told"
    if what == "done" and count < low:
        return f"{name} was killed before it had finished"
    return f"{name} {what}: {count} times, expected {low if low == high else f'{low} to {high}'}"


def listed(numbers: Iterable[int]) -> str:
    """Numbers in words."""
    return " or ".join(map(str, sorted(numbers)))
