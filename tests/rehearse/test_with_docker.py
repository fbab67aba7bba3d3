"""Rehearsals of real containers: what is found out, what is said, and that nothing is left of them."""

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from docker import DockerClient

from pyinit.rehearse import advice
from pyinit.rehearse.command import OWNER
from tests.rehearse.test_reports import SCHEMA
from tests.rolling.build import SERVERS, image
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("images")

BASE = "debian:bookworm-slim"
GUNICORN = ["gunicorn", "--bind", "0.0.0.0:8000", "--workers", "2", "with_flask:app"]

#: Seconds for what takes a few on a machine that has nothing else to do.
PATIENCE = 100.0


def left(client: DockerClient, pid: int) -> list[str]:
    """The containers and networks that a process has made and not removed."""
    mine: dict[str, str | list[str] | bool] = {"label": f"{OWNER.label}={pid}"}
    containers = client.containers.list(all=True, filters=mine, ignore_removed=True)
    return [*(str(one.name) for one in containers), *(str(one.name) for one in client.networks.list(filters=mine))]


def start(*words: str, before: Sequence[str] = ("env", "--default-signal")) -> "subprocess.Popen[str]":
    """A rehearsal, `before` which stands what says which signals are ignored."""
    command = [*before, sys.executable, "-m", "pyinit.rehearse", "--max-late=10000", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ignored(pid: int) -> set[int]:
    """The signals that a process ignores; none of one that has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:")), 0)
    return {signum for signum in range(1, signal.NSIG) if mask >> (signum - 1) & 1}


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The exit status, and all that was said."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out + err


@contextlib.contextmanager
def beginning(client: DockerClient, *before: str) -> Iterator["subprocess.Popen[str]"]:
    """A rehearsal whose first container runs; `before` is as in start()."""
    process = start(BASE, "--proto=none", "--arms=as-is", "--", "sleep", "1000", before=before)
    try:
        wait_until(lambda: client.containers.list(filters={"label": f"{OWNER.label}={process.pid}"}), "it runs", PATIENCE)
        yield process
    finally:
        process.kill()
        process.communicate()
        OWNER.remove_stale(client)


@pytest.fixture
def begun(client: DockerClient) -> Iterator["subprocess.Popen[str]"]:
    """A rehearsal whose first container runs."""
    with beginning(client, "env", "--default-signal") as process:
        yield process


def test_a_start_script_below_tini_loses_requests_and_with_pyinit_it_does_not(client: DockerClient, tmp_path: Path) -> None:
    file = tmp_path / "document.json"
    words = ("--rate=10", "--grace=20", f"--json={file}", f"--html={tmp_path / 'page.html'}", "--port=8000")
    process = start(image(SERVERS), *words, "--", "tini", "--", "/app/start.sh", *GUNICORN)
    status, said = finish(process)
    assert status == 0, said
    document: dict[str, Any] = json.loads(file.read_text())
    jsonschema.validate(document, SCHEMA)
    as_is, pyinit = document["arms"]
    assert [fault["name"] for fault in as_is["faults"]] == [advice.STRANDED]
    assert as_is["lost_in_all"] > 0
    assert (pyinit["lost_in_all"], pyinit["replaced"], pyinit["exit_statuses"]) == (0, "tini", {"0": 1})
    assert None not in (as_is["resets"]["sent"], pyinit["resets"]["sent"]), "its kernel was seen"
    assert any(one["never_told"] and one["name"] == "gunicorn" for one in as_is["processes"])
    assert any(line.startswith("pyinit: stop requested: SIGTERM") for line in pyinit["log"]), pyinit["log"]
    assert document["changes"][0]["diff"][0].startswith("+COPY --from=pyinit")
    assert "With pyinit passes." in " ".join(said.split())
    assert (tmp_path / "page.html").read_text().count("<svg") == 3
    assert left(client, process.pid) == []


def test_a_worker_is_stopped_in_its_work_and_its_log_tells_what_it_did_not_finish(client: DockerClient, tmp_path: Path) -> None:
    file = tmp_path / "document.json"
    script = "for n in 1 2; do echo job $n begins; sleep $((n * n * n)); echo job $n ends; done; sleep 1000"
    units = ("--unit-begin", r"job (\d) begins", "--unit-end", r"job (\d) ends")
    process = start(BASE, "--proto=none", "--grace=1", "--arms=as-is", *units, f"--json={file}", "--", "sh", "-c", script)
    status, said = finish(process)
    assert status == 1, said
    (arm,) = json.loads(file.read_text())["arms"]
    assert (arm["lost"], arm["at_risk"], arm["killed"]) == ({"unfinished": 1}, 2, 1)
    assert [fault["name"] for fault in arm["faults"]] == [advice.DROPPED, advice.JOBS]
    assert left(client, process.pid) == []


def test_a_container_that_ends_by_itself_gets_no_verdict_and_its_log_is_told(client: DockerClient) -> None:
    process = start(BASE, "--port=80", "--", "sh", "-c", "echo no such database; exit 5")
    status, said = finish(process)
    assert status == 3
    assert "the container has ended by itself, with exit status 5" in said
    assert "no such database" in said
    assert left(client, process.pid) == []


#: Serves for so many seconds as its first argument says, or until SIGTERM; further ones: what it shall be like.
SERVER = """
import http.server, os, signal, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
threading.Timer(float(sys.argv[1]), os._exit, (4,)).start()
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""


def test_a_container_that_ends_by_itself_under_load_before_its_stop_gets_no_verdict(client: DockerClient) -> None:
    """The load begins 3 s after its first answer at the soonest, warms up for 4 s, and the next one needs 3 s again."""
    process = start(image(SERVERS), "--port=8000", "--arms=as-is", "--", "python3", "-c", SERVER, "8")
    status, said = finish(process)
    assert status == 3, said
    assert "as-is: the container has ended by itself, with exit status 4" in said
    assert left(client, process.pid) == []


def test_a_container_whose_root_is_read_only_gets_pyinit_too(client: DockerClient, tmp_path: Path) -> None:
    compose, file = tmp_path / "compose.yaml", tmp_path / "document.json"
    service = {"image": image(SERVERS), "command": ["python3", "-c", SERVER, "1000"], "read_only": True, "user": "65534"}
    compose.write_text(json.dumps({"services": {"web": service}}))
    process = start(f"{compose}:web", "--port=8000", "--rate=10", "--grace=20", f"--json={file}")
    status, said = finish(process)
    assert status == 0, said
    as_is, pyinit = json.loads(file.read_text())["arms"]
    assert pyinit["processes"][0]["name"] == "pyinit"
    assert pyinit["lost_in_all"] == 0 < as_is["lost_in_all"]
    assert as_is["resets"]["sent"] >= as_is["resets"]["seen"], "all of them came from its kernel"
    assert left(client, process.pid) == []


def test_when_the_budget_is_over_it_ends_in_the_middle_and_leaves_nothing_behind(client: DockerClient) -> None:
    process = start(BASE, "--port=80", "--budget=3", "--", "sleep", "1000")
    status, said = finish(process)
    assert status == 3
    assert "no verdict: the budget of 3 s is over; give --budget" in said
    assert left(client, process.pid) == []


def test_an_application_that_nobody_outside_can_reach_is_told_so(client: DockerClient) -> None:
    local = ["gunicorn", "--bind", "127.0.0.1:8000", "with_flask:app"]
    process = start(image(SERVERS), "--start-timeout=5", "--port=8000", "--", *local)
    status, said = finish(process)
    assert status == 3
    assert re.search(r"it listens to 127.0.0.1 only \(port 8000\b.*bind to 0.0.0.0", " ".join(said.split()))
    assert left(client, process.pid) == []


def assert_interrupted(client: DockerClient, process: "subprocess.Popen[str]") -> None:
    """It ends, says why, and has left nothing behind."""
    status, said = finish(process)
    assert status == 130, said
    assert "interrupted; all that it had started is removed" in said
    assert left(client, process.pid) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_rehearsal_leaves_nothing_behind(
    client: DockerClient, begun: "subprocess.Popen[str]", signum: signal.Signals
) -> None:
    begun.send_signal(signum)
    assert_interrupted(client, begun)


def test_a_rehearsal_that_a_script_has_started_in_the_background_is_interrupted_too(client: DockerClient) -> None:
    """Its shell had it ignore SIGINT."""
    with beginning(client, "env", "--ignore-signal=INT") as process:
        process.send_signal(signal.SIGINT)
        assert_interrupted(client, process)


def test_a_rehearsal_below_nohup_goes_on_when_its_terminal_hangs_up(client: DockerClient) -> None:
    with beginning(client, "env", "--ignore-signal=HUP") as process:
        assert ignored(process.pid) >= {signal.SIGHUP}
        assert not ignored(process.pid) & {signal.SIGINT, signal.SIGTERM}
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert_interrupted(client, process)


def test_what_removes_is_not_interrupted_by_a_second_signal(client: DockerClient, begun: "subprocess.Popen[str]") -> None:
    """As CI systems have it: SIGINT, and soon SIGTERM."""
    begun.send_signal(signal.SIGINT)
    wait_until(lambda: ignored(begun.pid) >= {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}, "it removes", PATIENCE, pause=0)
    begun.send_signal(signal.SIGTERM)
    begun.send_signal(signal.SIGINT)
    assert_interrupted(client, begun)


def test_what_a_killed_rehearsal_has_left_is_removed_by_the_next_one(
    client: DockerClient, begun: "subprocess.Popen[str]"
) -> None:
    begun.kill()
    begun.wait()
    assert len(left(client, begun.pid)) == 2, "a container and its network"
    status, _ = finish(start("no.such.registry.invalid/image"))
    assert status == 2
    assert left(client, begun.pid) == []
