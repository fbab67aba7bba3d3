"""What a run leaves in its folder: every result and every lost request, the table, and timelines."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pyinit.rehearse.outcome import Outcome
from pyinit.rehearse.timeline import Variant, strip, svg
from tests.rolling.plans import LOADING
from tests.rolling.results import RolloutResult
from tests.rolling.table import markdown

RESULTS, TABLE = "results.jsonl", "table.md"


class Report:
    """Told of each rollout as it comes; write() makes the rest."""

    def __init__(self, folder: Path, rollouts: int) -> None:
        """Empty the file of results in this folder; so many rollouts will be told of."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._rollouts, self._told = folder, rollouts, 0
        (folder / RESULTS).write_text("")
        self._worst: dict[tuple[str, ...], tuple[RolloutResult, Sequence[Outcome]]] = {}

    def tell(self, result: RolloutResult, outcomes: Sequence[Outcome]) -> None:
        """One line on stderr, one in the file of results; a variant's timeline will be that of the rollout that lost most."""
        self._told += 1
        lost = ", ".join(f"{count} {kind}" for kind, count in result.lost.items()) or "nothing"
        line = f"{', '.join(result.variant)}: lost {lost}; stopped in {max(result.stop_times):.1f} s"
        print(f"[{self._told}/{self._rollouts}] {line}", file=sys.stderr)
        with (self._folder / RESULTS).open("a", encoding="utf-8") as file:
            print(result.as_json(), file=file)
        worst = self._worst.get(result.variant)
        if worst is None or result.lost_in_all > worst[0].lost_in_all:
            self._worst[result.variant] = result, outcomes

    def write(self, results: Sequence[RolloutResult]) -> str:
        """Write the table, a timeline for each variant, and one of all inits beside each other; return the table.

        Where it is the start that matters, those beside each other differ in what the router looks at, too.
        """
        beside: defaultdict[str, list[Variant]] = defaultdict(list)
        for names in dict.fromkeys(result.variant for result in results):
            result, outcomes = self._worst[names]
            title = ", ".join(names)
            self._write(f"{slug(*names)}.svg", svg(title, outcomes, result.marks))
            server, form, init, router, removal = names
            if server == LOADING.name:
                beside[f"starts-{slug(removal)}"].append(Variant(init, outcomes, result.marks, subtitle=router))
            else:
                beside[f"inits-{slug(server, form, router, removal)}"].append(Variant(init, outcomes, result.marks))
        for name, variants in beside.items():
            if len(variants) > 1:
                self._write(f"{name}.svg", strip(variants))
        table = markdown(results)
        self._write(TABLE, f"{table}\n")
        return table

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8")


def slug(*names: str) -> str:
    """Words that name a file."""
    return "-".join("".join(letter if letter.isalnum() or letter == "." else "_" for letter in name) for name in names)
