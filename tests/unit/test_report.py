"""What --status makes of what was seen: for any table of processes, and as text that a terminal survives."""

import json
from signal import SIGINT, SIGTERM, SIGWINCH

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.kernel.processes import Process
from pyinit.log import json_object
from pyinit.page import READY, State
from pyinit.settings.config import GROUP, HANDLERS
from pyinit.status.report import Detail, Port, Seen, disposition, document, tree
from pyinit.status.text import Painter, lasting, render
from tests.unit.looks import NoLook
from tests.unit.test_delivery import process

PLAIN = Painter(False, None)

STATE = State("running", 90.0, 10.0, None, 2, None, GROUP, SIGTERM, orphans=3)


def seen(*table: Process, state: State | None = STATE, **fields: object) -> Seen:
    """These processes below pyinit, 100 s after the clock began."""
    details = {one.pid: Detail(f"/bin/{one.name}", 0, 100 * one.pid) for one in table}
    pid, problem = (0, "no pyinit") if state is None else (1, "")
    given = Seen(100.0, pid, state, problem, {one.pid: one for one in table}, details, NoLook(), (), False, ())
    return Seen(**(vars(given) | fields))


INIT = process(1, 0, "pyinit", blocked=[SIGTERM], group=1, session=1)
SCRIPT = process(2, 1, "start.sh")
APP = process(3, 2, "app", caught=[SIGTERM])
TEE = process(4, 2, "tee")
DEAF = process(5, 2, "deaf", ignored=[SIGTERM])
DAEMON = process(6, 1, "daemon", group=6, session=6, ignored=[SIGINT])
EXEC = process(7, 0, "sh", group=7, session=7)

ALL = (INIT, SCRIPT, APP, TEE, DEAF, DAEMON, EXEC)


def test_a_stop_is_told_as_it_would_be() -> None:
    told = document(seen(*ALL))
    assert told["stop"] == {
        "signal": "SIGTERM",
        "signalled": [3],
        "signals": {"3": "SIGTERM"},
        "reasons": {},
        "held_back": [2, 4],
        "until_gone": [3],
        "left_to_others": [],
        "ignored_by": [5],
        "in_sweep": [6],
        "waited_for": [2, 3, 4, 5, 6],
    }
    processes = told["processes"]
    assert isinstance(processes, list)
    assert [(one["pid"], one["depth"], one["disposition"], one["at_stop"]) for one in processes] == [
        (1, 0, None, "pyinit"),
        (2, 1, "dies", "held back until 3 has gone"),
        (3, 2, "handles", "told"),
        (4, 2, "dies", "held back until 3 has gone"),
        (5, 2, "ignores", "ignores it"),
        (6, 1, "dies", "in the sweep"),
        (7, 0, "dies", "not told"),
    ]


def test_the_health_helper_is_nobody_s_business() -> None:
    told = document(seen(INIT, SCRIPT, APP, process(9, 1, "pyinit"), state=State(**(vars(STATE) | {"health": 9}))))
    stop = told["stop"]
    assert isinstance(stop, dict)
    assert 9 not in [pid for pids in stop.values() if isinstance(pids, list) for pid in pids]


def test_the_forward_mode_is_that_of_the_page() -> None:
    workers = (INIT, process(2, 1, caught=[SIGTERM]), process(3, 2, caught=[SIGTERM]))
    stops = []
    for forward in (HANDLERS, GROUP):
        state = State(**(vars(STATE) | {"forward": forward}))
        stops.append(document(seen(*workers, state=state))["stop"])
    assert [stop["signalled"] for stop in stops if isinstance(stop, dict)] == [[2, 3], [2]]


def test_without_a_pyinit_there_is_no_stop_to_tell_of() -> None:
    told = document(seen(*ALL[1:], state=None))
    assert (told["pyinit"], told["stop"], told["problem"]) == (None, None, "no pyinit")
    assert "start.sh" in render(told, PLAIN)


def test_times_are_told_as_ages() -> None:
    told = document(
        seen(INIT, state=State(**(vars(STATE) | {"readiness": READY, "readiness_since": 40.0, "requested_at": 99.0})))
    )
    assert isinstance(told["pyinit"], dict)
    assert isinstance(told["readiness"], dict)
    assert (told["pyinit"]["uptime"], told["pyinit"]["phase_seconds"], told["pyinit"]["stop_requested_seconds"]) == (90, 10, 1)
    assert told["readiness"]["seconds"] == 60
    assert "ready for 1m0s" in render(told, PLAIN)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0s"),
        (59.96, "60s"),
        (1.26, "1.3s"),
        (60, "1m0s"),
        (3599, "59m59s"),
        (3600, "1h0m"),
        (86399, "23h59m"),
        (190000, "2d4h"),
    ],
)
def test_a_time_is_told_for_people(value: float, text: str) -> None:
    assert lasting(value) == text


def test_a_default_that_does_nothing_is_ignored() -> None:
    assert disposition(process(2, 1), SIGWINCH, NoLook()) == "ignores"
    assert disposition(process(2, 1, caught=[SIGWINCH]), SIGWINCH, NoLook()) == "handles"
    assert disposition(process(2, 1, blocked=[SIGTERM]), SIGTERM, NoLook()) == "handles"


PIDS = st.integers(1, 12)
TABLES = st.lists(
    st.builds(
        process, PIDS, st.integers(0, 12), st.text(max_size=8), caught=st.sampled_from([(), (SIGTERM,)]),
        ignored=st.sampled_from([(), (SIGTERM,), (SIGINT,)]), group=PIDS, session=PIDS, is_stopped=st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


@given(TABLES)
def test_each_process_is_in_the_tree_once(table: list[Process]) -> None:
    """Loops of parents included, which a table may show that was read while PIDs were reused."""
    by_pid = {one.pid: one for one in table}
    assert sorted(one.pid for one, _ in tree(by_pid, 1)) == sorted(by_pid)


TEXTS = st.text(max_size=30)
TIMES = st.floats(0, 200)
PHASES = st.sampled_from(["running", "pre-stop", "stopping", "sweeping", "killing", "?"])
MODES = st.sampled_from([GROUP, HANDLERS, "command", ""])
STATES = st.builds(
    State, PHASES, TIMES, TIMES, st.none() | TIMES, PIDS, st.none() | st.integers(0, 255), MODES,
    st.sampled_from([SIGTERM, SIGINT, SIGWINCH]), TEXTS, st.none() | TIMES, st.none(), TEXTS, TEXTS, PIDS, PIDS, TEXTS,
)  # fmt: skip
PORTS = st.none() | st.lists(st.builds(Port, PIDS, PIDS, PIDS, st.none() | st.floats(0, 100)), max_size=3).map(tuple)


@given(TABLES, st.none() | STATES, PORTS, st.sampled_from([PLAIN, Painter(True, 60)]), st.booleans())
def test_whatever_is_seen_can_be_told(
    table: list[Process], state: State | None, ports: tuple[Port, ...] | None, painter: Painter, is_shared: bool
) -> None:
    told = document(seen(*table, state=state, ports=ports, is_shared=is_shared, others=(7,)))
    assert json.loads(json_object(told)).keys() == told.keys()
    text = render(told, painter)
    assert text.endswith("\n")
    if painter is PLAIN:
        assert "\x1b" not in text


@pytest.mark.parametrize("field", ["version", "phase", "readiness", "reason", "notify_status"])
def test_a_page_that_lies_cannot_write_to_the_terminal(field: str) -> None:
    state = State(**(vars(STATE) | {"readiness": READY, field: "\x1b[2J"}))
    text = render(document(seen(*ALL, state=state)), PLAIN)
    assert "\x1b" not in text
    assert "\\x1b[2J" in text


def test_where_proc_does_not_tell_the_rest_is_told() -> None:
    told = document(seen(processes=None, ports=None))
    assert (told["stop"], told["processes"], told["ports"]) == (None, None, None)
    text = render(told, PLAIN)
    assert "pid 1: running for 10s, up 1m30s" in text
    assert "/proc does not tell of processes here" in text
    assert "the sockets cannot be seen here" in text
