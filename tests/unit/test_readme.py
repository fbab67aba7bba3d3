"""The README says what the program says."""

from pathlib import Path

from pyinit import options

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_readme_shows_the_help_as_it_is() -> None:
    assert options.help_text() in README.read_text()
