"""The picture of a rolling update, as SVG: requests over time, the lost ones in red, and what happened to each replica.

Pure: text out of records. The pictures need no script and no font, have no background, and their colours are readable on
white as well as on black: a page cannot tell an image which of the two it has.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from xml.sax.saxutils import escape

from pyinit.rehearse.moments import ADMISSION, END, REMOVAL, STOP, Mark
from pyinit.rehearse.outcome import Outcome, losses

WIDTH = 960
LINE = 18  # the height of a line of text, with its space

TEXT, GRID, CALM, LOST = "#6e7781", "#8c959f", "#4a90c2", "#e5342f"
ADMITTED, STOPPED, REMOVED, ENDED = "#1f9fb5", "#2da44e", "#bf6f00", "#8957e5"

#: How a moment is drawn: its colour, its dashes, and what the legend says.
STROKES = {
    ADMISSION: (ADMITTED, "1 2", "new one in rotation"),
    STOP: (STOPPED, "", "stop requested"),
    REMOVAL: (REMOVED, "4 2", "endpoint removed"),
    END: (ENDED, "2 2", "container gone"),
}

#: The height of a moment in a lane: an endpoint that is removed at once does not hide the stop request.
HEIGHTS = {ADMISSION: 15, STOP: 15, REMOVAL: 8, END: 15}

STYLE = f"""<style>
text {{ font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: {TEXT} }}
line {{ stroke-width: 1.5 }}
.title {{ font-size: 14px; font-weight: 600 }}
.lost {{ fill: {LOST}; font-weight: 600 }}
.end {{ text-anchor: end }}
.middle {{ text-anchor: middle }}
</style>"""

#: Seconds that are drawn before the first stop request and after the last event.
BEFORE, AFTER = 3.0, 2.0

#: Widths of a bar, seconds: the first that makes it at least MIN_BAR pixels wide.
BINS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MIN_BAR = 3.0

#: Distances of the figures at the axis, seconds: the first that gives them at least MIN_STEP pixels.
STEPS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
MIN_STEP = 48


@dataclass(frozen=True)
class Variant:
    """One row of a strip: what it is called, and one rolling update of it."""

    title: str
    outcomes: Sequence[Outcome]
    marks: Sequence[Mark]
    subtitle: str = ""

    @property
    def zero(self) -> float:
        """The moment that the axis calls 0: the first stop request, or the first request where nothing was stopped."""
        stops = [mark.at for mark in self.marks if mark.kind == STOP]
        return min(stops or [one.at for one in self.outcomes] or [0.0])

    @property
    def summary(self) -> str:
        """The losses in words, by kind where there are any."""
        return f"lost {_lost(self.outcomes)} of {len(self.outcomes)}" + _by_kind(self.outcomes)


def _lost(outcomes: Iterable[Outcome]) -> int:
    return sum(one.is_lost for one in outcomes)


def _by_kind(outcomes: Iterable[Outcome]) -> str:
    counts = ", ".join(f"{kind} {count}" for kind, count in losses(outcomes).items())
    return f" ({counts})" if counts else ""


class _Axis:
    """Seconds since the first stop request to pixels, for all the variants in a picture."""

    def __init__(self, variants: Sequence[Variant], left: float, right: float) -> None:
        self.left, self.right = left, right
        moments = list(chain.from_iterable(_moments(variant) for variant in variants)) or [0.0]
        self.first, self.last = min(moments), max(moments)
        self._scale = (right - left) / max(self.last - self.first, 1.0)
        self.bin = next((width for width in BINS if width * self._scale >= MIN_BAR), BINS[-1])

    def __call__(self, seconds: float) -> float:
        return self.left + (seconds - self.first) * self._scale

    def draw(self, y: float) -> list[str]:
        """The axis with its figures, at this height."""
        step = next((step for step in STEPS if step * self._scale >= MIN_STEP), STEPS[-1])
        parts = [_line(self.left, y, self.right, y, GRID)]
        number = int(self.first // step)
        while (seconds := number * step) <= self.last:
            if seconds >= self.first:
                parts.append(_line(self(seconds), y, self(seconds), y + 4, GRID))
                parts.append(_text(self(seconds), y + 16, f"{seconds:g} s", "middle"))
            number += 1
        return parts


def _moments(variant: Variant) -> Iterable[float]:
    """Enough of the seconds that must be in the picture to know its first and its last. No lost request is left out."""
    zero = variant.zero
    events = [mark.at - zero for mark in variant.marks] + [one.at - zero for one in variant.outcomes if one.is_lost]
    asked = [one.at - zero for one in variant.outcomes]
    if not events:
        return [min(asked), max(asked)] if asked else []
    first, last = min(0.0, *events) - BEFORE, max(0.0, *events) + AFTER
    return [max(first, min(asked)), min(last, max(asked)), *events] if asked else [first, last]


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "") -> str:
    ends = " ".join(f'{name}="{_number(value)}"' for name, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)))
    return f'<line {ends} stroke="{colour}"' + (f' stroke-dasharray="{dashes}"' if dashes else "") + "/>"


def _text(x: float, y: float, text: str, style: str = "") -> str:
    words = f' class="{style}"' if style else ""
    return f'<text x="{_number(x)}" y="{_number(y)}"{words}>{escape(text)}</text>'


def _boxes(boxes: Iterable[tuple[float, float, float, float]], colour: str, opacity: float = 1.0) -> str:
    """Rectangles (left, top, width, height) as one element, without those that have no height; empty where none is left."""
    path = "".join(f"M{_number(x)} {_number(y)}h{_number(w)}v{_number(h)}h{_number(-w)}z" for x, y, w, h in boxes if h)
    faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<path fill="{colour}"{faint} d="{path}"/>' if path else ""


def _bars(variant: Variant, axis: _Axis, top: float, bottom: float, highest: int) -> list[str]:
    """Requests by the moment of their beginning: the lost ones stand on those that were ok, and each one is a tick above."""
    zero = variant.zero
    counts: dict[bool, Counter[int]] = {False: Counter(), True: Counter()}
    for one in variant.outcomes:
        counts[one.is_lost][int((one.at - zero) // axis.bin)] += 1
    height = (bottom - top) / highest
    width = axis(axis.bin) - axis(0)
    calm, lost = [], []
    for number in sorted(counts[False] | counts[True]):
        left, right = max(axis(number * axis.bin), axis.left), min(axis(number * axis.bin) + width, axis.right)
        if left >= right:
            continue  # before or after what is drawn
        answered, lost_here = height * counts[False][number], height * counts[True][number]
        calm.append((left, bottom - answered, right - left - 0.5, answered))
        lost.append((left, bottom - answered - lost_here, right - left - 0.5, lost_here))
    ticks = [(axis(one.at - zero) - 1, top - 9, 2.0, 7.0) for one in variant.outcomes if one.is_lost]
    return [_boxes(calm, CALM, 0.6), _boxes(lost, LOST), _boxes(ticks, LOST)]


def _highest(variants: Iterable[Variant], width: float) -> int:
    """The number of requests in the highest bar."""
    counts = (Counter((one.at - variant.zero) // width for one in variant.outcomes) for variant in variants)
    return max((max(count.values(), default=1) for count in counts), default=1)


def _legend(x: float, y: float) -> list[str]:
    """What the colours and lines stand for, in one line of text."""
    parts = []
    for colour, words in ((CALM, "answered"), (LOST, "lost, each also a tick")):
        parts += [_boxes([(x, y - 9, 10, 10)], colour), _text(x + 15, y, words)]
        x += 15 + 6.4 * len(words) + 20
    for colour, dashes, words in STROKES.values():
        parts += [_line(x + 3, y - 10, x + 3, y + 2, colour, dashes), _text(x + 11, y, words)]
        x += 11 + 6.4 * len(words) + 20
    return parts


def _marks(variant: Variant, axis: _Axis, top: float, bottom: float) -> list[str]:
    """A line at each moment, the broken ones on top: what they coincide with shows in their gaps."""
    marks = sorted(variant.marks, key=lambda mark: list(STROKES).index(mark.kind))
    return [_line(axis(x), top, axis(x), bottom, *STROKES[mark.kind][:2]) for mark in marks for x in [mark.at - variant.zero]]


def _document(height: float, summary: str, parts: Iterable[str]) -> str:
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(summary)}</title>'
    return "\n".join([head, STYLE, *filter(None, parts), "</svg>", ""])


def _lanes(variant: Variant, axis: _Axis, top: float) -> list[str]:
    """A lane per replica: a bar from its stop request to its end, and beside it the figures."""
    parts = []
    for number, replica in enumerate(_replicas(variant)):
        at = {mark.kind: mark.at - variant.zero for mark in variant.marks if mark.replica == replica}
        y = top + number * LINE
        parts.append(_text(axis.left - 8, y + 12, f"replica {number + 1}", "end"))
        if STOP not in at:
            continue
        end = at.get(END, axis.last)
        parts.append(_boxes([(axis(at[STOP]), y + 4, axis(end) - axis(at[STOP]), 9)], GRID, 0.35))
        parts += [_boxes([(axis(at[kind]) - 1, y + 1, 2, HEIGHTS[kind])], STROKES[kind][0]) for kind in STROKES if kind in at]
        said = [f"removed +{at[REMOVAL] - at[STOP]:.1f} s"] if REMOVAL in at else []
        said += [f"gone +{at[END] - at[STOP]:.1f} s"] if END in at else ["not gone"]
        parts.append(_text(axis.right + 8, y + 12, ", ".join(said)))
    return parts


def _replicas(variant: Variant) -> list[str]:
    """Those that were stopped, in the order in which it was asked for."""
    first: dict[str, float] = {}
    for mark in variant.marks:
        if mark.kind == ADMISSION:
            continue
        first[mark.replica] = min(mark.at, first.get(mark.replica, mark.at))
    return sorted(first, key=lambda replica: first[replica])


def svg(title: str, outcomes: Sequence[Outcome], marks: Sequence[Mark]) -> str:
    """One rolling update: its requests, its losses by kind, and a lane for each replica that was stopped."""
    variant = Variant(title, outcomes, marks)
    axis = _Axis([variant], 72, WIDTH - 210)
    highest = _highest([variant], axis.bin)
    top, bottom = 64, 194
    lanes = bottom + 28
    legend = lanes + LINE * len(_replicas(variant)) + LINE + 4
    parts = [
        _text(16, 22, title, "title"),
        _text(16, 41, variant.summary, _style(variant)),
        _line(axis.left, top, axis.right, top, GRID, "1 4"),
        _text(axis.left - 8, top + 4, f"{highest / axis.bin:.0f}/s", "end"),
        _text(axis.left - 8, bottom + 4, "0", "end"),
        *_bars(variant, axis, top, bottom, highest),
        *_marks(variant, axis, top, bottom),
        *axis.draw(bottom),
        *_lanes(variant, axis, lanes),
        *_legend(axis.left, legend),
    ]
    return _document(legend + 12, f"{title}: {variant.summary}", parts)


def strip(variants: Sequence[Variant]) -> str:
    """Several rolling updates, one below the other, with one axis: seconds since the first stop request of each."""
    axis = _Axis(variants, 190, WIDTH - 130)
    highest = _highest(variants, axis.bin)
    row, first = 50, 40
    parts = _legend(16, 18)
    for number, variant in enumerate(variants):
        bottom = first + row * (number + 1)
        parts += [
            *_bars(variant, axis, bottom - row + 16, bottom, highest),
            *_marks(variant, axis, bottom - row + 16, bottom),
            _line(axis.left, bottom, axis.right, bottom, GRID),
            _text(axis.left - 10, bottom - (19 if variant.subtitle else 11), variant.title, "end"),
            _text(axis.left - 10, bottom - 3, variant.subtitle, "end") if variant.subtitle else "",
            _text(axis.right + 10, bottom - 19, f"lost {_lost(variant.outcomes)} of {len(variant.outcomes)}", _style(variant)),
            _text(axis.right + 10, bottom - 3, _slowest(variant)),
        ]
    bottom = first + row * len(variants)
    parts += axis.draw(bottom)
    summary = "; ".join(f"{variant.title}: {variant.summary}" for variant in variants)
    return _document(bottom + 26, summary, parts)


def _style(variant: Variant) -> str:
    return "lost" if _lost(variant.outcomes) else ""


def _slowest(variant: Variant) -> str:
    """The longest stop time in words; empty where nothing was stopped, or not to its end."""
    at = {(mark.replica, mark.kind): mark.at for mark in variant.marks}
    times = [
        at[replica, END] - at[replica, STOP] for replica in _replicas(variant) if {(replica, STOP), (replica, END)} <= {*at}
    ]
    return f"gone within {max(times):.1f} s" if times else ""
