"""Lifecycle: a container's life, example by example and for any sequence of events in any container at all.

Nothing here takes time: a clock that the test turns, processes that are a few sets. The loop around is that of supervise.py.
"""

from signal import SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pyinit.delivery import IN_GROUP, LEFT, WAITS, Plan, Request
from pyinit.delivery.plan import plan
from pyinit.delivery.scene import Place
from pyinit.kernel.processes import Process
from pyinit.kernel.system import Reaped, Received
from pyinit.life.actions import (
    CUT_SHORT,
    DELAY,
    KILLING,
    NOTHING,
    PHASES,
    PRE_STOP,
    QUEUES,
    RUNNING,
    STOPPING,
    SWEEPING,
    Action,
    AwaitQueues,
    Deliver,
    Exit,
    Finding,
    Judge,
    KillAll,
    KillPreStop,
    Note,
    RunPreStop,
    Say,
    TellLosses,
    Unready,
    WatchExit,
    WatchTraffic,
)
from pyinit.life.lifecycle import KILL_TAKES, NOT_READY_IN_TIME, START_GRACE, Lifecycle
from pyinit.settings.config import (
    AT_REQUEST,
    AT_SIGNAL,
    BY_PROGRAM,
    COMMAND,
    GROUP,
    HANDLERS,
    MAY_ASK_FOR_STOP,
    QUEUES_MAY_TAKE,
    Config,
)
from pyinit.settings.options import parse
from tests.unit.looks import NoLook

OWN = 1
APP = 2

#: Seconds by which the second clock is ahead: a lifecycle may not notice what time it is, only how much has passed.
SHIFT = 2.0**20

#: In all tables; it is not among those that a request may be for.
INIT = Process(OWN, 0, OWN, OWN, "pyinit", "S", 0, 0, 0)


def config(**fields: object) -> Config:
    """The defaults, with these fields changed."""
    return Config(**(vars(parse(["app"], {}).config) | fields))


# --- example by example --------------------------------------------------------------------------------------------


def received(signum: int) -> Received:
    """A signal from outside of the container."""
    return Received(signum, 0, 0)


class WithEmptyQueues(Lifecycle):
    """A lifecycle that never has to wait for an accept queue."""

    def _await_queues(self, now: float) -> list[Action]:
        actions = super()._await_queues(now)
        assert actions == [AwaitQueues(now + QUEUES_MAY_TAKE)]
        return self.on_finding(Finding(QUEUES), now)


def without_words(actions: list[Action]) -> list[Action]:
    """The actions that do something."""
    return [action for action in actions if not isinstance(action, Say | TellLosses | WatchTraffic | Note)]


def delivered(actions: list[Action]) -> Request:
    """The request of the one action that does something."""
    (action,) = without_words(actions)
    assert isinstance(action, Deliver)
    return action.request


def exit_of(actions: list[Action]) -> Exit:
    """The last action, which is to leave."""
    last = actions[-1]
    assert isinstance(last, Exit)
    return last


def test_a_command_that_exits_by_itself_leaves_its_status() -> None:
    life = WithEmptyQueues(config(), APP, 100.0)
    assert life.deadline is None
    assert exit_of(life.on_children([Reaped(APP, 7)], True, 101.0)).status == 7


def test_orphans_are_reaped_and_change_nothing() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    assert life.on_children([Reaped(5, 1), Reaped(6, 137, 9)], False, 1.0) == []
    assert (life.phase, life.status, life.deadline) == (RUNNING, None, None)


def test_a_status_is_mapped_and_told() -> None:
    life = WithEmptyQueues(config(map_status={143: 0}), APP, 0.0)
    end = exit_of(life.on_children([Reaped(APP, 143, 15)], True, 1.0))
    assert end.status == 0
    assert "mapped from 143" in end.summary


def test_a_stop_request_without_delay_is_delivered_at_once_and_the_grace_period_begins() -> None:
    life = WithEmptyQueues(config(grace_period=8.0), APP, 0.0)
    request = delivered(life.on_signal(received(SIGTERM), 10.0))
    assert (request.signum, request.scope, request.is_stop, request.told) == (int(SIGTERM), IN_GROUP, True, {})
    assert (life.phase, life.kill_at) == (STOPPING, 18.0)


def test_the_delay_is_waited_out_before_the_command_is_told() -> None:
    life = WithEmptyQueues(config(pre_stop_delay=5.0, grace_period=8.0), APP, 0.0)
    assert without_words(life.on_signal(received(SIGTERM), 10.0)) == []
    assert (life.phase, life.deadline) == (PRE_STOP, 15.0)
    assert life.on_timeout(14.9) == []
    assert delivered(life.on_timeout(15.5)).signum == SIGTERM
    assert (life.phase, life.kill_at) == (STOPPING, 23.5)


def test_a_second_request_ends_the_delay() -> None:
    life = WithEmptyQueues(config(pre_stop_delay=5.0), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert delivered(life.on_signal(received(SIGINT), 11.0)).signum == SIGINT
    assert (life.phase, life.deadline) == (STOPPING, None)


@pytest.mark.parametrize("hook_first", [True, False])
def test_the_command_is_told_when_the_delay_is_over_and_the_pre_stop_command_has_exited(hook_first: bool) -> None:
    life = WithEmptyQueues(config(pre_stop_delay=5.0, pre_stop="hook"), APP, 0.0)
    assert life.on_signal(received(SIGQUIT), 10.0) == [Judge(received(SIGQUIT))]
    assert without_words(life.on_judged(received(SIGQUIT), True, 10.0)) == [RunPreStop(SIGQUIT)]
    assert life.on_pre_stop_started(9, 10.0) == []
    if hook_first:
        assert without_words(life.on_children([Reaped(9, 1)], False, 12.0)) == []
        assert delivered(life.on_timeout(15.0)).signum == SIGQUIT
    else:
        assert without_words(life.on_timeout(15.0)) == []
        assert life.phase == PRE_STOP
        assert delivered(life.on_children([Reaped(9, 0)], False, 16.0)).signum == SIGQUIT
    assert life.phase == STOPPING


def test_a_pre_stop_command_that_cannot_be_started_holds_nothing_up() -> None:
    life = WithEmptyQueues(config(pre_stop="hook"), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert delivered(life.on_pre_stop_started(None, 10.0)).signum == SIGTERM


def test_a_pre_stop_command_that_takes_too_long_is_killed() -> None:
    life = WithEmptyQueues(config(pre_stop="hook", pre_stop_timeout=3.0), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    life.on_pre_stop_started(9, 10.0)
    assert life.deadline == 13.0
    kill, deliver = without_words(life.on_timeout(13.0))
    assert kill == KillPreStop(9)
    assert isinstance(deliver, Deliver)


def test_those_held_back_get_it_after_the_settling_time() -> None:
    life = WithEmptyQueues(config(settle=2.0), APP, 0.0)
    request = delivered(life.on_signal(received(SIGTERM), 10.0))
    told = {5: (1, 0), 6: (2, 0)}
    first = Plan({5: 15, 6: 15}, request.but(told=told), held=(APP,), working=frozenset({5, 6}))
    assert without_words(life.on_delivered(request, first, 10.0)) == [WatchExit(5)]
    assert without_words(life.on_gone(5, 11.0)) == [WatchExit(6)]
    assert without_words(life.on_children([Reaped(6, 0)], False, 12.0)) == []
    assert life.deadline == 14.0
    again = delivered(life.on_timeout(14.0))
    assert (again.told, again.scope) == (told, IN_GROUP)


def test_what_the_command_leaves_behind_is_swept() -> None:
    life = WithEmptyQueues(config(sweep_timeout=5.0), APP, 0.0)
    request = delivered(life.on_children([Reaped(APP, 3)], False, 10.0))
    assert (request.signum, request.scope) == (SIGTERM, LEFT)
    assert (life.phase, life.deadline) == (SWEEPING, 15.0)
    assert without_words(life.on_timeout(15.0)) == [KillAll()]
    assert life.phase == KILLING
    assert exit_of(life.on_children([Reaped(8, 137, 9)], True, 15.1)).status == 3


def test_the_sweep_has_what_is_left_of_the_grace_period() -> None:
    life = WithEmptyQueues(config(grace_period=8.0), APP, 0.0)
    request = delivered(life.on_signal(received(SIGTERM), 10.0))
    life.on_delivered(request, Plan({APP: 15}, request.but(told={APP: (1, 0)})), 10.0)
    request = delivered(life.on_children([Reaped(APP, 0)], False, 12.0))
    assert (request.told, request.signum, request.scope) == ({APP: (1, 0)}, int(SIGTERM), LEFT)
    assert life.kill_at == 18.0


def test_a_stop_request_in_the_sweep_does_not_wait_longer_than_its_own_grace_period() -> None:
    life = WithEmptyQueues(config(grace_period=1.0, sweep_timeout=60.0), APP, 0.0)
    life.on_children([Reaped(APP, 0)], False, 10.0)
    life.on_signal(received(SIGTERM), 11.0)
    assert life.kill_at == 12.0


def test_a_worker_that_was_told_in_this_very_moment_is_not_told_again_by_the_sweep() -> None:
    """The request and the command's exit may be found in one turn of the loop; each event is dealt with before the next."""
    life = WithEmptyQueues(config(), APP, 0.0)
    told: list[int] = []

    def carry_out(actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Deliver):
                worker = Process(5, 1, APP, APP, "worker", "S", 0, 0, 1 << (SIGTERM - 1))
                found = plan(action.request, {1: INIT, 5: worker}, NoLook(), Place(OWN, APP, GROUP))
                told.extend(found.now)
                actions += life.on_delivered(action.request, found, 10.0)

    carry_out(life.on_signal(received(SIGTERM), 10.0))
    carry_out(life.on_children([Reaped(APP, 0)], False, 10.0))
    assert told == [5]


@pytest.mark.parametrize(("took", "after"), [(0.0, 1.0), (0.1, 1.0), (0.5, 4.5)])
def test_in_the_sweep_looks_that_take_long_are_rarer(took: float, after: float) -> None:
    life = WithEmptyQueues(config(settle=1.0, sweep_timeout=60.0), APP, 0.0)
    request = delivered(life.on_children([Reaped(APP, 0)], False, 10.0))
    told = request.but(told=dict.fromkeys(range(3, 9), (1, 0)), seen=dict.fromkeys(range(3, 9), 1))
    life.on_delivered(request, Plan(dict.fromkeys(range(3, 9), 15), told), 10.0, took)
    assert delivered(life.on_timeout(11.0)).scope == LEFT  # one more, for who was just being started
    life.on_delivered(told, Plan({}, told), 11.0, took)
    assert life.on_children([Reaped(3, 0)], False, 12.0) == []
    assert life.deadline == 12.0 + after


def test_who_gets_no_cpu_is_looked_at_ever_more_rarely_and_is_kept_waiting_for_as_long_again_at_most() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    request = delivered(life.on_signal(received(SIGTERM), 10.0))
    now, pauses = 10.0, []
    for waits in range(WAITS + 1):
        following = request.but(looks=1, waits=waits)
        life.on_delivered(request, Plan({}, following, unsure=(APP,)), now)
        assert life.deadline is not None
        pauses.append(life.deadline - now)
        now = life.deadline
        request = delivered(life.on_timeout(now))
        assert request == following
    assert pauses == sorted(pauses)
    assert all(pause <= max(1 / 64, sum(pauses[:at])) for at, pause in enumerate(pauses))
    assert pauses[0] < 0.01
    assert 1.0 < sum(pauses) < 4.0


def test_a_second_request_is_no_reason_to_look_anew_at_those_who_are_not_known_yet() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    request = delivered(life.on_signal(received(SIGTERM), 10.0))
    life.on_delivered(request, Plan({}, request.but(looks=3, waits=2), unsure=(APP,)), 10.0)
    again = delivered(life.on_signal(received(SIGTERM), 10.001))
    assert (again.looks, again.waits, again.unsure) == (3, 2, {})


def test_the_stop_signal_is_owed_until_somebody_has_been_told() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    assert life.owed == 0
    request = delivered(life.on_signal(received(SIGTERM), 10.0))
    life.on_delivered(request, Plan({}, request.but(looks=1), unsure=(APP,)), 10.0)
    assert life.owed == SIGTERM
    assert life.deadline is not None
    again = delivered(life.on_timeout(life.deadline))
    life.on_delivered(again, Plan({APP: SIGTERM}, again.but(told={APP: (1, 0)}), working=frozenset({APP})), 11.0)
    assert life.owed == 0


def test_a_stop_signal_that_has_gone_to_everybody_blindly_is_not_owed() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    life.on_blind(delivered(life.on_signal(received(SIGTERM), 10.0)))
    assert life.owed == 0


def test_after_sigkill_no_signal_is_forwarded() -> None:
    life = WithEmptyQueues(config(grace_period=1.0), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    life.on_timeout(11.0)
    assert life.phase == KILLING
    assert life.on_signal(received(SIGUSR1), 11.5) == []


def test_who_does_not_die_of_sigkill_is_left_behind() -> None:
    life = WithEmptyQueues(config(grace_period=1.0), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert without_words(life.on_timeout(11.0)) == [KillAll()]
    assert life.deadline == 11.0 + KILL_TAKES
    assert exit_of(life.on_timeout(11.0 + KILL_TAKES)).status == 137


@pytest.mark.parametrize("child_first", [True, False])
def test_nobody_leaves_twice(child_first: bool) -> None:
    life = WithEmptyQueues(config(grace_period=1.0), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    life.on_timeout(11.0)
    late = 11.0 + KILL_TAKES
    actions = [] if child_first else life.on_timeout(late)
    actions += life.on_children([Reaped(APP, 137, 9)], True, late)
    actions += life.on_timeout(late) if child_first else []
    assert [action.status for action in actions if isinstance(action, Exit)] == [137]


def test_other_signals_are_forwarded_and_change_no_phase() -> None:
    life = WithEmptyQueues(config(rewrite={int(SIGUSR1): int(SIGUSR2), int(SIGHUP): 0}), APP, 0.0)
    request = delivered(life.on_signal(received(SIGUSR1), 1.0))
    assert (request.signum, request.is_stop) == (SIGUSR2, False)
    assert life.on_signal(received(SIGHUP), 1.0) == []
    assert life.on_delivered(request, Plan({APP: 12}, request), 1.0) == []
    assert (life.phase, life.deadline, life.known) == (RUNNING, None, {APP})


@pytest.mark.parametrize(
    ("fields", "signum"),
    [
        ({}, SIGINT),
        ({"rewrite": {2: 3}}, SIGQUIT),
        ({"stop_signal": 12}, SIGUSR2),
        ({"stop_signal": 12, "rewrite": {2: 3}}, SIGUSR2),
    ],
)
def test_the_command_gets_the_stop_signal_or_the_rewritten_one_or_the_received(fields: dict[str, object], signum: int) -> None:
    life = WithEmptyQueues(config(**fields), APP, 0.0)
    assert delivered(life.on_signal(received(SIGINT), 1.0)).signum == signum


def test_a_storm_of_stop_requests_leaves_a_short_summary_that_ends_with_the_status() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    for _ in range(1000):
        life.on_signal(received(SIGTERM), 1.0)
    summary = exit_of(life.on_children([Reaped(APP, 7)], True, 2.0)).summary
    assert len(summary) < 2000, "the end of it is cut off"


# --- the traffic ---


def auto(**fields: object) -> Config:
    """A delay that the traffic decides about."""
    return config(pre_stop_delay=None, pre_stop_max=20.0, **fields)


def test_an_automatic_delay_ends_when_the_traffic_is_quiet() -> None:
    life = WithEmptyQueues(auto(), APP, 0.0)
    assert WatchTraffic() in life.on_signal(received(SIGTERM), 10.0)
    assert (life.phase, life.deadline) == (PRE_STOP, 30.0)
    life.on_finding(Finding(NOTHING), 10.0)
    said, *rest = life.on_finding(Finding(DELAY, "info", "traffic_quiet", "quiet", {"seconds": 7.0}), 17.0)
    assert said == Say("info", "traffic_quiet", "quiet", {"seconds": 7.0})
    assert delivered(rest).signum == SIGTERM


def heading(actions: list[Action]) -> str:
    """What is said of the request."""
    (said,) = (action for action in actions if isinstance(action, Say) and action.event == "stop_requested")
    return said.message.removeprefix("stop requested: SIGTERM from outside the container (uid 0)")


@pytest.mark.parametrize(
    ("fields", "with_delay", "without"),
    [
        ({}, "; the command keeps serving until the traffic is quiet (5s to 20s)", ""),
        (
            {"pre_stop": "hook", "pre_stop_timeout": 9.0},
            "; the command keeps serving until the traffic is quiet (5s to 20s) and waits for the pre-stop command, at most 9s",
            "; the command waits for the pre-stop command, at most 9s",
        ),
        (
            {"pre_stop": "hook", "pre_stop_until": True},
            "; the command keeps serving until the traffic is quiet (5s to 20s) or until the pre-stop command succeeds",
            "; the command keeps serving until the pre-stop command succeeds",
        ),
    ],
)
def test_a_delay_is_told_of_where_there_is_one_and_not_where_nobody_listens(
    fields: dict[str, object], with_delay: str, without: str
) -> None:
    for finding, expected in ((Finding(NOTHING), with_delay), (Finding(DELAY, "info", "no_listener", "nobody"), without)):
        life = WithEmptyQueues(auto(**fields), APP, 0.0)
        asked = life.on_signal(received(SIGTERM), 10.0)
        life.on_pre_stop_started(9, 10.0)
        found = life.on_finding(finding, 10.0)
        assert heading([*asked, *found]) == expected
        assert heading(found) == expected, "before what was found"


def notes(actions: list[Action]) -> list[str]:
    """What is noted in the termination log before the end."""
    return [
        action.story.removeprefix("stop requested: SIGTERM from outside the container (uid 0); ")
        for action in actions
        if isinstance(action, Note)
    ]


def test_should_sigkill_come_first_the_termination_log_says_how_far_the_stop_had_come() -> None:
    life = WithEmptyQueues(config(pre_stop_delay=5.0), APP, 0.0)
    assert notes(life.on_signal(received(SIGTERM), 10.0)) == ["not finished yet: the command keeps serving for 5s"]
    told = "not finished yet: the command was told to stop 5s after the stop request"
    assert notes(life.on_timeout(15.0)) == [told]
    exited = "the command exited with status 3, 6s after the stop request; "
    left = "not finished yet: processes that it has left behind have still to end"
    assert notes(life.on_children([Reaped(APP, 3)], False, 16.0)) == [exited + left]
    end = life.on_children([], True, 17.0)
    assert notes(end) == []
    assert "not finished" not in exit_of(end).summary


def test_without_a_stop_nothing_is_noted_before_the_end() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    assert notes(life.on_children([Reaped(APP, 3)], False, 1.0)) == []


@pytest.mark.parametrize(
    ("verdicts", "never_ready"),
    [
        ([], ""),
        ([(False, "tcp:80: refused")], "tcp:80: refused"),
        ([(False, "a"), (False, "b")], "b"),
        ([(False, "a"), (True, "")], ""),
        ([(True, ""), (False, "it hangs")], ""),
    ],
)
def test_who_watches_the_traffic_is_told_whether_there_should_have_been_any(
    verdicts: list[tuple[bool, str]], never_ready: str
) -> None:
    life = WithEmptyQueues(auto(ready=("tcp:80",)), APP, 0.0)
    for is_ready, reason in verdicts:
        life.on_verdict(is_ready, reason)
    assert WatchTraffic(never_ready) in life.on_signal(received(SIGTERM), 10.0)


def test_processes_that_the_kernel_has_killed_for_want_of_memory_are_told_of_in_the_log_and_in_the_summary() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    (said,) = life.on_oom_kills(1)
    story = "the kernel has killed 1 process here for want of memory (OOM)"
    assert said == Say("warning", "oom_kill", f"{story}; is the memory limit too low?", {"kills": 1})
    end = exit_of(life.on_children([Reaped(APP, 137, 9)], True, 1.0))
    assert end.summary.startswith(f"{story}; the command was killed by SIGKILL, 1s after the start")


def test_an_automatic_delay_ends_at_its_maximum_though_nobody_says_so() -> None:
    life = WithEmptyQueues(auto(), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert life.on_timeout(29.9) == []
    assert delivered(life.on_timeout(30.0)).signum == SIGTERM


@pytest.mark.parametrize(("grace", "limit"), [(None, 19.0), (12.0, 17.0), (28.0, 1.0)])
def test_the_orchestrator_s_time_is_left_for_finishing(grace: float | None, limit: float) -> None:
    life = WithEmptyQueues(auto(stop_timeout=30.0, grace_period=grace), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert life.deadline == 10.0 + limit


def test_a_finding_that_ends_nothing_is_told() -> None:
    life = WithEmptyQueues(auto(), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    life.on_finding(Finding(NOTHING), 10.0)
    assert life.on_finding(Finding("", "warning", "traffic_unseen", "no eyes"), 10.0) == [
        Say("warning", "traffic_unseen", "no eyes", {})
    ]
    assert life.phase == PRE_STOP


def test_a_finding_that_comes_too_late_changes_nothing() -> None:
    life = WithEmptyQueues(auto(), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    life.on_signal(received(SIGTERM), 11.0)
    assert life.phase == STOPPING
    assert life.on_finding(Finding(DELAY), 12.0) == []
    assert life.on_finding(Finding(QUEUES), 12.0) == []


def test_the_stop_signal_waits_for_empty_accept_queues() -> None:
    life = Lifecycle(config(grace_period=5.0), APP, 0.0)
    assert without_words(life.on_signal(received(SIGTERM), 10.0)) == [AwaitQueues(10.0 + QUEUES_MAY_TAKE)]
    assert (life.phase, life.deadline) == (PRE_STOP, 10.0 + QUEUES_MAY_TAKE)
    assert delivered(life.on_finding(Finding(QUEUES), 10.5)).signum == SIGTERM
    assert (life.phase, life.kill_at) == (STOPPING, 15.5)


def test_the_stop_signal_does_not_wait_for_ever_for_empty_accept_queues() -> None:
    life = Lifecycle(config(), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert delivered(life.on_timeout(10.0 + QUEUES_MAY_TAKE)).signum == SIGTERM


def test_a_second_stop_request_waits_for_no_accept_queue() -> None:
    life = Lifecycle(config(), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert life.delay_ended_by is None
    assert delivered(life.on_signal(received(SIGTERM), 10.1)).signum == SIGTERM
    assert life.delay_ended_by == CUT_SHORT


def test_a_command_that_exits_ends_the_wait_for_the_accept_queues() -> None:
    life = Lifecycle(config(), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert delivered(life.on_children([Reaped(APP, 0)], False, 10.2)).scope == LEFT
    assert life.on_timeout(20.0) == []


def until(**fields: object) -> Lifecycle:
    """A stop is requested at 10; the delay lasts 5 s, or until PID 9, the pre-stop command, succeeds."""
    life = WithEmptyQueues(
        config(pre_stop_delay=5.0, pre_stop="hook", pre_stop_until=True, pre_stop_timeout=1.0, **fields), APP, 0.0
    )
    assert without_words(life.on_signal(received(SIGTERM), 10.0)) == [RunPreStop(SIGTERM)]
    assert life.on_pre_stop_started(9, 10.0) == []
    assert life.deadline == 15.0, "the time limit of the pre-stop command is the end of the delay"
    return life


def test_the_success_of_the_pre_stop_command_can_be_the_end_of_the_delay() -> None:
    assert delivered(until().on_children([Reaped(9, 0)], False, 12.0)).signum == SIGTERM


def test_the_failure_of_the_pre_stop_command_is_not_the_end_of_the_delay() -> None:
    life = until()
    assert without_words(life.on_children([Reaped(9, 1)], False, 12.0)) == []
    assert (life.phase, life.deadline) == (PRE_STOP, 15.0)
    assert delivered(life.on_timeout(15.0)).signum == SIGTERM


def test_a_pre_stop_command_has_the_last_word_even_where_nobody_listens() -> None:
    life = until()
    assert life.awaits_word
    assert without_words(life.on_finding(Finding(DELAY, "info", "no_listener", "nobody"), 11.0)) == []
    assert life.phase == PRE_STOP
    assert delivered(life.on_children([Reaped(9, 1)], False, 12.0)).signum == SIGTERM, "it failed, and there is no traffic"
    assert not life.awaits_word


def test_a_pre_stop_command_is_waited_for_where_nobody_listens() -> None:
    life = WithEmptyQueues(auto(pre_stop="hook"), APP, 0.0)
    run, watch = life.on_signal(received(SIGTERM), 10.0)
    assert (run, watch) == (RunPreStop(SIGTERM), WatchTraffic()), "in this order, or it would not be known of"
    life.on_pre_stop_started(9, 10.0)
    assert without_words(life.on_finding(Finding(DELAY, "info", "no_listener", "nobody"), 10.0)) == []
    assert delivered(life.on_children([Reaped(9, 0)], False, 12.0)).signum == SIGTERM


def test_the_end_of_the_delay_is_the_end_of_a_pre_stop_command_that_could_have_ended_it() -> None:
    kill, deliver = without_words(until().on_timeout(15.0))
    assert kill == KillPreStop(9)
    assert delivered([deliver]).signum == SIGTERM


def test_a_command_that_exits_has_no_use_for_the_end_of_the_delay() -> None:
    kill, deliver = without_words(until().on_children([Reaped(APP, 0)], False, 12.0))
    assert kill == KillPreStop(9)
    assert delivered([deliver]).scope == LEFT


def test_what_was_lost_is_told_before_the_end() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    actions = life.on_children([Reaped(APP, 0)], True, 11.0)
    assert actions.index(TellLosses()) < actions.index(exit_of(actions))


def asked(**fields: object) -> Config:
    """A config by which somebody wants to know whether the command is ready."""
    return config(**{"ready": ("tcp:80",), "unready_at": AT_REQUEST, **fields})


def test_readiness_falls_at_the_request_before_anything_else_is_done() -> None:
    life = WithEmptyQueues(asked(pre_stop_delay=5.0, pre_stop="hook"), APP, 0.0)
    said, *rest = life.on_signal(received(SIGTERM), 10.0)
    assert isinstance(said, Say)
    assert rest[:3] == [Unready("a stop was requested"), RunPreStop(SIGTERM), WatchTraffic()]


def test_or_right_before_the_stop_signal() -> None:
    life = WithEmptyQueues(asked(pre_stop_delay=5.0, unready_at=AT_SIGNAL), APP, 0.0)
    assert not any(isinstance(action, Unready) for action in life.on_signal(received(SIGTERM), 10.0))
    fall, deliver = without_words(life.on_timeout(15.0))
    assert isinstance(fall, Unready)
    assert delivered([deliver]).signum == SIGTERM


@pytest.mark.parametrize("unready_at", [AT_REQUEST, AT_SIGNAL])
def test_readiness_falls_with_the_command(unready_at: str) -> None:
    life = WithEmptyQueues(asked(unready_at=unready_at), APP, 0.0)
    assert Unready("the command has exited") in life.on_children([Reaped(APP, 7)], False, 1.0)


def test_where_nobody_wants_to_know_nothing_falls() -> None:
    life = WithEmptyQueues(config(), APP, 0.0)
    actions = life.on_signal(received(SIGTERM), 1.0) + life.on_children([Reaped(APP, 0)], True, 2.0)
    assert not any(isinstance(action, Unready) for action in actions)


def test_a_command_that_is_not_ready_in_time_is_stopped_at_once_and_the_reason_is_told() -> None:
    life = WithEmptyQueues(asked(start_timeout=30.0, pre_stop_delay=5.0, pre_stop="hook", grace_period=4.0), APP, 100.0)
    assert life.deadline == 130.0
    life.on_verdict(False, "tcp:80: connection refused")
    said, fall, *rest = life.on_timeout(130.0)
    assert isinstance(said, Say)
    assert said.message == "not ready within 30s (--start-timeout): tcp:80: connection refused; the command is stopped"
    assert isinstance(fall, Unready)
    assert delivered(rest).signum == SIGTERM
    assert (life.phase, life.kill_at) == (STOPPING, 134.0)


@pytest.mark.parametrize(
    ("stop_signal", "reaped", "status"),
    [
        (None, Reaped(APP, 0), NOT_READY_IN_TIME),
        (None, Reaped(APP, 143, 15), NOT_READY_IN_TIME),
        (None, Reaped(APP, 143), NOT_READY_IN_TIME),
        (int(SIGQUIT), Reaped(APP, 131, 3), NOT_READY_IN_TIME),
        (int(SIGQUIT), Reaped(APP, 143, 15), 143),
        (None, Reaped(APP, 7), 7),
        (None, Reaped(APP, 137, 9), 137),
    ],
)
def test_the_status_says_that_it_was_too_late_unless_the_command_has_more_to_say(
    stop_signal: int | None, reaped: Reaped, status: int
) -> None:
    life = WithEmptyQueues(asked(start_timeout=30.0, stop_signal=stop_signal), APP, 0.0)
    life.on_timeout(30.0)
    assert exit_of(life.on_children([reaped], True, 31.0)).status == status


def test_whatever_stop_signal_it_dies_of_after_that_the_status_says_so() -> None:
    life = WithEmptyQueues(asked(start_timeout=30.0), APP, 0.0)
    life.on_timeout(30.0)
    life.on_signal(received(SIGINT), 30.5)
    assert exit_of(life.on_children([Reaped(APP, 143)], True, 31.0)).status == NOT_READY_IN_TIME


def test_nobody_else_ends_that_stop_so_it_has_an_end_without_a_grace_period_too() -> None:
    life = WithEmptyQueues(asked(start_timeout=30.0), APP, 0.0)
    life.on_timeout(30.0)
    assert life.kill_at == 30.0 + START_GRACE
    assert any(isinstance(action, KillAll) for action in life.on_timeout(30.0 + START_GRACE))
    assert exit_of(life.on_children([Reaped(APP, 137, 9)], True, 41.0)).status == 137


def test_that_status_can_be_mapped() -> None:
    life = WithEmptyQueues(asked(start_timeout=30.0, map_status={124: 1}), APP, 0.0)
    life.on_timeout(30.0)
    assert exit_of(life.on_children([Reaped(APP, 0)], True, 31.0)).status == 1


def test_who_has_been_ready_once_or_is_asked_to_stop_has_no_time_limit() -> None:
    life = WithEmptyQueues(asked(start_timeout=30.0), APP, 0.0)
    life.on_verdict(True, "")
    life.on_verdict(False, "")
    assert life.deadline is None
    life = WithEmptyQueues(asked(start_timeout=30.0, pre_stop_delay=100.0), APP, 0.0)
    life.on_signal(received(SIGTERM), 10.0)
    assert life.deadline == 110.0
    assert exit_of(life.on_children([Reaped(APP, 0)], True, 50.0)).status == 0


def test_more_time_can_be_asked_for_to_start_and_to_finish_and_none_is_taken_away() -> None:
    life = WithEmptyQueues(asked(start_timeout=30.0, grace_period=10.0), APP, 0.0)
    life.on_extended(50.0, 20.0)
    life.on_extended(25.0, 21.0)
    assert life.deadline == 50.0
    life.on_signal(received(SIGTERM), 22.0)
    assert life.kill_at == 32.0
    life.on_extended(60.0, 30.0)
    life.on_extended(40.0, 31.0)
    assert life.kill_at == 60.0


def test_to_finish_nobody_gets_more_than_the_orchestrator_allows() -> None:
    life = WithEmptyQueues(asked(grace_period=10.0, stop_timeout=20.0), APP, 0.0)
    life.on_signal(received(SIGTERM), 100.0)
    life.on_extended(500.0, 105.0)
    assert life.kill_at == 120.0


def test_where_no_time_is_limited_none_is_by_asking_for_more() -> None:
    life = WithEmptyQueues(asked(sweep_timeout=5.0), APP, 0.0)
    assert life.on_extended(50.0, 1.0) == []
    assert life.deadline is None
    life.on_children([Reaped(APP, 0)], False, 2.0)
    life.on_extended(50.0, 3.0)
    assert life.deadline == 7.0, "the sweep timeout is for those who were left behind"


# --- any events in any container -----------------------------------------------------------------------------------

TIMES = st.integers(0, 40).map(lambda eighths: eighths / 8)
EACH = frozenset({SIGTERM, SIGINT, SIGUSR1})
HANDLED = st.sampled_from([EACH, EACH, frozenset({SIGTERM}), frozenset({SIGINT}), frozenset()])
IGNORED = st.sampled_from([frozenset(), frozenset(), frozenset(), frozenset({SIGINT}), EACH])


def traffic_config(**fields: object) -> Config:
    """A config whose --pre-stop-until and --start-timeout go together with the rest."""
    return config(
        **{
            **fields,
            "pre_stop_until": bool(fields["pre_stop_until"] and fields["pre_stop"] and fields["pre_stop_delay"] != 0),
            "start_timeout": fields["start_timeout"] if fields["ready"] else None,
        }
    )


CONFIGS = st.builds(
    traffic_config,
    forward=st.sampled_from([GROUP, GROUP, HANDLERS, COMMAND]),
    stop_signal=st.sampled_from([None, None, int(SIGUSR1)]),
    rewrite=st.sampled_from([{}, {}, {int(SIGINT): int(SIGUSR1)}, {int(SIGHUP): 0}]),
    pre_stop_delay=st.just(0.0) | TIMES | st.none(),
    pre_stop_max=TIMES,
    stop_timeout=st.none() | TIMES.map(lambda seconds: 3 * seconds),  # its third is exact
    pre_stop=st.sampled_from([None, "hook"]),
    pre_stop_until=st.booleans(),
    pre_stop_timeout=TIMES,
    grace_period=st.none() | TIMES,
    settle=TIMES,
    sweep_timeout=TIMES,
    map_status=st.sampled_from([{}, {143: 0}, {0: 3, 7: 0}]),
    ready=st.sampled_from([(), ("tcp:80",)]),
    start_timeout=st.none() | TIMES,
    unready_at=st.sampled_from([AT_REQUEST, AT_SIGNAL]),
)


def bits(signums: frozenset[int]) -> int:
    """A mask of /proc/PID/status."""
    return sum(1 << (signum - 1) for signum in signums)


class Container(RuleBasedStateMachine):
    """A container: a clock, processes that live, zombies, signals on their way, and PID 1, which is a Lifecycle.

    PID 1 does not look at once at what happens: some rules let it, and then it finds several events in one turn.
    """

    @initialize(
        options=CONFIGS,
        now=st.integers(-100, 10**6).map(float),
        caught=HANDLED,
        name=st.sampled_from(["app", "sh"]),
        has_proc=st.integers(0, 7),
    )
    def begin(self, options: Config, now: float, caught: frozenset[int], name: str, has_proc: int) -> None:
        """Start the command."""
        self.config = options
        self.now = now
        self.has_proc = has_proc > 0
        self.life = Lifecycle(options, APP, now)
        self.twin = Lifecycle(options, APP, now + SHIFT)
        self.next_pid = APP
        self.alive: dict[int, Process] = {}
        self.stuck: set[int] = set()  # in an uninterruptible sleep
        self.zombies: list[Reaped] = []
        self.reaped: set[int] = set()
        self.arrived: list[int] = []
        self.watched: int | None = None
        self.watches_traffic = False
        self.awaits_queues = False
        self.hook: int | None = None
        self.exit: Exit | None = None
        self.was_too_late = False
        self.stop_signals: set[int] = set()  # that the command was sent, or is to be
        self.has_fallen = False
        self.starts_until = None if options.start_timeout is None else now + options.start_timeout
        self.extended_until = now
        self.command_status: int | None = None
        self.generation = 0  # of requests; a process is told once in each
        self.told: dict[int, set[int]] = {0: set()}
        self.delivered_generation = -1
        self.held: set[int] = set()
        self.working: frozenset[int] = frozenset()
        self.entered = {RUNNING: now}
        self.came_from: dict[str, str] = {}
        self.new(OWN, caught, frozenset(), name)

    # --- the processes ---

    def new(self, parent: int, caught: frozenset[int], ignored: frozenset[int], name: str, group: int = APP) -> int:
        """A new process."""
        pid, self.next_pid = self.next_pid, self.next_pid + 1
        self.alive[pid] = Process(pid, parent, group, group, name, "S", 0, bits(ignored - caught), bits(caught), pid)
        return pid

    def end(self, pid: int, status: int, killed_by: int = 0) -> None:
        """A process ends: its children are ours, its parent learns of it."""
        gone = self.alive.pop(pid)
        for child in list(self.alive.values()):
            if child.parent == pid:
                self.alive[child.pid] = Process(*(vars(child) | {"parent": OWN}).values())
        if gone.parent == OWN:
            self.zombies.append(Reaped(pid, status, killed_by))

    def hit(self, pid: int, signum: int) -> None:
        """A process gets a signal, and dies of it if it must."""
        one = self.alive[pid]
        if signum == SIGKILL:
            if pid not in self.stuck:
                self.end(pid, 137, 9)
        elif not one.catches(signum) and not one.ignores(signum):
            self.end(pid, 128 + signum, signum)

    # --- PID 1 ---

    def ask(self, event: str, *details: object) -> list[Action]:
        """Tell both lifecycles of an event; what time of day it is must make no difference."""
        actions: list[Action] = getattr(self.life, event)(*details, self.now)
        of_twin: list[Action] = getattr(self.twin, event)(*details, self.now + SHIFT)
        assert actions == [AwaitQueues(one.until - SHIFT) if isinstance(one, AwaitQueues) else one for one in of_twin]
        assert self.life.deadline == (None if self.twin.deadline is None else self.twin.deadline - SHIFT)
        self.note_phase()
        return actions

    def turn(self, signum: int | None) -> None:
        """One turn of the loop of supervise.py. None stands for a timeout, or for no reason at all."""
        if self.watched is not None and self.watched not in self.alive:
            gone, self.watched = self.watched, None
            self.carry_out_all(self.ask("on_gone", gone))
        if signum is not None and signum != SIGCHLD:
            self.carry_out_all(self.on_signal(signum))
        zombies, self.zombies = self.zombies, []
        self.reaped |= {zombie.pid for zombie in zombies}
        for zombie in zombies:
            if zombie.pid == APP:
                self.command_status = zombie.status
        none_left = not any(one.parent == OWN for one in self.alive.values())
        self.carry_out_all(self.ask("on_children", zombies, none_left))
        self.carry_out_all(self.ask("on_timeout"))

    def carry_out_all(self, actions: list[Action]) -> None:
        """Do what an event has led to, before the next event."""
        for action in actions:
            assert self.exit is None, "nobody does anything after leaving"
            actions += self.carry_out(action)

    def on_signal(self, signum: int) -> list[Action]:
        """A signal other than SIGCHLD."""
        target = self.config.rewrite.get(signum, signum)
        phase = self.life.phase
        actions = self.ask("on_signal", Received(signum, 0, 0))
        requests = [action.request for action in actions if isinstance(action, Deliver)]
        if target == 0 or phase == KILLING:
            assert actions == []
        elif BY_PROGRAM in self.config.stop_on and signum in MAY_ASK_FOR_STOP and signum == target:
            assert [type(action) for action in actions] == [Judge]
        elif signum not in self.config.stop_on:
            spares = phase not in (RUNNING, PRE_STOP)
            assert requests == [Request(target, IN_GROUP, False, spares_mortals=spares)]
            assert self.life.phase == phase
        else:
            self.generation += 1
            self.told[self.generation] = set()
            assert phase == RUNNING or [one.signum for one in requests] == [self.config.stop_signal or target]
        return actions

    def carry_out(self, action: Action) -> list[Action]:  # noqa: PLR0912 - one case per action
        """Do what the lifecycle wants."""
        match action:
            case Deliver(request):
                return self.deliver(request)
            case Judge(received):
                details = (received, False)
                return self.ask("on_judged", *details)
            case WatchExit(pid):
                self.watched = pid
            case RunPreStop():
                if self.next_pid % 3 == 0:
                    return self.ask("on_pre_stop_started", None)
                self.hook = self.new(OWN, frozenset(), frozenset(), "hook", group=self.next_pid)
                self.hook_began = self.now
                return self.ask("on_pre_stop_started", self.hook)
            case WatchTraffic():
                assert not self.watches_traffic, "once is enough"
                self.watches_traffic = True
            case AwaitQueues():
                assert not self.awaits_queues, "once is enough"
                self.awaits_queues, self.queued_at = True, self.now
                if self.next_pid % 2 == 0:
                    return self.ask("on_finding", Finding(QUEUES))
            case KillPreStop(pid):
                assert pid == self.hook
                assert pid not in self.reaped, "its number may be somebody else's by now"
                if pid in self.alive:
                    self.hit(pid, SIGKILL)
            case KillAll():
                for pid in list(self.alive):
                    self.hit(pid, SIGKILL)
            case Exit():
                self.exit = action
            case Unready():
                assert self.config.ready
                self.has_fallen = True
            case Say():
                if action.event == "start_timeout":
                    self.was_too_late = True
                    self.stop_signals.add(self.life.stop_signal)
                    self.generation += 1
                    self.told[self.generation] = set()
                elif action.event == "stop_requested":
                    self.stop_signals.add(self.life.stop_signal)
                assert len(action.message.splitlines()) == 1
        return []

    def deliver(self, request: Request) -> list[Action]:
        """Plan a request and carry it out."""
        if request.is_stop:
            self.delivered_generation = self.generation
        if not self.has_proc:
            for pid in [one.pid for one in self.alive.values() if request.scope == LEFT or one.group == APP]:
                self.hit(pid, request.signum)
            if request.is_stop:
                self.life.on_blind(request)
                self.twin.on_blind(request)
            return []
        table = {OWN: INIT, **self.alive}
        place = Place(OWN, APP, self.config.forward)
        found = plan(request, table, NoLook({pid: one.name for pid, one in table.items()}), place)
        for pid, signum in found.now.items():
            if request.is_stop:
                assert pid not in self.told[self.generation], "told twice of one request"
                self.told[self.generation].add(pid)
            self.hit(pid, signum)
        if request.is_stop:
            self.held, self.working = set(found.held), found.working
        return self.ask("on_delivered", request, found)

    def note_phase(self) -> None:
        """Remember when a phase began; it may only move forward."""
        last = list(self.entered)[-1]
        if self.life.phase != last:
            assert PHASES.index(self.life.phase) > PHASES.index(last)
            self.entered[self.life.phase] = self.now
            self.came_from[self.life.phase] = last

    def react(self) -> None:
        """Let PID 1 run until it has nothing to do."""
        for _ in range(200):
            if self.exit is not None:
                return
            deadline = self.life.deadline
            gone = self.watched is not None and self.watched not in self.alive
            if self.arrived:
                self.turn(self.arrived.pop(0))
            elif self.zombies:
                self.turn(int(SIGCHLD))
            elif gone or (deadline is not None and deadline <= self.now):
                self.turn(None)
            else:
                return
        raise AssertionError("it never sleeps")

    # --- what happens ---

    def some(self, number: int) -> int:
        """One of the living."""
        return sorted(self.alive)[number % len(self.alive)]

    @precondition(lambda self: self.exit is None and self.alive)
    @rule(
        number=st.integers(0, 20),
        caught=HANDLED,
        ignored=IGNORED,
        name=st.sampled_from(["app", "app", "sh"]),
        is_daemon=st.booleans(),
    )
    def start(self, number: int, caught: frozenset[int], ignored: frozenset[int], name: str, is_daemon: bool) -> None:
        """A process starts another."""
        if is_daemon:
            self.new(OWN, caught, ignored, name, group=self.next_pid)
        else:
            parent = self.some(number)
            self.new(parent, caught, ignored, name, self.alive[parent].group)

    @precondition(lambda self: self.exit is None and self.alive)
    @rule(number=st.integers(0, 20), status=st.sampled_from([0, 1, 7, 143]), at_once=st.booleans())
    def one_exits(self, number: int, status: int, at_once: bool) -> None:
        """A process exits."""
        self.end(self.some(number), status)
        if at_once:
            self.react()

    @precondition(lambda self: self.exit is None)
    @rule(signum=st.sampled_from([SIGTERM, SIGTERM, SIGINT, SIGHUP, SIGUSR1]), at_once=st.booleans())
    def signal_arrives(self, signum: int, at_once: bool) -> None:
        """A signal arrives."""
        if signum not in self.arrived:
            self.arrived.append(int(signum))
        if at_once:
            self.react()

    @precondition(lambda self: self.exit is None)
    @rule(seconds=TIMES)
    def time_passes(self, seconds: float) -> None:
        """Time passes, perhaps far beyond the deadline."""
        self.now += seconds
        self.react()

    @precondition(lambda self: self.exit is None and self.life.deadline is not None)
    @rule()
    def the_deadline_comes(self) -> None:
        """PID 1 is woken just in time."""
        self.now = max(self.now, self.life.deadline or self.now)
        self.react()

    @precondition(lambda self: self.exit is None)
    @rule()
    def it_wakes_up_for_nothing(self) -> None:
        """A timeout that is none."""
        self.react()
        if self.exit is None:
            before = vars(self.life).copy()
            assert self.ask("on_timeout") == []
            assert vars(self.life) == before

    @precondition(lambda self: self.exit is None and (self.watches_traffic or self.awaits_queues))
    @rule(ends=st.sampled_from(["", DELAY, QUEUES]), message=st.sampled_from(["", "seen"]))
    def the_traffic_shows_something(self, ends: str, message: str) -> None:
        """A look at the traffic brings something, perhaps of no interest any more."""
        self.carry_out_all(self.ask("on_finding", Finding(ends, "info", "traffic", message)))
        self.react()

    @precondition(lambda self: self.exit is None and self.config.ready)
    @rule(is_ready=st.booleans())
    def the_helper_reports(self, is_ready: bool) -> None:
        """The command is ready, or not."""
        assert self.life.on_verdict(is_ready, "why") == self.twin.on_verdict(is_ready, "why") == []
        if is_ready:
            self.starts_until = None
        assert self.life.deadline == (None if self.twin.deadline is None else self.twin.deadline - SHIFT)

    @precondition(lambda self: self.exit is None and self.config.ready)
    @rule(seconds=TIMES)
    def more_time_is_asked_for(self, seconds: float) -> None:
        """The command wants so much time from now on."""
        until = self.now + seconds
        before = self.life.deadline
        of_twin = self.twin.on_extended(until + SHIFT, self.now + SHIFT)
        assert self.life.on_extended(until, self.now) == of_twin
        assert before is None or (self.life.deadline or before) >= before
        self.extended_until = max(self.extended_until, until)
        if self.starts_until is not None and self.life.phase == RUNNING:
            self.starts_until = max(self.starts_until, until)

    @precondition(lambda self: self.exit is None and self.alive)
    @rule(number=st.integers(0, 20))
    def one_gets_stuck(self, number: int) -> None:
        """A process cannot be killed for a while."""
        self.stuck ^= {self.some(number)}

    @precondition(lambda self: self.exit is not None)
    @rule()
    def nothing_happens_any_more(self) -> None:
        """The kernel kills whoever is left."""

    # --- what must hold ---

    def limit(self) -> float | None:
        """When the present phase must be over, whatever happens; None where that is left to the orchestrator."""
        phase = self.life.phase
        if phase == KILLING:
            return self.entered[KILLING] + KILL_TAKES
        if phase == SWEEPING and self.came_from[SWEEPING] == RUNNING:
            return self.entered[SWEEPING] + self.config.sweep_timeout
        if phase in (STOPPING, SWEEPING) and self.config.grace_period is not None:
            begun = self.entered[STOPPING if STOPPING in self.entered else SWEEPING]
            return max(begun + self.config.grace_period, self.extended_until)
        if phase == RUNNING:
            return self.starts_until
        if phase == PRE_STOP:
            delay = self.config.pre_stop_delay
            limit = self.entered[PRE_STOP] + (self.config.longest_delay if delay is None else delay)
            if self.hook is not None and not self.config.pre_stop_until:
                limit = max(limit, self.hook_began + self.config.pre_stop_timeout)
            return self.queued_at + QUEUES_MAY_TAKE if self.awaits_queues else limit
        return None

    @invariant()
    def at_rest_it_waits_for_something_and_not_too_long(self) -> None:
        """Checked whenever PID 1 sleeps."""
        gone = self.watched is not None and self.watched not in self.alive
        deadline = self.life.deadline
        if self.exit is not None or self.arrived or self.zombies or gone or (deadline is not None and deadline <= self.now):
            return
        assert any(one.parent == OWN for one in self.alive.values()) or not self.turned, "nobody is left to wait for"
        limit = self.limit()
        if limit is not None:
            assert deadline is not None
            assert self.now < limit
            assert deadline <= limit
        if self.config.ready and self.life.phase != RUNNING:
            assert self.has_fallen or (self.life.phase == PRE_STOP and self.config.unready_at == AT_SIGNAL)
        if self.life.phase in (STOPPING, SWEEPING):
            assert self.delivered_generation == self.generation
            if self.held & self.alive.keys():
                waiting = self.working & self.alive.keys()
                assert self.watched in waiting if waiting else deadline is not None

    @property
    def turned(self) -> bool:
        """Whether PID 1 has ever looked."""
        return bool(self.reaped) or self.life.phase != RUNNING

    @invariant()
    def the_status_is_the_command_s(self) -> None:
        """Checked at the end."""
        if self.exit is not None:
            own = 137 if self.command_status is None else self.command_status
            if self.was_too_late and own in {0, *(128 + signum for signum in self.stop_signals)}:
                own = NOT_READY_IN_TIME
            assert self.exit.status == self.config.map_status.get(own, own)
            assert self.life.phase in (SWEEPING, KILLING)
            # A stop request and the last child's exit may come at once; then there is a pre-stop command for a moment.
            left = [one.pid for one in self.alive.values() if one.parent == OWN and one.pid != self.hook]
            assert not left or self.life.phase == KILLING

    def teardown(self) -> None:
        """In the end a stop is requested, and whoever was told goes, one by one. That must suffice to end it all."""
        if not hasattr(self, "life"):
            return
        self.arrived.append(int(SIGTERM))
        for _ in range(500):
            self.react()
            if self.exit is not None:
                break
            self.let_one_go()
        else:
            raise AssertionError("it never ends")
        self.the_status_is_the_command_s()

    def let_one_go(self) -> None:
        """One of those who were told exits; or, if none can, time passes; or, if none can, one who heard nothing exits."""
        self.stuck.clear()
        asked = self.config.stop_signal or int(SIGTERM)
        told = [pid for pid in sorted(self.alive) if any(pid in pids for pids in self.told.values())]
        for pid in told:
            children = [one.pid for one in self.alive.values() if one.parent == pid]
            if self.alive[pid].name != "sh" or not children:
                self.end(pid, 0)
                return
            if self.config.forward != HANDLERS:  # then its trap is there to tell its children
                self.end(children[0], 0)
                return
        if self.life.deadline is not None:
            self.now = max(self.now, self.life.deadline)
            return
        # Nobody else will do anything: those who are left must be deaf, or behind a command that is.
        signums = {asked} | {int(SIGTERM)}
        deaf = [pid for pid in sorted(self.alive) if any(self.alive[pid].ignores(signum) for signum in signums)]
        blind = not self.has_proc
        if not deaf and not blind and self.config.forward != COMMAND:
            shells = [self.alive[pid] for pid in told]
            raise AssertionError(f"held back for ever: {sorted(self.alive)}, by {shells}")
        self.end((deaf or sorted(self.alive))[0], 0)


TestContainer = Container.TestCase
TestContainer.settings = settings(
    max_examples=300, stateful_step_count=30, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
)
