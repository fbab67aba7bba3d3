"""Delivery: who is signalled now and who later, example by example and for any process tree at all."""

from collections.abc import Iterable
from signal import SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.delivery import (
    BELONGS,
    DEAF,
    DRAINS,
    HELD,
    IN_GROUP,
    LEFT,
    LOOKS,
    MAY_FINISH,
    READS,
    TOLD,
    UNSURE,
    WAITS,
    Plan,
    Request,
)
from pyinit.delivery.kinds import CAUGHT_FOR_EXIT
from pyinit.delivery.plan import asks_for_stop, forwarding, plan
from pyinit.delivery.scene import Place
from pyinit.kernel.processes import BASIC, Process
from pyinit.settings.config import COMMAND, GROUP, HANDLERS
from tests.counting import lines_run
from tests.unit.looks import NoLook

OWN = 1
GROUP_ID = 2  # the command's PID and its process group

MODES = (GROUP, HANDLERS, COMMAND)


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
    is_asleep: bool = True,
    image: int = 0,
) -> Process:
    """One process; by default a member of the command's group that would die of any signal."""
    state = "T" if is_stopped else "S" if is_asleep else "R"
    return Process(pid, parent, group, session, name, state, mask(blocked), mask(ignored), mask(caught), pid, image)


class Told(NoLook):
    """Knows besides what pipes and sleeping places it was told."""

    def __init__(
        self,
        names: dict[int, str],
        stdins: dict[int, str] | None = None,
        outputs: dict[int, str] | None = None,
        sleeping: dict[int, str] | None = None,
        scripts: dict[int, str] | None = None,
        ran: dict[int, bytes] | None = None,
    ) -> None:
        super().__init__(names)
        self._stdins, self._outputs = stdins or {}, outputs or {}
        self._sleeping, self._scripts, self._ran = sleeping or {}, scripts or {}, ran or {}

    def sleeps_in(self, pid: int) -> str:
        """As given."""
        return self._sleeping.get(pid, "")

    def reads_from(self, pid: int) -> str:
        """As given."""
        return self._stdins.get(pid, "")

    def writes_to(self, pid: int) -> frozenset[str]:
        """As given."""
        return frozenset({self._outputs[pid]} if pid in self._outputs else ())

    def script(self, pid: int) -> str:
        """As given."""
        return self._scripts.get(pid, "")

    def done(self, pid: int) -> str:
        """As given."""
        return self._scripts.get(pid, "")

    def ran(self, pid: int) -> bytes:
        """As given."""
        return self._ran.get(pid, b"")


INIT = process(OWN, 0, "pyinit", group=OWN, session=OWN)
STOP = Request(SIGTERM, IN_GROUP, True)
SHELL = process(2, 1, "sh")
TRAPPER = process(2, 1, "sh", caught=[SIGTERM])


def decide(*others: Process, request: Request = STOP, forward: str = GROUP, **told: dict[int, Any]) -> Plan:
    """The plan for a request in this process table."""
    table = {one.pid: one for one in (INIT, *others)}
    names = {pid: one.name for pid, one in table.items()}
    return plan(request, table, Told(names, **told), Place(OWN, GROUP_ID, forward))


def app(pid: int, parent: int, name: str = "app", **more: Iterable[int]) -> Process:
    """One that handles SIGTERM."""
    return process(pid, parent, name, caught=[SIGTERM], **more)  # type: ignore[arg-type]  # masks


# --- rule by rule ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forward", MODES)
def test_an_application_that_is_the_command_is_told(forward: str) -> None:
    assert decide(app(2, 1), forward=forward).now == {2: SIGTERM}


def test_a_shell_without_exec_is_held_back_until_the_application_has_gone() -> None:
    found = decide(SHELL, app(3, 2))
    assert (found.now, found.held, found.working) == ({3: SIGTERM}, (2,), frozenset({3}))
    assert found.fates[2] == (HELD, 3)
    assert not found.whole_group


def test_a_parent_is_told_and_its_workers_belong_to_it_but_not_with_forward_handlers() -> None:
    tree = [app(2, 1), app(3, 2), process(4, 2)]
    found = decide(*tree)
    assert (found.now, found.held) == ({2: SIGTERM}, ())
    assert (found.fates[3], found.fates[4]) == ((BELONGS, 2), (BELONGS, 2))
    assert decide(*tree, forward=HANDLERS).now == {2: SIGTERM, 3: SIGTERM}


def test_a_shell_in_wait_gets_its_trap_and_what_is_below_it_belongs_to_it() -> None:
    found = decide(TRAPPER, app(3, 2), process(4, 2, "tee"), sleeping={2: "sigsuspend"})
    assert found.now == {2: SIGTERM}
    assert found.fates[3] == (BELONGS, 2)


def test_the_foreground_job_of_a_shell_with_a_trap_is_told_for_the_trap_waits_for_it() -> None:
    assert list(decide(TRAPPER, app(3, 2)).now) == [2, 3]
    assert list(decide(TRAPPER, process(3, 2, "sleep")).now) == [2, 3]


def test_the_background_jobs_of_a_shell_with_a_trap_are_left_to_it() -> None:
    found = decide(TRAPPER, app(3, 2), app(4, 2, ignored=[SIGINT, SIGQUIT]))
    assert list(found.now) == [2, 3]
    assert found.fates[4] == (BELONGS, 2)


@pytest.mark.parametrize("child", [app(3, 2), process(3, 2)])
def test_bash_with_an_exit_trap_is_told_only_where_nobody_below_it_handles_the_signal(child: Process) -> None:
    shell = Process(2, 1, 2, 2, "bash", "S", 0, 0, CAUGHT_FOR_EXIT | mask([SIGTERM]), 2, 0)
    behind = Process(*(vars(child) | {"ignored": mask([SIGINT, SIGQUIT])}).values())
    assert decide(shell, behind).now == ({3: SIGTERM} if child.caught else {2: SIGTERM})
    below_nohup = Process(*(vars(shell) | {"ignored": mask([SIGHUP]), "caught": shell.caught & ~mask([SIGHUP])}).values())
    assert decide(below_nohup, behind).now == ({3: SIGTERM} if child.caught else {2: SIGTERM})


def test_that_a_shell_catches_sigint_without_a_trap_does_not_count() -> None:
    shell, child = process(2, 1, "sh", caught=[SIGINT]), process(3, 2, caught=[SIGINT])
    request = Request(SIGINT, IN_GROUP, True)
    assert decide(shell, child, request=request).now == {3: SIGINT}
    scripts = {2: "trap 'echo x' INT\napp\n"}
    assert list(decide(shell, child, request=request, scripts=scripts).now) == [2, 3]


def test_background_jobs_come_after_the_foreground_and_at_once_without_one() -> None:
    behind = app(4, 2, ignored=[SIGINT, SIGQUIT])
    found = decide(SHELL, app(3, 2), behind)
    assert (found.now, found.held) == ({3: SIGTERM}, (2, 4))
    assert decide(SHELL, behind).now == {4: SIGTERM}
    assert decide(SHELL, process(3, 2, "tail"), behind).now == {4: SIGTERM}


def test_who_reads_the_pipe_of_one_who_works_is_held_back_along_the_whole_line() -> None:
    found = decide(
        SHELL, app(3, 2), app(4, 2), app(5, 2), stdins={4: "pipe:[1]", 5: "pipe:[2]"}, outputs={3: "pipe:[1]", 4: "pipe:[2]"}
    )
    assert found.now == {3: SIGTERM}
    assert (found.fates[4], found.fates[5]) == ((READS, 3), (READS, 4))


def test_a_daemon_outside_the_group_is_told_before_who_reads_its_output_would_be() -> None:
    daemon = process(5, 1, caught=[SIGTERM], group=5, session=5)
    found = decide(SHELL, process(4, 2, "tee"), daemon, stdins={4: "pipe:[1]"}, outputs={5: "pipe:[1]"})
    assert found.now == {5: SIGTERM}
    assert (found.held, found.working) == ((2, 4), frozenset({5}))
    assert found.fates == {2: (HELD, 5), 4: (READS, 5), 5: (TOLD, 0)}
    assert decide(SHELL, process(4, 2, "tee"), daemon).now == {2: SIGTERM, 4: SIGTERM}, "it writes elsewhere"
    request = found.next
    again = decide(SHELL, process(4, 2, "tee"), daemon, request=request, stdins={4: "pipe:[1]"}, outputs={5: "pipe:[1]"})
    assert again.now == {}
    assert again.working == frozenset({5})


def test_who_reads_what_one_who_works_writes_through_tee_is_held_back() -> None:
    stdins, outputs = {4: "pipe:[1]", 5: "pipe:[2]"}, {3: "pipe:[1]", 4: "pipe:[2]"}
    tee, reader = process(4, 2, "tee"), app(5, 2, "reader")
    found = decide(SHELL, app(3, 2), tee, reader, stdins=stdins, outputs=outputs)
    assert (found.now, found.fates[5]) == ({3: SIGTERM}, (READS, 3))
    daemon = process(3, 1, caught=[SIGTERM], group=3, session=3)
    found = decide(SHELL, tee, reader, daemon, stdins=stdins, outputs=outputs)
    assert (found.now, found.fates[5]) == ({3: SIGTERM}, (READS, 3))


def test_a_background_job_that_has_left_the_group_is_told_when_nobody_in_it_works_any_more() -> None:
    job = process(5, 2, caught=[SIGTERM], ignored=[SIGINT, SIGQUIT], group=5, session=5)
    found = decide(SHELL, app(3, 2), job)
    assert (found.now, found.held) == ({3: SIGTERM}, (2,))
    found = decide(SHELL, job, request=found.next)
    assert (found.now, found.fates[2]) == ({5: SIGTERM}, (HELD, 5))
    assert decide(SHELL, process(5, 2, ignored=[SIGINT, SIGQUIT], group=5, session=5)).now == {2: SIGTERM}, (
        "one who would die of it is left to the sweep"
    )


def test_a_daemon_outside_the_group_is_told_before_its_reader_though_that_has_a_handler_and_after_all_others() -> None:
    daemon = process(5, 1, caught=[SIGTERM], group=5, session=5)
    pipes: dict[str, Any] = {"stdins": {4: "pipe:[1]"}, "outputs": {5: "pipe:[1]"}}
    found = decide(SHELL, app(4, 2, "reader"), daemon, **pipes)
    assert (found.now, found.fates[4]) == ({5: SIGTERM}, (READS, 5))
    found = decide(SHELL, app(3, 2), app(4, 2, "reader"), daemon, **pipes)
    assert (found.now, found.fates[4]) == ({3: SIGTERM}, (READS, 5))
    assert decide(SHELL, app(4, 2, "reader"), daemon, stdins={4: "pipe:[1]", OWN: "pipe:[1]"}, outputs={5: "pipe:[1]"}).now == {
        4: SIGTERM
    }, "it is the container's own stdin"


def test_nobody_reads_what_another_writes_to_the_same_device() -> None:
    found = decide(SHELL, app(3, 2), app(4, 2), stdins={3: "/dev/null", 4: "pipe:[1]"}, outputs={3: "pipe:[1]", 4: "/dev/null"})
    assert (found.now, found.fates[4]) == ({3: SIGTERM}, (READS, 3))
    stdins, outputs = {4: "/dev/pts/0", 5: "pipe:[1]"}, {3: "/dev/pts/0", 4: "pipe:[1]"}
    found = decide(SHELL, app(3, 2), process(4, 2), app(5, 2), stdins=stdins, outputs=outputs)
    assert found.now == {3: SIGTERM, 5: SIGTERM}, "what 4 relays does not come from 3"


def test_where_each_reads_from_the_other_both_are_told() -> None:
    stdins, outputs = {3: "pipe:[1]", 4: "pipe:[2]"}, {3: "pipe:[2]", 4: "pipe:[1]"}
    assert decide(SHELL, app(3, 2), app(4, 2), stdins=stdins, outputs=outputs).now == {3: SIGTERM, 4: SIGTERM}


def test_one_that_blocks_every_signal_and_does_not_sleep_is_looked_at_again() -> None:
    spawning = Process(3, 2, 2, 2, "app", "D", BASIC, 0, 0, 3, 0)
    found = decide(SHELL, spawning)
    assert (found.now, found.unsure, found.next.looks) == ({}, (3,), 1)
    assert found.fates[3] == (UNSURE, 0)
    assert decide(SHELL, spawning, request=STOP.but(looks=LOOKS)).now == {2: SIGTERM, 3: SIGTERM}
    assert decide(SHELL, Process(3, 2, 2, 2, "app", "S", BASIC, 0, 0, 3, 0)).now == {3: SIGTERM}


def test_one_that_spawned_somebody_at_each_closer_look_is_looked_at_again() -> None:
    table, spawning = {one.pid: one for one in (SHELL, process(3, 2))}, NoLook()
    spawning.mask = None  # all looks fell between fork and exec, or before it had a CPU
    found = plan(STOP, table, spawning, Place(OWN, GROUP_ID))
    assert (found.now, found.fates[3], found.next.looks) == ({}, (UNSURE, 0), 1)
    assert plan(STOP.but(looks=LOOKS), table, spawning, Place(OWN, GROUP_ID)).now == {2: SIGTERM, 3: SIGTERM}


def test_a_closer_look_at_a_mask_knows_how_long_that_process_had_run_at_the_last_one() -> None:
    table, running = {one.pid: one for one in (SHELL, process(3, 2))}, NoLook()
    running.mask, running.mask_by_run = None, {b"ran": True}
    for started, told in ((table[3].started, {3: SIGTERM}), (table[3].started + 1, {})):
        request = STOP.but(looks=1, unsure={3: (started, b"ran")})
        assert plan(request, table, running, Place(OWN, GROUP_ID)).now == told


@pytest.mark.parametrize("caught", [[SIGTERM], []], ids=["its shell's handlers", "none"])
@pytest.mark.parametrize("traps", [[SIGTERM], []], ids=["a trap", "no trap"])
def test_a_copy_of_a_shell_is_nobody_yet_and_its_shell_is_not_told_before_it_is_somebody(
    traps: list[int], caught: list[int]
) -> None:
    shell = process(2, 1, "sh", caught=traps, image=5)
    copy = process(3, 2, "sh", caught=caught, is_asleep=False, image=5)
    found = decide(shell, copy)
    assert (found.now, found.unsure, found.held, found.next.seen) == ({}, (2,), (), None)
    job = process(3, 2, "sleep", ignored=[SIGINT, SIGQUIT], image=6)
    assert decide(shell, job, request=found.next).now == ({2: SIGTERM} if traps else {2: SIGTERM, 3: SIGTERM})


def test_a_subshell_that_sleeps_is_itself_and_so_is_a_worker_of_a_program() -> None:
    shell, subshell = process(2, 1, "sh", caught=[SIGTERM], image=5), process(3, 2, "sh", image=5)
    assert decide(shell, subshell, sleeping={2: "sigsuspend"}).now == {2: SIGTERM}
    parent, worker = app(2, 1, image=5), app(3, 2, is_asleep=False, image=5)  # type: ignore[arg-type]  # no masks
    assert decide(parent, worker).now == {2: SIGTERM}


@pytest.mark.parametrize("caught", [[SIGTERM], []], ids=["a trap", "no trap"])
def test_a_shell_that_does_not_sleep_may_be_about_to_start_the_application(caught: list[int]) -> None:
    awake, asleep = (process(2, 1, "sh", caught=caught, is_asleep=one) for one in (False, True))
    found = decide(awake)
    assert (found.now, found.unsure) == ({}, (2,))
    assert decide(asleep, app(3, 2), request=found.next).now.keys() == ({2, 3} if caught else {3})
    assert decide(awake, request=Request(SIGHUP, IN_GROUP, False)).unsure == ()
    assert decide(process(2, 1, caught=caught, is_asleep=False)).now == {2: SIGTERM}, "it is no shell"


def test_at_the_last_call_a_shell_with_a_trap_is_told_asleep_or_not() -> None:
    for is_asleep in (True, False):
        newcomer = process(3, 2, "sh", caught=[SIGTERM], is_asleep=is_asleep, image=6)
        request = STOP.but(told={2: (2, 0)}, is_last_call=True, has_waited=True, seen={2: 2})
        assert decide(app(2, 1), newcomer, request=request).now == {3: SIGTERM}


def test_a_copy_whose_shell_has_gone_is_looked_at_again_in_the_sweep_and_told_when_it_is_somebody() -> None:
    request = Request(SIGTERM, LEFT, True, told={2: (2, 5)})
    copy = process(3, OWN, "perl", caught=[SIGTERM], is_asleep=False, image=5)
    found = decide(copy, request=request)
    assert (found.now, found.unsure) == ({}, (3,))
    assert decide(process(3, OWN, "sleep", image=6), request=found.next).now == {3: SIGTERM}
    assert decide(process(3, OWN, "perl", caught=[SIGTERM], image=5), request=request).now == {3: SIGTERM}
    assert decide(process(3, OWN, "perl", is_asleep=False, image=5), request=request).now == {3: SIGTERM}, "it dies of it"


def test_a_copy_that_belongs_to_one_who_is_told_has_not_heard_of_it_itself() -> None:
    parent = app(2, 1, image=5)  # type: ignore[arg-type]  # no mask
    awake, asleep = (process(3, 2, caught=[SIGTERM], is_asleep=one, image=5) for one in (False, True))
    assert decide(parent, asleep).next.heard == {3: (3, 5)}
    assert decide(parent, awake).next.heard == {}


def test_a_look_at_one_without_a_cpu_does_not_count_and_such_looks_come_to_an_end() -> None:
    copy = process(3, 2, "sh", is_asleep=False)
    first = decide(SHELL, copy, ran={2: b"9 0 1", 3: b"5 0 1"})
    assert (first.next.looks, first.next.waits) == (1, 0)
    starved = decide(SHELL, copy, request=first.next, ran={2: b"9 0 1", 3: b"5 0 1"})
    assert (starved.next.looks, starved.next.waits) == (1, 1)
    moved = decide(SHELL, copy, request=starved.next, ran={2: b"9 1 2", 3: b"7 9 2"})
    assert (moved.next.looks, moved.next.waits) == (2, 1)
    for over in (STOP.but(looks=LOOKS), STOP.but(waits=WAITS)):
        assert decide(SHELL, copy, request=over).now == {2: SIGTERM, 3: SIGTERM}
    assert decide(SHELL, process(3, 2), request=moved.next).next.looks == 0, "what comes later is looked at anew"


def test_where_all_die_of_it_nobody_is_left_who_could_run_last_lines() -> None:
    found = decide(SHELL, process(3, 2))
    assert (found.now, found.next.seen) == ({2: SIGTERM, 3: SIGTERM}, None)
    late = process(4, OWN, "upload")
    assert decide(late, request=found.next.but(scope=LEFT)).now == {4: SIGTERM}
    for last in (process(3, 2, ignored=[SIGTERM]), process(3, 2, "mksh", caught=[SIGTERM]), app(3, 2)):
        assert decide(SHELL, last).next.seen == {OWN: OWN, 2: 2, 3: 3}, "one who lives on"


def test_the_text_of_a_script_tells_where_the_script_is_and_not_where_its_subshells_are() -> None:
    text = {3: "trap stop TERM; (sleep 9; echo no) & wait"}
    subshell = process(3, OWN, "mksh", caught=[SIGTERM], image=5)
    request = Request(SIGTERM, LEFT, True, told={2: (2, 5)})
    assert decide(subshell, process(4, 3, "sleep"), request=request, scripts=text).now == {3: SIGTERM, 4: SIGTERM}
    script = process(3, OWN, "mksh", caught=[SIGTERM], image=6)
    assert decide(script, process(4, 3, "sleep"), request=request, scripts=text).now == {3: SIGTERM}


def test_the_whole_group_is_told_at_once_only_where_all_die_of_it() -> None:
    assert decide(SHELL, process(3, 2)).whole_group
    assert not decide(TRAPPER).whole_group, "what it starts at this moment belongs to it"


def test_told_once_means_once_until_another_program_with_a_handler_takes_its_place() -> None:
    request = STOP.but(told={2: (2, 5)})
    assert decide(app(2, 1, image=5), request=request).now == {}  # type: ignore[arg-type]  # an image
    assert decide(process(2, 1, image=6), request=request).now == {}
    assert decide(process(2, 1, caught=[SIGTERM], image=6), request=request).now == {2: SIGTERM}


def test_one_that_has_lost_its_handler_when_its_parent_passed_the_signal_on_is_not_told() -> None:
    request = Request(SIGTERM, LEFT, True, heard={3: (3, 0)})
    assert decide(process(3, 1, image=7), request=request).now == {3: SIGTERM}, "it is another program by now"
    found = decide(process(3, 1), request=request)
    assert found.now == {}


@pytest.mark.parametrize(
    ("name", "caught", "fate"), [("curl", [], (MAY_FINISH, 0)), ("sleep", [], None), ("app", [SIGTERM], None)]
)
def test_what_the_last_lines_start_may_finish_unless_it_only_waits_or_a_loop_starts_it_again(
    name: str, caught: list[int], fate: tuple[str, int] | None
) -> None:
    request = STOP.but(seen={2: 2, 3: 3}, usual=frozenset({("app",)}))
    found = decide(SHELL, process(4, 2, name, caught=caught), request=request)
    if fate is None:
        assert found.now == {2: SIGTERM, 4: SIGTERM}
    else:
        assert (found.now, found.fates[4], found.held) == ({}, fate, (2,))


def test_a_script_that_has_a_kill_of_its_own_tells_its_background_jobs_itself_for_a_while() -> None:
    request, jobs = STOP.but(seen={2: 2, 3: 3}), [SHELL, app(3, 2, ignored=[SIGINT, SIGQUIT])]
    assert decide(*jobs, request=request, scripts={2: "a & app; kill $!; wait"}).now == {}
    assert decide(*jobs, request=request, scripts={2: "a & app; wait"}).now == {3: SIGTERM}
    assert decide(*jobs, request=request.but(has_waited=True), scripts={2: "a & app; kill $!"}).now == {3: SIGTERM}


def test_at_the_last_call_whoever_was_not_told_is_told_and_some_are_hurried() -> None:
    request = STOP.but(told={2: (2, 0)}, is_last_call=True, by_program=True)
    assert decide(app(2, 1), app(3, 2), process(4, 2), request=request).now == {3: SIGTERM}
    postgres = process(2, 1, "postgres", caught=[SIGTERM, SIGINT])
    assert decide(postgres, request=request).now == {2: SIGINT}


def test_whoever_may_not_be_signalled_holds_nobody_up() -> None:
    found = decide(SHELL, app(3, 2)).without({3})
    assert (found.working, 3 in found.next.told) == (frozenset(), False)
    assert decide(SHELL, app(3, 2), request=found.next).now == {2: SIGTERM}


def test_a_signal_that_the_application_does_not_hear_becomes_sigterm() -> None:
    found = decide(SHELL, app(3, 2), request=Request(SIGUSR1, IN_GROUP, True))
    assert found.now == {3: SIGTERM}
    assert decide(SHELL, process(3, 2), request=Request(SIGUSR1, IN_GROUP, True)).now == {2: SIGUSR1, 3: SIGUSR1}
    assert decide(process(2, 1), request=Request(SIGWINCH, IN_GROUP, True)).now == {2: SIGTERM}


def test_a_well_known_program_gets_its_own_signal_and_postgresql_what_it_was_sent() -> None:
    nginx = process(2, 1, "nginx", caught=[SIGTERM, SIGQUIT])
    assert decide(nginx, request=STOP.but(by_program=True)).now == {2: SIGQUIT}
    assert decide(nginx).now == {2: SIGTERM}
    postgres = process(2, 1, "postgres", caught=[SIGTERM, SIGINT])
    assert decide(postgres, request=STOP.but(by_program=True)).now == {2: SIGTERM}


@pytest.mark.parametrize("name", ["su", "npm", "timeout", "tini", "dumb-init"])
def test_some_wrappers_are_held_back_whatever_they_handle(name: str) -> None:
    assert decide(app(2, 1, name), app(3, 2)).now == {3: SIGTERM}
    assert decide(app(2, 1, name)).now == {2: SIGTERM}


@pytest.mark.parametrize(
    ("name", "caught", "is_stop"),
    [("nginx", [SIGQUIT], True), ("java", [SIGQUIT], False), ("app", [SIGTERM], True), ("app", [], True)],
)
def test_sigquit_is_a_stop_request_where_it_ends_the_program_and_not_where_it_means_something_else(
    name: str, caught: list[int], is_stop: bool
) -> None:
    table = {1: INIT, 2: process(2, 1, name, caught=caught)}
    place = Place(OWN, GROUP_ID)
    look = NoLook({2: name})
    found = forwarding(SIGQUIT, table, look, place)
    assert asks_for_stop(found, SIGQUIT, table, look, GROUP_ID, is_first=True) == is_stop
    assert asks_for_stop(found, SIGQUIT, table, look, GROUP_ID, is_first=False) == (name == "nginx")
    idle = {1: INIT, 2: process(2, 1)}
    assert not asks_for_stop(forwarding(SIGWINCH, idle, NoLook(), place), SIGWINCH, idle, NoLook(), GROUP_ID, is_first=True)


def test_what_was_found_while_a_signal_was_judged_is_what_its_forwarding_would_find() -> None:
    table = {1: INIT, 2: process(2, 1, "sh"), 3: process(3, 2, caught=[SIGQUIT]), 4: process(4, 2)}
    place = Place(OWN, GROUP_ID)
    found = forwarding(SIGQUIT, table, NoLook(), place)
    request = Request(SIGQUIT, IN_GROUP, False)
    assert plan(request, table, NoLook(), place, found) is found
    assert plan(request, table, NoLook(), place) == found
    assert plan(request.but(spares_mortals=True), table, NoLook(), place, found) is not found


@pytest.mark.parametrize("signum", [SIGUSR1, SIGQUIT])
def test_sigusr1_stops_no_command_that_ignores_it_though_others_die_of_it(signum: int) -> None:
    """A shell ignores SIGQUIT always, so of that it tells nothing."""
    shell, child = process(2, 1, "sh", ignored=[signum]), process(3, 2)
    place, table = Place(OWN, GROUP_ID), {1: INIT, 2: shell, 3: child}
    found = forwarding(signum, table, NoLook(), place)
    assert asks_for_stop(found, signum, table, NoLook(), GROUP_ID, is_first=True) == (signum == SIGQUIT)
    assert decide(shell, child, request=Request(signum, IN_GROUP, False)).now == {3: signum}
    alone = {1: INIT, 2: shell}
    found = forwarding(signum, alone, NoLook(), place)
    assert asks_for_stop(found, signum, alone, NoLook(), GROUP_ID, is_first=True), "nobody hears it"


def test_a_reload_reaches_the_application_and_never_the_shell() -> None:
    found = decide(SHELL, process(3, 2, caught=[SIGHUP]), request=Request(SIGHUP, IN_GROUP, False))
    assert found.now == {3: SIGHUP}
    found = decide(SHELL, app(3, 2), request=Request(SIGHUP, IN_GROUP, False))
    assert found.now == {3: SIGHUP}, "as with exec"
    assert decide(SHELL, app(3, 2), request=Request(SIGHUP, IN_GROUP, False, spares_mortals=True)).now == {}


def test_a_hangup_reaches_an_interactive_shell_which_ignores_a_stop() -> None:
    shell = Process(2, 1, 2, 2, "bash", "S", 0, mask([SIGTERM]), CAUGHT_FOR_EXIT, 2, 0)
    assert decide(shell, request=Request(SIGHUP, IN_GROUP, False)).now == {2: SIGHUP}


def test_where_nobody_handles_it_everybody_gets_it_at_once_but_those_who_ignore_it() -> None:
    found = decide(SHELL, process(3, 2, "sleep"), process(4, 2, ignored=[SIGTERM]))
    assert (found.now, found.deaf, found.whole_group) == ({2: SIGTERM, 3: SIGTERM}, (4,), True)
    assert found.fates[4] == (DEAF, 0)


def test_a_daemon_is_signalled_in_the_sweep_and_not_before_and_a_pre_stop_command_is_spared() -> None:
    daemon, hook = app(9, 1, group=9), app(8, 1, group=8)  # type: ignore[arg-type]  # groups
    assert decide(app(2, 1), daemon).now == {2: SIGTERM}
    assert decide(daemon, hook, request=Request(SIGTERM, LEFT, True, spared=8)).now == {9: SIGTERM}


def test_in_the_sweep_who_reads_a_pipe_may_read_to_its_end_unless_that_comes_from_outside() -> None:
    sweep, stdins = Request(SIGTERM, LEFT, True), {3: "pipe:[1]", 4: "pipe:[2]", 5: "pipe:[1]", OWN: "pipe:[2]"}
    table = process(3, 1, "tee"), process(4, 1, "sleep"), process(6, 1)
    found = decide(*table, request=sweep, stdins=stdins)
    assert (found.now, found.draining, found.fates[3]) == ({4: SIGTERM, 6: SIGTERM}, (3,), (DRAINS, 0))
    assert decide(table[0], request=found.next, stdins=stdins).now == {3: SIGTERM}, "after that time it is told"
    assert decide(app(5, 1, "node"), request=sweep, stdins=stdins).draining == (5,), "whatever it handles"
    assert decide(*table, stdins=stdins, request=sweep.but(is_stop=False)).draining == ()


def test_processes_of_docker_exec_are_left_alone() -> None:
    visitor = process(50, 0, "sh", group=50, session=50)
    for scope in (IN_GROUP, LEFT):
        assert decide(process(2, 1), visitor, process(51, 50, group=50), request=Request(SIGTERM, scope, True)).now == {
            2: SIGTERM
        }


def test_stopped_members_are_resumed_by_a_stop_request_only() -> None:
    stopped = process(2, 1, caught=[SIGTERM, SIGHUP], is_stopped=True)
    assert decide(stopped).resume == (2,)
    assert decide(app(2, 1), process(3, 2, is_stopped=True)).resume == (3,)
    assert decide(stopped, request=Request(SIGHUP, IN_GROUP, False)).resume == ()


@pytest.mark.parametrize(
    ("session", "caught", "expected"), [(GROUP_ID, [], 19), (GROUP_ID, [SIGTSTP], SIGTSTP), (7, [], SIGTSTP)]
)
def test_a_suspending_signal_works_in_an_orphaned_group_too(session: int, caught: list[int], expected: int) -> None:
    found = decide(process(2, 1, session=session, caught=caught), request=Request(SIGTSTP, IN_GROUP, False))
    assert found.now == {2: expected}


def test_sigkill_as_a_stop_signal_waits_for_nobody() -> None:
    found = decide(SHELL, app(3, 2), request=Request(SIGKILL, IN_GROUP, True))
    assert found.now == {2: SIGKILL, 3: SIGKILL}


def test_a_loop_of_parents_hangs_nobody() -> None:
    """The table may have been read while PIDs were reused."""
    found = decide(process(2, 3, "sh", caught=[SIGTERM]), process(3, 2))
    assert found.now.keys() <= {2, 3}


def test_what_a_loop_starts_again_below_a_wrapper_is_not_told_by_the_wrapper_as_well() -> None:
    """`while :; do timeout 60 app; done`: timeout passes on what it gets."""
    first = decide(SHELL, app(3, 2, "timeout"), app(4, 3))
    again = [SHELL, app(5, 2, "timeout"), app(6, 5)]
    second = decide(*again, request=first.next)
    assert (second.now, second.held, second.working) == ({2: SIGTERM, 6: SIGTERM}, (5,), frozenset({6}))
    third = decide(app(5, 1, "timeout"), request=second.next.but(scope=LEFT))
    assert third.now == {5: SIGTERM}, "its turn comes if it does not end by itself"


# --- for any tree ------------------------------------------------------------------------------------------------------

SIGNALS = (SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2)
SETS = st.sets(st.sampled_from(SIGNALS), max_size=3)


@st.composite
def tables(draw: st.DrawFn) -> dict[int, Process]:
    """We, the command, and others below; PIDs may have been reused while the table was read, so parents may be in a circle."""
    pids = list(range(2, 2 + draw(st.integers(1, 8))))
    table = {1: INIT}
    for pid in pids:
        parent = 1 if pid == 2 else draw(st.sampled_from([1, 1, *pids]))
        name = draw(st.sampled_from(["app", "sh", "bash", "tee", "nginx", "tini", "sleep"]))
        group = draw(st.sampled_from([2, 2, 2, pid]))
        table[pid] = process(
            pid,
            parent,
            name,
            caught=draw(SETS),
            ignored=draw(SETS),
            blocked=draw(SETS),
            group=2 if pid == 2 else group,
            is_asleep=draw(st.integers(0, 3)) > 0,
        )
    return table


STOPS = st.builds(Request, st.sampled_from(SIGNALS), st.sampled_from([IN_GROUP, LEFT]), st.just(True), st.booleans())
FORWARDS = st.builds(Request, st.sampled_from(SIGNALS), st.just(IN_GROUP), st.just(False))


def planned(request: Request, table: dict[int, Process], forward: str) -> Plan:
    """The plan."""
    return plan(request, table, NoLook({pid: one.name for pid, one in table.items()}), Place(OWN, GROUP_ID, forward))


def ancestors(pid: int, table: dict[int, Process]) -> set[int]:
    """All above a process."""
    found: set[int] = set()
    while (pid := table[pid].parent) in table and pid not in found:
        found.add(pid)
    return found


@given(STOPS | FORWARDS, tables(), st.sampled_from(MODES))
def test_only_those_who_are_there_are_signalled_and_never_ourselves(
    request: Request, table: dict[int, Process], forward: str
) -> None:
    found = planned(request, table, forward)
    assert found.now.keys() <= table.keys() - {OWN}
    assert not found.now.keys() & set(found.held)


@given(STOPS, tables())
def test_nobody_is_told_below_one_who_is_told_and_is_no_shell(request: Request, table: dict[int, Process]) -> None:
    found = planned(request, table, GROUP)
    if not found.held and not found.working and not any(fate[0] == BELONGS for fate in found.fates.values()):
        return  # nobody handles it, and all get it
    handlers = {pid for pid in found.now if found.now[pid] in SIGNALS and table[pid].catches(found.now[pid])}
    for pid in found.now:
        above = ancestors(pid, table) & handlers - {pid}
        assert not {one for one in above if table[one].name in ("app", "nginx") and pid not in ancestors(one, table)}


@given(STOPS, tables(), st.sampled_from((GROUP, HANDLERS)))
def test_who_was_told_is_not_told_again(request: Request, table: dict[int, Process], forward: str) -> None:
    first = planned(request, table, forward)
    second = planned(first.next, table, forward)
    assert not first.now.keys() & second.now.keys()


@given(STOPS, tables(), st.sampled_from((GROUP, HANDLERS)))
def test_the_rounds_come_to_an_end(request: Request, table: dict[int, Process], forward: str) -> None:
    """Whoever is told ends, and so does whoever was to be waited for."""
    left = dict(table)
    for _ in range(len(table) + LOOKS + WAITS + 3):
        found = planned(request, left, forward)
        request = found.next
        gone = found.now.keys() | found.working
        left = {
            pid: Process(*(vars(one) | {"parent": OWN if one.parent in gone else one.parent}).values())
            for pid, one in left.items()
            if pid not in gone
        }
        if not gone and not found.held:
            return
    raise AssertionError(f"no end: {left}")


class Counting(NoLook):
    """Counts the questions about the command lines."""

    asked = 0

    def words(self, pid: int) -> tuple[str, ...]:
        """As ever."""
        self.asked += 1
        return super().words(pid)


@pytest.mark.parametrize("number", [10, 100, 1000, 3000])
@pytest.mark.parametrize("is_chain", [True, False])
def test_the_questions_grow_with_the_number_of_processes_and_no_faster(number: int, is_chain: bool) -> None:
    others = [process(pid, pid - 1 if is_chain else 2) for pid in range(3, number + 3)]
    table = {one.pid: one for one in (INIT, SHELL, *others)}
    look = Counting({pid: one.name for pid, one in table.items()})
    found = plan(STOP, table, look, Place(OWN, GROUP_ID))
    assert len(found.now) == number + 1
    assert look.asked <= 3 * number


def lines_for(length: int) -> int:
    """How many lines of code a plan takes for a pipeline of this length."""
    jobs = [app(pid, 2) for pid in range(3, 3 + length)]
    stdins = {pid: f"pipe:[{pid}]" for pid in range(4, 3 + length)}
    outputs = {pid: f"pipe:[{pid + 1}]" for pid in range(3, 2 + length)}
    return lines_run(lambda: decide(SHELL, *jobs, stdins=stdins, outputs=outputs, scripts={2: "a | b | c"}))


def test_a_pipeline_ten_times_as_long_costs_ten_times_as_much() -> None:
    assert lines_for(200) <= 11 * lines_for(20)
