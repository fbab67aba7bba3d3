"""What calls of `docker exec` leave behind is reaped, and may finish: the table of docs/exec-heavy.md, in small."""

import pytest
from docker import DockerClient

from tests.docker import exec_heavy
from tests.docker.compare import INITS
from tests.namespace import ROOT

#: Calls, and processes that a container may have.
CALLS, LIMIT = 40, 30


def measure(client: DockerClient, init: str) -> exec_heavy.Outcome:
    return exec_heavy.measure(client, INITS[init], CALLS, LIMIT)


@pytest.mark.timeout(240)
def test_under_pyinit_no_zombie_is_left_every_call_works_and_a_job_may_finish(client: DockerClient) -> None:
    outcome = measure(client, "pyinit")
    assert (outcome.zombies, outcome.calls, outcome.finished) == (0, CALLS, True)


@pytest.mark.timeout(240)
def test_without_an_init_zombies_fill_the_limit_and_calls_fail(client: DockerClient) -> None:
    outcome = measure(client, "none")
    assert 2 * outcome.calls <= outcome.zombies <= LIMIT, "each call left two, and the one that failed may have left some"
    assert 0 < outcome.calls < LIMIT / 2
    assert not outcome.finished


def test_the_page_has_a_row_for_each_init_that_the_script_measures() -> None:
    page = (ROOT / "docs" / "exec-heavy.md").read_text()
    (head, _, *rows) = page[page.index("| PID 1 |") :].split("\n\n")[0].splitlines()
    assert head in exec_heavy.table({}, 0)
    assert [row.split("|")[1].strip() for row in rows] == exec_heavy.NAMES
