"""The pictures: that they are well formed, self-contained, and show every loss at its place."""

import itertools
import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from pyinit.rehearse import outcome
from pyinit.rehearse.moments import ADMISSION, Mark, Stop
from pyinit.rehearse.outcome import Outcome
from pyinit.rehearse.timeline import CALM, LOST, STROKES, WIDTH, Variant, strip, svg

SVG = "{http://www.w3.org/2000/svg}"

#: A stop at 100 s, three more soon after: their figures would stand on each other.
STOPS = tuple(Stop(f"replica-{n}", 100 + n / 100, 101.5 + n / 100, 107 + n / 100, 0) for n in range(4))
ADMISSIONS = tuple(Mark(99.5 + n, ADMISSION, f"new {n}") for n in range(4))
MARKS = (*(mark for stop in STOPS for mark in stop.marks), *ADMISSIONS)


def asked(at: float, kind: str = outcome.OK) -> Outcome:
    return Outcome(at, 0.05, kind, False, None, None)


def load(begin: float = 90, end: float = 115) -> list[Outcome]:
    """Forty requests per second, all answered."""
    return [asked(begin + number / 40) for number in range(int((end - begin) * 40))]


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own


def texts(text: str) -> list[str]:
    return [element.text or "" for element in parsed(text).iter(f"{SVG}text")]


def boxes(text: str, colour: str) -> list[tuple[float, float, float, float]]:
    """The boxes of one colour, as left, top, width, height, without that of the legend."""
    found = []
    for element in parsed(text).iter(f"{SVG}path"):
        if element.get("fill") == colour:
            found += re.findall(r"M(\S+) (\S+)h(\S+)v(\S+)h", element.get("d", ""))
    return [box for box in (tuple(map(float, numbers)) for numbers in found) if box[2:] != (10, 10)]  # type: ignore[misc]


def lines(text: str, kind: str) -> list[float]:
    """Where the lines of one kind of moment stand, without that of the legend."""
    found = [element for element in parsed(text).iter(f"{SVG}line") if element.get("stroke") == STROKES[kind][0]]
    ends = [[float(element.get(name, "")) for name in ("x1", "y1", "y2")] for element in found]
    return [x for x, top, bottom in ends if bottom - top > 12]


def figures(text: str) -> dict[float, float]:
    """The figures at the axis: seconds to pixels."""
    found = [element for element in parsed(text).iter(f"{SVG}text") if re.fullmatch(r"-?[\d.]+ s", element.text or "")]
    return {float((element.text or "").removesuffix(" s")): float(element.get("x", "")) for element in found}


def at(text: str, seconds: float) -> float:
    """Where a moment is, by the figures at the axis."""
    scale = figures(text)
    first, last = min(scale), max(scale)
    return scale[first] + (seconds - first) * (scale[last] - scale[first]) / (last - first)


def test_the_title_and_the_losses_are_told_in_words() -> None:
    lost = [asked(100.5, outcome.REFUSED), asked(100.6, outcome.SERVER_ERROR), asked(100.7, outcome.SERVER_ERROR)]
    found = texts(svg("uvicorn & tini <-g>", [*load(), *lost], MARKS))
    assert "uvicorn & tini <-g>" in found
    assert "lost 3 of 1003 (refused 1, 5xx 2)" in found


def test_one_loss_of_many_is_drawn_as_a_tick_at_its_moment() -> None:
    picture = svg("one", [*load(), asked(103.0, outcome.CUT)], MARKS)
    (tick,) = [box for box in boxes(picture, LOST) if box[2] == 2]
    assert tick[0] + 1 == pytest.approx(at(picture, 3), abs=0.2)
    assert tick[3] >= 5


def test_one_loss_of_many_is_a_piece_of_a_bar_on_top_of_those_answered() -> None:
    picture = svg("one", [*load(), asked(103.0, outcome.CUT)], MARKS)
    (lost,) = [box for box in boxes(picture, LOST) if box[2] != 2]
    (calm,) = [box for box in boxes(picture, CALM) if box[0] == lost[0]]
    assert lost[1] + lost[3] == pytest.approx(calm[1], abs=0.2)


def test_without_a_loss_nothing_is_red_but_the_legend() -> None:
    picture = svg("none", load(), MARKS)
    assert boxes(picture, LOST) == []
    assert "lost 0 of 1000" in texts(picture)


def test_the_height_of_the_bars_is_the_number_of_requests() -> None:
    twice = [asked(105 + number / 40) for number in range(40)]
    picture = svg("twice", [*load(), *twice], MARKS)

    def height(begin: float, end: float) -> float:
        return sum(box[3] for box in boxes(picture, CALM) if at(picture, begin) <= box[0] + 1 < at(picture, end))

    assert height(5, 6) == pytest.approx(2 * height(3, 4), rel=0.1)


@pytest.mark.parametrize("kind", STROKES)
def test_each_moment_of_each_replica_is_a_line_at_its_place(kind: str) -> None:
    picture = svg("moments", load(), MARKS)
    expected = [at(picture, mark.at - 100) for mark in MARKS if mark.kind == kind]
    assert lines(picture, kind) == pytest.approx(expected, abs=0.2)


def test_the_axis_begins_to_count_at_the_first_stop() -> None:
    assert {0.0, 2.0} <= set(figures(svg("axis", load(), MARKS)))
    assert at(svg("axis", load(), MARKS), 0) == pytest.approx(lines(svg("axis", load(), MARKS), "stop")[0], abs=0.2)


def test_an_endpoint_removed_at_once_does_not_hide_the_stop_request() -> None:
    stops = (Stop("replica", 100, 100, 100, 0),)
    picture = svg("at once", load(), tuple(reversed(stops[0].marks)))
    strokes = [element.get("stroke-dasharray") for element in parsed(picture).iter(f"{SVG}line") if element.get("y1") == "64"]
    assert strokes[-3] is None
    assert None not in strokes[-2:]


def test_each_replica_has_a_lane_with_its_figures_however_close_they_are() -> None:
    found = texts(svg("lanes", load(), MARKS))
    assert [text for text in found if text.startswith("replica ")] == [f"replica {n}" for n in (1, 2, 3, 4)]
    assert found.count("removed +1.5 s, gone +7.0 s") == 4


def test_no_two_texts_overlap() -> None:
    picture = svg("a title", [*load(), *(asked(100 + n / 9, kind) for n, kind in enumerate(outcome.LOSSES))], MARKS)
    for text in (picture, strip([Variant("pyinit, delay auto, ready", load(), MARKS, "haproxy-healthz")] * 8)):
        spans = sorted(map(span, parsed(text).iter(f"{SVG}text")))
        assert all(left >= 0 and right <= WIDTH for _, left, right in spans)
        for (y, _, right), (next_y, left, _) in itertools.pairwise(spans):
            assert next_y != y or left >= right


def span(element: ElementTree.Element) -> tuple[float, float, float]:
    """The height of a text, and about where it begins and ends: of 7 pixels per letter, more than any of the fonts takes."""
    x, y, width = float(element.get("x", "")), float(element.get("y", "")), 7.0 * len(element.text or "")
    left = x - width * {"end": 1.0, "middle": 0.5}.get(element.get("class", ""), 0.0)
    return y, left, left + width


def test_a_calm_beginning_and_end_are_left_out_but_no_loss() -> None:
    assert min(figures(svg("long", load(0, 200), MARKS))) >= -3
    assert max(figures(svg("long", load(0, 200), MARKS))) <= 10
    late = svg("late", [*load(0, 200), asked(50.0, outcome.CUT), asked(150.0, outcome.CUT)], MARKS)
    assert len([box for box in boxes(late, LOST) if box[2] == 2 and 0 < box[0] < WIDTH]) == 2


def test_a_picture_needs_nothing_from_elsewhere() -> None:
    for text in (svg("one", load(), MARKS), strip([Variant("one", load(), MARKS)])):
        assert {element.tag.removeprefix(SVG) for element in parsed(text).iter()} <= {
            *("svg", "title", "style", "path", "line", "text")
        }
        assert not re.search(r"href|url\(|@import|@font-face", text)


@pytest.mark.parametrize(
    ("outcomes", "marks"),
    [([], ()), ([], MARKS), (load(), ()), ([asked(1.0)], ()), (load(), MARKS[:1])],
    ids=["nothing", "no requests", "no stops", "one request", "no end"],
)
def test_a_rollout_that_went_wrong_can_be_drawn(outcomes: Sequence[Outcome], marks: Sequence[Mark]) -> None:
    assert parsed(svg("wrong", outcomes, marks)).tag == f"{SVG}svg"
    assert parsed(strip([Variant("wrong", outcomes, marks)])).tag == f"{SVG}svg"
    assert parsed(strip([])).tag == f"{SVG}svg"


def test_a_new_replica_has_no_lane_for_it_was_not_stopped() -> None:
    found = texts(svg("new", load(), ADMISSIONS))
    assert not [text for text in found if text.startswith("replica ")]


def test_the_rows_of_a_strip_may_have_a_second_line() -> None:
    found = texts(strip([Variant("tini", load(), MARKS, "TCP checks")]))
    assert found.index("tini") < found.index("TCP checks")


def test_a_strip_has_a_row_for_each_variant_with_its_losses_and_longest_stop() -> None:
    bad = [*load(), asked(101.0, outcome.REFUSED)]
    found = texts(strip([Variant("tini", bad, MARKS), Variant("pyinit", load(), MARKS)]))
    assert found.index("tini") < found.index("lost 1 of 1001") < found.index("pyinit") < found.index("lost 0 of 1000")
    assert found.count("gone within 7.0 s") == 2


def test_the_rows_of_a_strip_begin_at_their_own_first_stop() -> None:
    later = tuple(Mark(mark.at + 5000, mark.kind, mark.replica) for mark in MARKS)
    picture = strip([Variant("one", load(), MARKS), Variant("two", load(5090, 5115), later)])
    found = lines(picture, "stop")
    assert found[:4] == found[4:]
    assert found[0] == pytest.approx(at(picture, 0), abs=0.2)
