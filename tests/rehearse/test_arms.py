"""What an arm starts: the image's words, and what stands in front of them."""

import pytest

from pyinit.rehearse.arms import AS_IS, DELAY, PYINIT, TIMEOUT, TINI, arm, without_init
from pyinit.rehearse.binary import PATH
from tests.rehearse.made import found


@pytest.mark.parametrize(
    ("words", "left", "name"),
    [
        ("app -x", "app -x", ""),
        ("/usr/bin/tini -- app -x", "app -x", "tini"),
        ("tini -g -p SIGTERM -e 143 -- app", "app", "tini"),
        ("tini -v app", "app", "tini"),
        ("/usr/bin/dumb-init --rewrite 15:3 app -- x", "app -- x", "dumb-init"),
        ("dumb-init -r 15:3 -c -- app", "app", "dumb-init"),
        ("catatonit -g app", "app", "catatonit"),
        ("tini", "", "tini"),
    ],
)
def test_an_init_is_taken_away_with_its_options(words: str, left: str, name: str) -> None:
    assert without_init(words.split(" ")) == (tuple(left.split()), name)


def test_as_it_is_nothing_is_changed() -> None:
    image = found(["tini", "--"], ["app"], init=True, environment={"A": "1"})
    one = arm(AS_IS, image, 10, serves=True)
    assert (one.entrypoint, one.command, dict(one.environment), one.init) == (("tini", "--"), ("app",), {"A": "1"}, True)
    assert not one.needs_binary


def test_pyinit_stands_before_entrypoint_and_command_in_the_place_of_tini() -> None:
    one = arm(PYINIT, found(["tini", "--", "/start.sh"], ["app"]), 10, serves=True)
    assert (one.entrypoint, one.command, one.replaced) == ((PATH, "--"), ("/start.sh", "app"), "tini")
    assert (one.environment[DELAY], one.environment[TIMEOUT], one.init) == ("auto", "10", False)


def test_the_time_that_a_pre_stop_hook_takes_is_not_there_any_more() -> None:
    assert arm(PYINIT, found(pre_stop=12.0), 30, serves=True).environment[TIMEOUT] == "18"
    assert arm(PYINIT, found(pre_stop=("/hook",)), 30, serves=True).environment[TIMEOUT] == "30"


def test_a_worker_gets_no_delay_and_what_the_image_sets_stays() -> None:
    assert DELAY not in arm(PYINIT, found(), 10, serves=False).environment
    image = found(environment={DELAY: "3", TIMEOUT: "99"})
    one = arm(PYINIT, image, 10, serves=True)
    assert (one.environment[DELAY], one.environment[TIMEOUT]) == ("3", "99")


def test_the_init_of_the_engine_makes_way_for_pyinit() -> None:
    one = arm(PYINIT, found(init=True), 10, serves=True)
    assert (one.init, one.replaced) == (False, "docker-init")


def test_an_image_that_has_pyinit_keeps_its_options() -> None:
    one = arm(PYINIT, found(["/usr/local/bin/pyinit", "--grace-period", "5", "--"], ["app"]), 10, serves=True)
    assert (one.entrypoint, one.command) == ((PATH,), ("--grace-period", "5", "--", "app"))
    assert DELAY not in one.environment


def test_tini_is_that_of_the_engine() -> None:
    one = arm(TINI, found(["dumb-init"], ["app", "-x"]), 10, serves=True)
    assert ((*one.entrypoint, *one.command), one.init, one.replaced) == (("app", "-x"), True, "dumb-init")
