"""Counters: what /proc/net/snmp and /proc/net/netstat say."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.kernel import system
from pyinit.traffic import counters
from pyinit.traffic.counters import Counters

SNMP = b"""\
Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 9
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 3 41 0 1 2 300 400 5 0 17 0
Udp: InDatagrams NoPorts
Udp: 8 9
"""  # noqa: E501 - as the kernel writes it

NETSTAT = b"""\
TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPAbortOnData TCPAbortOnClose
TcpExt: 0 3 4 5 6
IpExt: InNoRoutes OutRsts
IpExt: 77 99
"""

NAMES = st.text("ABCabc", min_size=1, max_size=8).map(str.encode)
VALUES = st.integers(-1, 1 << 64)


def reading(monkeypatch: pytest.MonkeyPatch, snmp: bytes, netstat: bytes) -> Counters | None:
    """What is read where these are the files."""
    files = {"/proc/self/net/snmp": snmp, "/proc/self/net/netstat": netstat}
    monkeypatch.setattr(system, "read_file", files.__getitem__)
    return counters.read()


def test_the_counters_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading(monkeypatch, SNMP, NETSTAT) == Counters(opened=41, resets=17, overflows=3, drops=4, unread=6)


def test_a_name_of_another_table_is_another_counter() -> None:
    assert counters.parse(NETSTAT).keys() == {
        b"SyncookiesSent",
        b"ListenOverflows",
        b"ListenDrops",
        b"TCPAbortOnData",
        b"TCPAbortOnClose",
    }


@pytest.mark.parametrize("netstat", [b"", b"IpExt: InNoRoutes\nIpExt: 1\n"])
def test_where_the_second_table_is_missing_its_counters_stand_still(monkeypatch: pytest.MonkeyPatch, netstat: bytes) -> None:
    assert reading(monkeypatch, SNMP, netstat) == Counters(41, 17, 0, 0, 0)


@pytest.mark.parametrize(
    "snmp",
    [
        b"",
        b"Tcp: RtoAlgorithm RtoMin\nTcp: 1 200\n",
        b"Tcp: PassiveOpens\nTcp: 1\n",
        b"Tcp: PassiveOpens OutRsts\nTcp: 41 many\n",
        SNMP[: SNMP.index(b" 41 ")],
    ],
    ids=["no file", "other counters", "half of them", "no numbers", "cut off"],
)
def test_where_the_first_table_does_not_tell_nothing_is_known(monkeypatch: pytest.MonkeyPatch, snmp: bytes) -> None:
    assert reading(monkeypatch, snmp, NETSTAT) is None


def test_the_real_files_tell() -> None:
    read = counters.read()
    assert read is not None
    assert min(read.opened, read.resets, read.overflows, read.drops, read.unread) >= 0


@given(st.dictionaries(NAMES, VALUES), st.sampled_from([b"Tcp", b"TcpExt"]))
def test_every_table_is_read_back_as_it_was_written(table: dict[bytes, int], name: bytes) -> None:
    names = b" ".join([name + b":", *table])
    values = b" ".join([name + b":", *(b"%d" % value for value in table.values())])
    assert counters.parse(names + b"\n" + values + b"\n") == table


@given(st.binary() | st.lists(st.sampled_from([b"Tcp:", b"TcpExt:", b" A", b" 1", b" x", b"\n"])).map(b"".join))
def test_nonsense_is_no_counter_and_nothing_worse(text: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(value, int) for value in counters.parse(text).values())


@given(st.integers(0, len(SNMP)))
def test_a_table_that_is_cut_off_has_no_wrong_names(size: int) -> None:
    with contextlib.suppress(ValueError):
        assert counters.parse(SNMP[:size]).keys() <= counters.parse(SNMP).keys()
