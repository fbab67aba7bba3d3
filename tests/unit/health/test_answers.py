"""Answers: what is told to whom, in which state."""

import json

import pytest

from pyinit.health.answers import LIVEZ, READYZ, STARTUPZ, answer
from pyinit.health.request import NOT_ALLOWED, TOO_LARGE, Asked, Refused
from pyinit.page import FALLEN, READY, UNASKED, UNREADY, WAITING, State


def status(path: str, has_targets: bool = True, **fields: object) -> int:
    """The status of an answer in a state."""
    return int(answer(Asked(path), State(**fields), has_targets, 0.0).split()[1])  # type: ignore[arg-type]  # of State


@pytest.mark.parametrize("phase", ["running", "pre-stop", "stopping", "sweeping", "killing"])
@pytest.mark.parametrize("readiness", [UNASKED, WAITING, READY, UNREADY, FALLEN])
def test_it_is_alive_whatever_happens(phase: str, readiness: str) -> None:
    assert status(LIVEZ, phase=phase, readiness=readiness) == 200


def test_it_is_ready_when_it_is_ready_or_nobody_has_said_what_that_is() -> None:
    words = (UNASKED, WAITING, READY, UNREADY, FALLEN)
    assert [status(READYZ, readiness=word) for word in words] == [200, 503, 200, 503, 503]


def test_it_has_started_up_once_it_was_ready() -> None:
    assert status(STARTUPZ, readiness=WAITING) == 503
    assert status(STARTUPZ, readiness=READY, first_ready_at=3.0) == 200
    assert status(STARTUPZ, readiness=UNREADY, first_ready_at=3.0) == 200
    assert status(STARTUPZ, readiness=FALLEN, first_ready_at=3.0) == 200
    assert status(STARTUPZ, readiness=FALLEN) == 503, "it was stopped before that"
    assert status(STARTUPZ, False, readiness=UNASKED) == 200
    assert status(STARTUPZ, False, readiness=FALLEN) == 200


@pytest.mark.parametrize("path", ["/", "/readyz/", "/metrics", "/../readyz"])
def test_there_is_nothing_else(path: str) -> None:
    assert status(path) == 404


def test_the_body_tells_why_and_since_when() -> None:
    state = State("running", 100.0, 100.0, readiness=UNREADY, readiness_since=130.5, reason='tcp:1: "refused"\n')
    head, _, body = answer(Asked(READYZ), state, True, 131.0).partition(b"\r\n\r\n")
    assert json.loads(body) == {
        "status": "unavailable",
        "phase": "running",
        "phase_seconds": 31.0,
        "readiness": "unready",
        "readiness_seconds": 0.5,
        "reason": 'tcp:1: "refused"\n',
    }
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Connection: close" in head


def test_to_head_the_head_is_the_answer() -> None:
    whole = answer(Asked(READYZ), State(), True, 0.0)
    assert answer(Asked(READYZ, False), State(), True, 0.0) == whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def test_who_is_refused_is_told_why() -> None:
    assert answer(Refused(TOO_LARGE), State(), True, 0.0).startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"\r\nAllow: GET, HEAD\r\n" in answer(Refused(NOT_ALLOWED), State(), True, 0.0)


def test_the_largest_answer_fits_into_what_a_new_connection_takes() -> None:
    state = State("running", readiness=UNREADY, reason="\u20ac" * 600)
    assert len(answer(Asked(READYZ), state, True, 1e9)) < 8192
