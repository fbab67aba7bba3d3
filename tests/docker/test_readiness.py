"""Readiness, probes and the look inside, in an image that holds the static binary and one static program and nothing else."""

import json

from tests.docker.conftest import Start
from tests.docker.engine import Contained
from tests.waiting import wait_until

READYZ = "http://127.0.0.1:8081/readyz"


def probe(container: Contained, target: str, *words: str) -> tuple[int, str]:
    """Probe from inside, as a HEALTHCHECK does: exit status, and the line that was said."""
    result = container.container.exec_run(["/pyinit", "--probe", target, *words])
    assert isinstance(result.exit_code, int)
    assert isinstance(result.output, bytes), "which it is where it is not streamed"
    return result.exit_code, result.output.decode()


def test_an_image_without_python_or_curl_tells_whether_it_is_ready_and_what_a_stop_would_do(start: Start) -> None:
    environment = {"PYINIT_READY": "file:/app", "PYINIT_HEALTH_LISTEN": "8081", "PYINIT_PRE_STOP_DELAY": "1.5"}
    container = start("bare", environment=environment)
    container.wait_for_output("app ready")
    wait_until(lambda: probe(container, "pyinit")[0] == 0, "it is ready")
    assert probe(container, READYZ)[0] == 0
    assert probe(container, READYZ, "--probe-expect", '"phase": "running"')[0] == 0
    status, line = probe(container, "tcp:9", "--probe-timeout=1")
    assert (status, line.count("\n")) == (1, 1)
    assert "connection refused" in line
    found = json.loads(container.run("/pyinit", "--status", "--json"))
    assert (found["pyinit"]["phase"], found["readiness"]["state"]) == ("running", "ready")
    assert "app" in container.run("/pyinit", "--status")
    container.kill("TERM")
    wait_until(lambda: probe(container, READYZ)[0] == 1, "readiness falls at the stop request")
    assert probe(container, "http://127.0.0.1:8081/livez")[0] == 0
    assert container.wait() == 7


def test_a_start_that_takes_too_long_is_given_up_with_a_status_that_says_so(start: Start) -> None:
    container = start("bare", ["/app", "0"], environment={"PYINIT_READY": "tcp:9", "PYINIT_START_TIMEOUT": "1"})
    assert container.wait() == 124
    assert "not ready within 1" in container.stderr
