"""The kernel's count of resets, beside what the client counted."""

import contextlib
import socket
import struct
import subprocess
import sys
from pathlib import Path

from pyinit.rehearse import outcome, ready, resets
from pyinit.rehearse.judge import Tally
from pyinit.rehearse.resets import Check, check, differs, out_rsts
from tests.namespace import ROOT
from tests.rehearse.made import REQUESTED, asked, trial

TABLE = (
    "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: RtoAlgorithm OutSegs OutRsts InCsumErrors\nTcp: 1 900 16 0\nUdp: InDatagrams\n"
)

#: Run in a network namespace of its own, where nobody else resets anything.
IN_NAMESPACE = "import tests.rehearse.test_resets as it; it.count_in_an_idle_namespace()"


def test_the_count_is_read_by_the_name_of_its_column() -> None:
    assert out_rsts(TABLE) == 16
    assert out_rsts("Tcp: InSegs\nTcp: 5\n") is None
    assert out_rsts("") is None


def count_in_an_idle_namespace() -> None:
    """Print what the kernel sent and what our client saw of it."""

    def count() -> int:
        return out_rsts(Path("/proc/self/net/snmp").read_text()) or 0

    before, found = count(), []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found += [ready.ask("http1", "127.0.0.1", port, "/") for _ in range(3)]  # nobody listens
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.closing(socket.socket()) as client:
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
    sys.stdout.write(f"{count() - before} {sum(one.was_reset for one in found)}")


def test_the_kernel_of_an_idle_namespace_counts_one_for_each_connection_that_it_refuses_or_resets() -> None:
    script = f"ip link set lo up && exec {sys.executable} -c '{IN_NAMESPACE}'"
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "4 3", "three were refused, and the client was not told of one that was reset without a request"


def test_the_two_counts_agree_between_what_a_reset_ended_and_all_that_was_broken_off() -> None:
    lost = [
        asked(REQUESTED + 0.1, outcome.REFUSED, was_reset=True),
        asked(REQUESTED + 0.2, outcome.RESET_AFTER),
        asked(REQUESTED + 0.3, outcome.TIMEOUT),
        asked(REQUESTED - 5.0, outcome.REFUSED, was_reset=True),
        asked(REQUESTED + 0.1, outcome.EARLY, "new", was_reset=True),
    ]
    found = check(10, 12, lost, "old", REQUESTED)
    assert found == Check(sent=2, least=1, most=2)
    assert differs(found) == ""
    assert check(None, 12, lost, "old", REQUESTED) is None
    assert differs(Check(1, 1, 2)) == ""
    assert "sent 3 resets, and the client saw 2 of its requests broken off" in differs(Check(3, 1, 2))
    assert "saw 5 of its requests reset, and the kernel of the old container sent 3" in differs(Check(3, 5, 6))


def test_an_arm_has_the_counts_of_all_its_trials_or_none() -> None:
    one, unseen = trial(resets=Check(2, 1, 2)), trial()
    assert Tally("as-is", (one, one)).resets == Check(4, 2, 4)
    assert Tally("as-is", (one, unseen)).resets is None
    assert resets.count({"snmp": TABLE}.get) == 16
    assert resets.count(lambda _: None) is None
