"""What the README and docs/measurements.md claim of pyinit and of the others, measured on the same commands in the same run."""

import pytest
from docker import DockerClient

from tests.docker.compare import CASES, INITS, measure

DRAIN = 0.5
TIMEOUT = 2

#: All but the case that needs no init that is clever.
WRAPPED = [case for case in CASES if case != "exec form"]

#: The status that the command has where nobody disturbs it: that of the application, or of tee at the end of the pipeline.
UNDISTURBED = {"start script": 7, "shell form": 7, "pipeline": 0, "exec form": 7}

OTHERS = [init for init in INITS if init not in ("none", "pyinit")]

#: Who signals the whole process group, so that the application may say a word before it is killed.
SIGNALS_THE_GROUP = ("tini -g", "dumb-init")


@pytest.mark.parametrize("case", CASES)
def test_under_pyinit_the_application_is_told_once_and_finishes_and_its_status_is_kept(client: DockerClient, case: str) -> None:
    outcome = measure(client, "pyinit", case, DRAIN, 10)
    assert outcome[:3] == (1, True, UNDISTURBED[case])
    assert DRAIN <= outcome.seconds < DRAIN + 3


@pytest.mark.parametrize("init", INITS)
def test_an_application_in_exec_form_finishes_under_every_init(client: DockerClient, init: str) -> None:
    assert measure(client, init, "exec form", DRAIN, 10)[:3] == (1, True, 7)


@pytest.mark.parametrize("case", WRAPPED)
@pytest.mark.parametrize("init", OTHERS)
def test_under_another_init_a_wrapper_dies_first_and_the_application_is_cut_short(
    client: DockerClient, init: str, case: str
) -> None:
    outcome = measure(client, init, case, 5, 10)
    assert (outcome.finishes, outcome.status) == (False, 143)
    assert outcome.seconds < 3
    if init not in SIGNALS_THE_GROUP:
        assert outcome.told == 0


@pytest.mark.parametrize("case", WRAPPED)
def test_without_an_init_nobody_is_told_and_all_are_killed_at_the_end_of_the_timeout(client: DockerClient, case: str) -> None:
    outcome = measure(client, "none", case, DRAIN, TIMEOUT)
    assert outcome[:3] == (0, False, 137)
    assert outcome.seconds >= TIMEOUT
