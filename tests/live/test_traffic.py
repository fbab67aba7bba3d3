"""The whole stop with traffic: pyinit as PID 1 with a network of its own, a server under it, and clients."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pyinit.traffic import counters
from tests.live.network import IPPROTO_MPTCP, WITH_LOOPBACK, WITH_NETWORK, Network, need_mptcp, talk
from tests.namespace import ROOT, WITH_PROC, Namespace, after, enter
from tests.waiting import PATIENCE, wait_until

SERVER = f"{sys.executable} -IS {ROOT / 'tests' / 'live' / 'server.py'}"

#: Seconds within which "at once" must happen, on a busy machine; what must not be waited for takes far longer.
AT_ONCE = 5.0

FOR_EVER = "1000"

TOLD = "server got SIGTERM"

BLIND = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "blind.py")]


def auto(shortest: float, longest: float | str, quiet: float = 0.3) -> list[str]:
    """The options of a delay that ends by itself, whatever time this machine's platform allows."""
    return [
        "--stop-timeout=none",
        "--pre-stop-delay=auto",
        f"--pre-stop-min={shortest}",
        f"--pre-stop-max={longest}",
        f"--pre-stop-quiet={quiet}",
    ]


class Served:
    """A container with a server in it, and clients."""

    def __init__(self, namespace: Namespace, network: Network) -> None:
        self.namespace = namespace
        self.network = network
        self.requested_at = 0.0

    def crowd(self, size: int = 100, port: int = 8000) -> list[socket.socket]:
        """So many connections, each with a request just now: at that rate a short silence means something."""
        connections = [self.network.connect(port) for _ in range(size)]
        for connection in connections:
            assert talk(connection) == b"hello"
        return connections

    def request_stop(self) -> None:
        """SIGTERM to PID 1; returns when it has been taken note of."""
        self.requested_at = time.monotonic()
        self.namespace.signal(signal.SIGTERM)
        self.namespace.wait_for_log("stop requested")

    def request_stop_after(self, seconds: float) -> None:
        """SIGTERM to PID 1 when so much time has gone by from now, which is what is tested; returns as request_stop() does."""
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun > seconds, f"{seconds} s have gone by", seconds + PATIENCE)
        self.request_stop()

    @property
    def since(self) -> float:
        """Seconds since the stop was requested."""
        return time.monotonic() - self.requested_at

    @property
    def is_told(self) -> bool:
        """Whether the server has got the stop signal."""
        return TOLD in self.namespace.stdout

    def told_after(self) -> float:
        """Wait until the server has got the stop signal; seconds since the stop was requested."""
        self.namespace.wait_for_output(TOLD)
        return self.since

    def finish(self) -> str:
        """Hang up; wait for the end, which must be that of the server; return what pyinit has said."""
        self.network.hang_up()
        assert self.namespace.wait() == 7, self.namespace.stderr
        assert self.namespace.stdout.endswith("server done\n")
        assert "Traceback" not in self.namespace.stderr
        return self.namespace.stderr


Serving = Callable[..., Served]


@pytest.fixture
def serving(tmp_path: Path, pyinit: list[str]) -> Iterator[Serving]:
    """A function that starts pyinit with these options and a server with words of its own; other keywords are for Namespace."""
    with contextlib.ExitStack() as stack:

        def serve(
            *options: str,
            server: str = "--listen tcp:8000",
            instead: Sequence[str] = (),
            unshare: Sequence[str] = WITH_NETWORK,
            **keywords: Any,
        ) -> Served:
            words = [*(instead or pyinit), *options, "--", *SERVER.split(), *server.split()]
            namespace = stack.enter_context(Namespace(words, tmp_path, unshare=unshare, **keywords))
            namespace.wait_for_output("server ready")
            return Served(namespace, stack.enter_context(Network(namespace.init.pid)))

        yield serve


# --- when the delay ends ---------------------------------------------------------------------------------------------------


def test_the_delay_ends_after_the_minimum_where_it_is_quiet_from_the_start(serving: Serving) -> None:
    served = serving(*auto(0.6, FOR_EVER))
    served.crowd()
    served.request_stop()
    assert 0.6 <= served.told_after() < AT_ONCE
    log = served.finish()
    assert "the command keeps serving until the traffic is quiet (0.6s to 1000s)" in log
    assert "the traffic has been quiet for" in log


def come_and_go(served: Served, port: int) -> None:
    """A stop during which clients come for 1.5 s, one at a time, and go; nearly every look misses them."""
    served.crowd(20, port)
    served.network.hang_up()
    served.request_stop()
    last = 0.0
    while last < 1.5:
        assert served.network.request(port) == b"hello"
        last = served.since
        time.sleep(0.02)  # until the next client comes
    assert served.told_after() >= last + 0.5
    assert "the traffic has been quiet for" in served.finish()


def test_the_delay_goes_on_while_new_connections_come(serving: Serving) -> None:
    served = serving(*auto(0.1, FOR_EVER, quiet=0.6))
    come_and_go(served, 8000)


def talk_on(served: Served, crowd: list[socket.socket]) -> None:
    """Go on with requests after the stop request for a while; the delay goes on as well."""
    last = 0.0
    while last < 1.5:
        for connection in crowd:
            assert talk(connection) == b"hello"
            last = served.since
    assert served.told_after() >= last + 0.5
    assert "the traffic has been quiet for" in served.finish()


def test_the_delay_goes_on_while_old_connections_carry_requests(serving: Serving) -> None:
    served = serving(*auto(0.1, FOR_EVER, quiet=0.6), server="--listen tcp:8000 --work 0.002")
    crowd = served.crowd(40)
    served.request_stop()
    talk_on(served, crowd)


@pytest.mark.parametrize("protocol", [IPPROTO_MPTCP, 0])
def test_mptcp_is_traffic(serving: Serving, protocol: int) -> None:
    need_mptcp()
    served = serving(*auto(0.1, FOR_EVER, quiet=0.6), server="--listen mptcp:8000 --work 0.002")
    crowd = [served.network.connect(8000, protocol=protocol) for _ in range(40)]
    for connection in crowd:
        talk(connection)
    served.request_stop()
    talk_on(served, crowd)


def test_ipv6_is_traffic(serving: Serving) -> None:
    served = serving(*auto(0.3, FOR_EVER), server="--listen tcp6:8000")
    for _ in range(60):
        talk(served.network.connect(8000, "::1"))
        talk(served.network.connect(8000, "127.0.0.1"))
    served.request_stop()
    assert served.told_after() < AT_ONCE
    assert "the traffic has been quiet for" in served.finish()


@pytest.mark.parametrize("attempt", range(3))  # two clocks race for the end, and either may win
def test_the_delay_ends_at_the_maximum_whatever_comes(serving: Serving, attempt: int) -> None:
    served = serving(*auto(0.1, 0.7 + attempt / 1000, quiet=0.6), server="--listen tcp:8000 --work 0.01")
    served.crowd(30)
    served.request_stop()
    while not served.is_told and served.since < PATIENCE:
        with contextlib.suppress(ConnectionError):  # the last one, when the port is closed
            served.network.request(8000)
    assert 0.7 <= served.told_after() < AT_ONCE
    log = served.finish()
    assert log.count("the traffic has not gone quiet within 0.7s (--pre-stop-max)") == 1


def test_silence_means_nothing_where_there_was_hardly_any_traffic_before(serving: Serving) -> None:
    served = serving(*auto(0.1, 0.8))
    assert served.network.request(8000) == b"hello"
    served.request_stop()
    assert 0.8 <= served.told_after() < AT_ONCE
    assert served.finish().count("silence to mean anything: served on for 0.8s (--pre-stop-max)") == 1


def test_what_the_stop_timeout_leaves_for_finishing_is_a_limit_as_well(serving: Serving) -> None:
    served = serving(*auto(0.1, FOR_EVER), "--stop-timeout", "2.5", "--grace-period", "0.8")
    assert served.network.request(8000) == b"hello"
    served.request_stop()
    assert 0.7 <= served.told_after() < AT_ONCE
    assert "keeps serving until the traffic is quiet (0.1s to 0.7s)" in served.finish()


def test_a_second_stop_request_ends_the_delay(serving: Serving) -> None:
    served = serving(*auto(30, FOR_EVER))
    served.crowd()
    served.request_stop()
    served.namespace.signal(signal.SIGTERM)
    assert served.told_after() < AT_ONCE
    served.finish()


def test_a_command_that_exits_during_the_delay_ends_it(serving: Serving) -> None:
    served = serving(*auto(30, FOR_EVER))
    served.crowd()
    served.request_stop()
    served.namespace.signal(signal.SIGUSR1)
    log = served.finish()
    assert served.since < AT_ONCE
    assert not served.is_told
    assert "requests" not in log


def test_a_pre_stop_command_and_the_delay_are_both_waited_for_and_nothing_is_said_twice(
    serving: Serving, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    served = serving(*auto(0.3, FOR_EVER), "--pre-stop", f"until [ -e {done} ]; do sleep 0.05; done")
    served.crowd()
    served.request_stop()
    served.namespace.wait_for_log("the traffic has been quiet for")
    with contextlib.suppress(AssertionError):
        wait_until(lambda: served.is_told, "it is told too early", timeout=1.0)
    assert not served.is_told
    done.touch()
    served.told_after()
    assert served.finish().count("the traffic has been quiet for") == 1


# --- what there is to watch ------------------------------------------------------------------------------------------------


def test_where_nobody_listens_there_is_no_delay(serving: Serving) -> None:
    served = serving(*auto(30, FOR_EVER), server="")
    served.request_stop()
    assert served.told_after() < AT_ONCE
    log = served.finish()
    assert "nobody listens on a TCP port, so there is no pre-stop delay" in log
    assert "refused" not in log


def test_the_log_does_not_tell_of_a_delay_that_there_is_not(serving: Serving) -> None:
    served = serving(*auto(30, FOR_EVER), server="")
    served.request_stop()
    assert served.told_after() < AT_ONCE
    first, second, *_ = served.finish().splitlines()
    assert first == "pyinit: stop requested: SIGTERM from outside the container (uid 0)"
    assert second == "pyinit: nobody listens on a TCP port, so there is no pre-stop delay"


def test_a_server_that_nobody_has_called_for_as_long_as_the_maximum_is_told_after_the_minimum(serving: Serving) -> None:
    served = serving(*auto(0.3, 2.5))
    served.request_stop_after(2.5)
    assert 0.3 <= served.told_after() < 2.5
    log = served.finish()
    assert "no traffic has ever come, in the " in log
    assert "s since the start\n" in log
    assert "ago" not in log


def test_what_came_before_the_command_was_first_ready_is_no_traffic_that_could_come_again(
    serving: Serving, tmp_path: Path
) -> None:
    flag = tmp_path / "ready"
    served = serving(*auto(0.3, 2.5), "--ready", f"exec:test -e {flag}", "--ready-interval", "0.1")
    served.crowd()
    served.network.hang_up()
    flag.touch()
    served.namespace.wait_for_log("ready, ")
    served.request_stop_after(2.6)
    assert 0.3 <= served.told_after() < 2.5
    log = served.finish()
    assert "no traffic has come, in the " in log
    assert "s since it was first ready\n" in log


def never_ready(serving: Serving, folder: Path) -> Served:
    """A server that has not become ready, and of which that is known."""
    looks = folder / "looks"
    served = serving(*auto(30, FOR_EVER), "--ready", f"exec:echo >>{looks}; exit 1", "--ready-interval", "0.1")
    # Before a second look is made, PID 1 has been told of the first one.
    wait_until(lambda: looks.exists() and looks.stat().st_size > 1, "a second look", PATIENCE)
    return served


def test_a_command_that_was_never_ready_is_told_after_a_second_without_traffic(serving: Serving, tmp_path: Path) -> None:
    served = never_ready(serving, tmp_path)
    served.request_stop()
    assert 1.0 <= served.told_after() < AT_ONCE
    log = served.finish()
    assert "the command has never been ready (exec:echo" in log
    assert "), and no traffic has come since the stop request\n" in log


@pytest.mark.parametrize("when", ["before", "after"])
def test_unless_traffic_comes_that_does_not_care_for_readiness(serving: Serving, tmp_path: Path, when: str) -> None:
    served = never_ready(serving, tmp_path)
    if when == "before":
        served.crowd(1)  # and it stays connected
    served.request_stop()
    if when == "after":
        assert served.network.request(8000) == b"hello"
    time.sleep(1.5)  # nothing happens, which cannot be waited for
    assert not served.is_told
    served.request_stop()
    assert served.told_after() < AT_ONCE
    assert "has never been ready" not in served.finish()


@pytest.mark.parametrize(("address", "name"), [("udp:5300", "UDP"), ("unix:\0pyinit", "unix sockets")])
def test_what_cannot_be_watched_is_served_for_the_maximum_and_the_log_says_so(
    serving: Serving, address: str, name: str, tmp_path: Path
) -> None:
    address = address.replace("\0pyinit", str(tmp_path / "socket"))
    served = serving(*auto(0.1, 0.7), server=f"--listen {address}")
    served.request_stop()
    assert 0.7 <= served.told_after() < AT_ONCE
    log = served.finish()
    assert f"the traffic cannot be watched, so the delay is 0.7s: it comes over {name}" in log
    assert "refused" not in log


def need_host_network() -> None:
    """Skip the test where we are not in the network of the host ourselves."""
    if not Path("/proc/sys/net/core/netdev_budget").exists():
        pytest.skip("these tests run in a container with a network of its own")


def free_port() -> int:
    """A port of the host that nobody listens on now, and that is given to no client."""
    with socket.socket() as any_socket:
        for port in range(20000 + os.getpid() % 10000, 32000):
            with contextlib.suppress(OSError):
                any_socket.bind(("", port))
                return port
    raise AssertionError("no port is free")


def test_on_the_network_of_the_host_the_maximum_is_a_fixed_delay(serving: Serving) -> None:
    need_host_network()
    served = serving(*auto(0.1, 0.7), server=f"--listen tcp:{free_port()}", unshare=WITH_PROC)
    served.request_stop()
    assert 0.7 <= served.told_after() < AT_ONCE
    log = served.finish()
    assert "so the delay is 0.7s: on the host's network it is not ours alone (--ports says what is)" in log
    assert "refused" not in log


def test_on_the_network_of_the_host_named_ports_are_watched(serving: Serving) -> None:
    need_host_network()
    port = free_port()
    served = serving(*auto(0.3, FOR_EVER), f"--ports={port}", server=f"--listen tcp:{port}", unshare=WITH_PROC)
    served.crowd(port=port)
    served.request_stop()
    assert served.told_after() < AT_ONCE
    assert "the traffic has been quiet for" in served.finish()


def test_on_the_network_of_the_host_the_accept_queues_of_strangers_are_not_waited_for(serving: Serving) -> None:
    need_host_network()
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as strange, socket.create_connection(strange.getsockname()):
        served = serving(f"--ports={port}", server=f"--listen tcp:{port}", unshare=WITH_PROC)
        served.request_stop()
        served.told_after()
        assert "accept queue" not in served.finish()


@pytest.mark.parametrize("option", ["--ports=7000-8000,9999", "--ignore-ports=9000"])
def test_requests_to_ports_that_are_not_watched_do_not_hold_a_stop_up(serving: Serving, option: str) -> None:
    served = serving(*auto(0.3, FOR_EVER), option, server="--listen tcp:8000 --listen tcp:9000 --work 0.01")
    served.crowd(30)
    probe = served.network.connect(9000)
    served.request_stop()
    while not served.is_told and served.since < PATIENCE:
        with contextlib.suppress(ConnectionError):
            talk(probe)
            served.network.request(9000)
    assert 0.3 <= served.told_after() < AT_ONCE
    assert "the traffic has been quiet for" in served.finish()


@pytest.mark.parametrize("option", ["--ports=9000", "--ignore-ports=8000"])
def test_short_connections_to_ports_that_are_watched_hold_a_stop_up(serving: Serving, option: str) -> None:
    served = serving(*auto(0.1, FOR_EVER, quiet=0.6), option, server="--listen tcp:8000 --listen tcp:9000")
    come_and_go(served, 9000)


@contextlib.contextmanager
def probing(pyinit: list[str], served: Served, target: str) -> Iterator[None]:
    """Somebody in the container who probes it the whole time, as a HEALTHCHECK does now and then."""
    words = [*pyinit, "--probe", target]
    line = f"while {' '.join(words)} >/dev/null; do echo probed; done"
    with subprocess.Popen(
        [*enter(served.namespace.init.pid), "sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        assert running.stdout is not None
        for _ in range(3):
            assert running.stdout.readline() == b"probed\n"
        yield
        running.kill()


@pytest.mark.parametrize("options", [[], ["--ports=8000"]])
@pytest.mark.parametrize("kind", ["tcp", "tcp6"])
def test_our_own_probes_are_no_traffic(pyinit: list[str], serving: Serving, options: list[str], kind: str) -> None:
    served = serving(*auto(0.5, FOR_EVER, quiet=0.6), *options, server=f"--listen {kind}:8000")
    with probing(pyinit, served, "tcp:8000"):
        served.crowd()
        served.request_stop()
        assert 0.5 <= served.told_after() < AT_ONCE
    assert "the traffic has been quiet for" in served.finish()


def test_other_probes_are_traffic(pyinit: list[str], serving: Serving) -> None:
    """What the test above would measure, if our own probes were not left out."""
    served = serving(*auto(0.1, 1.5, quiet=0.6), server="--listen tcp6:8000")
    with probing(pyinit, served, "tcp:[::1]:8000"):
        served.crowd()
        served.request_stop()
        assert 1.5 <= served.told_after() < AT_ONCE
    assert "the traffic has not gone quiet" in served.finish()


def test_where_only_ignored_ports_are_listened_on_there_is_no_delay(serving: Serving) -> None:
    served = serving(*auto(30, FOR_EVER), "--ignore-ports=8000")
    served.request_stop()
    assert served.told_after() < AT_ONCE
    assert "only ignored ports are listened on (8000), so there is no pre-stop delay" in served.finish()


def test_named_ports_that_nobody_listens_on_are_a_mistake_and_the_maximum(serving: Serving) -> None:
    served = serving(*auto(0.1, 0.7), "--ports=80")
    served.request_stop()
    assert 0.7 <= served.told_after() < AT_ONCE
    log = served.finish()
    assert (
        "warning: the traffic cannot be watched, so the delay is 0.7s: nobody listens on a port that counts, but on 8000" in log
    )


# --- a pre-stop command whose success is the end of the delay --------------------------------------------------------------


@pytest.fixture(params=["fixed", "auto"])
def endless(request: pytest.FixtureRequest) -> list[str]:
    """A delay of either kind that does not end by itself in our time."""
    return ["--pre-stop-until", *(["--pre-stop-delay", "30"] if request.param == "fixed" else auto(30, 30))]


def test_the_success_of_the_pre_stop_command_ends_the_delay(serving: Serving, endless: list[str], tmp_path: Path) -> None:
    done = tmp_path / "done"
    served = serving(*endless, "--pre-stop", f"until [ -e {done} ]; do sleep 0.05; done")
    served.request_stop()
    assert not served.is_told
    done.touch()
    assert served.told_after() < AT_ONCE
    log = served.finish()
    assert "or until the pre-stop command succeeds" in log
    assert "the pre-stop command exited with status 0" in log
    assert ", and the delay ends" in log


def test_the_failure_of_the_pre_stop_command_does_not_end_the_delay(serving: Serving) -> None:
    served = serving("--pre-stop-delay=0.8", "--pre-stop-until", "--pre-stop", "exit 3")
    served.request_stop()
    assert 0.8 <= served.told_after() < AT_ONCE
    assert "the pre-stop command exited with status 3 after 0s; the delay goes on" in served.finish().replace("0.1s", "0s")


@pytest.mark.parametrize("options", [["--pre-stop-delay=0.6"], auto(0.1, 0.6)])
def test_a_pre_stop_command_that_hangs_is_killed_at_the_end_of_the_delay(serving: Serving, options: list[str]) -> None:
    served = serving(*options, "--pre-stop-until", "--pre-stop", "trap '' TERM; sleep 1000")
    served.request_stop()
    wait_until(lambda: served.namespace.named("sleep"), "the pre-stop command")
    assert 0.6 <= served.told_after() < AT_ONCE
    wait_until(lambda: not served.namespace.named("sleep"), "the pre-stop command is gone")
    served.finish()


def test_silence_does_not_end_the_delay_before_the_pre_stop_command_has_succeeded(serving: Serving, tmp_path: Path) -> None:
    done = tmp_path / "done"
    served = serving(*auto(0.3, FOR_EVER), "--pre-stop-until", "--pre-stop", f"until [ -e {done} ]; do sleep 0.05; done")
    served.crowd()
    served.request_stop()
    served.namespace.wait_for_log("the traffic has been quiet for")
    assert not served.is_told
    done.touch()
    assert served.told_after() < AT_ONCE
    assert "the pre-stop command exited with status 0" in served.finish()


@pytest.mark.parametrize("first", ["silence", "failure"])
def test_silence_ends_the_delay_where_the_pre_stop_command_fails(serving: Serving, first: str, tmp_path: Path) -> None:
    done = tmp_path / "done"
    hook = f"until [ -e {done} ]; do sleep 0.05; done; exit 3" if first == "silence" else "exit 3"
    served = serving(*auto(0.6, FOR_EVER), "--pre-stop-until", "--pre-stop", hook)
    served.crowd()
    served.request_stop()
    served.namespace.wait_for_log("the traffic has been quiet for" if first == "silence" else "the delay goes on")
    done.touch()
    assert 0.6 <= served.told_after() < AT_ONCE
    log = served.finish()
    assert "the pre-stop command exited with status 3" in log
    assert "the traffic has been quiet for" in log


def test_a_pre_stop_command_that_cannot_start_leaves_the_delay_as_it_is(serving: Serving) -> None:
    served = serving("--pre-stop-delay=0.7", "--pre-stop-until", "--pre-stop", "/no/such/program")
    served.request_stop()
    assert 0.7 <= served.told_after() < AT_ONCE
    assert "warning: the pre-stop command is skipped: cannot execute /no/such/program" in served.finish()


# --- the accept queue ------------------------------------------------------------------------------------------------------


def answered(connections: list[socket.socket]) -> int:
    """How many of these clients get an answer to what they have sent."""
    count = 0
    for connection in connections:
        with contextlib.suppress(ConnectionError):
            count += connection.recv(100) == b"hello"
        connection.close()
    return count


def queue(network: Network, size: int) -> list[socket.socket]:
    """Clients that have sent a request, to a server that takes one at a time."""
    connections = [network.connect(8000) for _ in range(size)]
    for connection in connections:
        connection.sendall(b"hello")
    return connections


def test_without_pyinit_those_in_the_accept_queue_are_reset(tmp_path: Path) -> None:
    words = [*SERVER.split(), "--listen", "tcp:8000", "--accept", "one", "--work", "0.08"]
    with (
        Namespace(words, tmp_path, unshare=WITH_NETWORK) as namespace,
        contextlib.ExitStack() as stack,
    ):
        namespace.wait_for_output("server ready")
        network = stack.enter_context(Network(namespace.init.pid))
        clients = queue(network, 8)
        namespace.signal(signal.SIGTERM)
        assert answered(clients) < 8


@pytest.mark.parametrize("options", [[], ["--pre-stop-delay=0.3"], auto(0.1, 0.3)], ids=["no delay", "fixed", "auto"])
def test_those_in_the_accept_queue_are_served_before_the_server_is_told(serving: Serving, options: list[str]) -> None:
    served = serving(*options, server="--listen tcp:8000 --accept one --work 0.08")
    clients = queue(served.network, 8)
    served.request_stop()
    assert answered(clients) == 8
    log = served.finish()
    assert "accept queue" not in log
    assert "no request was refused or reset" in log


def test_an_accept_queue_that_never_empties_is_waited_for_no_longer_than_a_second(serving: Serving) -> None:
    served = serving(server="--listen tcp:8000 --accept none")
    queue(served.network, 2)
    served.request_stop()
    assert 1.0 <= served.told_after() < AT_ONCE
    assert "warning: connections wait to be accepted on port 8000, for 1s; the stop signal waits no longer" in served.finish()


# --- what was lost ---------------------------------------------------------------------------------------------------------


def stop_and_refuse(served: Served, clients: int) -> None:
    """A stop in which so many clients come after the port was closed."""
    held = served.network.connect(8000)
    assert talk(held) == b"hello"
    served.request_stop()
    served.namespace.wait_for_output("server closed its ports")
    for _ in range(clients):
        assert served.network.refused(8000)
    assert talk(held) == b"hello"


@pytest.mark.parametrize("clients", [1, 5])
def test_those_who_come_after_the_port_was_closed_are_counted_one_by_one(
    serving: Serving, clients: int, tmp_path: Path
) -> None:
    story = tmp_path / "termination-log"
    served = serving("--termination-log", str(story))
    stop_and_refuse(served, clients)
    log = served.finish()
    said = [line for line in log.splitlines() if "requests refused or reset" in line]
    assert len(said) == 1
    assert said[0].startswith(f"pyinit: warning: requests refused or reset: up to {clients}, ")
    assert "--pre-stop-delay auto" in said[0], "a hint"
    assert said[0].removeprefix("pyinit: warning: ") in story.read_text()


def test_resets_while_the_ports_are_open_are_not_of_the_stop(serving: Serving) -> None:
    served = serving("--pre-stop-delay=0.5")
    served.request_stop()
    for _ in range(4):
        assert served.network.refused(8001), "nobody has ever listened there"
    served.told_after()
    assert "pyinit: no request was refused or reset" in served.finish()


def test_losses_have_fields_of_their_own_in_json(serving: Serving) -> None:
    served = serving("--log-format=json")
    stop_and_refuse(served, 3)
    losses = [entry for line in served.finish().splitlines() if (entry := json.loads(line))["event"] == "losses"]
    assert len(losses) == 1
    expected = {"level": "warning", "refused_or_reset": 3, "unread": 0, "overflows": 0, "drops": 0, "open_at_kill": 0}
    assert losses[0] | expected == losses[0]


def test_when_the_last_one_came_is_told_in_seconds_since_the_stop_request(serving: Serving) -> None:
    served = serving("--pre-stop-delay=1.2", "--log-format=json")
    stop_and_refuse(served, 2)
    latest = served.since
    losses = next(entry for line in served.finish().splitlines() if (entry := json.loads(line))["event"] == "losses")
    assert losses["refused_or_reset"] == 2
    assert 1.2 <= losses["last_reset"] <= latest + AT_ONCE


def test_those_who_come_after_a_quiet_delay_are_counted_and_the_last_traffic_is_told(serving: Serving) -> None:
    served = serving(*auto(1.5, FOR_EVER))
    served.crowd()
    served.request_stop()
    assert served.network.request(8000) == b"hello"
    served.namespace.wait_for_output("server closed its ports")
    assert served.network.refused(8000)
    log = served.finish()
    assert "requests refused or reset: up to 1" in log
    assert re.search(r"traffic was last seen [012]\.\ds after the stop request", log)
    assert "raise --pre-stop-quiet" in log


def test_requests_over_connections_that_the_server_has_closed_are_counted(serving: Serving) -> None:
    served = serving(server="--listen tcp:8000 --at-stop drop")
    kept = served.crowd(4)
    served.request_stop()
    served.namespace.wait_for_output("server closed its ports")
    for connection in kept:
        with pytest.raises(ConnectionError):
            talk(connection)
    served.namespace.signal(signal.SIGUSR1)
    assert "requests refused or reset: up to 4" in served.finish()


def test_a_server_that_closes_connections_with_requests_in_them_is_told_from_a_late_router(serving: Serving) -> None:
    served = serving(server="--listen tcp:8000 --at-stop drop --work 0.5")
    busy, unlucky = served.network.connect(8000), served.network.connect(8000)
    talk(unlucky)
    busy.sendall(b"hello")
    served.namespace.wait_for_output("server works", 2)
    unlucky.sendall(b"hello")
    served.request_stop()
    served.namespace.wait_for_output("server closed its ports")
    assert busy.recv(100) == b"hello"
    with pytest.raises(ConnectionResetError):
        unlucky.recv(1)
    served.namespace.signal(signal.SIGUSR1)
    log = served.finish()
    assert "requests refused or reset: up to 1" in log
    assert "closes keep-alive connections without notice" in log


@pytest.mark.parametrize("options", [["--pre-stop-delay=30"], auto(30, 30)], ids=["fixed", "auto"])
def test_connection_requests_that_met_a_full_accept_queue_during_the_delay_are_told(
    serving: Serving, options: list[str]
) -> None:
    served = serving(*options, server="--listen tcp:8000 --accept none --backlog 1")
    served.request_stop()
    served.namespace.wait_until_at_rest()  # the counters are noted after the line in the log
    for _ in range(5):
        client = served.network.make()
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.connect(("127.0.0.1", 8000))
    netstat = Path(f"/proc/{served.namespace.init.pid}/net/netstat")
    wait_until(lambda: counters.parse(netstat.read_bytes())[b"ListenOverflows"], "an overflow")
    served.namespace.signal(signal.SIGTERM)
    assert served.told_after() < AT_ONCE
    log = served.finish()
    assert "connection requests dropped: " in log
    assert "a larger backlog" in log


#: A process that ignores SIGTERM, and takes its time to die of SIGKILL, because of the memory that it has to give back.
LARGE = f"""{sys.executable} -IS -c '
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = b"x" * (300 << 20)
print("large", flush=True)
signal.pause()
'"""


@pytest.mark.parametrize(
    "wrapper",
    [[], ["sh", "-c", '"$@"; exit $?', "sh"], ["sh", "-c", f'{LARGE} & "$@"; exit $?', "sh"]],
    ids=["command", "below a shell", "beside a large process"],
)
def test_connections_that_are_open_at_the_kill_are_told(pyinit: list[str], tmp_path: Path, wrapper: list[str]) -> None:
    server = [*wrapper, *SERVER.split(), "--listen", "tcp:8000", "--at-stop", "serve"]
    words = [*pyinit, "--grace-period=0.5", "--", *server]
    with (
        Namespace(words, tmp_path, unshare=WITH_NETWORK) as namespace,
        contextlib.ExitStack() as stack,
    ):
        namespace.wait_for_output("server ready")
        if wrapper and LARGE in wrapper[2]:
            namespace.wait_for_output("large")
        served = Served(namespace, stack.enter_context(Network(namespace.init.pid)))
        served.crowd(3)
        served.request_stop()
        assert namespace.wait() == 137
        assert "connections open at SIGKILL: 3 (connections were open at SIGKILL: raise --grace-period)" in namespace.stderr


@pytest.mark.parametrize("options", [[], ["--pre-stop-delay=0.3"], auto(0.1, 0.3)], ids=["no delay", "fixed", "auto"])
def test_where_nothing_was_lost_the_log_says_that(serving: Serving, options: list[str]) -> None:
    served = serving(*options)
    served.crowd(3)
    served.request_stop()
    assert "pyinit: no request was refused or reset" in served.finish()


@pytest.mark.parametrize("options", [[], ["--pre-stop-delay=0.3"]], ids=["no delay", "fixed"])
def test_where_nobody_listened_nothing_is_said_of_losses(serving: Serving, options: list[str]) -> None:
    served = serving(*options, server="")
    assert served.network.refused(8000)
    served.request_stop()
    assert served.network.refused(8000)
    log = served.finish()
    assert "refused" not in log
    assert "traffic" not in log


# --- options that cannot be meant ------------------------------------------------------------------------------------------


AUTO = "--pre-stop-delay=auto"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([AUTO, "--pre-stop-min=30", "--pre-stop-max=20"], "--pre-stop-min: 30 s is above --pre-stop-max, 20 s"),
        (["--ports=0"], "--ports: '0' is not a port: give numbers from 1 to 65535"),
        (["--ports=80,65536"], "--ports: '65536' is not a port"),
        (["--ignore-ports=9000-8000"], "--ignore-ports: '9000-8000' is no range of ports: 9000 is above 8000"),
        (["--ignore-ports=http"], "--ignore-ports: 'http' is not a port"),
        (["--ports=80-"], "--ports: '' is not a port"),
        (["--ports=-80"], "--ports: '' is not a port"),
        (["--pre-stop-delay=automatic"], "--pre-stop-delay: 'automatic' is not a time"),
        (["--pre-stop-quiet=auto"], "--pre-stop-quiet: 'auto' is not a time"),
        ([AUTO, "--stop-timeout=10", "--grace-period=10"], "--grace-period: 10 s leave no time for a delay"),
    ],
)
def test_options_that_cannot_be_meant_are_refused_in_one_line(
    pyinit: list[str], tmp_path: Path, options: list[str], problem: str
) -> None:
    with Namespace([*pyinit, *options, "--", "true"], tmp_path) as namespace:
        assert namespace.wait() == 125
        assert namespace.stderr.startswith("pyinit: error: ")
        assert problem in namespace.stderr
        assert namespace.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "doubt"),
    [
        ([AUTO, "--pre-stop-quiet=30"], "--pre-stop-quiet: 30 s are above the longest delay, 20 s"),
        (
            ["--pre-stop-delay=10", "--stop-timeout=10"],
            "--pre-stop-delay: 10 s and 1 s for the accept queues are more than 10 s (--stop-timeout)",
        ),
        (["--grace-period=60", "--stop-timeout=10"], "--grace-period: 60 s are more than 10 s (--stop-timeout)"),
        (["--pre-stop-delay=5", "--pre-stop-until"], "--pre-stop-until: of no use without --pre-stop"),
        (["--pre-stop=true", "--pre-stop-until"], "--pre-stop-until: of no use without --pre-stop-delay"),
    ],
)
def test_options_that_are_hardly_meant_are_warned_of(pyinit: list[str], tmp_path: Path, options: list[str], doubt: str) -> None:
    with Namespace([*pyinit, *options, "--", "sh", "-c", "exit 5"], tmp_path) as namespace:
        assert namespace.wait() == 5
        assert f"pyinit: warning: {doubt}" in namespace.stderr
        assert namespace.stderr.count("\n") == 1


# --- where the kernel does not tell ----------------------------------------------------------------------------------------

#: A namespace with a network of its own, and without its tables in /proc.
WITHOUT_TABLES = (*after("mount -t tmpfs none /proc/1/net || exit 99", (*WITH_PROC, "--net")), *WITH_LOOPBACK)

#: ... and without any /proc.
WITHOUT_PROC = (*after("mount -t tmpfs none /proc || exit 99", (*WITH_PROC, "--net")), *WITH_LOOPBACK)


def test_without_sock_diag_no_established_connection_is_silence(serving: Serving) -> None:
    served = serving(*auto(0.3, FOR_EVER), instead=[*BLIND, "socket", "EAFNOSUPPORT", "1"])
    served.crowd()
    served.request_stop()
    with contextlib.suppress(AssertionError):
        wait_until(lambda: served.is_told, "it is told too early", timeout=1.2)
    assert not served.is_told, "the connections are open, which is all that can be known"
    served.network.hang_up()
    assert served.told_after() < PATIENCE
    log = served.finish()
    assert "the traffic has been quiet for" in log
    assert "no request was refused or reset" in log


@pytest.mark.parametrize("error", ["EPERM", "EAFNOSUPPORT", "EMFILE"])
def test_without_sock_diag_the_accept_queues_and_the_losses_are_known(serving: Serving, error: str) -> None:
    served = serving(instead=[*BLIND, "socket", error, "1"], server="--listen tcp:8000 --accept one --work 0.08")
    clients = queue(served.network, 8)
    served.request_stop()
    assert answered(clients) == 8
    served.finish()
    assert "no request was refused or reset" in served.namespace.stderr


@pytest.mark.parametrize("unshare", [WITHOUT_TABLES, WITHOUT_PROC], ids=["no /proc/net", "no /proc"])
def test_without_the_counters_silence_is_seen_and_losses_are_not_told(serving: Serving, unshare: tuple[str, ...]) -> None:
    served = serving(*auto(0.3, FOR_EVER), unshare=unshare)
    served.crowd()
    served.request_stop()
    assert served.told_after() < AT_ONCE
    log = served.finish()
    assert "the traffic has been quiet for" in log
    assert "refused" not in log


def test_where_nobody_has_counted_who_came_the_age_of_a_server_means_nothing(serving: Serving) -> None:
    served = serving(*auto(0.1, 1.5), unshare=WITHOUT_TABLES)
    served.request_stop_after(1.5)
    assert 1.5 <= served.told_after() < AT_ONCE
    assert "no traffic has ever come, so that silence means nothing: served on for 1.5s (--pre-stop-max)" in served.finish()


@pytest.mark.parametrize("unshare", [WITHOUT_TABLES, WITHOUT_PROC], ids=["no /proc/net", "no /proc"])
def test_where_nothing_can_be_seen_the_maximum_is_a_fixed_delay_and_the_log_says_so(
    serving: Serving, unshare: tuple[str, ...]
) -> None:
    served = serving(*auto(0.1, 0.7), unshare=unshare, instead=[*BLIND, "socket", "EPERM", "1"])
    served.crowd()
    served.request_stop()
    assert 0.7 <= served.told_after() < AT_ONCE
    assert served.finish().count("warning: the traffic cannot be watched") == 1


def test_without_its_traffic_package_pyinit_stops_as_ever(serving: Serving, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pyinit", tmp_path / "pyinit", ignore=shutil.ignore_patterns("traffic", "__pycache__"))
    served = serving(*auto(0.1, 0.7), instead=[sys.executable, "-IS", str(tmp_path / "pyinit" / "__main__.py")])
    served.crowd(3)
    served.request_stop()
    assert 0.7 <= served.told_after() < AT_ONCE
    assert served.finish().count("warning: the traffic cannot be watched") == 1


#: What fails, and from which call on.
FAILURES = [
    *((f"socket {error}", first) for error in ("MemoryError", "EMFILE") for first in ("1", "2")),
    *((f"recv_into {error}", first) for error in ("ENOBUFS", "MemoryError") for first in ("1", "2", "4", "6", "8", "12", "20")),
]


@pytest.mark.parametrize(("fault", "first"), FAILURES)
def test_a_kernel_that_fails_keeps_no_container_from_stopping(serving: Serving, fault: str, first: str) -> None:
    served = serving(*auto(0.1, 0.7), "--ports=8000", instead=[*BLIND, *fault.split(), first])
    served.crowd(3)
    served.request_stop()
    assert served.told_after() < AT_ONCE
    served.finish()


@pytest.mark.parametrize("first", ["1", "3", "6"])
@pytest.mark.parametrize("spoilt", ["short", "nothing", "garbage", "endless", "zero"])
def test_a_kernel_that_talks_nonsense_keeps_no_container_from_stopping(serving: Serving, spoilt: str, first: str) -> None:
    served = serving(*auto(0.1, 0.7), instead=[*BLIND, "recv_into", spoilt, first])
    served.crowd(3)
    served.request_stop()
    assert served.told_after() < AT_ONCE
    served.finish()


# --- what it costs ---------------------------------------------------------------------------------------------------------


def test_10000_connections_are_watched_four_times_a_second_at_most(pyinit: list[str], tmp_path: Path) -> None:
    """The share of a CPU is printed by tests.bench.pressure. That dear looks are rarer is in tests/unit/test_view.py."""
    crowd = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "many.py"), "10000", "8000"]
    options = [*auto(3, 3), "--log-level=debug"]
    with Namespace([*pyinit, *options, "--", *crowd], tmp_path, unshare=WITH_NETWORK) as namespace:
        namespace.wait_for_output("many ready")
        namespace.wait_until_at_rest()
        before = namespace.init.num_ctx_switches().voluntary
        namespace.signal(signal.SIGTERM)
        namespace.wait_for_log("10000 connections")
        namespace.wait_for_log("SIGTERM to")
        looks = namespace.init.num_ctx_switches().voluntary - before
        assert looks <= 3 / 0.25 + 8, "one more for each thing that happens"
        assert namespace.wait() == 0
