"""The manual page: what roff, mandoc and man say to it, and that it tells of every option."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from pyinit import __version__
from pyinit.settings import help as texts
from pyinit.settings import options
from pyinit.settings.options import Option
from tests.namespace import need
from tests.packages.programs import made


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    path = tmp_path_factory.mktemp("manual") / "pyinit.1"
    path.write_text(made("manual.py"))
    return path


@pytest.fixture(scope="module")
def shown(page: Path) -> str:
    """The page as man shows it, in one line."""
    need("groff")
    words = ["groff", "-man", "-Tascii", "-P-cbou", str(page)]
    return " ".join(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "words",
    [
        ("mandoc", "-T", "lint", "-W", "all"),
        ("groff", "-man", "-ww", "-z", "-Tutf8"),
        ("man", "--warnings=w", "-E", "UTF-8", "-l"),
    ],
    ids=lambda words: str(words[0]),
)
def test_nobody_warns_of_it(page: Path, words: tuple[str, ...]) -> None:
    need(words[0])
    environment = {**os.environ, "MANROFFSEQ": "", "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "PAGER": "cat"}
    done = subprocess.run([*words, page], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "WARNING" not in done.stdout
    assert "STYLE" not in done.stdout


@pytest.mark.parametrize("words", [("mandoc", "-T", "lint", "-W", "all"), ("groff", "-man", "-ww", "-z", "-Tutf8")])
def test_a_mistake_in_a_page_is_warned_of(tmp_path: Path, words: tuple[str, ...]) -> None:
    need(words[0])
    (tmp_path / "bad.1").write_text('.TH BAD 1 "2024-01-01"\n.SH NAME\nbad \\- a page\n.NOSUCH\n')
    done = subprocess.run([*words, tmp_path / "bad.1"], capture_output=True, text=True, check=False)
    assert "NOSUCH" in done.stdout + done.stderr


@pytest.mark.parametrize("option", options.all_options(), ids=lambda option: option.flag)
def test_it_tells_of_every_option_what_the_help_tells(shown: str, option: Option) -> None:
    value = f"[={option.metavar}]" if option.implied is not None else f" {option.metavar}"
    told = f"{option.flag}{value} {option.help}. {option.variable}; default: {option.default or 'none'}"
    assert told in shown


def test_it_tells_of_the_tools_and_of_the_rest_of_the_help(shown: str) -> None:
    for flag, metavar, _, text in texts.OF_TOOLS:
        assert " ".join(f"{flag} {metavar} {text}".split()) in shown
    for usage in texts.USAGES:
        assert usage in shown
    for _, text in texts.NOTES:
        assert text[1:].rstrip(".") in shown
    assert texts.STRING in shown


def test_it_names_every_heading_the_version_and_the_day(shown: str) -> None:
    for heading in options.OPTIONS:
        assert f" {heading} --" in shown
    assert f"pyinit {__version__} 2024-01-01 PYINIT(1)" in shown


def test_the_same_time_gives_the_same_bytes_and_no_line_is_a_request_by_chance(page: Path) -> None:
    assert made("manual.py") == page.read_text()
    requests = set(re.findall(r"^\.\S*", page.read_text(), re.MULTILINE))
    assert requests == {'.\\"', ".TH", ".SH", ".SS", ".PP", ".IP", ".TP", ".br", ".nf", ".fi", ".in", ".nh", ".ad"}
    assert not re.search(r"^'", page.read_text(), re.MULTILINE)
