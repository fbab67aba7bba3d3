"""Several routers, each of which learns of a replica and forgets it at its own moment."""

import itertools
import time
from statistics import median

import pytest

from pyinit.rehearse import outcome
from pyinit.rehearse.load import Load
from pyinit.rehearse.outcome import Outcome
from tests.rehearse.test_client import ANSWER, Server, for_ever
from tests.waiting import wait_until


def names(outcomes: list[Outcome], router: int) -> set[str | None]:
    return {one.replica for one in outcomes if one.router == router}


def test_each_router_leaves_a_replica_at_its_own_moment_and_keeps_no_connection_to_it() -> None:
    with Server(for_ever(ANSWER)) as old, Server(for_ever(ANSWER)) as new, Load("x", 0, 40, 40, 4, routers=2) as load:
        load.admit("old", "127.0.0.1", old.port)
        wait_until(lambda: all("old" in names(load.so_far(), router) for router in (0, 1)), "the old one is asked")
        load.admit("new", "127.0.0.1", new.port)
        begin = time.monotonic()
        load.dismiss("old", [0], begin + 0.2)
        load.dismiss("old", [1], begin + 1.2)
        wait_until(lambda: load.so_far()[-1].at > begin + 2.0, "two seconds of load")
        outcomes = load.stop()
        late = [one for one in outcomes if one.replica == "old" and one.router == 0 and (one.due or 0.0) > begin + 1.0]
        between = {one.replica for one in outcomes if one.router == 1 and begin + 0.3 < one.at < begin + 1.1}
        after = [one for one in outcomes if one.at > begin + 1.9]
    assert late == []
    assert "old" in between
    assert {one.replica for one in after} == {"new"}
    assert any(one.kept for one in after)
    assert {one.kind for one in outcomes if one.replica} == {outcome.OK}


def test_requests_begin_with_the_first_replica_and_where_none_is_left_they_are_refused() -> None:
    with Server(for_ever(ANSWER)) as server, Load("x", 0, 20, 0) as load:
        assert load.so_far() == []
        load.admit("only", "127.0.0.1", server.port)
        wait_until(lambda: len(load.so_far()) > 3, "some requests")
        load.dismiss("only", [0])
        wait_until(lambda: load.so_far()[-1].is_lost, "one that is lost")
        outcomes = load.stop()
    answered = [one for one in outcomes if not one.is_lost]
    assert outcomes[: len(answered)] == answered
    assert {(one.kind, one.replica) for one in outcomes[len(answered) :]} == {(outcome.REFUSED, None)}


def test_a_load_that_never_gets_a_replica_can_be_stopped() -> None:
    with Load("x", 0, 20, 0) as load:
        assert load.stop() == []


def test_the_moment_at_which_a_request_was_meant_to_begin_is_told() -> None:
    with Server(for_ever(ANSWER)) as server, Load("127.0.0.1", server.port, 50, 0) as load:
        wait_until(lambda: len(load.so_far()) > 10, "some requests")
        outcomes = load.stop()
    dues = [one.due or 0.0 for one in outcomes]
    assert median(b - a for a, b in itertools.pairwise(dues)) == pytest.approx(1 / 50)
    assert all(one.late >= 0 for one in outcomes)


def test_the_slow_path_is_asked_beside_the_other() -> None:
    with Server(for_ever(ANSWER)) as server, Load("127.0.0.1", server.port, 20, 0, slow_path="/slow", rate_slow=5) as load:
        wait_until(lambda: any(one.slow for one in load.so_far()), "a slow request")
        outcomes = load.stop()
    assert {one.slow for one in outcomes} == {False, True}
