"""What calls of `docker exec` leave behind, under pyinit, under other inits and under none.

`python -m tests.docker.exec_heavy` does that in real containers, as agents and CI use them, and prints a Markdown table. PID 1
waits for ever, and every call starts two processes in the background, which outlive their parent.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
from docker import DockerClient
from docker.errors import APIError

from tests.docker.compare import INITS, Init
from tests.docker.engine import Contained, engine
from tests.waiting import wait_until

#: What a container does that is there for others to work in.
WAITING = ["sleep", "infinity"]

#: A call: two processes that end a moment after their parent.
CALL = ["sh", "-c", "sleep 0.02 & sleep 0.02 &"]

#: A job that a call has left, and that needs half a second to finish when it is told to stop.
JOB = """
(trap 'sleep 0.5; echo finished >/shared/end; exit' TERM
 echo started >/shared/begin
 while :; do sleep 0.05; done) >/dev/null 2>&1 &
"""

#: Of compare.INITS, those of the table.
NAMES = ["none", "docker run --init", "tini", "dumb-init", "catatonit", "pyinit"]

#: Seconds that the engine waits before SIGKILL.
STOP_TIME = 3


class Outcome(NamedTuple):
    """How it went.

    `zombies`: how many there were at the end. `calls`: how many succeeded before the first that did not. `finished`: whether
    the job that was still at work finished when the container was stopped. `seconds`: of the stop.
    """

    zombies: int
    calls: int
    finished: bool
    seconds: float


def zombies(contained: Contained) -> int:
    """How many children of PID 1 nobody has waited for. The engine does not name them, because the kernel's cgroups do not."""
    contained.container.reload()
    children = psutil.Process(contained.container.attrs["State"]["Pid"]).children()
    return sum(child.status() == psutil.STATUS_ZOMBIE for child in children)


def call(contained: Contained) -> bool:
    """One call; whether it succeeded."""
    try:
        result = contained.container.exec_run(CALL)
    except APIError:
        return False  # the engine could not even start it
    return result.exit_code == 0 and b"fork" not in bytes(result.output)  # type: ignore[arg-type]  # it is not streamed


def measure(client: DockerClient, init: Init, calls: int, limit: int) -> Outcome:
    """Make so many calls in a container that may have so many processes, and stop it with a job still at work."""
    with tempfile.TemporaryDirectory() as folder:
        volumes = {folder: {"bind": "/shared", "mode": "rw"}}
        words = [*init.words, *WAITING]
        with Contained(client, "inits", words, init=init.from_engine, pids_limit=limit, volumes=volumes) as contained:
            contained.run("sh", "-c", JOB)
            wait_until((Path(folder) / "begin").exists, "the job is at work")
            done = 0
            while done < calls and call(contained):
                done += 1
            wait_until(lambda: "sleep 0.02" not in contained.processes(), "what the calls have started has ended")
            left = zombies(contained)
            seconds = contained.stop(STOP_TIME)
        return Outcome(left, done, (Path(folder) / "end").exists(), seconds)


def table(outcomes: dict[str, Outcome], asked: int) -> str:
    """A Markdown table, one row per init."""
    rows = ["| PID 1 | zombies | calls that worked | the job finished | `docker stop` took |", "|---|---:|---:|---|---:|"]
    for init, outcome in outcomes.items():
        finished = "yes" if outcome.finished else "no"
        rows.append(f"| {init} | {outcome.zombies} | {outcome.calls} of {asked} | {finished} | {outcome.seconds:.1f} s |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.docker.exec_heavy", description=__doc__)
    parser.add_argument("--calls", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--pids-limit", type=int, default=100, help="processes that the container may have (default 100)")
    options = parser.parse_args()
    with engine() as client, ThreadPoolExecutor(2) as pool:
        runs = {name: pool.submit(measure, client, INITS[name], options.calls, options.pids_limit) for name in NAMES}
        outcomes = {name: run.result() for name, run in runs.items()}
    sys.stdout.write(f"{table(outcomes, options.calls)}\n")


if __name__ == "__main__":
    main()
