"""The documents say what the program says."""

from pathlib import Path

from pyinit import help as texts

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_the_options_shows_the_help_as_it_is() -> None:
    assert f"```\n{texts.everything()}```\n" in (DOCS / "options.md").read_text()
