"""The pictures: one bar per init, and a table."""

from collections.abc import Sequence

from tests.demo.scenario import TIMEOUT, Result

HEADS = ("init", "application heard of it", "finished its work", "exit status", "stopped after")

CELLS_PER_SECOND = 6
GREEN, RED, DIM, BOLD, PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m"


class Pen:
    """Paints where colours and letters beyond ASCII are understood."""

    def __init__(self, colours: bool, encoding: str) -> None:
        self._colours = colours
        try:
            "━✓✗─".encode(encoding)
            self.bar, self.good, self.bad, self.line = "━✓✗─"
        except UnicodeEncodeError:
            self.bar, self.good, self.bad, self.line = "=+x-"

    def paint(self, text: str, colour: str) -> str:
        """The text, coloured."""
        return f"{colour}{text}{PLAIN}" if self._colours else text


def _times(count: int) -> str:
    return {0: "no", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _story(result: Result) -> str:
    if result.finished:
        return "heard of it, finished its work, and the script ran its last line"
    return f"{'heard' if result.told else 'never heard'} of it, killed in the middle of its work"


def bars(results: Sequence[Result], pen: Pen) -> list[str]:
    """What happened between SIGTERM and the end, to scale."""
    width = max(len(result.init) for result in results) + 2
    scale = "".join(f"{second} s".ljust(CELLS_PER_SECOND) for second in range(int(TIMEOUT) + 1))
    lines = [pen.paint(" " * (width + 2) + scale.rstrip(), DIM)]
    for result in results:
        colour, mark = (GREEN, pen.good) if result.finished else (RED, pen.bad)
        length = round(min(result.seconds, TIMEOUT) * CELLS_PER_SECOND)
        bar = pen.paint(pen.bar * length + mark, colour)
        lines.append(f"  {result.init.ljust(width)}{bar} {_story(result)}")
    return lines


def _rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    return [
        (
            result.init,
            _times(result.told),
            "yes" if result.finished else "no",
            str(result.status),
            f"{result.seconds:.1f} s" + (", by SIGKILL" if result.killed else ""),
        )
        for result in results
    ]


def table(results: Sequence[Result], pen: Pen) -> list[str]:
    """The comparison, for a terminal."""
    rows = _rows(results)
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]

    def joined(cells: Sequence[str]) -> str:
        return "  " + "   ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    lines = [pen.paint(joined(HEADS), BOLD), pen.paint(joined([pen.line * width for width in widths]), DIM)]
    for result, row in zip(results, rows, strict=True):
        lines.append(pen.paint(joined(row), GREEN if result.finished else RED))
    return lines


def markdown(results: Sequence[Result]) -> list[str]:
    """The comparison, for a README."""
    return ["| " + " | ".join(cells) + " |" for cells in (HEADS, ["---"] * len(HEADS), *_rows(results))]
