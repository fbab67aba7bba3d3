"""The simulation draws the traffic that it claims to, looks at it as a watcher does, and says the same for the same seed."""

import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from pyinit.traffic import quiet
from pyinit.traffic.quiet import Before, Policy, Seen
from tests.simulation.measure import measure, measure_all
from tests.simulation.policies import DEFAULTS, LATE, PERIOD, POLICIES, Auto, Fixed, Plain, watch
from tests.simulation.scenarios import MAIN, ONE_LATE, every
from tests.simulation.table import main_table, share
from tests.simulation.traffic import HEARS, HORIZON, SERVICE, Scenario, Traffic, draw

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Plain(Policy(5.0, 20.0, 3.0))
AUTO = Auto(DEFAULTS)


def traffic(*events: tuple[float, int], average: float = 100.0, requests: tuple[float, ...] = ()) -> Traffic:
    """One stop, by hand."""
    return Traffic(Before(average, 0, None), requests, events)


def seeded() -> Random:
    """Always the same chance."""
    return Random(1)  # noqa: S311 - no secret


@dataclass
class Recorder:
    """A rule that ends after a second, and keeps what it was asked about."""

    asked: list[Seen] = field(default_factory=list)

    def over_at(self, _: Seen) -> float:
        """In a second."""
        return 1.0

    def is_over(self, seen: Seen) -> bool:
        """After a second."""
        self.asked.append(seen)
        return seen.looked_at >= 1


# --- the traffic ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evenly", [False, True])
@pytest.mark.parametrize("routers", [1, 3, 20])
def test_routers_share_the_rate(routers: int, evenly: bool) -> None:
    random = seeded()
    counts = [len(draw(Scenario("5 s", 10, routers, evenly), random).requests) for _ in range(200)]
    assert fmean(counts) == pytest.approx(50, rel=0.05)
    assert evenly is (max(counts) - min(counts) <= routers)


@pytest.mark.parametrize("hears", HEARS)
def test_nobody_sends_once_he_has_heard(hears: str) -> None:
    random = seeded()
    latest = max(HEARS[hears](random, 20))
    for _ in range(20):
        requests = draw(Scenario(hears, 50), random).requests
        assert all(0 <= at < max(latest, 5 * (hears == "0 to 5 s")) for at in requests)


def test_of_twenty_routers_one_is_late() -> None:
    late = [at for at in draw(Scenario(ONE_LATE, 10, evenly=True), seeded()).requests if at >= 1.5]
    assert len(late) in (5, 6)  # in 10.5 s
    gaps = [after - before for before, after in pairwise(late)]
    assert gaps == pytest.approx([2] * len(gaps))


def test_a_pooled_connection_carries_one_request_at_a_time_and_is_used_again() -> None:
    drawn = draw(Scenario("5 s", 50, 1, pooled=True), seeded())
    last: dict[int, float] = {}
    for at, connection in drawn.events:
        assert at - last.get(connection, -1) >= SERVICE
        last[connection] = at
    assert min(last) > 0  # they stay
    assert 1 < len(last) < len(drawn.events) / 10
    assert [at for at, _ in drawn.events] == list(drawn.requests)


def test_a_connection_of_its_own_carries_one_request() -> None:
    events = draw(Scenario("5 s", 50), seeded()).events
    assert len({connection for _, connection in events}) == len(events)
    assert all(connection < 0 for _, connection in events)  # it does not stay


def test_pooled_connections_alone_tell_of_the_time_before() -> None:
    random = seeded()
    pooled = [draw(Scenario("0 s", 10, pooled=True), random).before for _ in range(300)]
    assert fmean(before.idle or 0.0 for before in pooled) == pytest.approx(0.1, rel=0.2)
    # Each of twenty routers sends in the last second in 1 - exp(-0.5) of the cases, nearly always over its first connection.
    assert fmean(before.just_now for before in pooled) == pytest.approx(20 * 0.393, rel=0.05)
    new = draw(Scenario("0 s", 10), random).before
    assert new == Before(10, 0, None)


def test_what_is_known_may_be_wrong_and_counts_the_probes() -> None:
    assert draw(Scenario("0 s", 10, known=0.1), seeded()).before.average == 1
    assert draw(Scenario("0 s", 10, probe=2), seeded()).before.average == 10.5


def test_a_probe_goes_on_and_is_never_lost() -> None:
    drawn = draw(Scenario("0 s", 10, probe=2), seeded())
    assert len(drawn.events) == HORIZON / 2
    assert drawn.lost(0) == 0


def test_what_comes_at_the_end_or_later_is_lost() -> None:
    assert traffic(requests=(1.0, 5.0, 6.0)).lost(5.0) == 2


# --- the watcher ---------------------------------------------------------------------------------------------------


def test_it_looks_once_in_a_period_and_at_the_end() -> None:
    rule = Recorder()
    assert watch(rule, traffic()) == pytest.approx(1 + LATE)
    step = PERIOD + LATE
    assert [seen.looked_at for seen in rule.asked] == pytest.approx([0, step, 2 * step, 3 * step, 1 + LATE])


def test_many_requests_on_a_connection_between_two_looks_are_as_many_events() -> None:
    rule = Recorder()
    watch(rule, traffic((0.3, 7), (0.31, 8), (0.4, 7), (0.9, 7)))
    assert [seen.events for seen in rule.asked] == [0, 0, 3, 3, 4]


def test_a_connection_that_lives_tells_when_it_had_data_and_one_that_has_gone_does_not() -> None:
    rule = Recorder()
    watch(rule, traffic((0.3, 7)))
    assert rule.asked[-1].last_at == pytest.approx(0.3)
    watch(rule, traffic((0.3, -7)))
    assert rule.asked[-1].last_at == pytest.approx(2 * (PERIOD + LATE))


def test_an_event_in_the_last_moment_is_seen() -> None:
    end = PLAIN.end(traffic((4.999, 1)))
    assert end == pytest.approx(7.999 + LATE)


def test_auto_is_the_decision_of_quiet_py() -> None:
    asked = Policy(2.0, 9.0, 3.0)
    busy = traffic((1.5, 1))
    assert Auto(asked).end(busy) == pytest.approx(quiet.over_at(asked, Seen(busy.before, 1.5, 1.5)) + LATE)
    assert Auto(asked).end(traffic(average=0.001)) == pytest.approx(9 + LATE)


def test_another_constant_is_for_one_stop() -> None:
    before = quiet.EVENTS
    many = Auto(DEFAULTS, events=900)
    assert many.end(traffic()) == pytest.approx(9 + LATE)  # 900 at 100/s
    assert before == quiet.EVENTS


# --- the findings, coarsely: figures are for `python -m tests.simulation` ------------------------------------------


def test_plain_silence_loses_in_two_of_three_stops_where_one_of_twenty_routers_is_late() -> None:
    plain, auto = measure([PLAIN, AUTO], 300, 1, Scenario(ONE_LATE, 10))
    assert plain.losing == pytest.approx(2 / 3, abs=0.1)
    assert auto.losing < plain.losing / 2


def test_auto_loses_nothing_in_the_usual_case_and_waits_less_than_15_s() -> None:
    for scenario in (Scenario("1.5 s", 10), Scenario("1.5 s", 10, pooled=True), Scenario("5 s", 10), Scenario("1.5 s", 200)):
        (auto,) = measure([AUTO], 50, 1, scenario)
        assert auto.losing == auto.lost == 0
        assert auto.median < 15


def test_where_routers_never_hear_every_policy_ends_at_its_maximum() -> None:
    plain, auto = measure([PLAIN, AUTO], 20, 1, Scenario("never", 50))
    for outcome in (plain, auto):
        assert outcome.losing == 1
        assert outcome.median == pytest.approx(20, abs=2 * LATE)
        assert outcome.lost == pytest.approx(50 * (HORIZON - 20), rel=0.1)


def test_a_fixed_delay_loses_what_comes_later() -> None:
    (none, short, enough) = measure([Fixed(0), Fixed(1), Fixed(2)], 100, 1, Scenario("1.5 s", 10))
    assert none.lost == pytest.approx(15, rel=0.1)
    assert short.lost == pytest.approx(5, rel=0.2)
    assert enough.lost == enough.losing == 0


def test_the_seed_decides_and_not_the_number_of_processes() -> None:
    scenarios = [Scenario(ONE_LATE, 3), Scenario("0 to 5 s", 3)]
    first = measure_all(scenarios, POLICIES, 20, 1, jobs=1)
    assert measure_all(scenarios, POLICIES, 20, 1, jobs=2) == first
    assert measure_all(scenarios, POLICIES, 20, 2, jobs=2) != first


# --- what is printed -----------------------------------------------------------------------------------------------


def test_few_are_not_none_and_nearly_all_are_not_all() -> None:
    assert [share(value) for value in (0, 0.001, 0.5, 0.999, 1)] == ["0", "< 1 %", "50 %", "> 99 %", "100 %"]


def test_the_table_has_a_row_per_scenario_and_as_many_cells_in_each() -> None:
    lines = main_table(MAIN[:2], POLICIES, measure_all(MAIN[:2], POLICIES, 2, 1, jobs=1)).splitlines()
    assert len(lines) == 2 + 2
    assert len({line.count("|") for line in lines}) == 1


def test_no_scenario_is_there_twice_and_the_long_list_has_the_short_one() -> None:
    assert len(set(every())) == len(every())
    assert set(MAIN) <= set(every())


def simulate(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it, as `make simulate` does."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )


def test_it_says_the_same_again() -> None:
    done = simulate("--runs", "5", "--markdown")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2 + len(MAIN)
    assert simulate("--runs", "5", "--markdown").stdout == done.stdout
    assert simulate("--runs", "5", "--markdown", "--seed", "2").stdout != done.stdout


def test_without_markdown_it_explains_the_table() -> None:
    assert "5 stops each." in simulate("--runs", "5").stdout


def test_a_sweep_has_a_row_per_choice() -> None:
    done = simulate("--runs", "1", "--sweep", "--markdown")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2 + 5 * 5


@pytest.mark.parametrize("words", [("--runs", "0"), ("--runs", "many"), ("--all", "--sweep")])
def test_bad_options_are_refused(words: tuple[str, ...]) -> None:
    done = simulate(*words)
    assert done.returncode == 2
    assert "usage:" in done.stderr
