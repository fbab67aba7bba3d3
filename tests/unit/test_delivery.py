"""Delivery: who is signalled now and who later, example by example and for any process tree at all."""

import signal
from collections.abc import Iterable
from signal import SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGWINCH

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyinit.config import COMMAND, GROUP, TOPMOST
from pyinit.delivery import IN_GROUP, LEFT, Plan, Request, below_us, plan
from pyinit.processes import Process

OWN = 1
GROUP_ID = 2  # the command's PID and its process group

MODES = (GROUP, TOPMOST, COMMAND)


def mask(signums: Iterable[int]) -> int:
    """The bits of these signals."""
    return sum(1 << (signum - 1) for signum in set(signums))


def process(
    pid: int,
    parent: int,
    name: str = "app",
    *,
    caught: Iterable[int] = (),
    ignored: Iterable[int] = (),
    blocked: Iterable[int] = (),
    group: int = GROUP_ID,
    session: int = GROUP_ID,
    is_stopped: bool = False,
) -> Process:
    """One process; by default a member of the command's group that would die of any signal."""
    return Process(pid, parent, group, session, name, is_stopped, mask(blocked), mask(ignored), mask(caught))


INIT = process(OWN, 0, "pyinit", group=OWN, session=OWN)


def decide(*others: Process, request: Request | None = None, forward: str = GROUP) -> Plan:
    """The plan for a request (default: SIGTERM, a stop request for the group) in this process table."""
    table = {one.pid: one for one in (INIT, *others)}
    asked = request or Request(SIGTERM, IN_GROUP, True)
    return plan(asked, table, forward, GROUP_ID, OWN, lambda pid: table[pid].name in ("sh", "bash"))


def later(request: Request, after: Plan) -> Request:
    """The next round of a request, as lifecycle makes it."""
    holders = after.handlers if request.holders is None else request.holders
    return Request(request.signum, request.scope, request.is_stop, after.told, holders)


STOP = Request(SIGTERM, IN_GROUP, True)
SHELL = process(2, 1, "sh")
TRAPPER = process(2, 1, "sh", caught=[SIGTERM])


# --- the behaviour table, row by row -------------------------------------------------------------------------------


@pytest.mark.parametrize("forward", MODES)
def test_an_application_that_is_the_command_is_told(forward: str) -> None:
    found = decide(process(2, 1, caught=[SIGTERM]), forward=forward)
    assert (found.now, found.held) == ({2: SIGTERM}, ())


@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_a_shell_without_exec_is_held_back_until_the_application_has_gone(forward: str) -> None:
    found = decide(SHELL, process(3, 2, caught=[SIGTERM]), forward=forward)
    assert (found.now, found.held, found.working) == ({3: SIGTERM}, (2,), frozenset({3}))
    assert not found.whole_group


@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_the_reader_of_a_pipe_is_held_back(forward: str) -> None:
    found = decide(SHELL, process(3, 2, caught=[SIGTERM]), process(4, 2, "tee"), forward=forward)
    assert (found.now, found.held, found.working) == ({3: SIGTERM}, (2, 4), frozenset({3}))


def test_a_shell_with_a_trap_and_its_application_are_both_told_in_a_group() -> None:
    found = decide(TRAPPER, process(3, 2, caught=[SIGTERM]))
    assert (found.now, found.held) == ({2: SIGTERM, 3: SIGTERM}, ())


def test_the_foreground_job_of_a_shell_with_a_trap_is_told_for_the_trap_waits_for_it() -> None:
    found = decide(TRAPPER, process(3, 2, caught=[SIGTERM]), forward=TOPMOST)
    assert (found.now, found.held) == ({2: SIGTERM, 3: SIGTERM}, ())


@pytest.mark.parametrize("ignored", [[SIGINT, SIGQUIT], [SIGINT], [SIGQUIT]])
def test_a_shell_with_a_trap_is_told_alone_where_the_topmost_are_meant(ignored: list[int]) -> None:
    found = decide(TRAPPER, process(3, 2, caught=[SIGTERM], ignored=ignored), forward=TOPMOST)
    assert (found.now, found.held, found.working) == ({2: SIGTERM}, (3,), frozenset({2}))


@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_what_a_shell_with_a_trap_waits_for_is_not_held_back(forward: str) -> None:
    found = decide(TRAPPER, process(3, 2, "sleep"), forward=forward)
    assert (found.now, found.held) == ({2: SIGTERM, 3: SIGTERM}, ())


@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_a_wrapper_above_a_shell_with_a_trap_is_held_back(forward: str) -> None:
    trapper, sleep = process(3, 2, "bash", caught=[SIGTERM]), process(4, 3, "sleep")
    found = decide(SHELL, trapper, sleep, forward=forward)
    assert (found.now, found.held, found.working) == ({3: SIGTERM, 4: SIGTERM}, (2,), frozenset({3}))


def test_a_shell_with_a_trap_below_another_comes_first() -> None:
    """The outer one waits for the wrapper, which is held back until the inner one has gone: nobody must wait for the outer."""
    wrapper, inner, sleep = process(3, 2), process(4, 3, "sh", caught=[SIGTERM]), process(5, 4, "sleep")
    found = decide(TRAPPER, wrapper, inner, sleep)
    assert (found.now, found.held, found.working) == ({2: SIGTERM, 4: SIGTERM, 5: SIGTERM}, (3,), frozenset({4}))
    assert decide(TRAPPER, wrapper, request=later(STOP, found)).now == {3: SIGTERM}


@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_the_reader_of_a_shell_with_a_trap_is_held_back(forward: str) -> None:
    """`./start.sh | tee log`, where start.sh has a trap: its last lines belong in the log."""
    trapper, sleep, tee = process(3, 2, "bash", caught=[SIGTERM]), process(4, 3, "sleep"), process(5, 2, "tee")
    found = decide(SHELL, trapper, sleep, tee, forward=forward)
    assert (found.now, found.held) == ({3: SIGTERM, 4: SIGTERM}, (2, 5))


def test_parent_and_workers_are_all_told_in_a_group_and_the_parent_alone_where_the_topmost_are_meant() -> None:
    tree = [process(2, 1, caught=[SIGTERM]), *(process(pid, 2, caught=[SIGTERM]) for pid in (3, 4))]
    found = decide(*tree)
    assert (found.now, found.held, found.whole_group) == (dict.fromkeys((2, 3, 4), SIGTERM), (), True)
    found = decide(*tree, forward=TOPMOST)
    assert (found.now, found.held, found.working, found.whole_group) == ({2: SIGTERM}, (3, 4), frozenset({2}), False)


@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_where_nobody_handles_it_everybody_gets_it_at_once(forward: str) -> None:
    found = decide(SHELL, process(3, 2, "sleep"), forward=forward)
    assert (found.now, found.held, found.whole_group) == ({2: SIGTERM, 3: SIGTERM}, (), True)


@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_who_ignores_it_gets_nothing_and_is_told_of(forward: str) -> None:
    found = decide(SHELL, process(3, 2, ignored=[SIGTERM]), forward=forward)
    assert (found.now, found.held, found.deaf) == ({2: SIGTERM}, (), (3,))


def test_the_command_alone_is_told_where_it_alone_is_meant_whatever_it_is() -> None:
    found = decide(SHELL, process(3, 2, caught=[SIGTERM]), forward=COMMAND)
    assert (found.now, found.held, found.whole_group) == ({2: SIGTERM}, (), False)


def test_a_daemon_is_signalled_in_the_sweep_and_not_before() -> None:
    daemon = process(9, 1, "daemon", group=9, session=9)
    assert decide(process(2, 1, caught=[SIGTERM]), daemon).now == {2: SIGTERM}
    assert decide(daemon, request=Request(SIGTERM, LEFT, True)).now == {9: SIGTERM}


def test_a_worker_that_was_told_is_not_told_again_in_the_sweep() -> None:
    worker = process(3, 1, caught=[SIGTERM])
    found = decide(worker, process(4, 1, "tee"), request=Request(SIGTERM, LEFT, True, {2: "app", 3: "app"}))
    assert (found.now, found.held, found.working) == ({}, (4,), frozenset({3}))


@pytest.mark.parametrize("signum", [SIGHUP, SIGUSR1])
@pytest.mark.parametrize("forward", [GROUP, TOPMOST])
def test_a_reload_reaches_the_application_and_never_the_shell(signum: int, forward: str) -> None:
    found = decide(SHELL, process(3, 2, caught=[signum]), request=Request(signum, IN_GROUP, False), forward=forward)
    assert (found.now, found.held, found.working) == ({3: signum}, (), frozenset())


def test_after_the_settling_time_the_next_application_and_the_shell_are_ended() -> None:
    first = decide(SHELL, process(3, 2, caught=[SIGTERM]))
    second = decide(SHELL, process(4, 2, caught=[SIGTERM]), request=later(STOP, first))
    assert (second.now, second.held) == ({2: SIGTERM, 4: SIGTERM}, ())


def test_processes_of_docker_exec_are_left_alone() -> None:
    visitor = process(50, 0, "sh", group=50, session=50)
    for scope in (IN_GROUP, LEFT):
        found = decide(process(2, 1), visitor, process(51, 50, group=50), request=Request(SIGTERM, scope, True))
        assert found.now == {2: SIGTERM}


# --- particular signals --------------------------------------------------------------------------------------------


def test_a_blocked_signal_counts_as_handled_for_somebody_waits_for_it() -> None:
    found = decide(SHELL, process(3, 2, blocked=[SIGTERM]))
    assert (found.now, found.held) == ({3: SIGTERM}, (2,))


def test_stopped_members_are_resumed_by_a_stop_request_only() -> None:
    stopped = process(2, 1, caught=[SIGTERM, SIGHUP], is_stopped=True)
    assert decide(stopped).resume == (2,)
    assert decide(SHELL, process(3, 2, is_stopped=True, caught=[SIGTERM])).resume == (3,)
    assert decide(stopped, request=Request(SIGHUP, IN_GROUP, False)).resume == ()


def test_a_background_job_that_ignores_sigint_gets_sigterm_in_the_sweep() -> None:
    job = process(3, 1, ignored=[SIGINT, SIGQUIT])
    assert decide(job, request=Request(SIGINT, LEFT, True)).now == {3: SIGTERM}
    assert decide(job, request=Request(SIGINT, IN_GROUP, True)).now == {}


def test_sigwinch_as_a_forwarded_signal_reaches_those_who_handle_it() -> None:
    found = decide(SHELL, process(3, 2, caught=[SIGWINCH]), request=Request(SIGWINCH, IN_GROUP, False))
    assert found.now == {3: SIGWINCH}


def test_sigwinch_as_a_stop_signal_reaches_the_topmost_handler_only_where_that_is_asked_for() -> None:
    """Apache httpd stops gracefully by SIGWINCH."""
    tree = [process(2, 1, "httpd", caught=[SIGWINCH]), process(3, 2, "httpd", caught=[SIGWINCH])]
    found = decide(*tree, request=Request(SIGWINCH, IN_GROUP, True), forward=TOPMOST)
    assert 3 not in found.now


def test_whoever_does_nothing_about_the_stop_signal_gets_sigterm_in_the_sweep() -> None:
    """The default of SIGWINCH is to do nothing: a daemon behind httpd would never learn of the stop."""
    daemon = process(9, 1, "daemon", group=9, session=9)
    assert decide(daemon, request=Request(SIGWINCH, LEFT, True)).now == {9: SIGTERM}


def test_who_executed_another_program_in_the_moment_of_the_signal_is_told_again() -> None:
    """It inherited its parent's handler, took the signal with it, and lost it with the exec."""
    asked = Request(SIGTERM, LEFT, True, {3: "sh", 4: "sleep"})
    assert decide(process(3, 1, "sleep"), process(4, 1, "sleep"), request=asked).now == {3: SIGTERM}


def test_a_worker_that_was_told_by_sigwinch_is_not_told_again_in_the_sweep() -> None:
    worker = process(3, 1, "httpd", caught=[SIGWINCH])
    assert decide(worker, request=Request(SIGWINCH, LEFT, True, {2: "app", 3: "app"})).now == {}


@pytest.mark.parametrize(
    ("session", "caught", "expected"),
    [(2, [], signal.SIGSTOP), (OWN, [], SIGTSTP), (2, [SIGTSTP], SIGTSTP), (OWN, [SIGTSTP], SIGTSTP)],
)
def test_a_suspending_signal_works_in_an_orphaned_group_too(session: int, caught: list[int], expected: int) -> None:
    found = decide(process(2, 1, caught=caught, session=session), request=Request(SIGTSTP, IN_GROUP, False))
    assert found.now == {2: expected}


def test_sigkill_as_a_stop_signal_waits_for_nobody() -> None:
    found = decide(SHELL, process(3, 2, caught=[SIGTERM]), request=Request(SIGKILL, IN_GROUP, True))
    assert (found.now, found.held) == ({2: SIGKILL, 3: SIGKILL}, ())


# --- any process tree ----------------------------------------------------------------------------------------------

SIGNALS = (SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGWINCH, signal.SIGRTMAX)
SOME = st.lists(st.sampled_from(SIGNALS), max_size=4)
PIDS = st.integers(2, 14)


@st.composite
def tables(draw: st.DrawFn) -> dict[int, Process]:
    """Process tables: trees, and what /proc may show in a bad moment (parents that are missing, loops)."""
    table = {OWN: INIT}
    for pid in draw(st.lists(PIDS, unique=True, max_size=10)):
        table[pid] = Process(
            pid,
            parent=draw(st.integers(0, 14)),
            group=draw(st.sampled_from([GROUP_ID, GROUP_ID, GROUP_ID, OWN, 7])),
            session=draw(st.sampled_from([GROUP_ID, OWN, 7])),
            name=draw(st.sampled_from(["app", "sh"])),
            is_stopped=draw(st.booleans()),
            blocked=mask(draw(SOME)),
            ignored=mask(draw(SOME)),
            caught=mask(draw(SOME)),
        )
        one = table[pid]
        if one.ignored & one.caught:  # the kernel has one disposition for each signal
            table[pid] = Process(*(vars(one) | {"ignored": one.ignored & ~one.caught}).values())
    return table


SCOPES = st.sampled_from([IN_GROUP, LEFT])
HOLDERS = st.frozensets(PIDS, max_size=6)
TOLD = st.dictionaries(PIDS, st.sampled_from(["app", "sh"]), max_size=6)
STOPS = st.builds(Request, st.sampled_from(SIGNALS), SCOPES, st.just(True), TOLD, st.none() | HOLDERS)
FIRST_STOPS = st.builds(Request, st.sampled_from(SIGNALS), SCOPES, st.just(True))
FORWARDS = st.builds(Request, st.sampled_from(SIGNALS), st.just(IN_GROUP), st.just(False))
REQUESTS = STOPS | FIRST_STOPS | FORWARDS


def is_shell_in(table: dict[int, Process], pid: int) -> bool:
    """Whether a process of the table is a shell."""
    return table[pid].name == "sh"


def planned(request: Request, table: dict[int, Process], forward: str) -> Plan:
    """The plan for a request."""
    return plan(request, table, forward, GROUP_ID, OWN, lambda pid: is_shell_in(table, pid))


def ancestors(pid: int, table: dict[int, Process]) -> set[int]:
    """Everybody above a process, by brute force."""
    found: set[int] = set()
    for _ in table:
        pid = table[pid].parent if pid in table else 0
        found.add(pid)
    return found - {0}


def meant(request: Request, table: dict[int, Process], forward: str) -> set[int]:
    """Who a request may be for, by brute force."""
    others = set(table) - {OWN}
    if request.scope == LEFT:
        return {pid for pid in others if OWN in ancestors(pid, table)}
    group = {pid for pid in others if table[pid].group == GROUP_ID}
    if forward == COMMAND:
        return others & {GROUP_ID}
    return group | {pid for pid in others - group if has_but_wrappers_above(pid, table, group, request.signum)}


def has_but_wrappers_above(pid: int, table: dict[int, Process], group: set[int], signum: int) -> bool:
    """Whether there is no handler but shells from here up to the first member of the group, and no background job."""
    for _ in table:
        if table[pid].ignores(SIGINT) or table[pid].ignores(SIGQUIT):
            return False
        pid = table[pid].parent
        if pid not in table or (table[pid].handles(signum) and not is_shell_in(table, pid)):
            return False
        if pid in group:
            return True
    return False


def asked_by(request: Request, one: Process) -> int:
    """The signal that this process is to get."""
    in_sweep = request.scope == LEFT and request.is_stop
    return SIGTERM if in_sweep and does_nothing(one, request.signum) else request.signum


def does_nothing(one: Process, signum: int) -> bool:
    """Whether a signal has no effect on a process."""
    return not one.handles(signum) and (one.ignores(signum) or signum == SIGWINCH)


def told_already(request: Request, table: dict[int, Process]) -> set[int]:
    """Who is not to be told again: not one who would die of it and has another name now, and so has executed since."""
    there = {pid: name for pid, name in request.told.items() if pid in table}
    return {pid for pid, name in there.items() if table[pid].name == name or table[pid].handles(asked_by(request, table[pid]))}


@given(REQUESTS, tables(), st.sampled_from(MODES))
def test_only_those_who_are_meant_are_signalled_and_never_ourselves(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    addressed = meant(request, table, forward)
    found = planned(request, table, forward)
    assert OWN not in addressed
    for mentioned in (found.now, found.held, found.resume, found.deaf, found.working, found.handlers):
        assert set(mentioned) <= addressed
    assert all(signum == asked_by(request, table[pid]) for pid, signum in found.now.items())
    assert not found.now.keys() & told_already(request, table)
    assert {one.pid for one in below_us(table, OWN)} == meant(Request(SIGTERM, LEFT, True), table, GROUP)


@given(STOPS | FIRST_STOPS, tables(), st.sampled_from(MODES))
def test_everybody_is_signalled_or_held_back_or_told_already_or_ignores_it(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    addressed = meant(request, table, forward)
    found = planned(request, table, forward)
    assert addressed == found.now.keys() | set(found.held) | (told_already(request, table) & addressed) | set(found.deaf)
    assert not found.now.keys() & set(found.held)
    assert not found.now.keys() & set(found.deaf)
    assert not set(found.held) & set(found.deaf)
    for pid in addressed:
        signum = asked_by(request, table[pid])
        assert (pid in found.deaf) == does_nothing(table[pid], signum)
    assert set(found.resume) == {pid for pid in addressed if table[pid].is_stopped}


@given(STOPS, tables(), st.sampled_from(MODES))
def test_nobody_is_held_back_who_was_signalled_already(request: Request, table: dict[int, Process], forward: str) -> None:
    assert not set(planned(request, table, forward).held) & told_already(request, table)


@given(REQUESTS, tables(), st.sampled_from(MODES))
def test_whoever_is_held_back_waits_for_somebody_who_handles_it(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    found = planned(request, table, forward)
    assert bool(found.held) == bool(found.working)
    assert found.working <= found.handlers
    assert all(table[pid].handles(asked_by(request, table[pid])) for pid in found.handlers)
    assert found.working <= found.now.keys() | told_already(request, table), "a handler that was not told has no reason to go"


@given(REQUESTS, tables(), st.sampled_from(MODES))
def test_every_handler_is_told_and_of_the_topmost_only_those(request: Request, table: dict[int, Process], forward: str) -> None:
    handlers = {pid for pid in meant(request, table, forward) if table[pid].handles(asked_by(request, table[pid]))}
    found = planned(request, table, forward)
    if forward != TOPMOST:
        assert handlers <= found.now.keys() | told_already(request, table)
        return
    topmost = {pid for pid in handlers if not (ancestors(pid, table) - {pid}) & handlers}
    assert topmost <= found.now.keys() | told_already(request, table)
    if request.holders is None and not all(is_shell_in(table, pid) for pid in topmost):
        assert not (handlers - topmost) & found.now.keys()


@given(FORWARDS, tables(), st.sampled_from(MODES))
def test_a_forwarded_signal_kills_nobody_while_somebody_handles_it(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    handlers = {pid for pid in meant(request, table, forward) if table[pid].handles(request.signum)}
    found = planned(request, table, forward)
    assert found.held == ()
    assert found.resume == ()
    if handlers:
        assert found.now.keys() <= handlers


@given(REQUESTS, tables(), st.sampled_from(MODES))
def test_if_nobody_handles_it_everybody_who_would_die_gets_it_at_once(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    addressed = meant(request, table, forward)
    assume(not any(table[pid].handles(asked_by(request, table[pid])) for pid in addressed))
    found = planned(request, table, forward)
    assert found.now.keys() == {
        pid for pid in addressed if not does_nothing(table[pid], asked_by(request, table[pid]))
    } - told_already(request, table)
    assert found.held == ()


@given(FIRST_STOPS, tables(), st.sampled_from(MODES))
def test_in_the_first_round_nobody_dies_who_is_above_a_handler(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    found = planned(request, table, forward)
    for handler in found.handlers:
        for above in ancestors(handler, table) & found.now.keys():
            assert table[above].handles(found.now[above])


@given(REQUESTS, tables(), st.sampled_from(MODES))
def test_the_group_is_signalled_as_a_whole_only_if_all_who_notice_are_meant_now(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    found = planned(request, table, forward)
    if found.whole_group:
        group = {pid for pid, one in table.items() if one.group == GROUP_ID and pid != OWN}
        notice = {pid for pid in group if not does_nothing(table[pid], request.signum)}
        assert found.now == dict.fromkeys(notice, request.signum)
        assert request.scope == IN_GROUP
        assert forward != COMMAND


@given(st.sampled_from(SIGNALS), st.sampled_from([IN_GROUP, LEFT]), tables(), st.sampled_from(MODES), st.data())
def test_the_rounds_come_to_an_end_whatever_is_started_meanwhile(
    signum: int, scope: str, table: dict[int, Process], forward: str, data: st.DataObject
) -> None:
    request = Request(signum, scope, True)
    first = found = planned(request, table, forward)
    fresh = 100
    rounds = 1
    signalled: set[int] = set(found.now)
    held_at_first = set(found.held)
    while found.held:
        assert rounds <= 1 + len(first.handlers), "each round but the first waits for handlers of the first"
        for pid in found.working:
            del table[pid]
        leavers = [pid for pid in table if pid != OWN]
        for pid in data.draw(st.lists(st.sampled_from(leavers), unique=True) if leavers else st.just([])):
            del table[pid]
        for one in data.draw(tables()).values():
            if one.pid != OWN:
                fresh += 1
                parent = data.draw(st.sampled_from(sorted(table)))
                fields = vars(one) | {"pid": fresh, "parent": parent}
                table[fresh] = Process(*fields.values())
        request = later(request, found)
        found = planned(request, table, forward)
        rounds += 1
        assert not found.now.keys() & signalled
        signalled |= found.now.keys()
    in_the_end = meant(request, table, forward)
    for pid in held_at_first & in_the_end:
        assert pid in signalled, "held back, and then forgotten"
    for pid in in_the_end:
        if table[pid].handles(asked_by(request, table[pid])):
            assert pid in signalled


@pytest.mark.parametrize("scope", [IN_GROUP, LEFT])
@pytest.mark.parametrize("forward", MODES)
def test_parents_in_a_circle_hang_nobody(scope: str, forward: str) -> None:
    circle = [process(2, 3, caught=[SIGTERM]), process(3, 4), process(4, 2, caught=[SIGTERM]), process(5, 5), process(6, 2)]
    found = decide(*circle, request=Request(SIGTERM, scope, True), forward=forward)
    if scope == LEFT:
        assert found.now == {}, "they are not below us"
    elif forward == GROUP:
        assert (found.now, found.held) == ({2: SIGTERM, 4: SIGTERM}, (3, 5, 6))


def test_a_very_long_line_of_ancestors_is_no_trouble() -> None:
    line = [process(pid, pid - 1) for pid in range(2, 3000)]
    found = decide(*line, process(3000, 2999, caught=[SIGTERM]), request=Request(SIGTERM, LEFT, True), forward=TOPMOST)
    assert found.now == {3000: SIGTERM}
    assert len(found.held) == 2998
