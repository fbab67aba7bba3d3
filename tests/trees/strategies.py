"""Random trees and random requests, for hypothesis. What cannot be well defined is not generated; the reason stands here."""

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.trees import tree as t
from tests.trees.tree import Node

#: How deep a tree may be nested.
DEPTH = 4

SHELLS = st.sampled_from(sorted(t.SHELLS))
STATUSES = st.sampled_from([0, 1, 3, 7, 42])


@dataclass(frozen=True)
class Scenario:
    """A tree, and what is sent to PID 1: a stop signal so many milliseconds after all are ready and asleep.

    `reload` is sent so many milliseconds before the stop signal, or if `gap` is negative, after it; at gap 0 none is sent.
    With `ignored`, all of it is started with SIGINT and SIGQUIT ignored, as a script's `... &` or nohup does.
    """

    tree: Node
    stop: str = "TERM"
    delay: int = 0
    reload: str = "HUP"
    gap: int = 0
    ignored: bool = False


def apps(extras: tuple[str, ...] = ("", "spawns")) -> st.SearchStrategy[t.App]:
    """Applications that finish when they are told."""
    return st.builds(
        t.App,
        status=STATUSES,
        milliseconds=st.sampled_from([5, 40, 120]),
        way=st.sampled_from(["handler", "sigwait", "signalfd"]),
        second=st.sampled_from(["told", "dies"]),
        extra=st.sampled_from(extras),
    ).filter(
        # One that sigtimedwait() wakes all the time may be missed: until it runs, /proc shows neither its mask nor its sleep.
        lambda app: app.way != "sigwait" or app.extra != "spawns"
    )


MASTERS = st.builds(t.Master, workers=st.integers(1, 3), status=STATUSES)
MORTALS = st.just(t.Mortal())


def everywhere(depth: int) -> st.SearchStrategy[Node]:
    """Trees that may stand below one that sends the signal to their first process alone.

    No script whose trap waits for its child, nor one that is stopped: without us nobody would tell the child or wake it up.
    """
    leaves = st.one_of(apps(), MASTERS)
    if depth <= 1:
        return leaves
    return st.one_of(leaves, wrapped(depth, everywhere(depth - 1)))


def wrapped(depth: int, child: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """What may stand around a tree."""
    passed_on = everywhere(depth - 1)
    one_below = st.one_of(passed_on, MORTALS)
    return st.one_of(
        scripts(child),
        st.builds(t.ShellForm, SHELLS, child),
        st.builds(t.Pipeline, SHELLS, child, st.none() | STATUSES),
        st.builds(t.Background, SHELLS, st.lists(child, min_size=1, max_size=3).map(tuple), st.booleans()),
        st.builds(t.Beside, SHELLS, child, child, st.booleans()),
        st.builds(t.Beside, SHELLS, MORTALS, child),
        st.builds(t.Daemon, SHELLS, child, child, st.booleans()),
        st.builds(t.Poll, SHELLS, child),
        st.builds(t.TrapForward, SHELLS, one_below),
        st.builds(t.TrapWord, SHELLS, STATUSES),
        st.builds(t.Forward, one_below),
        st.builds(t.Env, child),
        st.builds(t.Setsid, child),
        st.builds(t.Timeout, passed_on),
        st.builds(t.Timeout, apps().filter(lambda app: app.second == "told"), st.just(False)),  # it tells its child twice
        st.builds(t.Tini, passed_on),
        st.builds(t.DumbInit, apps()),
    )


def scripts(child: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Start scripts, of all forms."""
    return st.builds(
        t.Script,
        SHELLS,
        child,
        st.none() | STATUSES,
        subshell=st.booleans(),
        by_c=st.booleans(),
        last_work=st.integers(0, 9).map(lambda n: n == 9),
    ) | st.builds(t.Script, st.just("bash"), child, st.none() | STATUSES, exits_by_trap=st.just(True))


def named(depth: int) -> st.SearchStrategy[Node]:
    """Trees that the init names."""
    leaves = st.one_of(apps(("", "spawns", "stopped")), MASTERS)
    if depth <= 1:
        return leaves
    child = st.deferred(lambda: named(depth - 1))
    stopper = st.builds(t.Script, SHELLS, apps(("parent-stopped",)), st.none() | STATUSES)
    return st.one_of(
        leaves, wrapped(depth, child), stopper, st.builds(t.TrapAfter, SHELLS, st.one_of(child, MORTALS), STATUSES)
    )


def mortal() -> st.SearchStrategy[Node]:
    """Trees in which nobody handles anything."""
    return st.one_of(
        MORTALS,
        st.builds(t.Script, SHELLS, MORTALS, st.none() | STATUSES),
        st.builds(t.ShellForm, SHELLS, MORTALS),
        st.builds(t.Pipeline, SHELLS, MORTALS),
        st.builds(t.Background, SHELLS, st.lists(MORTALS, min_size=1, max_size=3).map(tuple), st.booleans()),
    )


#: Who does nothing of his own about SIGINT: a shell does not pass it on, ignores it in the background, and waits for its child.
FOR_INT = (t.App, t.Master, t.Script, t.ShellForm, t.Pipeline, t.Env)

#: Who would die of a reload, or pass it on, in ways of its own.
NO_RELOAD = (t.Mortal, t.TrapForward, t.TrapWord, t.TrapAfter, t.Timeout, t.Tini, t.DumbInit, t.Restart)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A tree and what is sent."""
    loops = st.builds(t.Restart, SHELLS, apps(("",)))
    kind = draw(st.integers(0, 39))
    node = draw(mortal() if kind == 38 else loops if kind == 39 else named(DEPTH))
    kinds = {type(below) for _, below in t.walk(node)}
    stop = draw(st.sampled_from(["TERM", "TERM", "INT"])) if kinds <= set(FOR_INT) else "TERM"
    gap = draw(st.sampled_from([0, 0, 20, 5, -1, -10, -50])) if kinds.isdisjoint(NO_RELOAD) else 0
    reload = draw(st.sampled_from(["HUP", "USR1"])) if gap else "HUP"
    ignored = stop == "TERM" and draw(st.integers(0, 7)) == 7
    return Scenario(node, stop, draw(st.sampled_from([0, 1, 5, 20])), reload, gap, ignored)
