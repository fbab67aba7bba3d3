"""Which ports are listened to, by the tables of the kernel."""

import socket
from pathlib import Path

from pyinit.rehearse.listening import Listener, choose, listeners, parse, takes

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"


def table_of_ours(name: str) -> str:
    return Path(f"/proc/self/net/{name}").read_text()


def test_a_table_tells_the_ports_but_that_of_the_engines_dns_and_whether_anybody_else_reaches_them() -> None:
    table = (
        HEAD + "   0: 00000000:1F40 00000000:0000 0A 0:0\n"
        "   1: 0100007F:1F90 00000000:0000 0A 0:0\n"
        "   2: 0B00007F:0035 00000000:0000 0A 0:0\n"
        "   3: 020017AC:1F40 010017AC:D431 01 0:0\n"
        "   4: 00000000000000000000000001000000:0050 0:0000 0A 0:0\n"
        "   5: 00000000000000000000000000000000:01BB 0:0000 0A 0:0\n"
    )
    assert parse(table) == [
        Listener(8000, False),
        Listener(8080, True),
        Listener(80, True),
        Listener(443, False),
    ]


def test_a_listener_of_this_process_is_found_and_takes_connections() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server, socket.create_server(("127.0.0.1", 0)) as local:  # noqa: S104
        port, its_port = server.getsockname()[1], local.getsockname()[1]
        found = listeners(table_of_ours)
        assert found is not None
        assert {Listener(port, False), Listener(its_port, True)} <= set(found)
        assert takes("127.0.0.1", port)
    assert not takes("127.0.0.1", port)


def test_who_waits_to_be_accepted_is_counted() -> None:
    def waiting() -> list[int]:
        return [one.waiting for one in listeners(table_of_ours) or () if one.port == port]

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            assert waiting() == [2]
            server.accept()[0].close()
            assert waiting() == [1]


def test_a_declared_port_that_is_listened_to_is_the_one() -> None:
    found = [Listener(9000, False), Listener(8000, False), Listener(7000, True)]
    assert choose([8000, 8001], found, "") == [8000]
    assert choose([8001], found, "") == [8000, 9000]
    assert choose([], found, "") == [8000, 9000]
    assert choose([7000], [Listener(7000, True)], "") == []


def test_where_the_tables_cannot_be_read_declared_ports_are_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert choose([port], None, "127.0.0.1") == [port]
    assert choose([port], None, "127.0.0.1") == []
    assert listeners(lambda _: None) is None
