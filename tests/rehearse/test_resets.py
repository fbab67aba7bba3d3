"""The resets that a network namespace sends, by real ones, and what is said where they are not those that the client saw."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pyinit.rehearse import crosscheck, outcome
from pyinit.rehearse.judge import Tally
from pyinit.rehearse.outcome import Outcome
from pyinit.rehearse.place import opened
from pyinit.rehearse.resets import Resets, parse
from pyinit.rehearse.result import NEW, OLD, Trial
from tests.rehearse.made import REQUESTED, asked, trial

#: Connects to a closed port of its own namespace as often as its stdin says, a number per line, and answers each line.
REFUSED = """
import socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
print("up", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        with socket.socket() as one:
            assert one.connect_ex(("127.0.0.1", 9)) == 111
    print("done", flush=True)
"""


@pytest.fixture
def alone() -> Iterator["subprocess.Popen[str]"]:
    """A process in a network namespace of its own."""
    words = ["unshare", "--net", sys.executable, "-c", REFUSED]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert said(process) == "up\n"
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def refuse(process: "subprocess.Popen[str]", times: int) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{times}\n")
    process.stdin.flush()
    assert said(process) == "done\n"


def test_each_refused_connection_is_a_reset_and_can_be_counted_also_when_its_namespace_has_no_process_left(
    alone: "subprocess.Popen[str]",
) -> None:
    refuse(alone, 2)
    with opened(alone.pid) as read:
        resets = Resets(read)
        assert resets.count() == 0
        refuse(alone, 3)
        assert resets.count() == 3
        refuse(alone, 4)
        alone.kill()
        alone.wait()
        assert resets.count() == 7


def test_what_cannot_be_read_is_not_known() -> None:
    with opened(4194305) as read:
        assert Resets(read).count() is None
    assert Resets(lambda _: "no table").count() is None


def test_the_field_is_found_by_its_name() -> None:
    assert parse("Ip: A B\nIp: 1 2\nTcp: X OutRsts InErrs\nTcp: -1 17 3\nUdp: A\nUdp: 1\n") == 17
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        parse("Tcp: X\n")


def reset(at: float, replica: str = OLD) -> Outcome:
    return asked(at, outcome.REFUSED, replica, by_reset=True)


def of(sent: int | None, *outcomes: Outcome) -> Tally:
    made: Trial = replace(trial(further=outcomes), resets=sent)
    return Tally("as-is", (made,))


def test_what_came_before_the_stop_or_behind_the_end_or_from_the_new_one_is_not_compared() -> None:
    counted = [reset(REQUESTED + 0.1), reset(REQUESTED + 6.0)]
    others = [reset(REQUESTED - 1), reset(REQUESTED + 8), reset(REQUESTED + 1, replica=NEW), asked(REQUESTED + 1, outcome.CUT)]
    found = of(2, *counted, *others)
    assert crosscheck.resets(found) == (2, 2)
    assert crosscheck.disagreement(found) == ""


def test_a_request_to_a_connection_that_the_server_has_closed_may_be_answered_with_a_reset_that_nobody_sees() -> None:
    closed = asked(REQUESTED + 1, outcome.RESET_AFTER, kept=True)
    assert crosscheck.disagreement(of(1, reset(REQUESTED + 1), closed)) == ""
    assert crosscheck.disagreement(of(2, reset(REQUESTED + 1), closed)) == ""
    assert "sent 3 TCP resets, and the client saw 1, and 1 more requests that were broken off" in crosscheck.disagreement(
        of(3, reset(REQUESTED + 1), closed)
    )


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (None, ""),
        (1, ""),
        (5, "sent 5 TCP resets, and the client saw 1, and 0 more .*; the others"),
        (0, "sent 0 .* saw 1; some came when"),
    ],
)
def test_a_disagreement_is_told_with_what_it_can_come_from(sent: int | None, says: str) -> None:
    found = crosscheck.disagreement(of(sent, reset(REQUESTED + 1)))
    assert bool(found) == bool(says)
    assert re.search(says, found)
