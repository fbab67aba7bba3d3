"""What PID 1 has imported when it is at rest, by name: each module is paid for in every container."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.interpreters import INTERPRETERS, name_of
from tests.namespace import ROOT, Namespace
from tests.waiting import wait_until

#: Of pyinit. (What `python -IS -c pass` imports before a line of ours differs between the versions, and is left out.)
PLACES = {
    "kernel": "arrivals signals spawn system terminal watch",
    "life": "actions everybody last_resort lifecycle pre_stop rounds supervise",
    "settings": "config options values",
}
OURS = {
    "pyinit",
    *(f"pyinit.{name}" for name in ("cli", "delivery", "log", "page", "record", *PLACES)),
    *(f"pyinit.{folder}.{name}" for folder, names in PLACES.items() for name in names.split()),
}

#: Of the standard library, all of them built in: they cost nothing but their name.
STANDARD = {"_signal", "errno", "gc", "posix", "time"}


def imported(python: str, *words: str) -> set[str]:
    """The modules that an interpreter has imported in the course of this; it must end by itself."""
    done = subprocess.run([python, "-X", "importtime", *words], capture_output=True, text=True, check=True)
    return modules(done.stderr)


def modules(importtime: str) -> set[str]:
    """The names in what -X importtime has written."""
    lines = (line for line in importtime.splitlines() if line.startswith("import time:") and "cumulative" not in line)
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize(
    ("environment", "more"),
    [({}, set()), ({"PYINIT_PRE_STOP_DELAY": "auto"}, {"pyinit.settings.platforms"})],
    ids=["plain", "with a delay of auto"],
)
@pytest.mark.parametrize("python", INTERPRETERS, ids=name_of)
def test_pid_1_at_rest_has_imported_just_these_modules(
    python: str, tmp_path: Path, environment: dict[str, str], more: set[str]
) -> None:
    bare = imported(python, "-IS", "-c", "pass")
    words = [python, "-X", "importtime", "-IS", str(ROOT / "pyinit" / "__main__.py"), "--", "sleep", "1000"]
    with Namespace(words, tmp_path, env={"PATH": os.environ["PATH"], **environment}) as namespace:
        wait_until(lambda: namespace.named("sleep"), "the command")
        namespace.wait_until_at_rest()
        found = modules(namespace.stderr)
        namespace.signal(signal.SIGTERM)
        assert namespace.wait() == 143
    assert more <= found
    unexpected = found - bare - OURS - STANDARD - more
    assert unexpected == set(), f"PID 1 imports more than it may: {sorted(unexpected)}"
    assert not any(name.startswith(("pyinit.health", "pyinit.probe")) for name in found), "who does not ask does not pay"
    missing = OURS - found
    assert missing == set(), f"PID 1 does not import these any more, so drop them here: {sorted(missing)}"


def test_a_target_of_grpc_is_checked_without_what_calls_it() -> None:
    line = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pyinit.settings import options; "
    line += "options.parse(['--ready', 'grpc:50051/shop', 'app'], {})"
    found = imported(sys.executable, "-c", line)
    assert "pyinit.probe.target" in found
    assert {"pyinit.probe.grpc", "pyinit.probe.hpack"} & found == set()


def test_the_bare_interpreter_imports_neither_site_nor_os() -> None:
    """Under -S; or the set above would have to name what they bring along."""
    assert {"site", "os"} & imported(sys.executable, "-IS", "-c", "pass") == set()
