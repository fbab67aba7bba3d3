"""Which port is meant and what is spoken on it, while a container gets ready. The container is this process."""

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyinit.rehearse import protocols, ready, scout, spoken
from pyinit.rehearse.faults import NoVerdict
from pyinit.rehearse.place import opened
from pyinit.rehearse.spoken import Spoken
from tests.rehearse.test_client import ANSWER, Peer, Server, answering, for_ever
from tests.rehearse.test_spoken import certificate, context, encrypted, head

__all__ = ["certificate"]


class Ours:
    """A container whose processes are this one."""

    def __init__(self) -> None:
        self.status = "running"

    def reload(self) -> None:
        """Nothing changes."""

    def logs(self, **_: object) -> bytes:
        """What it has said."""
        return b"loading\n"


def answers(*ports: int, protocol: str | None = None, timeout: float = 20.0) -> tuple[int, str, Spoken]:
    container: Any = Ours()
    setting: Any = SimpleNamespace(start_timeout=timeout, path="/")
    with opened(os.getpid()) as read:
        return scout._answers(container, read, "127.0.0.1", list(ports), protocol, setting)  # noqa: SLF001 - scout() starts one


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are shorter here."""
    for module, name, seconds in ((spoken, "PATIENCE", 0.3), (scout, "SILENT", 0.8), (ready, "STEADY", 0.8)):
        monkeypatch.setattr(module, name, seconds)


def test_of_two_ports_that_one_is_meant_which_speaks_http() -> None:
    with Server(lambda peer: peer.send(b"220 ready\r\n")) as other, Server(for_ever(ANSWER)) as server:
        assert answers(other.port, server.port)[:2] == (server.port, protocols.HTTP1)


def test_who_closes_its_connections_while_it_loads_is_not_taken_for_another_protocol() -> None:
    ready_at = time.monotonic() + 0.6

    def behave(peer: Peer) -> None:
        if time.monotonic() >= ready_at:
            for_ever(ANSWER)(peer)

    with Server(behave) as server:
        assert answers(server.port)[1] == protocols.HTTP1


def test_who_closes_its_connections_for_long_speaks_something_else() -> None:
    with Server(lambda peer: peer.connection.recv(1)) as server:
        port, protocol, one = answers(server.port)
    assert (port, protocol) == (server.port, protocols.TCP)
    assert "closes at GET /: only its connections are counted" in scout._note(port, one)  # noqa: SLF001


def test_who_accepts_and_says_nothing_for_long_waits_for_another_protocol() -> None:
    with Server(lambda peer: peer.connection.recv(1 << 16) and peer.connection.recv(1)) as server:
        assert answers(server.port)[1] == protocols.TCP


def test_who_does_not_accept_is_not_ready_and_nothing_is_said_of_its_protocol() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(NoVerdict, match=rf"not within 3 s: .*\(port {port} does not answer GET /\)") as raised:
            answers(port, timeout=3.0)
    assert raised.value.log == "loading"


def test_an_error_that_stays_is_told_with_the_status() -> None:
    with (
        Server(for_ever(head("503 Service Unavailable"))) as server,
        pytest.raises(NoVerdict, match=r"port \d+ answers GET / with 503"),
    ):
        answers(server.port, timeout=0.5)


def test_a_port_that_is_listened_to_at_another_address_is_told_before_the_time_is_over() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(NoVerdict, match=rf"listens to port {port}, but not at its address 127.0.0.1: let it bind"):
            answers(port, timeout=60.0)


def test_a_protocol_that_is_given_is_spoken_over_tls_where_the_port_does(certificate: Path) -> None:
    with Server(encrypted(context(certificate), for_ever(ANSWER))) as server:
        port, protocol, one = answers(server.port, protocol=protocols.HTTP1)
    assert (port, protocol, one.tls) == (server.port, protocols.HTTP1, True)


def test_a_protocol_that_is_given_is_not_put_in_question() -> None:
    with (
        Server(answering(ANSWER)) as server,
        pytest.raises(NoVerdict, match=r"port \d+ answers GET / with 200"),
    ):
        answers(server.port, protocol=protocols.WS, timeout=0.5)
    assert answers(1, protocol=protocols.TCP)[:2] == (1, protocols.TCP)
