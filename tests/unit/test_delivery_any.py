"""Delivery for any process tree at all, with any answer of the closer look, in any round: what must hold whatever is there."""

from collections import Counter
from signal import SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGWINCH

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyinit.delivery import BELONGS, IN_GROUP, LEFT, LOOKS, WAITS, Plan, Request
from pyinit.delivery.kinds import CAUGHT_FOR_EXIT
from pyinit.delivery.plan import asks_for_stop, forwarding, is_plain_handler, plan, takes_as_it_is
from pyinit.delivery.scene import Place
from pyinit.kernel.processes import BASIC, SHELLS, Look, Process
from pyinit.settings.config import COMMAND, GROUP, HANDLERS

OWN, GROUP_ID = 1, 2

SIGNALS = (SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGWINCH, SIGCHLD)
NAMES = ("app", "sh", "bash", "mksh", "nginx", "postgres", "tini", "npm", "timeout", "sudo", "sleep", "tee")
PIPES = ("", "/dev/null", "/dev/null flags: 0", "pipe:[1]", "pipe:[2]", "pipe:[3]")
SCRIPTS = (
    "",
    "trap stop TERM INT; app & wait",
    "app & kill $!; wait",
    "trap 'echo now\u00a0ready' $S",
    "if a; then b; fi\r\n",
    "'",
)
RAN = (b"", b"5 0 1", b"7 0 2")
FUNCTIONS = ("", "sigsuspend", "do_sigtimedwait", "do_wait", "0")

INIT = Process(OWN, 0, OWN, OWN, "pyinit", "S", 0, 0, 0, 1, 9)


class Answers(Look):
    """Answers from a dict for each question, and counts how often each is asked of whom."""

    def __init__(self, **answers: dict[int, object]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: Counter[tuple[str, int]] = Counter()

    def __repr__(self) -> str:
        return f"Answers(**{self.answers})"

    def _answer(self, question: str, pid: int, otherwise: object) -> object:
        self.asked[question, pid] += 1
        return self.answers.get(question, {}).get(pid, otherwise)

    def words(self, pid: int) -> tuple[str, ...]:
        """As given."""
        return self._answer("words", pid, ())  # type: ignore[return-value]  # as given

    def sleeps_in(self, pid: int) -> str:
        """As given."""
        return str(self._answer("sleeps_in", pid, ""))

    def ran(self, pid: int) -> bytes:
        """As given."""
        return self._answer("ran", pid, b"")  # type: ignore[return-value]  # as given

    def opened(self, pid: int) -> str:
        """No two /dev/null differ by how they were opened here, but by their names."""
        return str(self._answer("opened", pid, ""))

    def reads_from(self, pid: int) -> str:
        """As given."""
        return str(self._answer("reads_from", pid, ""))

    def writes_to(self, pid: int) -> frozenset[str]:
        """As given."""
        return self._answer("writes_to", pid, frozenset())  # type: ignore[return-value]  # as given

    def script(self, pid: int) -> str:
        """As given."""
        return str(self._answer("script", pid, ""))

    def done(self, pid: int) -> str:
        """As given."""
        return str(self._answer("done", pid, ""))

    def blocks(self, pid: int, signum: int, _ran: bytes = b"") -> bool:
        """As given."""
        return signum > 0 and bool(self._answer("blocks", pid, False))


MASKS = st.sampled_from([0, 0, 0, CAUGHT_FOR_EXIT | 1 << SIGTERM - 1]) | st.sets(st.sampled_from(SIGNALS), max_size=3).map(
    lambda signums: sum(1 << signum - 1 for signum in signums)
)


@st.composite
def places(draw: st.DrawFn) -> tuple[dict[int, Process], Answers]:
    """A process table, perhaps with a circle of parents, or parents that are gone, and what a closer look would tell."""
    pids = list(range(2, 2 + draw(st.integers(1, 7))))
    table = {OWN: INIT}
    answers: dict[str, dict[int, object]] = {
        question: {} for question in ("words", "sleeps_in", "reads_from", "writes_to", "script", "done", "blocks", "ran")
    }
    for pid in pids:
        name = draw(st.sampled_from(NAMES))
        parent = 1 if pid == 2 else draw(st.sampled_from([1, 1, *pids, *pids, 99]))
        group = GROUP_ID if pid == 2 else draw(st.sampled_from([2, 2, 2, pid]))
        blocked = draw(st.just(0) | MASKS | st.just(BASIC))
        state, image = draw(st.sampled_from("SSSRDT")), draw(st.integers(0, 2))
        table[pid] = Process(pid, parent, group, 2, name, state, blocked, draw(MASKS), draw(MASKS), pid, image)
        answers["words"][pid] = draw(st.just((name,)) | st.just(("python3", f"/bin/{name}")) | st.just(()))
        answers["sleeps_in"][pid] = draw(st.sampled_from(FUNCTIONS))
        answers["reads_from"][pid] = draw(st.sampled_from(PIPES))
        answers["writes_to"][pid] = frozenset(draw(st.lists(st.sampled_from(PIPES), max_size=2)))
        answers["script"][pid] = answers["done"][pid] = draw(st.sampled_from(SCRIPTS))
        answers["blocks"][pid] = draw(st.booleans())
        answers["ran"][pid] = draw(st.sampled_from(RAN))
    return table, Answers(**answers)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request in any of its rounds."""
    pids = st.integers(2, 9)
    told = {pid: (draw(st.sampled_from([pid, 77])), draw(st.integers(0, 2))) for pid in draw(st.sets(pids, max_size=3))}
    return Request(
        draw(st.sampled_from(SIGNALS)),
        draw(st.sampled_from([IN_GROUP, LEFT])),
        draw(st.booleans()),
        draw(st.booleans()),
        told,
        {pid: (pid, draw(st.integers(0, 2))) for pid in draw(st.sets(pids, max_size=2))},
        draw(st.none() | st.sets(pids).map(lambda seen: {pid: pid for pid in seen})),
        frozenset((name,) for name in draw(st.sets(st.sampled_from(NAMES), max_size=2))),
        draw(st.integers(0, LOOKS)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.frozensets(pids, max_size=1)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.none() | pids),
        {pid: (pid, draw(st.sampled_from(RAN))) for pid in draw(st.sets(pids, max_size=2))},
        draw(st.integers(0, WAITS)),
    )


FIRST = st.builds(
    Request, st.sampled_from((SIGTERM, SIGINT, SIGQUIT, SIGUSR1)), st.just(IN_GROUP), st.just(True), st.booleans()
)
FORWARDS = st.sampled_from((GROUP, HANDLERS, COMMAND))


def planned(request: Request, place: tuple[dict[int, Process], Answers], forward: str = GROUP) -> Plan:
    """The plan."""
    return plan(request, place[0], place[1], Place(OWN, GROUP_ID, forward))


@given(requests(), places(), FORWARDS)
@settings(max_examples=400)
def test_there_is_a_plan_whatever_is_there_and_it_names_nobody_else(
    request: Request, place: tuple[dict[int, Process], Answers], forward: str
) -> None:
    found = planned(request, place, forward)
    others = place[0].keys() - {OWN}
    assert found.now.keys() | found.fates.keys() | {*found.held, *found.resume, *found.unsure, *found.deaf} <= others
    assert found.working | {*found.spared} <= others
    assert not found.now.keys() & {*found.held, *found.deaf, *found.unsure, *found.spared}
    assert all(signum > 0 for signum in found.now.values())
    assert found.reasons.keys() <= found.now.keys()
    if request.is_stop:  # others may have one round only
        assert all(found.next.told[pid] == (place[0][pid].started, place[0][pid].image) for pid in found.now)


@given(requests(), places(), FORWARDS)
@settings(max_examples=400)
def test_who_was_told_and_is_the_same_is_not_told_again(
    request: Request, place: tuple[dict[int, Process], Answers], forward: str
) -> None:
    request = request.but(signum=SIGTERM, is_stop=True, is_last_call=False)
    found = planned(request, place, forward)
    same = {pid for pid, told in request.told.items() if pid in place[0] and told == (pid, place[0][pid].image)}
    assert not found.now.keys() & same
    again = planned(found.next, place, forward)
    assert not again.now.keys() & found.now.keys()


@given(requests(), places())
@settings(max_examples=400)
def test_who_may_not_be_signalled_is_told_in_no_round(request: Request, place: tuple[dict[int, Process], Answers]) -> None:
    request = request.but(signum=SIGTERM, is_stop=True)
    assert not planned(request, place).now.keys() & request.denied


@given(FIRST, places())
@settings(max_examples=400)
def test_what_belongs_to_one_who_is_told_is_below_it_and_is_not_told(
    request: Request, place: tuple[dict[int, Process], Answers]
) -> None:
    table = place[0]
    found = planned(request, place)
    for pid, (fate, owner) in found.fates.items():
        if fate != BELONGS:
            continue
        assert pid not in found.now
        above, seen = table[pid].parent, {pid}
        while above != owner:
            assert above in table
            assert above not in seen
            seen.add(above)
            above = table[above].parent


@given(FIRST, places())
@settings(max_examples=400)
def test_nobody_is_told_below_a_handler_that_is_told_unless_that_is_a_shell(
    request: Request, place: tuple[dict[int, Process], Answers]
) -> None:
    table, look = place
    found = planned(request, place)
    if not found.working:
        return  # nobody handles it, and all get it
    for pid in found.now:
        above, seen = table[pid].parent, {pid}
        while above in table and above not in seen:
            is_shell = look.is_shell(above, table[above].name)
            is_handler = above in found.now and above in found.working and table[above].catches(found.now[above])
            assert is_shell or not is_handler
            seen.add(above)
            above = table[above].parent


@given(FIRST, places(), st.sampled_from((GROUP, HANDLERS)))
@settings(max_examples=300)
def test_rounds_come_to_an_end_as_those_who_work_end(
    request: Request, place: tuple[dict[int, Process], Answers], forward: str
) -> None:
    left, look = place
    for _ in range(len(left) * (LOOKS + WAITS + 3)):
        found = planned(request, (left, look), forward)
        request = found.next.but(has_waited=found.next.has_waited or bool(found.spared))
        gone = found.now.keys() | found.working
        if not gone and not found.held and not found.unsure and not found.spared:
            return
        orphaned = {pid: OWN if one.parent in gone else one.parent for pid, one in left.items()}
        left = {pid: Process(*(vars(one) | {"parent": orphaned[pid]}).values()) for pid, one in left.items() if pid not in gone}
    raise AssertionError(f"no end: {left}")


@given(requests(), places(), st.booleans())
@example(Request(SIGTERM, IN_GROUP, True), ({OWN: INIT}, Answers()), True)
def test_judging_a_signal_raises_nothing(request: Request, place: tuple[dict[int, Process], Answers], is_first: bool) -> None:
    table, look = place
    found = forwarding(request.signum, table, look, Place(OWN, GROUP_ID))
    assert asks_for_stop(found, request.signum, table, look, 2, is_first=is_first) in (True, False)
    for process in table.values():
        assert is_plain_handler(request, process, look) in (True, False)
        assert takes_as_it_is(process, request.signum, look) in (True, False)


# --- how much is asked -------------------------------------------------------------------------------------------------


def trees(shape: str, number: int, name: str, caught: int) -> dict[int, Process]:
    """A chain below the command, or a star."""
    table = {OWN: INIT, 2: Process(2, 1, 2, 2, "sh", "S", 0, 0, 0, 2, 1)}
    for pid in range(3, number + 3):
        parent = pid - 1 if shape == "chain" else 2
        table[pid] = Process(pid, parent, 2, 2, name, "S", 0, 0, caught, pid, pid)
    return table


def asked(shape: str, number: int, name: str, caught: int, request: Request) -> Answers:
    """What was asked about such a tree."""
    table = trees(shape, number, name, caught)
    pipes = {pid: f"pipe:[{pid}]" for pid in table}
    outputs = {pid: frozenset({f"pipe:[{pid + 1}]"}) for pid in table}
    look = Answers(words=dict.fromkeys(table, (name,)), reads_from=dict(pipes), writes_to=dict(outputs))
    plan(request, table, look, Place(OWN, GROUP_ID))
    return look


@pytest.mark.parametrize("shape", ["chain", "star"])
@pytest.mark.parametrize("name", ["app", "sh", "nginx", "tini"])
@pytest.mark.parametrize("caught", [0, 1 << SIGTERM - 1])
@pytest.mark.parametrize("seen", [None, {2: 2}])
def test_ten_times_as_many_processes_are_asked_about_ten_times_as_often(
    shape: str, name: str, caught: int, seen: dict[int, int] | None
) -> None:
    request = Request(SIGTERM, IN_GROUP, True, True, seen=seen)
    few, many = (asked(shape, number, name, caught, request).asked.total() for number in (100, 1000))
    assert many <= 10 * few + 100


@pytest.mark.parametrize("name", ["app", "sh", "bash", "nginx", "tini"])
@pytest.mark.parametrize("caught", [0, 1 << SIGTERM - 1, CAUGHT_FOR_EXIT | 1 << SIGTERM - 1])
@pytest.mark.parametrize("is_last_call", [False, True])
def test_a_chain_of_thousands_is_no_deeper_than_any_other(name: str, caught: int, is_last_call: bool) -> None:
    request = Request(SIGTERM, IN_GROUP, True, True, is_last_call=is_last_call)
    look = asked("chain", 3000, name, caught, request)
    assert look.asked.total() < 3000 * 40


def test_a_shell_is_known_by_its_name_alone() -> None:
    look = Answers()
    assert all(look.is_shell(7, name) for name in SHELLS)
    assert not look.asked


# --- found by the properties above -------------------------------------------------------------------------------------


def reading(*processes: Process, stdins: dict[int, str], outputs: dict[int, str]) -> Plan:
    """The plan for SIGTERM where some read what others write."""
    table = {one.pid: one for one in (INIT, *processes)}
    pipes: dict[int, object] = {pid: frozenset({pipe}) for pid, pipe in outputs.items()}
    return planned(Request(SIGTERM, IN_GROUP, True), (table, Answers(reads_from=dict(stdins), writes_to=pipes)))


def handler(pid: int, parent: int, name: str) -> Process:
    """One that catches SIGTERM."""
    return Process(pid, parent, GROUP_ID, 2, name, "S", 0, 0, 1 << SIGTERM - 1, pid, pid)


def test_a_script_that_reads_the_output_of_its_own_job_is_told_with_it() -> None:
    """`trap stop TERM; while read line; do ...; done < <(app)`."""
    found = reading(handler(2, 1, "bash"), handler(3, 2, "app"), stdins={2: "pipe:[1]"}, outputs={3: "pipe:[1]"})
    assert (found.now, found.held) == ({2: SIGTERM, 3: SIGTERM}, ())


def test_scripts_that_read_from_below_each_other_are_told() -> None:
    shells = [Process(2, 1, 2, 2, "sh", "S", 0, 0, 0, 2, 2), handler(3, 2, "bash"), handler(5, 2, "bash")]
    found = reading(
        *(*shells, handler(4, 3, "app"), handler(6, 5, "app")),
        stdins={3: "pipe:[1]", 5: "pipe:[2]"},
        outputs={6: "pipe:[1]", 4: "pipe:[2]"},
    )
    assert (found.now, found.held) == (dict.fromkeys((3, 4, 5, 6), SIGTERM), (2,))


def test_at_the_last_call_reasons_are_given_for_those_who_are_told() -> None:
    newcomer = Process(2, 1, 2, 2, "app", "S", 0, 0, 1 << SIGTERM - 1, 2, 2)
    request = Request(SIGINT, IN_GROUP, True, seen={}, is_last_call=True)
    found = planned(request, ({OWN: INIT, 2: newcomer}, Answers()))
    assert found.reasons.keys() <= found.now.keys()
