"""What is right for each of the files in tests/check/cases, and how much of it is found.

    python3 -m tests.check.cases            # precision and recall of each rule
    python3 -m tests.check.cases --missed   # and what is missing or too much

Each case is a public Dockerfile with its start script and manifest, rewritten as small as it can be: the facts, not the words.
What is right was written down by hand, before anything was run: `expect FILE:LINE RULE`. A finding that is not expected counts
twice.

The rules were mended by what each batch of cases showed at its first run. So the table says that nothing of it is lost
again, and not how files fare that no rule has seen: for that, write down new ones.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyinit.check import check, sources
from pyinit.check.files import Files
from pyinit.check.pages import BY_ID

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Case:
    """A case: its name, why it is as it is, what is right ("FILE:LINE RULE"), and the files."""

    name: str
    why: str
    expected: frozenset[str]
    files: dict[str, str]


def read(path: Path) -> Case:
    """A case from its file."""
    head, *rest = re.split(r"^-- (\S+) --\n", path.read_text(), flags=re.MULTILINE)
    lines = head.splitlines()
    why = " ".join(line[2:] for line in lines if line.startswith("# "))
    expected = frozenset(line.removeprefix("expect ") for line in lines if line.startswith("expect "))
    return Case(path.stem, why, expected, dict(zip(rest[::2], rest[1::2], strict=True)))


def cases() -> list[Case]:
    """All cases, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]


@contextlib.contextmanager
def _folder_with(files: dict[str, str]) -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".git").mkdir()  # the top of a repository
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def found_in(case: Case) -> frozenset[str]:
    """What is found in a case's files."""
    with _folder_with(case.files):
        found, _ = check.findings_of(sources.project_of(["."], Files(), {}), frozenset(BY_ID))
    return frozenset(f"{finding.place} {finding.rule}" for finding in found)


@dataclass
class Score:
    """How a rule did: findings that are right, that are too much, and that are missing."""

    right: Counter[str]
    wrong: Counter[str]
    missed: Counter[str]

    @staticmethod
    def ratio(good: int, bad: int, weight: int = 1) -> str:
        """A share in per cent, or a dash where there is nothing to divide."""
        return f"{100 * good / (good + weight * bad):.0f} %" if good + bad else "-"

    def table(self) -> str:
        """Precision (with and without a double count of false positives) and recall of each rule that was expected or found."""
        lines = [
            "| rule | right | too much | missing | precision | counted double | recall |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        rules = sorted({*self.right, *self.wrong, *self.missed})
        for rule in [*rules, "all"]:
            parts = [sum(one.values()) if rule == "all" else one[rule] for one in (self.right, self.wrong, self.missed)]
            right, wrong, missed = parts
            shares = (self.ratio(right, wrong), self.ratio(right, wrong, 2), self.ratio(right, missed))
            lines.append(f"| {rule} | {right} | {wrong} | {missed} | {' | '.join(shares)} |")
        return "\n".join(lines) + "\n"


def score(all_cases: list[Case]) -> tuple[Score, list[str]]:
    """The score of all cases, and a line for each difference."""
    made = Score(Counter(), Counter(), Counter())
    differences = []
    for case in all_cases:
        found = found_in(case)
        for one in sorted(found | case.expected):
            rule = one.rpartition(" ")[2]
            if one in found and one in case.expected:
                made.right[rule] += 1
            elif one in found:
                made.wrong[rule] += 1
                differences.append(f"{case.name}: too much: {one}")
            else:
                made.missed[rule] += 1
                differences.append(f"{case.name}: missing: {one}")
    return made, differences


def main() -> None:
    """Print the table."""
    all_cases = cases()
    made, differences = score(all_cases)
    clean = sum(not case.expected for case in all_cases)
    print(f"{len(all_cases)} cases, {clean} of them clean, by which the rules were mended\n")
    print(made.table())
    if "--missed" in sys.argv:
        print("\n".join(differences))


if __name__ == "__main__":
    main()
