"""Runs a scenario under a real PID 1, and asks the oracle about it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.namespace import Namespace, pyinit_from_source
from tests.trees import oracle
from tests.trees.strategies import Scenario
from tests.trees.tree import App, one_line, typed, walk, words

#: Seconds until a run counts as one that never ends. Nothing here needs more than two.
LIMIT = float(os.environ.get("TREES_LIMIT", "30"))

#: What a container engine gives: no signal ignored, whoever runs us.
FRESH = ("/usr/bin/env", "--default-signal=INT,QUIT")
IGNORED = ("/usr/bin/env", "--ignore-signal=INT,QUIT")

#: How often all processes must be found asleep, one after the other, before anything is sent.
LOOKS = 2


def init_words() -> list[str]:
    """The words before a command: pyinit from this checkout, with a short settling time, or what TREES_INIT says instead."""
    given = os.environ.get("TREES_INIT")
    return given.split() if given else [*pyinit_from_source(), "--settle", "0.3", "--"]


def compile_leaf(folder: Path) -> Path:
    """Compile leaf.c; raises where there is no compiler."""
    leaf = folder / "leaf"
    unfinished = folder / f"leaf.{os.getpid()}"
    subprocess.run(["gcc", "-O1", "-o", str(unfinished), str(Path(__file__).with_name("leaf.c"))], check=True)
    unfinished.rename(leaf)
    return leaf


@dataclass(frozen=True)
class Outcome:
    """A run: what was wrong with it, and what is to be shown of it."""

    faults: list[str]
    log: str
    stderr: str
    status: int | None

    def shown(self, scenario: Scenario) -> str:
        """All that somebody needs who wants to understand."""
        sent = [f"SIG{scenario.stop}"]
        if scenario.gap:
            sent.insert(0 if scenario.gap > 0 else 1, f"SIG{scenario.reload}")
        return "\n".join(
            [
                *self.faults,
                f"tree:   {one_line(scenario.tree)}",
                f"sent:   {', then '.join(sent)}; PID 1 ended with {self.status}",
                f'again:  python -m tests.trees "{typed(scenario)}"',
                "events: " + ", ".join(self.log.splitlines()),
                "stderr:",
                self.stderr,
            ]
        )


def run(scenario: Scenario, init: Sequence[str], leaf: Path, folder: Path) -> Outcome:
    """Run a scenario in a folder of its own below `folder`."""
    place = folder / "run"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    log = place / "log"
    log.touch()

    def write(name: str, text: str) -> str:
        path = place / f"{name}.sh"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    command = words(scenario.tree, str(leaf), write)
    with Namespace(
        [*(IGNORED if scenario.ignored else FRESH), *init, *command], place, env={**os.environ, "TREE_LOG": str(log)}
    ) as namespace:
        status: int | None = None
        try:
            await_ready(scenario, log, namespace)
            send(scenario, namespace)
            status = namespace.wait(LIMIT)
            # A shell would say 128 + N; unshare dies of the signal that PID 1 died of.
            status = 128 - status if status < 0 else status
            reload = scenario.reload if scenario.gap else ""
            faults = oracle.faults(scenario.tree, log.read_text(), status, reload, scenario.gap > 0, scenario.ignored)
        except subprocess.TimeoutExpired:
            faults = [f"PID 1 has not ended after {LIMIT:.0f} s"]
        except AssertionError as error:
            faults = [str(error)]
    return Outcome(faults, log.read_text(), namespace.stderr, status)


def await_ready(scenario: Scenario, log: Path, namespace: Namespace) -> None:
    """Wait until everybody has said so, and sleeps: a shell is not in `wait` yet when it has said so."""
    expected = oracle.ready(scenario.tree)
    until = time.monotonic() + LIMIT
    while not expected <= {(name, what) for name, what, _ in oracle.parse(log.read_text())}:
        assert namespace.is_there(), "PID 1 ended before all were ready"
        assert time.monotonic() < until, f"not ready after {LIMIT:.0f} s"
        time.sleep(0.003)
    restless = any(isinstance(node, App) and node.extra == "spawns" for _, node in walk(scenario.tree))
    looks = 0
    until = time.monotonic() + (0.05 if restless else 1.0)
    while looks < LOOKS and time.monotonic() < until:
        time.sleep(0.002)
        looks = looks + 1 if set(states(namespace.init.pid)) <= set("ST") else 0


def states(pid: int) -> list[str]:
    """The states of a process and all below it, as letters of proc(5)."""
    found = []
    with contextlib.suppress(OSError):
        found.append(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0])
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += states(int(child))
    return found


def send(scenario: Scenario, namespace: Namespace) -> None:
    """Send what is to be sent, at its time."""
    stop, reload = (getattr(signal, f"SIG{name}") for name in (scenario.stop, scenario.reload))
    time.sleep(scenario.delay / 1000)
    with contextlib.suppress(ProcessLookupError):  # it may have ended when the reload comes
        if scenario.gap > 0:
            namespace.signal(reload)
            time.sleep(scenario.gap / 1000)
        namespace.signal(stop)
        if scenario.gap < 0:
            time.sleep(-scenario.gap / 1000)
            namespace.signal(reload)


def main() -> None:
    """`python -m tests.trees SCENARIO [TIMES]`: run one again, as a failure has printed it."""
    import tempfile

    from tests.trees import strategies, tree

    scenario = eval(sys.argv[1], {**vars(tree), **vars(strategies)})  # noqa: S307 - it is typed by whoever runs it
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        leaf = compile_leaf(Path(folder))
        outcomes = [run(scenario, init_words(), leaf, Path(folder)) for _ in range(times)]
    bad = [outcome for outcome in outcomes if outcome.faults]
    print((bad or outcomes)[0].shown(scenario))
    print(f"wrong in {len(bad)} of {times} runs")
    sys.exit(bool(bad))
