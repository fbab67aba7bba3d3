"""Rolling updates under load, once each: the quick form of the laboratory."""

from statistics import median

import pytest
from docker import DockerClient

from pyinit.rehearse.moments import ADMISSION, REMOVAL, STOP, Stop
from tests.rolling.dnat import rules
from tests.rolling.plans import OTHERS, PLAIN, full, quick
from tests.rolling.results import RolloutResult, by_variant, from_json
from tests.rolling.single import only, roll_out
from tests.rolling.swarm import swarm
from tests.rolling.variants import DNAT, HAPROXY, SWARM, in_form, select


@pytest.mark.usefixtures("images")
def test_under_pyinit_with_delay_auto_no_request_is_lost_and_the_stop_is_shorter_than_a_sleep_of_15_seconds() -> None:
    result = roll_out(only(PLAIN, "auto", HAPROXY, "1.5"))
    assert not result.lost
    assert result.statuses == (0, 0, 0)
    assert 5 < median(result.stop_times) < 15
    for stop in result.stops:
        assert 1.4 < stop.removed - stop.requested < 5, "a busy machine is late"


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("init", OTHERS)
def test_under_another_init_requests_are_lost(init: str) -> None:
    result = roll_out(only(PLAIN, init, HAPROXY, "1.5"))
    assert result.lost_in_all > 0
    assert result.statuses == (143, 143, 143)


@pytest.mark.usefixtures("images")
def test_under_pyinit_no_request_is_lost_behind_iptables() -> None:
    result = roll_out(only(PLAIN, "auto", DNAT, "1.5"))
    assert not result.lost
    assert result.statuses == (0, 0, 0)


def test_under_pyinit_no_request_is_lost_on_swarm(images: DockerClient) -> None:
    with swarm(images):
        result = roll_out(only(PLAIN, "auto", SWARM, "5"))
    assert not result.lost
    assert result.statuses == (0, 0, 0)


def test_a_swarm_is_not_left_while_somebody_else_uses_it(images: DockerClient) -> None:
    with swarm(images):
        with swarm(images):
            pass
        assert images.info()["Swarm"]["LocalNodeState"] == "active"


def test_the_quick_form_measures_what_is_tested_here() -> None:
    assert [(variant.init.name, variant.router) for variant, _ in quick()] == [
        ("pyinit, delay auto", HAPROXY),
        *((init, HAPROXY) for init in OTHERS),
        ("pyinit, delay auto", DNAT),
        ("pyinit, delay auto", SWARM),
    ]


def test_the_full_form_measures_every_variant_once() -> None:
    variants = [variant for variant, _ in full()]
    assert len(set(variants)) == len(variants)


def test_a_sleep_belongs_to_exec_form_and_a_straggler_to_haproxy() -> None:
    found = select([PLAIN], ["start.sh", "exec"], ["sleep", "auto"], [HAPROXY, DNAT, SWARM], ["straggler", "5"])
    told = {(variant.form, variant.init.name, variant.router, len(variant.removal.delays)) for variant in found}
    assert ("exec form", "none, preStop sleep 15", HAPROXY, 4) in told
    assert not [variant for variant in found if variant.form == "start.sh" and variant.init.pre_stop]
    assert not [variant for variant in found if variant.router != HAPROXY and len(variant.removal.delays) > 1]
    assert not [variant for variant in found if variant.router == SWARM and variant.init.pre_stop]


def test_forms_are_those_of_a_dockerfile() -> None:
    assert in_form("start.sh", "serve -p 80") == ["/app/start.sh", "serve", "-p", "80"]
    assert in_form("shell form", "serve -p 80") == ["/bin/sh", "-c", "serve -p 80"]
    assert in_form("exec form", "serve -p 80") == ["serve", "-p", "80"]


def test_every_endpoint_of_iptables_gets_an_equal_part() -> None:
    chances = [line.split()[9] for line in rules("10.0.0.2", ["a", "b", "c"]).splitlines() if "statistic" in line]
    assert [float(chance) for chance in chances] == pytest.approx([1 / 3, 1 / 2])
    assert "--to-destination c:8000" in rules("10.0.0.2", ["a", "b", "c"])


def test_a_result_survives_its_file() -> None:
    stop = Stop("replica", requested=2.0, removed=3.5, ended=9.0, status=0)
    names = ("server", "form", "init", "router", "removal")
    result = RolloutResult(*names, 1, 1.0, 9.5, 100, {"refused": 2}, (stop,), (1.5,))
    assert from_json(result.as_json()) == result
    assert by_variant([result, result]) == {result.variant: [result, result]}
    assert (result.lost_in_all, result.stop_times, result.statuses, result.seconds) == (2, (7.0,), (0,), 8.5)
    assert [(mark.at, mark.kind) for mark in result.marks][:2] == [(2.0, STOP), (3.5, REMOVAL)]
    assert (result.marks[-1].at, result.marks[-1].kind) == (1.5, ADMISSION)
