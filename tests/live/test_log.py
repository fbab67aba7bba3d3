"""The log: silent while nothing happens, a handful of lines for a stop, one JSON object per line on request."""

import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.namespace import Namespace, after
from tests.waiting import PATIENCE, wait_until

Script = Callable[..., str]

#: A process that handles SIGTERM under a name with a line end, a quote, a backslash and bytes that are no UTF-8.
ODD_NAME = (
    "import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, {15}); signal.signal(15, lambda *_: None); "
    "open('/proc/self/comm', 'wb').write(b'o\\n\"\\\\\\xff\\x1b[m'); os.write(1, b'odd ready\\n'); signal.sigwait({15})"
)


def lines_of_a_stop(start: Start, script: Script, *options: str) -> list[str]:
    """Stop a start.sh whose application takes its time, under these options; return the lines of the log."""
    namespace = start(*options, "--", script("APP\nexit 3"))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 3
    return namespace.stderr.splitlines()


def objects(namespace: Namespace) -> list[dict[str, Any]]:
    """The lines of a log in JSON, each of which must be an object with the keys that every one has."""
    found = [json.loads(line) for line in namespace.stderr.splitlines()]
    for entry in found:
        assert list(entry)[:4] == ["time", "level", "event", "message"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])
        assert entry["level"] in ("error", "warning", "info", "debug")
        assert re.fullmatch(r"[a-z_]+", entry["event"])
        assert entry["message"]
        assert "\n" not in entry["message"]
    return found


# --- what is said, and what not --------------------------------------------------------------------------------------------


def test_nothing_is_said_of_a_command_that_runs_and_exits_by_itself(start: Start) -> None:
    namespace = start("--", "sh", "-c", "(exit 1) & (exit 2) & wait; exit 3")
    assert namespace.wait() == 3
    assert namespace.stderr == ""


def test_nothing_is_said_of_a_command_that_dies_of_a_signal_of_its_own(start: Start) -> None:
    namespace = start("--", "sh", "-c", "kill -KILL $$")
    assert namespace.wait() == 137
    assert namespace.stderr == ""


def test_nothing_is_said_of_signals_that_are_merely_forwarded_and_of_orphans(start: Start) -> None:
    namespace = start("--", "sh", "-c", f"(setsid true &); {APP_WORDS} --on TERM,HUP,USR1; exit 3")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGHUP)
    namespace.wait_for_output("app got SIGHUP")
    namespace.signal(signal.SIGWINCH)
    namespace.signal(signal.SIGUSR1)
    namespace.wait_for_output("app got SIGUSR1")
    assert namespace.stderr == ""


def test_a_stop_is_told_in_a_handful_of_lines(start: Start, script: Script) -> None:
    lines = lines_of_a_stop(start, script)
    shapes = [
        r"pyinit: stop requested: SIGTERM from outside the container \(uid 0\)",
        r"pyinit: SIGTERM to (\d+) \(python\S*\); held back: (\d+) \(start\.sh\), until \1 \(python\S*\) has gone",
        r"pyinit: the last handler has gone, 0\.\ds after the stop request; those held back have 1s to end by themselves",
        r"pyinit: the command exited with status 3, 0\.\ds after the stop request",
        r"pyinit: exit status 3, 0\.\ds after the stop request",
    ]
    matched = [next((shape for shape in shapes if re.fullmatch(shape, line)), line) for line in lines]
    # The shell may be reaped together with its application; then there is nothing to settle.
    assert [shape for shape in shapes if shape != shapes[2]] == [shape for shape in matched if shape != shapes[2]]


def test_a_stop_request_from_within_tells_the_process_that_sent_it(start: Start) -> None:
    namespace = start("--", "sh", "-c", f"{APP_WORDS} & echo sender $$; kill -TERM 1; wait")
    assert namespace.wait() is not None
    sender = re.findall(r"sender (\d+)", namespace.stdout)[0]
    assert f"stop requested: SIGTERM from pid {sender} (uid 0)" in namespace.stderr


def test_a_status_that_was_mapped_is_told_with_the_one_that_it_was(start: Start) -> None:
    namespace = start("--map-status", "7:0", "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 0
    assert namespace.stderr.splitlines()[-1].startswith("pyinit: exit status 0 (mapped from 7), ")


def test_what_a_command_leaves_behind_is_told(start: Start) -> None:
    namespace = start("--", "sh", "-c", "setsid sleep 1000 & exit 3")
    assert namespace.wait() == 3
    assert re.search(r"^pyinit: the command exited with status 3, 0(\.\d)?s after the start$", namespace.stderr, re.MULTILINE)
    assert re.search(r"^pyinit: SIGTERM to \d+ \(\S+\)$", namespace.stderr, re.MULTILINE)


# --- levels ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["warning", "error"])
def test_a_higher_level_says_nothing_of_a_stop_that_goes_well(start: Start, script: Script, level: str) -> None:
    assert lines_of_a_stop(start, script, "--log-level", level) == []


def test_a_warning_is_said_at_its_level_and_not_above(start: Start) -> None:
    for level, said in (("warning", True), ("error", False)):
        namespace = start("--log-level", level, "--", "true", env={"PATH": "/bin:/usr/bin", "PYINIT_TYPO": "1"})
        assert namespace.wait() == 0
        assert namespace.stderr.startswith("pyinit: warning: PYINIT_TYPO ") == said


def test_debug_tells_more(start: Start) -> None:
    namespace = start("--log-level", "debug", "--", "sh", "-c", f"{APP_WORDS} --on USR1,TERM; exit 3")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGUSR1)
    namespace.wait_for_output("app got SIGUSR1")
    namespace.wait_for_log("SIGUSR1 to ")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 3


# --- json ------------------------------------------------------------------------------------------------------------------


def test_every_line_is_one_json_object_with_stable_keys(start: Start, script: Script) -> None:
    namespace = start("--log-format", "json", "--pre-stop-delay", "0.2", "--pre-stop", "exit 1", "--", script("APP\nexit 3"))
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 3
    by_event = {entry["event"]: entry for entry in objects(namespace)}
    requested = by_event["stop_requested"]
    assert (requested["signal"], requested["sender_pid"], requested["sender_uid"]) == ("SIGTERM", 0, 0)
    assert (requested["phase"], requested["pre_stop_delay"], requested["pre_stop"]) == ("running", 0.2, "exit 1")
    assert (by_event["pre_stop_exited"]["level"], by_event["pre_stop_exited"]["status"]) == ("warning", 1)
    signalled = by_event["signalled"]
    assert (signalled["signal"], len(signalled["pids"]), len(signalled["held"])) == ("SIGTERM", 1, 1)
    assert signalled["ignored_by"] == []
    exited = by_event["command_exited"]
    assert (exited["pid"], exited["status"], exited["killed_by"]) == (signalled["held"][0], 3, None)
    assert 0.6 <= exited["seconds"] < 20
    assert (by_event["exit"]["status"], by_event["exit"]["command_status"]) == (3, 3)


def test_the_end_of_the_grace_period_is_told_in_json(start: Start) -> None:
    namespace = start("--log-format", "json", "--grace-period", "0.3", "--", *APP_WORDS.split(), "--drain", "1000")
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 137
    by_event = {entry["event"]: entry for entry in objects(namespace)}
    assert (by_event["killing"]["level"], by_event["killing"]["option"]) == ("warning", "--grace-period")
    assert by_event["command_exited"]["killed_by"] == "SIGKILL"


def test_a_command_that_cannot_be_started_is_told_in_json(start: Start) -> None:
    namespace = start("--log-format", "json", "--", "no-such-command")
    assert namespace.wait() == 127
    [entry] = objects(namespace)
    assert (entry["level"], entry["event"], entry["status"]) == ("error", "not_started", 127)


def test_names_of_processes_may_hold_anything(start: Start) -> None:
    for layout in ("json", "text"):
        odd = shlex.join([sys.executable, "-IS", "-c", ODD_NAME])
        namespace = start("--log-format", layout, "--settle", "0.1", "--", "sh", "-c", f"{odd}; exit 3")
        namespace.wait_for_output("odd ready")
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 3
        assert "\x1b" not in namespace.stderr
        if layout == "json":
            [signalled] = [entry for entry in objects(namespace) if entry["event"] == "signalled"]
            assert '"' in signalled["message"]
        else:
            assert all(line.startswith("pyinit: ") for line in namespace.stderr.splitlines())


def test_a_command_name_of_undecodable_bytes_is_one_line_in_both_formats(start: Start) -> None:
    for layout in ("json", "text"):
        namespace = start("--log-format", layout, "--", b'/no/\xff\n"\\such')
        assert namespace.wait() == 127
        assert len(namespace.stderr.splitlines()) == 1
        if layout == "json":
            assert objects(namespace)[0]["event"] == "not_started"


def test_a_very_long_line_is_still_one_json_object(start: Start) -> None:
    namespace = start("--log-format", "json", "--", "/no/" + "x" * 3000 + "\N{SNOWMAN}" * 500)
    assert namespace.wait() == 126  # ENAMETOOLONG
    [entry] = objects(namespace)
    assert entry["event"] == "not_started"


# --- the termination log ---------------------------------------------------------------------------------------------------

SUMMARY = (
    r"pyinit: stop requested: SIGTERM from outside the container \(uid 0\); "
    r"the command exited with status 7, 0(\.\d)?s after the stop request; exit status 7, 0(\.\d)?s after the stop request\n"
)


def stop_application(namespace: Namespace) -> None:
    """Stop the application, which exits with 7."""
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7


def test_the_termination_log_gets_one_line_of_summary(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    stop_application(start("--termination-log", str(path), "--", *APP_WORDS.split()))
    assert re.fullmatch(SUMMARY, path.read_text())


def test_the_termination_log_keeps_what_the_application_wrote_there(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    namespace = start("--termination-log", str(path), "--", "sh", "-c", f"echo my last words >{path}; exit 9")
    assert namespace.wait() == 9
    assert path.read_text().startswith("my last words\npyinit: the command exited with status 9, ")


def test_where_sigkill_comes_first_the_termination_log_tells_how_far_the_stop_had_come(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    namespace = start("--termination-log", str(path), "--pre-stop-delay", "1000", "--", *APP_WORDS.split())
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    heading = "pyinit: stop requested: SIGTERM from outside the container (uid 0); not finished yet: "
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"), "the first line", PATIENCE)
    namespace.signal(signal.SIGKILL)
    namespace.wait()
    assert path.read_text() == heading + "the command keeps serving for 1000s\n"


def test_what_was_noted_before_the_end_is_replaced_and_what_others_wrote_stays(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    path.write_text("from before\n")
    script = f"trap 'echo my last words >>{path}; exit 7' TERM; echo app ready; while :; do sleep 0.01; done"
    stop_application(start("--termination-log", str(path), "--", "sh", "-c", script))
    first, second, last = path.read_text().splitlines(keepends=True)
    assert (first, second) == ("from before\n", "my last words\n")
    assert re.fullmatch(SUMMARY, last)


def test_by_default_the_termination_log_is_that_of_kubernetes_where_it_exists(start: Start, tmp_path: Path) -> None:
    path, unshare = that_of_kubernetes(tmp_path)
    stop_application(start("--", *APP_WORDS.split(), unshare=unshare))
    assert re.fullmatch(SUMMARY, path.read_text())


def that_of_kubernetes(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """An empty file, and what makes a namespace in which it is the one where Kubernetes looks."""
    path = folder / "termination-log"
    path.touch()
    dev = (
        f"mkdir {folder}/dev && touch {folder}/dev/null {folder}/dev/termination-log",
        f"mount --bind /dev/null {folder}/dev/null && mount --bind {path} {folder}/dev/termination-log",
        f"mount --rbind {folder}/dev /dev",
    )
    return path, after("\n".join(dev))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--pre-stop-delay=soon", "--", "true"], 125, "--pre-stop-delay: 'soon' is not a time"),
        (["--", "no-such-program"], 127, "cannot execute no-such-program: not found in PATH"),
    ],
)
def test_why_nothing_was_started_is_in_the_termination_log(
    start: Start, tmp_path: Path, words: list[str], status: int, said: str
) -> None:
    path, unshare = that_of_kubernetes(tmp_path)
    namespace = start(*words, unshare=unshare)
    assert namespace.wait() == status
    assert path.read_text().startswith(f"pyinit: {said}")
    assert path.read_text() == namespace.stderr.replace("pyinit: error: ", "pyinit: ")


def test_the_termination_log_of_kubernetes_is_not_made_where_it_is_missing(start: Start, tmp_path: Path) -> None:
    dev = tmp_path / "dev"
    dev.mkdir()
    namespace = start("--", *APP_WORDS.split(), unshare=after(f"mount --bind {dev} /dev"))
    stop_application(namespace)
    assert "termination" not in namespace.stderr
    assert list(dev.iterdir()) == []


def test_a_termination_log_that_cannot_be_written_is_warned_of_and_changes_nothing(start: Start, tmp_path: Path) -> None:
    for path, reason in (("/no/such/folder/log", "No such file or directory"), (str(tmp_path), "Is a directory")):
        namespace = start("--termination-log", path, "--", *APP_WORDS.split())
        stop_application(namespace)
        assert f"pyinit: warning: --termination-log: {path}: {reason}\n" in namespace.stderr


def test_a_termination_log_can_be_declined(start: Start, tmp_path: Path) -> None:
    namespace = start("--termination-log", "none", "--", "sh", "-c", "exit 9", cwd=tmp_path)
    assert namespace.wait() == 9
    assert namespace.stderr == ""
    assert not (tmp_path / "none").exists()


def test_a_termination_log_that_is_a_pipe_without_a_reader_holds_nobody_up(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    namespace = start("--termination-log", str(path), "--", "sh", "-c", "exit 9")
    assert namespace.wait() == 9
    assert "warning: --termination-log" in namespace.stderr
