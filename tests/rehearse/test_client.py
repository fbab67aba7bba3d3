"""The client against servers on loopback that misbehave, each in a way of its own."""

import asyncio
import contextlib
import itertools
import os
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from pyinit.rehearse import outcome
from pyinit.rehearse.client import EVEN, POISSON, Client, Plan, arrivals
from pyinit.rehearse.load import Load, LoadError
from pyinit.rehearse.outcome import Outcome, classify, losses
from pyinit.rehearse.protocols.http1 import Connection
from tests.namespace import ROOT
from tests.waiting import wait_until

ANSWER = b"HTTP/1.1 200 OK\r\nX-Replica: first\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\nhello"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"


class Peer:
    """One accepted connection, from the side of the server."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.connection, self.number = connection, number

    def request(self) -> bool:
        """Wait for a request; False where the client closes instead."""
        read = b""
        while b"\r\n\r\n" not in read:
            data = self.connection.recv(1 << 16)
            if not data:
                return False
            read += data
        return True

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.connection.sendall(data)

    def reset(self) -> None:
        """End the connection with RST in place of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Behaviour = Callable[[Peer], object]


class Server:
    """Accepts connections on `port`, and lets each one have its `behaviour`, at whose end it is closed. A context manager."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = self.ended = 0
        self._threads = [threading.Thread(target=self._accept)]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # EINVAL: shutdown() below
            while True:
                connection = self._listener.accept()[0]
                self.connections += 1
                self._threads.append(threading.Thread(target=self._serve, args=(Peer(connection, self.connections),)))
                self._threads[-1].start()

    def _serve(self, peer: Peer) -> None:
        with peer.connection, contextlib.suppress(ConnectionError):  # the client may leave as rudely
            self._behaviour(peer)
        self.ended += 1

    def __enter__(self) -> "Server":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()


def answering(*answers: bytes) -> Behaviour:
    """Give these answers to the first requests of a connection, and then close it."""

    def behave(peer: Peer) -> None:
        for answer in answers:
            if peer.request():
                peer.send(answer)

    return behave


def for_ever(answer: bytes) -> Behaviour:
    """Give this answer to every request of a connection."""

    def behave(peer: Peer) -> None:
        while peer.request():
            peer.send(answer)

    return behave


def resetting(*answers: bytes) -> Behaviour:
    """Give these answers, read one more request, and reset the connection."""

    def behave(peer: Peer) -> None:
        answering(*answers)(peer)
        peer.request()
        peer.reset()

    return behave


def answering_after(times: int) -> Behaviour:
    """Answer nobody before so many requests are there, and from then on everybody."""
    come, enough = itertools.count(1), threading.Event()

    def behave(peer: Peer) -> None:
        while peer.request():
            if next(come) >= times:
                enough.set()
            enough.wait(10)
            peer.send(ANSWER)

    return behave


def plan(port: int, **changes: Any) -> Plan:
    """One kept connection and no requests, unless changed."""
    defaults = {"host": "127.0.0.1", "path": "/", "rate_new": 0, "rate_kept": 0, "connections": 1, "timeout": 10}
    return Plan(**{**defaults, "port": port, "arrivals": EVEN, **changes})


def by_clock(asked: Plan, times: int) -> list[Outcome]:
    """What becomes of the first requests to end, of those that the clock begins."""
    outcomes: list[Outcome] = []

    async def ask() -> None:
        enough = asyncio.Event()

        def record(one: Outcome) -> None:
            outcomes.append(one)
            if len(outcomes) >= times:
                enough.set()

        async with Client(asked, record).running():
            await enough.wait()

    asyncio.run(ask())
    return outcomes[:times]


def in_turn(asked: Plan, times: int, keep: bool, wait: Callable[[], object] = lambda: None) -> list[Outcome]:
    """What becomes of requests of which each waits for the one before, and then for something else."""
    outcomes: list[Outcome] = []

    async def ask() -> None:
        client = Client(asked, outcomes.append)
        async with client.running():
            for _ in range(times):
                await client.request(keep)
                wait()

    asyncio.run(ask())
    return outcomes


def new(port: int, **changes: Any) -> Outcome:
    """What becomes of a request over a connection of its own."""
    return in_turn(plan(port, **changes), 1, keep=False)[0]


def kept(port: int, times: int, **changes: Any) -> list[Outcome]:
    """What becomes of requests over kept connections, one unless told."""
    return in_turn(plan(port, **changes), times, keep=True)


def kind_of_one(behaviour: Behaviour, **changes: Any) -> str:
    with Server(behaviour) as server:
        return new(server.port, **changes).kind


# --- one request --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [ANSWER, CHUNKED, UNTIL_CLOSED, CLOSING], ids=["length", "chunked", "until closed", "close"])
def test_a_complete_answer_is_ok(answer: bytes) -> None:
    with Server(answering(answer)) as server:
        one = new(server.port)
    assert (one.kind, one.status, one.kept, one.is_lost) == (outcome.OK, 200, False, False)


def test_the_replica_that_answered_is_known_by_its_header() -> None:
    with Server(answering(ANSWER)) as server:
        assert new(server.port).replica == "first"


def test_an_interim_answer_is_not_the_answer() -> None:
    assert kind_of_one(answering(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ANSWER)) == outcome.OK


def test_a_closed_port_is_a_refusal() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        one = new(bound.getsockname()[1])
    assert (one.kind, one.status, one.replica) == (outcome.REFUSED, None, None)


def test_a_reset_before_the_request_was_sent_is_told_from_one_after_it() -> None:
    async def ask(port: int) -> str:
        connection = Connection(socket.AF_INET)
        with contextlib.closing(connection), contextlib.suppress(ConnectionResetError):
            await connection.open(("127.0.0.1", port))  # the reset can come that early
            wait_until(lambda: not connection.is_idle, "the reset")
            await connection.ask("host", "/", keep=False)
        return classify(connection.stage, connection.status)

    with Server(Peer.reset) as server:
        assert asyncio.run(ask(server.port)) == outcome.RESET_BEFORE


def test_a_server_that_accepts_and_resets_at_once_loses_the_request() -> None:
    assert kind_of_one(Peer.reset) in {outcome.RESET_BEFORE, outcome.RESET_AFTER}


def test_a_reset_after_the_request_was_sent_is_told() -> None:
    assert kind_of_one(resetting()) == outcome.RESET_AFTER


@pytest.mark.parametrize(("behaviour", "by_reset"), [(resetting(), True), (answering(b""), False), (for_ever(ANSWER), False)])
def test_a_reset_by_the_kernel_is_told_from_an_end_in_good_order(behaviour: Behaviour, by_reset: bool) -> None:
    with Server(behaviour) as server:
        asked = plan(server.port)
        assert [one.by_reset for one in in_turn(asked, 1, keep=False)] == [by_reset]
    assert [one.by_reset for one in in_turn(asked, 1, keep=False)] == [True], "nobody listens any more"


def test_a_connection_closed_without_an_answer_counts_as_reset() -> None:
    assert kind_of_one(Peer.request) == outcome.RESET_AFTER


@pytest.mark.parametrize("part", [ANSWER[:5], ANSWER[:-1], CHUNKED[:-20], CHUNKED[:-2]], ids=["head", "length", "chunk", "end"])
@pytest.mark.parametrize("by_reset", [False, True], ids=["closed", "reset"])
def test_a_part_of_an_answer_is_cut(part: bytes, by_reset: bool) -> None:
    def behave(peer: Peer) -> None:
        answering(part)(peer)
        if by_reset:
            peer.reset()

    assert kind_of_one(behave) == outcome.CUT


def test_an_answer_of_unknown_length_that_ends_with_a_reset_is_cut() -> None:
    def behave(peer: Peer) -> None:
        answering(UNTIL_CLOSED)(peer)
        peer.reset()

    assert kind_of_one(behave) == outcome.CUT


@pytest.mark.parametrize(
    ("status", "kind"),
    [(b"302", outcome.OK), (b"404", outcome.ERROR), (b"500", outcome.SERVER_ERROR), (b"503", outcome.SERVER_ERROR)],
)
def test_the_status_decides_a_complete_answer(status: bytes, kind: str) -> None:
    with Server(answering(ANSWER.replace(b"200", status).replace(b"X-Replica", b"X-Other"))) as server:
        one = new(server.port)
    assert (one.kind, one.status) == (kind, int(status))


@pytest.mark.parametrize(("status", "kind"), [(b"503", outcome.EARLY), (b"500", outcome.SERVER_ERROR)])
def test_a_replica_that_says_503_itself_was_asked_too_early(status: bytes, kind: str) -> None:
    with Server(answering(ANSWER.replace(b"200", status))) as server:
        one = new(server.port)
    assert (one.kind, one.replica) == (kind, "first")


def test_what_is_not_http_is_an_error() -> None:
    assert kind_of_one(answering(b"220 mail.example.org ESMTP\r\n\r\n")) == outcome.ERROR


@pytest.mark.parametrize("part", [b"", ANSWER[:-1]], ids=["nothing", "a part"])
def test_an_answer_that_does_not_come_in_time_is_a_timeout(part: bytes) -> None:
    def behave(peer: Peer) -> None:
        answering(part)(peer)
        peer.request()  # until the client gives up

    with Server(behave) as server:
        one = new(server.port, timeout=0.3)
    assert one.kind == outcome.TIMEOUT
    assert one.took >= 0.3


# --- kept connections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [ANSWER, CHUNKED], ids=["length", "chunked"])
def test_a_kept_connection_is_used_again(answer: bytes) -> None:
    with Server(for_ever(answer)) as server:
        outcomes = kept(server.port, 6)
        assert server.connections == 1
    assert [one.kept for one in outcomes] == [False, *[True] * 5]
    assert losses(outcomes) == {}


def test_the_pool_is_filled_and_used_in_turn() -> None:
    seen: list[int] = []

    def behave(peer: Peer) -> None:
        while peer.request():
            seen.append(peer.number)
            peer.send(ANSWER)

    with Server(behave) as server:
        kept(server.port, 9, connections=3)
    assert seen == [1, 2, 3] * 3


def test_a_busy_pool_delays_no_request() -> None:
    with Server(answering_after(4)) as server:
        outcomes = by_clock(plan(server.port, rate_kept=200, connections=2), 4)
    assert losses(outcomes) == {}
    assert [one.kept for one in outcomes] == [False] * 4


@pytest.mark.parametrize("by_reset", [False, True], ids=["closed", "reset"])
def test_a_kept_connection_that_ended_between_two_requests_is_replaced(by_reset: bool) -> None:
    def behave(peer: Peer) -> None:
        answering(ANSWER)(peer)
        if by_reset:
            peer.reset()

    with Server(behave) as server:
        all_ended = partial(wait_until, lambda: server.ended == server.connections, "the end of the connection")
        outcomes = in_turn(plan(server.port), 5, keep=True, wait=all_ended)
        assert server.connections == 5
    assert losses(outcomes) == {}
    assert not any(one.kept for one in outcomes)


def test_a_kept_connection_that_ends_after_the_request_was_sent_is_a_loss() -> None:
    with Server(resetting(ANSWER)) as server:
        first, second = kept(server.port, 2)
    assert (first.kind, first.kept) == (outcome.OK, False)
    assert (second.kind, second.kept) == (outcome.RESET_AFTER, True)


def test_a_server_that_announces_the_end_of_a_connection_gets_no_more_requests_on_it() -> None:
    again = threading.Event()

    def behave(peer: Peer) -> None:
        answering(CLOSING)(peer)
        if peer.request():  # and not the end, which the client makes
            again.set()

    with Server(behave) as server:
        outcomes = kept(server.port, 4)
    assert losses(outcomes) == {}
    assert not again.is_set()


def test_a_request_of_its_own_connection_asks_the_server_to_close() -> None:
    requests: list[bytes] = []

    def behave(peer: Peer) -> None:
        requests.append(peer.connection.recv(1 << 16))
        peer.send(ANSWER)

    with Server(behave) as server:
        new(server.port)
        kept(server.port, 1)
    assert b"\r\nconnection: close\r\n" in requests[0].lower()
    assert b"connection:" not in requests[-1].lower()


# --- the clock ----------------------------------------------------------------------------------------------------------


def test_the_clock_begins_requests_while_none_has_been_answered() -> None:
    with Server(answering_after(10)) as server:
        assert losses(by_clock(plan(server.port, rate_new=50), 10)) == {}


def test_no_request_is_begun_before_its_time() -> None:
    with Server(for_ever(ANSWER)) as server:
        begun = sorted(one.at for one in by_clock(plan(server.port, rate_new=50), 11))
    assert begun[-1] - begun[0] >= 0.15  # ten times 20 ms, less what the first one was late


def test_even_arrivals_have_one_distance() -> None:
    assert list(itertools.islice(arrivals(4, 0.5, EVEN), 4)) == [0.125, 0.375, 0.625, 0.875]


def test_poisson_arrivals_have_the_rate_and_bursts() -> None:
    moments = list(itertools.islice(arrivals(10, 0, POISSON), 2000))
    distances = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert moments[-1] == pytest.approx(200, rel=0.2)
    assert min(distances) < 0.01
    assert max(distances) > 0.3


# --- the process --------------------------------------------------------------------------------------------------------


def test_the_load_returns_what_became_of_all_requests() -> None:
    asked: Counter[int] = Counter()

    def behave(peer: Peer) -> None:
        while peer.request():
            asked[peer.number] += 1
            peer.send(ANSWER)

    with Server(behave) as server, Load("127.0.0.1", server.port, 15, 15, 2) as load:
        wait_until(lambda: asked.total() >= 20 and max([*asked.values()]) >= 2, "twenty requests, and two over one connection")
        outcomes = load.stop()
    assert len(outcomes) == asked.total()
    assert losses(outcomes) == {}
    assert {one.kept for one in outcomes} == {False, True}
    assert [one.at for one in outcomes] == sorted(one.at for one in outcomes)


def test_the_load_sees_requests_that_have_begun_to_their_end() -> None:
    asked, stopped = threading.Event(), threading.Event()

    def behave(peer: Peer) -> None:
        if peer.request():
            asked.set()
            stopped.wait(10)
            peer.send(ANSWER)

    with Server(behave) as server, Load("127.0.0.1", server.port, 1, 0) as load:
        asked.wait(10)
        threading.Timer(0.3, stopped.set).start()  # stop() below waits; the answer comes when it does
        outcomes = load.stop()
        stopped.set()
    assert losses(outcomes) == {}
    assert outcomes


def test_a_load_that_was_killed_is_no_result() -> None:
    with Server(for_ever(ANSWER)) as server, Load("127.0.0.1", server.port) as load:
        (client,) = clients_of(os.getpid())
        client.kill()
        with pytest.raises(LoadError, match="exit status -9"):
            load.stop()


def test_a_load_that_cannot_begin_says_so() -> None:
    with pytest.raises(LoadError, match="has not begun"), Load("127.0.0.1", 1, arrivals="never"):
        pass


def test_a_client_ends_by_itself_after_its_longest_time() -> None:
    with Server(for_ever(ANSWER)) as server, Load("127.0.0.1", server.port, longest=0.2) as load:
        (client,) = clients_of(os.getpid())
        assert client.wait(10) == 0
        assert load.stop()


def test_a_client_ends_when_whoever_started_it_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = f"""
import signal
from pathlib import Path
from pyinit.rehearse.load import Load
with Load("127.0.0.1", 9, rate_new=1, rate_kept=0):
    Path({str(ready)!r}).touch()
    signal.pause()
"""
    starter = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)})
    try:
        wait_until(ready.exists, "the client has begun")
        (client,) = clients_of(starter.pid)
    finally:
        starter.kill()
        starter.wait()
    wait_until(lambda: has_ended(client), "the client has ended")


def clients_of(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if "pyinit.rehearse.load" in child.cmdline()]


def has_ended(process: psutil.Process) -> bool:
    """Whether it is gone, or a zombie of somebody who does not wait for it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# --- the record ---------------------------------------------------------------------------------------------------------


def test_an_outcome_survives_its_file() -> None:
    one = Outcome(12.5, 0.25, outcome.CUT, True, 200, "first")
    assert Outcome.from_json(one.as_json()) == one


def test_losses_are_counted_by_kind() -> None:
    kinds = [outcome.OK, outcome.TIMEOUT, outcome.REFUSED, outcome.TIMEOUT]
    outcomes = [Outcome(0.0, 0.0, kind, False, None, None) for kind in kinds]
    assert list(losses(outcomes).items()) == [(outcome.REFUSED, 1), (outcome.TIMEOUT, 2)]
