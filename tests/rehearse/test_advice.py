"""What is called a fault, by which proof, and what is proposed."""

from dataclasses import replace

import pytest

from pyinit.probe.target import parse
from pyinit.rehearse import advice, outcome, protocols
from pyinit.rehearse.advice import changes, faults
from pyinit.rehearse.result import NEW, Trial, Units
from pyinit.rehearse.subject import COMPOSE, KUBERNETES
from tests.rehearse.made import (
    ALONE,
    IN_DUMB_INIT,
    IN_SCRIPT,
    IN_TINI,
    REQUESTED,
    asked,
    case,
    crew,
    found,
    process,
    trial,
)

NGINX = crew(process(7, 1, "nginx: master process nginx", handles=True, name="nginx"))


def named(*trials: Trial, **further: object) -> list[str]:
    return [fault.name for fault in faults(case(*trials, **further))]  # type: ignore[arg-type]


def test_a_stop_that_costs_nothing_has_no_fault() -> None:
    assert named(trial()) == []


def test_a_shell_as_pid_1_drops_the_signal() -> None:
    killed = trial([outcome.CUT], who=IN_SCRIPT, took=10.1, status=137, killed=True)
    (fault,) = faults(case(killed))
    assert fault.name == advice.DROPPED
    assert "`start.sh`, which has no handler for SIGTERM" in fault.says
    assert "`gunicorn app` would have finished" in fault.says
    assert fault.proof == "The stop took 10.1 s of 10 s, and SIGKILL ended it. Lost: 1 cut."


def test_a_pid_1_that_ignores_the_signal_drops_it_as_well() -> None:
    (fault,) = faults(case(trial(who=crew(replace(process(7, 1, "sh run"), ignored=1 << 14)), status=137, killed=True)))
    assert fault.name == advice.DROPPED
    assert fault.says == "PID 1 is `sh run`, which ignores SIGTERM, so the kernel drops it (signal(7))."


def test_a_pid_1_without_a_handler_that_ended_all_the_same_is_not_accused() -> None:
    assert advice.DROPPED not in named(trial(who=IN_SCRIPT))


def test_below_tini_a_shell_passes_nothing_on() -> None:
    (fault,) = faults(case(trial([outcome.REFUSED], who=IN_TINI, took=0.2, status=143)))
    assert fault.name == advice.STRANDED
    assert "tini tells only `sh -c run`" in fault.says


def test_below_dumb_init_the_shell_dies_first() -> None:
    (fault,) = faults(case(trial([outcome.REFUSED], who=IN_DUMB_INIT, took=0.2, status=143)))
    assert fault.name == advice.BEHEADED
    assert named(trial([outcome.REFUSED], who=IN_DUMB_INIT, status=0)) == [advice.TOO_SOON]


def test_nginx_wants_another_signal() -> None:
    (fault,) = faults(case(trial([outcome.CUT], who=NGINX)))
    assert fault.name == advice.WRONG_SIGNAL
    assert "nginx stops at once, and cuts requests; it finishes its work at SIGQUIT" in fault.says
    assert named(trial(who=NGINX)) == [], "nothing was lost by it"


def test_whoever_handles_it_and_is_killed_had_too_little_time() -> None:
    assert named(trial([outcome.CUT], took=10.1, status=137, killed=True)) == [advice.SHORT_GRACE]


def test_below_pyinit_too_whoever_handles_it_and_is_killed_had_too_little_time() -> None:
    below = crew(process(5, 1, "pyinit -- java", sleeps_in="do_sigtimedwait"), process(6, 5, "java", handles=True))
    (fault,) = faults(case(trial(arm="pyinit", took=10.1, status=137, killed=True, who=below)))
    assert (fault.name, fault.says[:6]) == (advice.SHORT_GRACE, "`java`")


def test_whoever_ends_in_the_same_time_with_pyinit_in_front_did_not_lack_time() -> None:
    killed = trial(took=10.1, status=137, killed=True)
    assert named(killed, cure=trial(arm="pyinit", killed=True)) == [advice.SHORT_GRACE]
    assert named(killed, cure=trial(arm="pyinit", status=0)) == [advice.NOT_ACTED]
    (fault,) = faults(case(killed, cure=trial(arm="pyinit", took=6.1, status=143)))
    assert fault.name == advice.DROPPED
    assert "leaves it to the kernel" in fault.says
    assert fault.proof == "With pyinit in front it ended after 6.1 s, with status 143."


def test_a_closed_door_and_a_kept_connection_closed_under_a_request_are_told_apart() -> None:
    kept = [asked(REQUESTED + 0.1, outcome.RESET_AFTER, kept=True)]
    assert named(trial([outcome.REFUSED])) == [advice.TOO_SOON]
    assert named(trial(further=kept)) == [advice.UNDER_REQUEST]
    assert named(trial([outcome.RESET_AFTER])) == [advice.CUT_OFF]


def test_traffic_before_it_could_serve_is_told_with_who_let_it_in() -> None:
    early = [asked(REQUESTED + 0.1, outcome.EARLY, NEW)]
    (fault,) = faults(case(trial(further=early), orchestrator="swarm"))
    assert fault.name == advice.EARLY
    assert "as soon as it ran, for it has no HEALTHCHECK" in fault.says


def test_unfinished_jobs_are_told() -> None:
    assert named(trial(units=Units(3, 1)), port=0) == [advice.JOBS]


def test_who_could_not_be_seen_is_not_accused() -> None:
    assert named(trial([outcome.CUT], who=None, status=137, killed=True)) == [advice.CUT_OFF]


def test_pyinit_in_front_is_proposed_only_where_a_trial_has_shown_that_it_helps() -> None:
    bad = case(trial([outcome.REFUSED], who=IN_TINI, status=143), image=found(["tini", "--"], ["sh", "-c", "run"]))
    good = case(trial(arm="pyinit"))
    first, *_ = changes(bad, good)
    assert "in the place of tini" in first.says
    assert "1 lost in the place of 1" not in first.says
    assert '-ENTRYPOINT ["tini", "--"]' in first.diff
    assert '+ENTRYPOINT ["/usr/local/bin/pyinit", "--"]' in first.diff
    assert "+ENV PYINIT_PRE_STOP_DELAY=auto PYINIT_STOP_TIMEOUT=10" in first.diff
    assert changes(bad, bad) == []
    killed = case(trial(who=IN_SCRIPT, took=3.0, status=137, killed=True))
    assert [change.says[:6] for change in changes(killed, case(trial(arm="pyinit")))] == ["pyinit"]
    assert changes(killed, case(trial([outcome.CUT], arm="pyinit"))) == [], "it ended in good order, and lost what was not lost"
    assert changes(bad, None) == []


def test_a_command_in_shell_form_is_shown_as_its_dockerfile_has_it() -> None:
    bad = case(trial([outcome.CUT], who=IN_SCRIPT, killed=True), image=found((), ("/bin/sh", "-c", "app | tee log")))
    first, *_ = changes(bad, case(trial(arm="pyinit")))
    assert " CMD app | tee log" in first.diff


@pytest.mark.parametrize(("source", "line"), [(COMPOSE, "+    healthcheck:"), (KUBERNETES, "+    readinessProbe:")])
def test_a_check_is_proposed_in_the_words_of_its_file(source: str, line: str) -> None:
    early = trial(further=[asked(REQUESTED + 0.1, outcome.EARLY, NEW)])
    (change,) = changes(case(early, image=found(source=source), orchestrator="swarm"), None)
    assert change.diff[0] == line


@pytest.mark.parametrize(
    ("protocol", "tls", "target", "probe"),
    [
        (protocols.HTTP1, False, "http://127.0.0.1:8000/", "httpGet: {path: /, port: 8000}"),
        (protocols.HTTP1, True, "tcp:8000", "httpGet: {path: /, port: 8000, scheme: HTTPS}"),
        (protocols.GRPC, False, "grpc:8000", "grpc: {port: 8000}"),
        (protocols.GRPC, True, "tcp:8000", "tcpSocket: {port: 8000}"),
        (protocols.H2C, False, "tcp:8000", "tcpSocket: {port: 8000}"),
        (protocols.WS, False, "tcp:8000", "tcpSocket: {port: 8000}"),
        (protocols.TCP, False, "tcp:8000", "tcpSocket: {port: 8000}"),
    ],
)
def test_a_check_is_proposed_in_what_the_port_speaks(protocol: str, tls: bool, target: str, probe: str) -> None:
    early = trial(further=[asked(REQUESTED + 0.1, outcome.EARLY, NEW)])
    assert parse(target).text == target, "pyinit --probe takes it"
    (change,) = changes(case(early, orchestrator="swarm", protocol=protocol, tls=tls), None)
    assert change.diff == (f'+HEALTHCHECK --interval=5s --start-period=60s CMD ["pyinit", "--probe", "{target}"]',)
    assert ("whether it can serve," in change.says) == (not target.startswith("tcp:"))
    manifest = found(source=KUBERNETES)
    (change,) = changes(case(early, image=manifest, orchestrator="swarm", protocol=protocol, tls=tls), None)
    assert ("whether it can serve," in change.says) == (not probe.startswith("tcpSocket"))
    assert change.diff == ("+    readinessProbe:", f"+      {probe}", "+      periodSeconds: 1")


def test_over_tls_it_is_said_which_pyinit_could_ask_more() -> None:
    early = trial(further=[asked(REQUESTED + 0.1, outcome.EARLY, NEW)])
    (change,) = changes(case(early, orchestrator="swarm", tls=True), None)
    assert "A pyinit of a wheel can ask https://127.0.0.1:8000/; the static binary has no TLS." in change.says


def test_of_an_rpc_that_was_named_nobody_knows_whether_its_server_has_a_health_check() -> None:
    early = trial(further=[asked(REQUESTED + 0.1, outcome.EARLY, NEW)])
    named_rpc = replace(case(early, orchestrator="swarm", protocol=protocols.GRPC), path="/shop.Shop/Get")
    (change,) = changes(named_rpc, None)
    assert '"tcp:8000"' in change.diff[0]


def test_more_time_is_proposed_in_the_words_of_the_orchestrator() -> None:
    killed = trial([outcome.CUT], took=5.0, status=137, killed=True)
    (change,) = changes(case(killed, orchestrator="nomad", grace=5.0), None)
    assert change.diff == ('-kill_timeout = "5s"', '+kill_timeout = "30s"')


def test_the_right_signal_is_proposed_where_pyinit_was_not_tried() -> None:
    (change,) = changes(case(trial([outcome.CUT], who=NGINX)), None)
    assert (change.rule, change.diff) == ("PI104", ("+STOPSIGNAL SIGQUIT",))
    assert change.says.startswith("SIGTERM is the one that it gets, at which nginx")
    assert change.link.startswith("https://nginx.org/")
    declared = replace(found(), declares_signal=True)
    (change,) = changes(case(trial([outcome.CUT], who=NGINX), image=declared), None)
    assert change.diff == ("-STOPSIGNAL SIGTERM", "+STOPSIGNAL SIGQUIT")
    composed = found(source=COMPOSE, name="web", stop_signal="SIGTERM")
    (change,) = changes(case(trial([outcome.CUT], who=NGINX), image=composed), None)
    assert change.diff == ("-    stop_signal: SIGTERM", "+    stop_signal: SIGQUIT")


def test_no_more_than_three_changes_are_proposed() -> None:
    early = [asked(REQUESTED + 0.1, outcome.EARLY, NEW)]
    bad = case(trial([outcome.CUT] * 3, who=ALONE, killed=True, further=early), orchestrator="swarm")
    still = case(trial([outcome.CUT], arm="pyinit", who=ALONE, killed=True, further=early), orchestrator="swarm")
    assert 1 < len(changes(bad, still)) <= advice.MOST
