"""What watches the traffic, against real sockets in a network namespace of our own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from pyinit.settings.config import OWN_SOURCE
from pyinit.settings.options import parse
from pyinit.traffic import arrivals, counters, surroundings
from pyinit.traffic import view as views
from pyinit.traffic.delay import Delay
from pyinit.traffic.diag import Connections, Diag
from pyinit.traffic.proc_net import ProcNet
from tests.counting import lines_run
from tests.live.network import IPPROTO_MPTCP, need_mptcp, own_network, talk
from tests.namespace import ROOT
from tests.waiting import wait_until

#: More than any test lasts: whatever came, came within.
LATELY = 1000.0

#: Ports where nothing is, on either side of 8000: the kernel gives them to no client, as it may the port after another.
OF_NOBODY = (7999, 8001)

View = Diag | ProcNet


@pytest.fixture(autouse=True)
def network() -> Iterator[None]:
    """A network of our own; without root the test is skipped, but not in CI."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(own_network())
        except PermissionError:
            reason = "a network of one's own needs root"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        yield


@pytest.fixture(params=[Diag, ProcNet])
def view(request: pytest.FixtureRequest) -> Iterator[View]:
    """Either way to see the sockets."""
    opened: View = request.param()
    yield opened
    opened.close()


@pytest.fixture
def diag() -> Iterator[Diag]:
    """The way that tells more."""
    opened = Diag()
    yield opened
    opened.close()


@pytest.fixture
def holding() -> Iterator[contextlib.ExitStack]:
    """What is entered here is closed at the end."""
    with contextlib.ExitStack() as stack:
        yield stack


class Pair:
    """A listening socket with connections to it."""

    def __init__(
        self, holding: contextlib.ExitStack, family: int = socket.AF_INET, protocol: int = 0, door: socket.socket | None = None
    ) -> None:
        self.holding = holding
        self.family, self.protocol = family, protocol
        self.door = holding.enter_context(socket.socket(family, socket.SOCK_STREAM, protocol)) if door is None else door
        if door is None:
            self.door.bind(("", 0))
            self.door.listen(64)
        self.port: int = self.door.getsockname()[1]

    def connect(self, host: str = "") -> socket.socket:
        """A connection that waits in the accept queue."""
        host = host or ("::1" if self.family == socket.AF_INET6 else "127.0.0.1")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        client = self.holding.enter_context(socket.socket(family, socket.SOCK_STREAM, self.protocol))
        client.connect((host, self.port))
        return client

    def connected(self, host: str = "") -> tuple[socket.socket, socket.socket]:
        """A connection: the client's end, and the server's."""
        client = self.connect(host)
        return client, self.holding.enter_context(self.door.accept()[0])

    def come_and_go(self) -> None:
        """A connection that is opened, used and closed; the client closes first, so that no note of it stays on this side."""
        client, server = self.connected()
        client.sendall(b"hello")
        server.recv(5)
        close(client, server)


def close(first: socket.socket, last: socket.socket) -> None:
    """Close both ends of a connection, one after the other: a note of it stays on the side of the first."""
    first.close()
    assert last.recv(1) == b""
    last.close()


def to_any(_: int) -> bool:
    """All ports count."""
    return True


def only(*ports: int) -> Callable[[int], bool]:
    """These ports count."""
    return lambda port: port in ports


def is_idle(view: View, of: Callable[[int], bool], least: float = 0.05) -> Connections | None:
    """What is to be seen, when the last data on these connections is old enough to be told from new data."""
    found = view.connections(of, 0)
    return found if found.idle is not None and found.idle >= least else None


# --- which sockets there are -----------------------------------------------------------------------------------------------


def test_nothing_is_seen_where_there_is_nothing(view: View) -> None:
    assert view.listeners() == {}
    assert view.connections(to_any, LATELY) == Connections(0, 0, None, 0, 0)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_connections_of_both_families_are_seen(view: View, family: int, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding, family)
    assert view.listeners() == {pair.port: 0}
    client, server = pair.connected()
    client.sendall(b"hello")
    assert server.recv(5) == b"hello"
    found = view.connections(only(pair.port), LATELY)
    assert (found.count, found.established, found.active) == (1, 1, 1)
    assert found.idle is not None
    assert found.idle < 10
    assert view.connections(only(*OF_NOBODY), LATELY).count == 0


def test_a_client_of_ipv4_is_seen_on_a_listener_of_ipv6(view: View, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding, socket.AF_INET6)
    pair.connected("127.0.0.1")
    assert view.listeners() == {pair.port: 0}
    assert view.connections(only(pair.port), LATELY).established == 1


@pytest.mark.parametrize("protocol", [IPPROTO_MPTCP, 0])
def test_connections_of_mptcp_are_seen_through_their_subflows(diag: Diag, protocol: int, holding: contextlib.ExitStack) -> None:
    need_mptcp()
    door = holding.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))
    door.bind(("", 0))
    door.listen(64)
    pair = Pair(holding, protocol=protocol, door=door)
    client = pair.connect()
    assert wait_until(lambda: diag.listeners()[pair.port], "it waits in the accept queue") == 1
    server = holding.enter_context(door.accept()[0])
    assert diag.listeners() == {pair.port: 0}
    before = wait_until(lambda: is_idle(diag, only(pair.port)), "the handshake has been a while ago")
    client.sendall(b"hello")
    assert server.recv(5) == b"hello"
    found = diag.connections(only(pair.port), LATELY)
    assert (found.count, found.established, found.active) == (1, 1, 1)
    assert found.idle is not None
    assert before.idle is not None
    assert found.idle < before.idle
    assert found.segments > before.segments


def test_the_other_end_of_a_connection_is_nobody_who_came(view: View, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    client, _ = pair.connected()
    own = client.getsockname()[1]
    assert view.connections(only(pair.port), LATELY).count == 1
    listening = view.listeners()
    assert own not in listening


def test_several_listeners_on_one_port_are_one(view: View, holding: contextlib.ExitStack) -> None:
    doors: list[socket.socket] = []
    for _ in range(3):
        door = holding.enter_context(socket.socket())
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        door.bind(doors[0].getsockname() if doors else ("127.0.0.1", 0))
        door.listen(64)
        doors.append(door)
    pair = Pair(holding, door=doors[0])
    for _ in range(12):
        pair.connect()
    # The kernel spreads them over the three; all of them wait.
    assert view.listeners() == {pair.port: 12}
    assert view.connections(only(pair.port), LATELY).count == 12


def test_the_accept_queue_is_counted_until_it_is_empty(view: View, holding: contextlib.ExitStack) -> None:
    pair, other = Pair(holding), Pair(holding, socket.AF_INET6)
    for _ in range(5):
        pair.connect()
    other.connect()
    assert view.listeners() == {pair.port: 5, other.port: 1}
    for left in (4, 3, 2, 1, 0):
        holding.enter_context(pair.door.accept()[0])
        assert view.listeners() == {pair.port: left, other.port: 1}


def test_a_connection_that_one_side_has_closed_is_still_there_and_not_established(
    diag: Diag, holding: contextlib.ExitStack
) -> None:
    pair = Pair(holding)
    by_client, _ = pair.connected()
    _, by_server = pair.connected()
    pair.connected()
    by_client.shutdown(socket.SHUT_WR)
    by_server.shutdown(socket.SHUT_WR)
    found = diag.connections(only(pair.port), LATELY)
    assert (found.count, found.established) == (3, 1)


def test_data_on_a_connection_that_we_have_closed_our_side_of_is_activity(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    client, server = pair.connected()
    server.shutdown(socket.SHUT_WR)
    before = wait_until(lambda: is_idle(diag, only(pair.port)), "the connection has been silent for a while")
    client.sendall(b"still sending")
    server.recv(100)
    found = diag.connections(only(pair.port), LATELY)
    assert (found.count, found.established) == (1, 0)
    assert found.segments > before.segments


def test_a_connection_that_is_only_remembered_is_not_counted(view: View, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    close(*reversed(pair.connected()))  # so that TIME-WAIT is on the side of the listener
    assert view.connections(only(pair.port), LATELY).count == 0


# --- activity --------------------------------------------------------------------------------------------------------------


def test_active_are_those_that_received_something_lately(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    pairs = [pair.connected() for _ in range(5)]
    wait_until(lambda: is_idle(diag, only(pair.port), 1.0), "all have been silent for a second")
    assert diag.connections(only(pair.port), 0.9).active == 0
    began = time.monotonic()
    for client, server in pairs[:2]:
        client.sendall(b"hello")
        server.recv(5)
    found = diag.connections(only(pair.port), 0.9)
    took = time.monotonic() - began
    assert (found.count, found.active, found.segments) == (5, 2, 2)
    assert found.idle is not None
    assert found.idle <= took + 0.011  # a tick of the kernel's clock


def test_what_the_server_sends_is_no_activity(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    client, server = pair.connected()
    client.sendall(b"hello")
    server.recv(5)
    before = wait_until(lambda: is_idle(diag, only(pair.port)), "the connection has been silent for a while")
    server.sendall(b"an event that nobody has asked for")
    client.recv(100)
    found = diag.connections(only(pair.port), 0.0)
    assert before.idle is not None
    assert found.idle is not None
    assert found.idle >= before.idle
    assert found.segments == before.segments


def test_where_the_last_data_cannot_be_seen_each_open_connection_is_active(holding: contextlib.ExitStack) -> None:
    view = ProcNet()
    pair = Pair(holding)
    client, _ = pair.connected()
    assert view.connections(only(pair.port), 0.0) == Connections(1, 1, 0.0, 1, 0)
    client.close()
    assert view.connections(only(pair.port), 0.0) == Connections(0, 0, None, 0, 0)


# --- what comes and goes between two looks ---------------------------------------------------------------------------------


class Count:
    """How many have come, look by look. That some have gone again the kernel tells a moment later, and so may the count."""

    def __init__(self, diag: Diag, pair: Pair, way: arrivals.Arrivals) -> None:
        self.diag, self.pair, self.way = diag, pair, way
        self.came = 0

    def look(self) -> int:
        """Look once more; return how many have come since the last look."""
        self.way.before_look()
        new = self.way.after_look(self.diag.connections(only(self.pair.port), 0).count)
        self.came += new
        return new

    def reaches(self, number: int) -> bool:
        """Whether the count gets there, and stays there at the next look."""

        def is_reached() -> bool:
            self.look()
            return self.came >= number

        wait_until(is_reached, f"{number} have come")
        self.look()
        return self.came == number


@pytest.fixture(params=["all", "some"])
def count(request: pytest.FixtureRequest, diag: Diag, holding: contextlib.ExitStack) -> Count:
    """A listener, and the count of those who come to it: by either way to know."""
    pair = Pair(holding)
    way = arrivals.choose(diag, only(pair.port) if request.param == "some" else None, False)
    assert isinstance(way, arrivals.OfSomePorts if request.param == "some" else arrivals.OfAllPorts)
    return Count(diag, pair, way)


def test_those_who_were_there_before_the_first_look_have_not_come_since(count: Count) -> None:
    count.pair.connected()
    assert (count.look(), count.look()) == (0, 0)


def test_connections_that_come_and_go_between_two_looks_are_counted(count: Count) -> None:
    count.look()
    for _ in range(7):
        count.pair.come_and_go()
    assert count.reaches(7)


def test_connections_that_come_and_stay_are_counted_once(count: Count) -> None:
    count.look()
    pairs = [count.pair.connected() for _ in range(4)]
    assert (count.look(), count.look()) == (4, 0)
    for client, server in pairs:
        client.close()
        server.close()
    assert count.look() == 0
    count.pair.come_and_go()
    assert count.reaches(5)


def test_short_connections_to_ports_that_do_not_count_are_nobody(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair, probed = Pair(holding), Pair(holding)
    count = Count(diag, pair, arrivals.choose(diag, only(pair.port), False))
    count.look()
    for _ in range(5):
        probed.come_and_go()
        probed.connected()
    pair.come_and_go()
    assert count.reaches(1)


def test_a_connection_in_time_wait_does_not_count_twice(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    count = Count(diag, pair, arrivals.choose(diag, only(pair.port), False))
    count.look()
    client, server = pair.connected()
    looks = [count.look()]
    server.close()  # first
    looks.append(count.look())
    client.close()
    looks += [count.look(), count.look()]
    assert looks == [1, 0, 0, 0]
    pair.come_and_go()
    assert count.reaches(2)


def test_more_deaths_than_can_be_told_are_no_silence(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    count = Count(diag, pair, arrivals.choose(diag, only(pair.port), False))
    before = [pair.connected() for _ in range(40)]
    count.look()
    for client, server in before:  # these are told of ...
        client.close()
        server.close()
    for _ in range(3):
        for _ in range(600):  # ... and of these just some
            pair.come_and_go()
        wait_until(count.look, "somebody has come")


@pytest.mark.parametrize("is_shared", [False, True])
def test_where_nothing_tells_of_the_dead_the_counter_does_unless_it_is_others_as_well(
    is_shared: bool, holding: contextlib.ExitStack
) -> None:
    pair = Pair(holding)
    way = arrivals.choose(ProcNet(), only(pair.port), is_shared)
    way.before_look()
    way.after_look(0)
    pair.come_and_go()
    way.before_look()
    assert way.after_look(0) == (0 if is_shared else 1)


# --- the kernel's counters -------------------------------------------------------------------------------------------------


def counted() -> counters.Counters:
    """The counters, which are there."""
    read = counters.read()
    assert read is not None
    return read


def test_counters_begin_at_nothing() -> None:
    assert counted() == counters.Counters(0, 0, 0, 0, 0)


def test_a_completed_handshake_is_counted_once(holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    for number in range(1, 4):
        pair.connect()
        assert counted() == counters.Counters(number, 0, 0, 0, 0)


def test_each_refused_connection_is_one_reset(holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    pair.door.close()
    for number in range(1, 6):
        with pytest.raises(ConnectionRefusedError):
            pair.connect()
        assert counted() == counters.Counters(0, number, 0, 0, 0)


def test_each_connection_that_waits_when_its_listener_is_closed_is_one_reset(holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    clients = [pair.connect() for _ in range(6)]
    pair.door.close()
    for client in clients:
        with pytest.raises(ConnectionResetError):
            talk(client)
    assert (counted().opened, counted().resets) == (6, 6)


def test_a_connection_closed_with_a_request_in_it_is_one_reset_and_one_unread(holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    client, server = pair.connected()
    client.sendall(b"hello")
    server.recv(1)
    server.close()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert (counted().resets, counted().unread) == (1, 1)


def test_a_request_over_a_connection_that_was_closed_before_is_one_reset_and_none_unread(holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    client, server = pair.connected()
    server.close()
    with pytest.raises(ConnectionResetError):
        talk(client)
    assert (counted().resets, counted().unread) == (1, 0)


def test_a_connection_that_ends_in_good_order_is_no_loss(holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    pair.come_and_go()
    client, server = pair.connected()
    server.close()
    assert client.recv(1) == b""
    client.close()
    assert (counted().resets, counted().unread, counted().drops) == (0, 0, 0)


def test_connection_requests_that_meet_a_full_accept_queue_are_counted(holding: contextlib.ExitStack) -> None:
    door = holding.enter_context(socket.socket())
    door.bind(("127.0.0.1", 0))
    door.listen(1)
    for _ in range(5):
        client = holding.enter_context(socket.socket())
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.connect(door.getsockname())
    assert wait_until(lambda: counted().overflows, "an overflow") <= counted().drops


# --- the surroundings ------------------------------------------------------------------------------------------------------


def test_a_network_of_our_own_is_not_the_hosts() -> None:
    assert not surroundings.on_host_network()


def test_a_udp_socket_serves_on_a_port_of_its_own_choice(holding: contextlib.ExitStack) -> None:
    assert not surroundings.serves_udp()
    client = holding.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client.bind(("", 0))
    assert not surroundings.serves_udp(), "the kernel has given it this port, as it does for clients"
    client.connect(("127.0.0.1", 53))
    assert not surroundings.serves_udp()
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(family, socket.SOCK_DGRAM) as server:
            server.bind(("", 5300))
            assert surroundings.serves_udp()
        assert not surroundings.serves_udp()


def test_a_unix_socket_serves_when_it_listens(holding: contextlib.ExitStack) -> None:
    server = holding.enter_context(socket.socket(socket.AF_UNIX))
    server.bind("\0pyinit-test")  # abstract: of this network namespace, and of no file system
    assert not surroundings.serves_unix()
    server.listen()
    assert surroundings.serves_unix()


def test_no_file_descriptor_is_left_open_after_a_view_is_closed() -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        view = Diag()
        view.hear_of_the_dead()
        view.close()
    assert os.listdir("/proc/self/fd") == before


# --- what it costs ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def many_connections(number: int, port: int) -> Iterator[None]:
    """So many connections to a port, and their other ends."""
    words = [sys.executable, "-IS", str(ROOT / "tests" / "live" / "many.py"), str(number), str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as crowd:
        try:
            assert crowd.stdout is not None
            assert crowd.stdout.readline() == b"many ready\n"
            yield
        finally:
            crowd.send_signal(signal.SIGTERM)


def lines_of_a_look(diag: Diag, number: int, port: int) -> int:
    """How many lines of code a look at so many connections to a port runs."""
    found: list[Connections] = []
    lines = lines_run(lambda: found.append(diag.connections(only(port), 0.25, (port,))))
    assert found[0].count == found[0].established == number
    return lines


def test_a_look_at_thousands_of_connections_does_nothing_for_each_of_them(diag: Diag) -> None:
    """A piece of the kernel's answer is 32 KiB, of some 90 connections: what there is to do is done for all of them at once.

    How long it takes is printed by tests.bench.pressure. The other ends of the connections are in here as well.
    """
    with many_connections(500, 8001):
        few = lines_of_a_look(diag, 500, 8001)
    with many_connections(5000, 8000):
        many = lines_of_a_look(diag, 5000, 8000)
    assert (many - few) / 4500 < 1


@pytest.mark.parametrize("ports", [(8000,), (8000, 8001), (1, 7999, 8000, 8001), tuple(range(7990, 8010)), ()])
def test_the_kernel_leaves_out_what_goes_to_other_ports(
    diag: Diag, holding: contextlib.ExitStack, ports: tuple[int, ...]
) -> None:
    other = Pair(holding)
    for _ in range(3):
        other.connected()
    with many_connections(200, 8000):
        assert diag.connections(only(8000), 0.25, ports).count == 200
        assert diag.connections(lambda _: True, 0.25, (other.port,)).count == 3
        assert diag.connections(lambda _: True, 0.25, (other.port, 8000)).count == 203
        assert diag.connections(lambda _: True, 0.25, OF_NOBODY).count == 0


# --- our own probes --------------------------------------------------------------------------------------------------------


def probe(holding: contextlib.ExitStack, pair: Pair) -> tuple[socket.socket, socket.socket]:
    """A connection such as our probes make."""
    client = holding.enter_context(socket.socket())
    client.bind((OWN_SOURCE, 0))
    client.connect(("127.0.0.1", pair.port))
    return client, holding.enter_context(pair.door.accept()[0])


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_our_own_probes_are_no_connections(view: View, holding: contextlib.ExitStack, family: int) -> None:
    pair = Pair(holding, family)
    client, server = probe(holding, pair)
    client.sendall(b"hello")
    assert server.recv(5) == b"hello"
    assert view.connections(only(pair.port), LATELY) == Connections(0, 0, None, 0, 0)
    pair.connected("127.0.0.1")
    assert view.connections(only(pair.port), LATELY).count == 1


def test_connections_that_the_server_has_closed_lately_are_remembered(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair, other = Pair(holding), Pair(holding)
    ports = {pair.port, other.port}
    for _ in range(4):
        close(*reversed(pair.connected()))
    close(*pair.connected())  # the client was first: of that our side keeps no note
    close(*reversed(other.connected()))
    close(*reversed(probe(holding, pair)))
    assert diag.closed(only(pair.port), 60.0, ports) == 4, "our own probe is none of them"
    assert diag.closed(ports.__contains__, 60.0, ports) == 5
    assert diag.closed(ports.__contains__, 60.0, {other.port}) == 1
    wait_until(lambda: not diag.closed(ports.__contains__, 1.0, ports), "all are older than a second")
    assert diag.closed(ports.__contains__, 30.0, ports) == 5


@pytest.mark.parametrize("server_closes", [True, False])
def test_the_rate_is_that_of_late_and_not_of_a_life_that_began_with_loading(
    holding: contextlib.ExitStack, server_closes: bool
) -> None:
    pair = Pair(holding)
    for _ in range(100):
        client, server = pair.connected()
        close(*((server, client) if server_closes else (client, server)))
    seen = views.View(parse(["--stop-timeout=none", "--pre-stop-delay=auto", "app"], {}).config)
    holding.callback(seen.sockets.close)
    delay = Delay(seen, 1000.0, 100.0, 100)  # so many connections in a life of so many seconds
    assert delay.begin() is not None
    assert delay.look(1005.5, awaits_word=False) is None
    found = delay.look(1020.0, awaits_word=False)
    assert found is not None
    assert found.fields["rate"] == (10.0 if server_closes else 1.0)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("first", ["client", "server"])
def test_our_own_probes_leave_a_trace_whoever_closes_first(
    view: View, holding: contextlib.ExitStack, family: int, first: str
) -> None:
    pair = Pair(holding, family)
    pair.come_and_go()
    assert view.own_probes() == 0
    for count in (1, 2):
        client, server = probe(holding, pair)
        close(*((client, server) if first == "client" else (server, client)))
        wait_until(lambda: view.own_probes() == count, "it is remembered")  # noqa: B023 - called at once


def test_probes_that_come_and_go_between_two_looks_are_not_counted(diag: Diag, holding: contextlib.ExitStack) -> None:
    pair = Pair(holding)
    opened = arrivals.choose(diag, only(pair.port), is_shared=False)
    opened.before_look()
    opened.after_look(diag.connections(only(pair.port), 0).count)
    for _ in range(5):
        client, server = probe(holding, pair)
        client.close()
        assert server.recv(1) == b""
        server.close()
    pair.come_and_go()

    def count() -> int:
        opened.before_look()
        return opened.after_look(diag.connections(only(pair.port), 0).count)

    assert wait_until(count, "the other one is counted") == 1
    assert count() == 0
