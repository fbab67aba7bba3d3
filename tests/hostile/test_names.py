r"""Processes with names that would do something to a terminal, break a line, or are no UTF-8; and reasons of the same kind.

Nothing unprintable reaches a terminal, and JSON stays JSON, wherever pyinit tells of them: in the log, in the termination log,
in `pyinit --status`, over HTTP.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.pid1 import assert_asleep
from tests.live.conftest import APP_WORDS, Start
from tests.live.health import ask, helper
from tests.live.network import WITH_NETWORK, Network
from tests.namespace import ROOT, Namespace
from tests.waiting import wait_until

NAMED = (sys.executable, "-IS", str(ROOT / "tests" / "hostile" / "named.py"))

#: Of 15 bytes at most, as the kernel keeps them.
NAMES = {
    "a line end": b"a\npyinit: all w",
    "another line end": b"a\r\x0b\x0c\x1c\x85z",
    "an escape sequence": b"\x1b]0;owned\x07\x1b[2J",
    "control characters of eight bits": "\x9b31mred\x9d".encode(),
    "bad UTF-8": b"\xff\xfe\xc3(\xa0\xe2\x82",
    "what a parser of stat looks for": b"x) R 1 1 1 (y) ",
    "quotes": b'"\'\\\\"}, {"a',
    "directions of writing": "\u202egnp.\u2066".encode(),
    "nothing": b"",
}

#: What an attacker would have on a terminal, and what each of them begins with.
EVIL = b"\x1b]0;owned\x07\x1b[2J\x9b31m\rpyinit: all is well\x7f"


def assert_printable(text: bytes) -> None:
    """Every line holds what a terminal shows, and nothing that it obeys."""
    assert text.endswith(b"\n")
    for line in text.decode().split("\n"):
        assert line.isprintable(), line


def objects(text: bytes) -> list[dict[str, object]]:
    """The lines of a JSON log; each must be one object."""
    found = [json.loads(line) for line in text.splitlines()]
    assert all(isinstance(one, dict) for one in found)
    return found


def hex_of(name: bytes) -> str:
    """As named.py takes it."""
    return name.hex() or "-"


def status(namespace: Namespace, pyinit: list[str], *words: str) -> bytes:
    """What `pyinit --status` prints in there."""
    entered = ["nsenter", f"--target={namespace.init.pid}", "--pid", "--mount", "--"]
    done = subprocess.run([*entered, *pyinit, "--status", *words], capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    return done.stdout


@pytest.mark.parametrize("layout", ["text", "json"])
def test_names_of_any_bytes_are_shown_as_what_they_are_and_obeyed_by_nobody(
    start: Start, pyinit: list[str], tmp_path: Path, layout: str
) -> None:
    summary = tmp_path / "summary"
    options = ("--log-level=debug", f"--log-format={layout}", f"--termination-log={summary}", "--settle=0.1")
    namespace = start(*options, "--", *NAMED, *map(hex_of, NAMES.values()))
    namespace.wait_for_output("ready\n", times=len(NAMES))
    assert_asleep(namespace)

    assert_printable(status(namespace, pyinit))
    document = json.loads(status(namespace, pyinit, "--json"))
    names = [process["name"] for process in document["processes"]]
    for name in NAMES.values():
        assert name.decode(errors="replace") in names, "programs get the name as it is, and escape it themselves"
    assert document["stop"]["signalled"], "none has fallen out of the table"

    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    log = (tmp_path / "stderr").read_bytes()
    assert_printable(log)
    if layout == "json":
        assert {"stop_requested", "signalled", "exit"} <= {str(entry["event"]) for entry in objects(log)}
    assert_printable(summary.read_bytes())
    assert summary.read_bytes().count(b"\n") == 1
    assert namespace.stdout.count("got SIGTERM") == len(NAMES), "told once, whatever they are called"


@pytest.mark.parametrize("layout", ["text", "json"])
def test_a_reason_of_any_bytes_reaches_the_log_and_the_termination_log_as_text(
    start: Start, tmp_path: Path, layout: str
) -> None:
    """The helper listens to strangers. If one of them takes it over, it can write what it likes into the pipe to PID 1."""
    summary = tmp_path / "summary"
    options = (
        f"--log-format={layout}",
        f"--termination-log={summary}",
        "--ready=tcp:1",
        "--start-timeout=2",
        "--grace-period=1",
    )
    namespace = start(*options, "--", "sleep", "1000")
    process = helper(namespace)
    report(process.pid, b"verdict\tno\t" + EVIL)
    assert namespace.wait() == 124
    told = summary.read_bytes()
    assert b"owned" in told, "or this would prove nothing"
    assert_printable(told)
    assert told.count(b"\n") == 1
    log = (tmp_path / "stderr").read_bytes()
    assert_printable(log)
    if layout == "json":
        assert objects(log)


def report(helper_pid: int, line: bytes) -> None:
    """Write a line into the pipe by which a helper reports, as whoever has taken it over could."""
    stopped = [path for path in Path(f"/proc/{helper_pid}/fd").iterdir() if is_pipe_for_writing(path)]
    assert stopped, "the pipe of reports"
    for path in stopped:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(line + b"\n")


def is_pipe_for_writing(path: Path) -> bool:
    """Whether a link of /proc/PID/fd is a pipe's end that can be written to."""
    return path.readlink().name.startswith("pipe:") and bool(path.lstat().st_mode & 0o200)


def test_whatever_the_command_says_of_itself_is_shown_as_text(start: Start, pyinit: list[str], tmp_path: Path) -> None:
    """STATUS= of sd_notify(3) is UTF-8, and may hold anything that UTF-8 can say."""
    words = b"STATUS=\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\r\x7f\xe2\x80\xae"
    namespace = start(
        "--ready=notify", "--health-listen=8081", "--", *NAMED, "--notify", words.hex(), "-", unshare=WITH_NETWORK
    )
    namespace.wait_for_output("ready")
    wait_until(lambda: b"owned" in status(namespace, pyinit), "the status is shown")
    assert_printable(status(namespace, pyinit))
    assert json.loads(status(namespace, pyinit, "--json"))["readiness"]["notify_status"] == words[7:].decode()
    with Network(namespace.init.pid) as network:
        answer = ask(network)
        assert answer.status == 503
        assert b"\x1b" not in json.dumps(answer.body).encode()
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert_printable((tmp_path / "stderr").read_bytes())


def test_a_command_of_any_name_that_cannot_be_started_is_told_of_in_one_printable_line(start: Start, tmp_path: Path) -> None:
    for name in (value for value in NAMES.values() if value and b"\0" not in value):
        namespace = start("--", b"/no/such/" + name)
        assert namespace.wait() == 127
        said = (tmp_path / "stderr").read_bytes()
        assert_printable(said)
        assert said.count(b"\n") == 1


def test_the_path_of_a_termination_log_may_hold_anything(start: Start, tmp_path: Path) -> None:
    namespace = start(b"--termination-log=" + bytes(tmp_path) + b"/\x1b[2J\n\xff", "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert_printable((tmp_path / "stderr").read_bytes())
    [written] = [path for path in tmp_path.iterdir() if b"\x1b" in bytes(path)]
    assert_printable(written.read_bytes())
