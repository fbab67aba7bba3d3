"""What a port speaks is found out, of real servers and of such that do one thing each; and they are sent nothing else."""

import contextlib
import datetime
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from functools import partial
from pathlib import Path

import grpc
import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from pyinit.rehearse import outcome, protocols, spoken
from pyinit.rehearse.spoken import Spoken
from tests.rehearse.test_client import ANSWER, Behaviour, Peer, Server, answering, by_clock, for_ever, plan
from tests.rehearse.test_protocols import answered, http2, websocket, well, with_status


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of nobody in particular, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example.org")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def context(certificate: Path, *alpn: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    if alpn:
        made.set_alpn_protocols(alpn)
    return made


def encrypted(made: ssl.SSLContext, behaviour: Behaviour) -> Behaviour:
    """The same behaviour, inside of TLS; without it, the connection is closed as the handshake fails."""

    def behave(peer: Peer) -> None:
        with (
            contextlib.suppress(OSError, h2.exceptions.ProtocolError),
            made.wrap_socket(peer.connection, server_side=True) as inside,
        ):
            behaviour(Peer(inside, peer.number))

    return behave


def look(port: int) -> Spoken:
    return spoken.look("127.0.0.1", port, "/")


def of(behaviour: Behaviour) -> Spoken:
    with Server(behaviour) as server:
        return look(server.port)


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "", ""]).encode()


class Unread:
    """A connection of which some bytes have been read already."""

    def __init__(self, read: bytes, connection: socket.socket) -> None:
        self._read, self._connection = read, connection
        self.sendall = connection.sendall

    def recv(self, size: int) -> bytes:
        """What was read; then what comes."""
        read, self._read = self._read, b""
        return read or self._connection.recv(size)


def asking_for_an_upgrade(refusal: bytes) -> Behaviour:
    """A server of WebSockets that refuses what is no handshake."""

    def behave(peer: Peer) -> None:
        read = peer.connection.recv(1 << 16)
        if b"sec-websocket-key" in read.lower():
            websocket(answered)(Peer(Unread(read, peer.connection), peer.number))  # type: ignore[arg-type]
        elif read:
            peer.send(refusal)

    return behave


def that_waits_for_its_preface(behaviour: Behaviour) -> Behaviour:
    """A server that says nothing before the client has said "PRI", and closes where it says anything else."""

    def behave(peer: Peer) -> None:
        if peer.connection.recv(3, socket.MSG_PEEK) == b"PRI":
            behaviour(peer)

    return behave


@pytest.mark.parametrize(
    ("behaviour", "protocol"),
    [
        (for_ever(ANSWER), protocols.HTTP1),
        (for_ever(head("404 Not Found")), protocols.HTTP1),
        (for_ever(head("400 Bad Request")), protocols.HTTP1),
        (for_ever(head("426 Upgrade Required", "Upgrade: h2c")), protocols.HTTP1),
        (for_ever(head("426 Upgrade Required", "Upgrade: websocket")), protocols.HTTP1),
        (asking_for_an_upgrade(head("426 Upgrade Required", "Upgrade: websocket")), protocols.WS),
        (asking_for_an_upgrade(head("426 Upgrade Required")), protocols.WS),
        (asking_for_an_upgrade(head("400 Bad Request", "Sec-Websocket-Version: 13")), protocols.WS),
        (http2(well), protocols.H2C),
        (that_waits_for_its_preface(http2(well)), protocols.H2C),
        (that_waits_for_its_preface(http2(with_status("404"))), protocols.H2C),
        (lambda peer: peer.send(b"220 mail.example.org ESMTP\r\n"), protocols.TCP),
        (answering(b"-ERR unknown command 'GET'\r\n"), protocols.TCP),
        (answering(b""), protocols.TCP),
        (lambda peer: peer.request() and peer.reset(), protocols.TCP),
    ],
    ids=[
        "http1",
        "404",
        "400",
        "an upgrade to something else",
        "an upgrade that fails",
        "426 with a header",
        "426",
        "400",
        "h2c",
        "h2c that waits",
        "h2c without the path",
        "a greeting",
        "another answer",
        "an end",
        "a reset",
    ],
)
def test_a_server_is_known_by_what_it_does(behaviour: Behaviour, protocol: str) -> None:
    found = of(behaviour)
    assert (found.protocol, found.serves, found.tls) == (protocol, True, False), found


@pytest.mark.parametrize("behaviour", [for_ever(head("503 Service Unavailable")), http2(with_status("503"))])
def test_an_error_of_the_server_tells_its_protocol_and_that_it_is_not_ready(behaviour: Behaviour) -> None:
    found = of(behaviour)
    assert found.protocol in (protocols.HTTP1, protocols.H2C)
    assert not found.serves
    assert "answers GET / with 503" in found.says


def test_who_says_nothing_to_a_get_is_asked_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken, "PATIENCE", 0.3)
    heard: list[bytes] = []

    def behave(peer: Peer) -> None:
        while data := peer.connection.recv(1 << 16):
            heard.append(data)

    found = of(behave)
    assert (found.protocol, found.serves, found.is_silent) == (None, False, True)
    assert [data.splitlines()[0] for data in heard] == [b"GET / HTTP/1.1"]


def test_who_speaks_first_hears_nothing() -> None:
    heard: list[bytes] = []

    def behave(peer: Peer) -> None:
        peer.send(b"\x4a\0\0\0\x0a8.0.36\0")  # as MySQL does
        while data := peer.connection.recv(1 << 16):
            heard.append(data)

    assert of(behave).protocol == protocols.TCP
    assert heard == []


def test_where_nobody_listens_nothing_is_known() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        found = look(bound.getsockname()[1])
    assert (found.protocol, found.serves, found.says) == (None, False, "takes no connection")


def test_who_closes_at_once_is_nothing_yet() -> None:
    assert of(Peer.reset).protocol is None


@contextlib.contextmanager
def grpc_server(with_health: bool, certificate: Path | None = None) -> Iterator[int]:
    """A server of grpcio; return its port."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    if with_health:
        servicer = health.HealthServicer()
        servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if certificate is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pem = certificate.read_bytes()
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(pem, pem)]))
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("with_health", [True, False])
@pytest.mark.parametrize("has_tls", [False, True])
def test_grpc_is_found_also_without_a_health_service_and_over_tls(certificate: Path, with_health: bool, has_tls: bool) -> None:
    with grpc_server(with_health, certificate if has_tls else None) as port:
        found = look(port)
        assert (found.protocol, found.serves, found.tls) == (protocols.GRPC, True, has_tls), found
        asked = by_clock(plan(port, protocol=protocols.GRPC, tls=has_tls, rate_kept=20, first_error=500), 30)
    assert {one.kind for one in asked} == {outcome.OK}


def test_a_server_of_http2_that_answers_a_get_well_gets_no_post() -> None:
    methods: list[bytes] = []

    def behave(peer: Peer) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        peer.send(http.data_to_send())
        while data := peer.connection.recv(1 << 16):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    methods.append(dict(event.headers)[b":method"])
                elif isinstance(event, h2.events.StreamEnded):
                    well(http, event.stream_id, peer)
            peer.send(http.data_to_send())

    assert of(behave).protocol == protocols.H2C
    assert methods == [b"GET"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """The files of a folder, and no log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def web_server(folder: Path, certificate: Path) -> Iterator[int]:
    """Python's own over TLS; return its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    server.socket = context(certificate).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # of those who speak no TLS
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_tls_is_found_and_requests_over_it_are_answered_and_kept(certificate: Path, tmp_path: Path) -> None:
    with web_server(tmp_path, certificate) as port:
        found = look(port)
        assert (found.protocol, found.serves, found.tls) == (protocols.HTTP1, True, True), found
        outcomes = by_clock(plan(port, rate_new=20, rate_kept=20, connections=2, tls=True), 160)
    assert {one.kind for one in outcomes} == {outcome.OK}
    assert {one.kept for one in outcomes} == {True, False}


SAYS_SO = head("400 Bad Request").replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 54\r\n\r\n") + (
    b"The plain HTTP request was sent to an HTTPS server.\r\n\n"
)


def that_says_so(made: ssl.SSLContext, behaviour: Behaviour) -> Behaviour:
    """As nginx and Go do it: HTTP without TLS is answered, with 400."""

    def behave(peer: Peer) -> None:
        if peer.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            encrypted(made, behaviour)(peer)
        elif peer.request():
            peer.send(SAYS_SO)

    return behave


@pytest.mark.parametrize(
    ("alpn", "behaviour", "protocol"),
    [
        ((), for_ever(ANSWER), protocols.HTTP1),
        (("h2", "http/1.1"), for_ever(ANSWER), protocols.HTTP1),
        (("h2",), http2(well), protocols.H2C),
        ((), asking_for_an_upgrade(head("426 Upgrade Required")), protocols.WS),
        ((), answering(b"-ERR unknown command 'GET'\r\n"), protocols.TCP),
    ],
    ids=["http1", "both", "h2", "ws", "tcp"],
)
@pytest.mark.parametrize("wrapped", [encrypted, that_says_so])
def test_inside_of_tls_the_same_is_found(
    certificate: Path,
    alpn: tuple[str, ...],
    behaviour: Behaviour,
    protocol: str,
    wrapped: Callable[[ssl.SSLContext, Behaviour], Behaviour],
) -> None:
    found = of(wrapped(context(certificate, *alpn), behaviour))
    assert (found.protocol, found.serves, found.tls) == (protocol, True, True), found


def test_a_server_that_wants_a_certificate_of_its_clients_is_told_as_such(certificate: Path) -> None:
    made = context(certificate)
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(certificate)
    found = of(encrypted(made, for_ever(ANSWER)))
    assert (found.protocol, found.serves, found.tls) == (None, False, True)
    assert "CERTIFICATE_REQUIRED" in found.says


def test_an_answer_that_only_speaks_of_https_is_one_of_http() -> None:
    found = of(for_ever(SAYS_SO))
    assert (found.protocol, found.tls) == (protocols.HTTP1, False)
