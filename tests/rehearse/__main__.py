"""Rehearse images of Debian's programs, each with a known fault put in: whether it is named, and where the time goes.

`python -m tests.rehearse [NAME ...]` needs a Docker engine, and the image `pyinit` (make image) or --pyinit FILE. Its exit
status is 0 where every fault was named, what can be cured was, and no rehearsal took longer than it may. With --page the tables
are put into docs/rehearse.md, whole.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyinit.rehearse.engine import connect
from pyinit.rehearse.ready import STEADY
from pyinit.rehearse.worker import SETTLED
from tests.namespace import ROOT
from tests.printed import put
from tests.rehearse.subjects import IMAGE, SUBJECTS, Subject, build_image

#: Seconds for two arms and one round, where the image is ready within READY seconds and stops within STOPPED.
LONGEST, READY, STOPPED = 90.0, 5.0, 20.0


def rehearse(subject: Subject, further: list[str]) -> tuple[dict[str, Any], float, str]:
    """The document, how many seconds it took, and what was printed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "document.json"
        words = [sys.executable, "-m", "pyinit.rehearse", IMAGE, *subject.options, *further, f"--json={file}", "--"]
        began = time.monotonic()
        done = subprocess.run([*words, *subject.command], cwd=ROOT, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        return json.loads(file.read_text()) if file.exists() else {}, time.monotonic() - began, said


def judge(subject: Subject, document: dict[str, Any]) -> list[str]:
    """What is not as it should be."""
    if "arms" not in document:
        return [f"no verdict: {document.get('verdict', {}).get('says', 'nothing was written')}"]
    arms = {arm["name"]: arm for arm in document["arms"]}
    named = {name: [fault["name"] for fault in arm["faults"]] for name, arm in arms.items()}
    wrong = list(document["doubts"])
    if subject.named not in named["as-is"]:
        wrong.append(f"not named: {subject.named}, but {named['as-is']}")
    proposed = [change["rule"] for change in document["changes"]]
    if subject.rule and subject.rule not in proposed:
        wrong.append(f"not proposed: {subject.rule}, but {proposed}")
    if subject.cured and arms["pyinit"]["lost_in_all"]:
        wrong.append(f"lost with pyinit: {arms['pyinit']['lost']}")
    if subject.left and subject.left not in named["pyinit"]:
        wrong.append(f"not named with pyinit: {subject.left}, but {named['pyinit']}")
    return wrong


def row(subject: Subject, document: dict[str, Any], seconds: float, wrong: list[str]) -> str:
    """A line of the table."""
    cells = [subject.name, subject.fault]
    for name in ("as-is", "pyinit"):
        arm: dict[str, Any] = next((arm for arm in document.get("arms", []) if arm["name"] == name), {})
        faults = ", ".join(fault["name"] for fault in arm.get("faults", []))
        took = f"{arm['stop_seconds'][0]:.1f} s" if arm else ""
        cells += [f"{arm['lost_in_all']} of {arm['at_risk']}" if arm else "", took, faults]
    cells.append(", ".join(change["rule"] or "by the run" for change in document.get("changes", [])))
    return f"| {' | '.join([*cells, f'{seconds:.0f} s', '; '.join(wrong) or 'yes'])} |"


#: The phases of a trial, as documents name them.
PHASES = ("starting", "warming up", "starting the next one", "stopping", "looking on")


def times(subject: Subject, document: dict[str, Any], seconds: float) -> str:
    """A line of the table that tells where the time went, of both arms together."""
    arms = document.get("arms", [])
    if len(arms) < 2:
        return f"| {subject.name} |{'  |' * (len(PHASES) + 4)} {seconds:.0f} s | no |"
    ready = max(arm["seconds"]["starting"] for arm in arms) - (STEADY if document["load"]["port"] else SETTLED)
    stopped = max(max(arm["stop_seconds"]) for arm in arms)
    phases = [sum(arm["seconds"].get(phase, 0.0) for arm in arms) for phase in PHASES]
    found_out = document["seconds"]["finding out"]
    parts = [found_out, *phases, seconds - found_out - sum(phases)]
    counts = ready <= READY and stopped <= STOPPED
    verdict = ("yes" if seconds <= LONGEST else "no") if counts else "does not count"
    return f"| {' | '.join([subject.name, *(f'{one:.1f}' for one in (ready, stopped, *parts)), f'{seconds:.0f}', verdict])} |"


COLUMNS = "lost as it is | stopped in | named | lost with pyinit | stopped in | named | proposed | took | as meant"

HEAD = (
    f"| image | fault put in | {COLUMNS} |",
    "|---|---|---:|---:|---|---:|---:|---|---|---:|---|",
)

#: Of the parts of docs/rehearse.md: both tables, and how they were measured.
MARK = "<!-- printed by: make rehearse: {} -->"
PARTS = ("the faults", "the times", "measured with")

HEAD_OF_TIMES = (
    f"| seconds | ready | stopped | finding out | {' | '.join(PHASES)} | the rest | in all | at most {LONGEST:g} |",
    f"|---|---:|---:|---:|{'---:|' * len(PHASES)}---:|---:|---|",
)


def page(text: str, parts: Sequence[Sequence[str]]) -> str:
    """The document with what was measured, as PARTS has it. Raises ValueError where a mark is missing."""
    for name, lines in zip(PARTS, parts, strict=True):
        text = put(text, MARK.format(name), "".join(f"{line}\n" for line in lines))
    return text


def measured_with(max_late: str) -> str:
    """What the figures depend on."""
    machine = f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    return f"{machine}; `--max-late {max_late}`."


def main() -> int:
    """Rehearse, and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.rehearse", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"those whose name has this word in it, of {len(SUBJECTS)}")
    parser.add_argument("--max-late", default="50", metavar="MS", help="as pyinit-rehearse has it, for a busy machine")
    parser.add_argument("--pyinit", metavar="FILE", help="the static binary")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the tables into this document, docs/rehearse.md")
    options = parser.parse_args()
    if options.page and options.names:
        parser.error("--page is for all of them: name none")
    before = options.page.read_text(encoding="utf-8") if options.page else ""
    if options.page:
        page(before, [[] for _ in PARTS])  # a mark that is missing is told now
    chosen = [one for one in SUBJECTS if not options.names or any(name in one.name for name in options.names)]
    with contextlib.closing(connect()) as client:
        build_image(client)
    further = [f"--max-late={options.max_late}", *([f"--pyinit={options.pyinit}"] if options.pyinit else [])]
    lines, spent, failed = [*HEAD], [*HEAD_OF_TIMES], 0
    for subject in chosen:
        document, seconds, said = rehearse(subject, further)
        wrong = judge(subject, document)
        spent.append(times(subject, document, seconds))
        if spent[-1].endswith("| no |"):
            wrong.append(f"longer than {LONGEST:g} s")
        if wrong:
            failed += 1
            print(f"{subject.name}: {'; '.join(wrong)}\n{said}", file=sys.stderr)
        lines.append(row(subject, document, seconds, wrong))
        print(lines[-1], file=sys.stderr)
        print(spent[-1], file=sys.stderr)
    parts = lines, spent, [measured_with(options.max_late)]
    print("\n".join("\n".join([*part, ""]) for part in parts))
    if options.page:
        options.page.write_text(page(before, parts), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
