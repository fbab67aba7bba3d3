"""The same applications stopped under pyinit, under other inits and under none: who is told, who finishes, what is left.

`python -m tests.docker.compare` measures it all in real containers and prints one Markdown table per case.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from docker import DockerClient

from tests.docker.engine import Contained, engine


class Init(NamedTuple):
    """An init: the words before the command, and whether the engine puts its own into the container."""

    words: list[str]
    from_engine: bool = False


INITS = {
    "none": Init([]),
    "docker run --init": Init([], from_engine=True),
    "tini": Init(["tini", "--"]),
    "tini -g": Init(["tini", "-g", "--"]),
    "dumb-init": Init(["dumb-init", "--"]),
    "dumb-init -c": Init(["dumb-init", "-c", "--"]),
    "catatonit": Init(["catatonit", "--"]),
    "pyinit": Init(["/pyinit", "--"]),
}

#: Commands, with the application's own words in APP's place.
CASES = {
    "start script": ["/app/start.sh", "APP"],
    "shell form": ["/bin/sh", "-c", "python3 /app/app.py APP"],
    "pipeline": ["/bin/sh", "-c", "python3 /app/app.py APP | tee /tmp/app.log"],
    "exec form": ["python3", "/app/app.py", "APP"],
}

#: Below the tables, where it matters.
NOTE = """
"told" counts what the application could still say: an init that signals the whole group and leaves when the shell has died
is in a race with it.
"""


class Outcome(NamedTuple):
    """How a stop went.

    `told`: how often the application said that it got the stop signal (none, where it was killed before it could say so).
    `finishes`: whether its last word came out. `status`: the container's exit status. `seconds`: what `docker stop` took.
    """

    told: int
    finishes: bool
    status: int
    seconds: float


def measure(client: DockerClient, init: str, case: str, drain: float, timeout: int) -> Outcome:
    """Stop, with `docker stop --time TIMEOUT`, an application that needs `drain` seconds to finish."""
    words, from_engine = INITS[init]
    application = ["--drain", str(drain)]
    command = [part for word in CASES[case] for part in (application if word == "APP" else [word])]
    command = [word.replace("APP", " ".join(application)) for word in command]
    with Contained(client, "inits", [*words, *command], init=from_engine) as contained:
        contained.wait_for_output("app ready")
        seconds = contained.stop(timeout)
        status = contained.wait()
        stdout = contained.stdout
    return Outcome(stdout.count("app got SIGTERM"), "app done" in stdout, status, seconds)


def table(outcomes: dict[str, Outcome]) -> str:
    """A Markdown table, one row per init."""
    rows = ["| init | application told | finishes | exit status | `docker stop` took |", "|---|---|---|---|---|"]
    for init, outcome in outcomes.items():
        told = {0: "no", 1: "once"}.get(outcome.told, f"{outcome.told} times")
        finishes = "yes" if outcome.finishes else "no"
        rows.append(f"| {init} | {told} | {finishes} | {outcome.status} | {outcome.seconds:.1f} s |")
    return "\n".join(rows)


def main() -> None:
    """Print one table per case."""
    parser = argparse.ArgumentParser(prog="python -m tests.docker.compare", description=__doc__)
    parser.add_argument("--drain", type=float, default=1.5, help="seconds that the application needs (default 1.5)")
    parser.add_argument("--timeout", type=int, default=10, help="seconds that docker stop waits (default 10, as Docker's)")
    parser.add_argument("--case", choices=CASES, action="append", help="just this case; repeatable")
    options = parser.parse_args()
    cases = options.case or list(CASES)
    with engine() as client, ThreadPoolExecutor(4) as pool:
        runs = {
            (case, init): pool.submit(measure, client, init, case, options.drain, options.timeout)
            for case in cases
            for init in INITS
        }
        for case in cases:
            outcomes = {init: runs[case, init].result() for init in INITS}
            sys.stdout.write(f"\nThe {case}, `{' '.join(CASES[case]).replace(' APP', '')}`:\n\n{table(outcomes)}\n")
    sys.stdout.write(NOTE)


if __name__ == "__main__":
    main()
