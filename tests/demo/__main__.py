"""Stop a plain start script, as an orchestrator does: with no init, with those installed, and with pyinit.

`python3 -m tests.demo` needs any CPython from 3.10 on and nothing else. Everything shown is measured in that run.
"""

import argparse
import os
import signal
import sys

from tests.demo import scenario, show, ways
from tests.demo.app import WORK

INTRODUCTION = f"""\
The first process of a container, PID 1, is often a script like this one:
    {{script}}

To stop the container, SIGTERM goes to PID 1, and {scenario.TIMEOUT:.0f} s later SIGKILL to all that is left.
The application is in a request, with {WORK:.0f} s of work left. Does it hear of the stop? {{count}} side by side,
{{sentence}}:
"""


def main() -> int:
    """The exit status: 1 where this machine offers no way to run a PID 1."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.demo", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print just the table, as Markdown")
    parser.add_argument("--in", dest="wanted", choices=("root", "user", "docker"), help="this way and no other")
    parser.add_argument("--image", default="python:3-slim", help="of Docker, with a python3 (default: %(default)s)")
    options = parser.parse_args()
    received: list[int] = []
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda signum, _: received.append(signum))
    try:
        way = ways.find(options.image, options.wanted)
    except ways.NoWay as missing:
        print(missing, file=sys.stderr)
        return 1
    pen = show.Pen(sys.stdout.isatty() and "NO_COLOR" not in os.environ, sys.stdout.encoding)
    if not options.markdown:
        script = (ways.FOLDER / "start.sh").read_text().replace('"${PYTHON:-python3}"', "python3").strip()
        print(
            INTRODUCTION.format(script=script.replace("\n", "\n    "), count=len(way.inits), sentence=way.sentence), flush=True
        )
    try:
        results = scenario.run(way, lambda: received)
    except scenario.Interrupted:
        return 128 + received[0]
    if options.markdown:
        print("\n".join(show.markdown(results)))
    else:
        print("\n".join([*show.bars(results, pen), "", *show.table(results, pen)]))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except scenario.DidNotStart as problem:
        sys.exit(str(problem))
