"""`docker stop` with traffic: a start script with a server below it, clients outside, and pyinit that watches."""

import contextlib
import errno
import json
import socket
import tarfile
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from tests.docker.conftest import Start
from tests.docker.engine import IMAGE_LABEL, Contained, image
from tests.shared import folder_of, turn
from tests.waiting import PATIENCE, wait_until

PORT = 8080

#: Seconds within which a stop ends that is not held up, on a busy machine; what must not be waited for takes far longer.
AT_ONCE = 20.0

#: A start script as most are, and an HTTP server of the standard library.
START_SCRIPT = """\
#!/bin/sh
echo "preparing"
python3 /app/server.py
status=$?
echo "start.sh cleans up after $status"
exit $status
"""
SERVER = """\
import http.server, signal, sys, threading

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # with connections that stay open
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("", 8080), Answer)
server.daemon_threads = True
def stop(*_):
    print("server got SIGTERM", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, stop)
print("server ready", flush=True)
server.serve_forever()
server.server_close()
print("server done", flush=True)
sys.exit(7)
"""
# What takes long comes first, so that the engine's cache has it.
DOCKERFILE = f"""\
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from={image("pyinit")} /pyinit /usr/local/bin/pyinit
COPY start.sh server.py /app/
ENTRYPOINT ["/usr/local/bin/pyinit", "--"]
CMD ["/app/start.sh"]
"""

AUTO = {
    "PYINIT_PRE_STOP_DELAY": "auto",
    "PYINIT_PRE_STOP_MIN": "0.5",
    "PYINIT_PRE_STOP_MAX": "60",
    "PYINIT_STOP_TIMEOUT": "none",
}
QUICK = {**AUTO, "PYINIT_PRE_STOP_QUIET": "0.5"}

#: A seccomp profile that allows all but AF_NETLINK, with which sandboxes refuse it.
NO_NETLINK = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": errno.EAFNOSUPPORT,
            "args": [{"index": 0, "value": int(socket.AF_NETLINK), "op": "SCMP_CMP_EQ"}],
        }
    ],
}


@pytest.fixture(scope="module")
def serving(client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an image with the start script and the server."""
    context = BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, text in (("Dockerfile", DOCKERFILE), ("start.sh", START_SCRIPT), ("server.py", SERVER)):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            member.mode = 0o755
            archive.addfile(member, BytesIO(text.encode()))
    context.seek(0)
    with turn(folder_of(tmp_path_factory) / "serving.lock"):  # the others find it in the engine's cache
        client.images.build(
            fileobj=context, custom_context=True, tag=image("serving"), labels={IMAGE_LABEL: "serving"}, rm=True
        )
    return "serving"


@pytest.fixture
def started(start: Start, serving: str) -> Callable[..., Contained]:
    """A function that starts the image on the engine's bridge, with these variables; other keywords are for the SDK."""

    def start_serving(environment: dict[str, str], **keywords: Any) -> Contained:
        container = start(serving, environment=environment, **{"network": "bridge", **keywords})
        container.wait_for_output("server ready")
        return container

    return start_serving


Started = Callable[..., Contained]


def address(container: Contained) -> tuple[str, int]:
    """Where the server is; the test is skipped where the engine's bridge cannot be reached from here."""
    container.container.reload()
    found = (str(container.container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]), PORT)

    def is_reached() -> bool:
        try:
            socket.create_connection(found, timeout=PATIENCE).close()
        except TimeoutError:
            pytest.skip("containers cannot be reached by their address here (an engine in a virtual machine)")
        except OSError as error:
            if error.errno != errno.EHOSTUNREACH:
                raise
            return False  # the bridge has just got this port
        return True

    wait_until(is_reached, "a way to the container")
    return found


class Client:
    """Requests, one after the other, in a thread: over new connections, or over one that is kept; and what became of them."""

    def __init__(self, where: tuple[str, int], keeps: bool) -> None:
        self.where, self.keeps = where, keeps
        self.answered = 0
        self.last_at = 0.0
        self.lost: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        connection: socket.socket | None = None
        while not self._stop.wait(0.01):  # the time between two requests
            try:
                if connection is None:
                    connection = socket.create_connection(self.where, timeout=PATIENCE)
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = b""
                while not answer.endswith(b"ok"):
                    part = connection.recv(4096)
                    if not part:
                        raise ConnectionResetError("closed instead of an answer")
                    answer += part
                if not self.keeps:
                    connection.close()
                    connection = None
                self.answered += 1
                self.last_at = time.monotonic()
            except OSError as error:
                self.lost.append(str(error))
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def __enter__(self) -> "Client":
        self._thread.start()
        wait_until(lambda: self.answered >= 20 or self.lost, "requests")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def stop_later(container: Contained) -> threading.Thread:
    """`docker stop`, in a thread of its own; returns when pyinit has taken note of it."""
    thread = threading.Thread(target=container.stop, kwargs={"timeout": 100})
    thread.start()
    wait_until(lambda: "stop requested" in container.stderr, "the stop request")
    return thread


def wait_for_moment(moment: float) -> None:
    """Wait until the monotonic clock has reached a moment."""
    wait_until(lambda: time.monotonic() > moment, "a moment")


@pytest.mark.parametrize("keeps", [False, True], ids=["new connections", "kept connections"])
def test_no_request_is_lost_while_clients_leave_one_by_one(started: Started, keeps: bool) -> None:
    container = started(QUICK)
    where = address(container)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(where, keeps)) for _ in range(6)]
        thread = stop_later(container)
        begun = time.monotonic()
        for number, one in enumerate(clients):  # as when one router after the other takes us out of its list
            wait_for_moment(begun + number * 0.3)
            one.__exit__()
        last = max(one.last_at for one in clients)
        thread.join()
    assert container.wait() == 7
    assert [one.lost for one in clients] == [[]] * 6
    assert last - begun > 1
    assert "server done\nstart.sh cleans up after 7\n" in container.stdout
    assert "the traffic has been quiet for" in container.stderr
    assert "no request was refused or reset" in container.stderr


def test_those_who_are_too_late_are_told(started: Started) -> None:
    container = started({**QUICK, "PYINIT_PRE_STOP_MAX": "1"})
    where = address(container)
    with Client(where, False) as late:
        thread = stop_later(container)
        wait_until(lambda: late.lost, "it is lost")
        thread.join()
    assert container.wait() == 7
    assert "the traffic has not gone quiet within 1s (--pre-stop-max)" in container.stderr
    assert "raise --pre-stop-max" in container.stderr


@pytest.mark.parametrize(
    ("environment", "allowed", "assumed"),
    [
        ({}, 10, "Docker's 10 s are assumed: --stop-timeout"),
        ({"PYINIT_PRE_STOP_QUIET": "15", "PYINIT_GRACE_PERIOD": "60"}, 10, "Docker's 10 s are assumed: --stop-timeout"),
        ({"NOMAD_ALLOC_ID": "0b9c"}, 5, "Nomad's 5 s are assumed: --stop-timeout"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "PYINIT_STOP_TIMEOUT": "8"}, 8, "8 s"),
    ],
    ids=["docker", "docker, long times given", "nomad", "stop timeout given"],
)
def test_with_a_delay_of_auto_and_traffic_that_never_ends_the_application_finishes_before_sigkill(
    started: Started, environment: dict[str, str], allowed: int, assumed: str
) -> None:
    container = started({"PYINIT_PRE_STOP_DELAY": "auto", **environment})
    with Client(address(container), False) as client:
        wait_until(lambda: client.last_at, "it is served")
        container.stop(timeout=allowed)
    assert container.wait() == 7, "the application's own, and not 137"
    assert "server done\nstart.sh cleans up after 7\n" in container.stdout
    heading = container.stderr.splitlines()[0]
    assert "keeps serving until the traffic is quiet (" in heading, "and no warning"
    assert assumed in heading or "PYINIT_STOP_TIMEOUT" in environment
    assert "SIGKILL" not in container.stderr


def stops_when_it_is_quiet(container: Contained) -> None:
    """There was traffic, there is none any more, and that is seen."""
    where = address(container)
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(Client(where, False))
    assert container.stop(timeout=100) < AT_ONCE
    assert container.wait() == 7
    assert "the traffic has been quiet for" in container.stderr


def test_where_nobody_comes_a_stop_takes_no_longer_than_silence_needs(started: Started) -> None:
    stops_when_it_is_quiet(started(QUICK))


def test_a_server_that_cannot_be_watched_through_netlink_is_watched_through_proc(started: Started) -> None:
    container = started(QUICK, security_opt=[f"seccomp={json.dumps(NO_NETLINK)}"])
    where = address(container)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(where, True)) for _ in range(6)]
        thread = stop_later(container)
        wait_for_moment(time.monotonic() + 1.5)  # longer than the quiet that is asked for
        assert "server got SIGTERM" not in container.stdout
    thread.join()
    assert container.wait() == 7
    assert [one.lost for one in clients] == [[]] * 6
    assert "the traffic has been quiet for" in container.stderr


def test_netlink_is_needed_for_what_the_profile_forbids(started: Started) -> None:
    """Or the test above would prove nothing."""
    container = started(QUICK, security_opt=[f"seccomp={json.dumps(NO_NETLINK)}"])
    result = container.container.exec_run(["python3", "-c", "import socket; socket.socket(16, 3, 4)"])
    assert result.exit_code == 1
    assert b"Address family not supported" in result.output


CONFINEMENTS: dict[str, dict[str, Any]] = {
    "no capabilities": {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]},
    "another user, read-only": {"user": "12345:12345", "read_only": True},
}


@pytest.mark.parametrize("confinement", CONFINEMENTS)
def test_watching_needs_no_right_that_a_container_can_be_denied(started: Started, confinement: str) -> None:
    stops_when_it_is_quiet(started(QUICK, **CONFINEMENTS[confinement]))


def test_on_the_network_of_the_host_the_maximum_is_a_fixed_delay(start: Start) -> None:
    if not Path("/proc/sys/net/core/netdev_budget").exists():
        pytest.skip("these tests run in a container, where the engine's host network cannot be known")
    container = start("app", environment={**AUTO, "PYINIT_PRE_STOP_MAX": "1.2"}, network="host")
    container.wait_for_output("app ready")
    assert container.stop() >= 1.2
    assert container.wait() == 7
    assert "on the host's network" in container.stderr
    assert "so the delay is 1.2s" in container.stderr


def test_a_container_without_a_listener_is_not_held_up(start: Start) -> None:
    container = start("app", environment={**AUTO, "PYINIT_PRE_STOP_MIN": "30"})
    container.wait_for_output("app ready")
    assert container.stop(timeout=100) < AT_ONCE
    assert container.wait() == 7
    assert "nobody listens on a TCP port, so there is no pre-stop delay" in container.stderr
