"""The page of the options says what the program says."""

from pathlib import Path

from pyinit.settings import help as texts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "options.md"


def test_the_page_of_the_options_shows_the_help_as_it_is() -> None:
    assert f"```\n{texts.everything()}```\n" in PAGE.read_text()
