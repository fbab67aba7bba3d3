"""The tables of docs/rehearse.md, and how they come into it."""

from tests.namespace import ROOT
from tests.rehearse.__main__ import HEAD, HEAD_OF_TIMES, MARK, PARTS, page, row, times
from tests.rehearse.subjects import SUBJECTS

DOCUMENT = ROOT / "docs" / "rehearse.md"


def test_what_was_measured_takes_the_place_of_what_was_there_and_of_nothing_else() -> None:
    text = DOCUMENT.read_text()
    parts = [["| one |"], ["| two |"], ["Three."]]
    new = page(text, parts)
    assert page(new, parts) == new
    for name, (line,) in zip(PARTS, parts, strict=True):
        assert f"{MARK.format(name)}\n{line}\n\n" in new
    prose = [line for line in text.splitlines() if line and not line.startswith("|")]
    printed = {text[text.index(MARK.format(PARTS[2])) :].splitlines()[1]}
    assert [line for line in new.splitlines() if line in prose] == [line for line in prose if line not in printed]


def test_the_rows_have_as_many_cells_as_their_head() -> None:
    for head, line in ((HEAD, row(SUBJECTS[0], {}, 1.0, [])), (HEAD_OF_TIMES, times(SUBJECTS[0], {}, 1.0))):
        assert len({one.count("|") for one in (*head, line)}) == 1, (head, line)
