"""The documents: links lead somewhere, the README is short, the index of docs/ is whole, and options are named as they are."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyinit.settings import options

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

#: What a reader has in a quarter of an hour.
LONGEST_README = 220

#: What pyinit tells a pre-stop command, and so no options.
TOLD = {"PYINIT_SIGNAL", "PYINIT_COMMAND_PID"}

LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def documents() -> Iterator[Path]:
    """Every document of the repository. Folders with a dot hold none of ours, nor do those that a build makes."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in ("build", "dist")]
        yield from (Path(folder, name) for name in files if name.endswith(".md"))


ALL = sorted(documents())
EVERY_DOCUMENT = pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(ROOT)))


def parts(text: str) -> tuple[list[str], list[str]]:
    """A document as the lines of its prose, and its blocks of code."""
    lines: list[str] = []
    blocks: list[str] = []
    fence = ""
    for line in text.splitlines():
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and not fence:
            fence = mark[1]
            blocks.append("")
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif fence:
            blocks[-1] += f"{line}\n"
        else:
            lines.append(line)
    return lines, blocks


def anchors(text: str) -> set[str]:
    """The anchors of a document, as GitHub makes them from its headings."""
    found: dict[str, int] = {}
    for line in parts(text)[0]:
        if heading := re.match(r"#{1,6}\s+(.*?)\s*#*$", line):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            found[anchor] = found.get(anchor, -1) + 1
    return {anchor if again == 0 else f"{anchor}-{again}" for anchor, times in found.items() for again in range(times + 1)}


def links(text: str) -> list[str]:
    """Where the links and images of a document lead, as far as that is a place in the repository."""
    bare = re.sub(r"(`+).*?\1", "``", "\n".join(parts(text)[0]), flags=re.DOTALL)
    return [target for target in LINK.findall(bare) if not ELSEWHERE.match(target)]


def broken(path: Path, text: str) -> list[str]:
    """The links of a document at this path that lead nowhere."""
    return [target for target in links(text) if not leads_somewhere(path, text, target)]


def leads_somewhere(path: Path, text: str, target: str) -> bool:
    """Whether a link of a document leads to a file or a folder of the repository, and to an anchor of it if it names one."""
    name, _, anchor = target.partition("#")
    there = (path.parent / name).resolve() if name else path
    if not there.exists() or not there.is_relative_to(ROOT):
        return False
    if not anchor:
        return True
    return there.suffix == ".md" and anchor in anchors(there.read_text() if name else text)


@EVERY_DOCUMENT
def test_every_link_leads_somewhere(path: Path) -> None:
    assert broken(path, path.read_text()) == []


@pytest.mark.parametrize(
    "link",
    ["docs/missing.md", "docs/design.md#missing", "#missing", "LICENSE#the-problem", "../../etc/passwd", "docs/missing.svg"],
)
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    assert broken(ROOT / "README.md", f"# There\nSee [this `page`]({link}).") == [link]


@pytest.mark.parametrize("link", ["docs/design.md", "docs/design.md#the-shape", "docs/", "#and-where-proc-is", "LICENSE"])
def test_a_link_that_leads_somewhere_is_none_of_them(link: str) -> None:
    assert broken(ROOT / "README.md", f"## And where `/proc` is\n[this]({link})") == []


def test_what_stands_in_code_is_no_link_and_no_heading() -> None:
    text = "# One\n```sh\n# Two\n[a](b)\n```\n`[c](d)` [e](f) [g](https://example.org)\n# One\n"
    assert links(text) == ["f"]
    assert anchors(text) == {"one", "one-1"}


def test_there_are_documents_and_links_in_them() -> None:
    assert {ROOT / "README.md", DOCS / "design.md", ROOT / "docker" / "kubernetes" / "README.md"} <= set(ALL)
    assert sum(len(links(path.read_text())) for path in ALL) > 50


def test_the_readme_can_be_read_in_a_quarter_of_an_hour() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST_README


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in links(index.read_text())}
    pages = {path for path in ALL if path.is_relative_to(DOCS) and path != index}
    assert len(pages) > 10
    assert sorted(str(page.relative_to(DOCS)) for page in pages - linked) == []


@EVERY_DOCUMENT
def test_every_variable_that_a_document_names_is_an_option(path: Path) -> None:
    named = set(re.findall(r"\bPYINIT_[A-Z][A-Z_]*[A-Z]\b", path.read_text()))
    there = set(re.findall(r"\[(PYINIT_\w+); ", (DOCS / "options.md").read_text()))  # as --help has them, see test_help_page.py
    assert sorted(named - TOLD - there) == []


#: A setting, as a Dockerfile, a compose file, a pod spec and a shell have it.
SETTING = re.compile(r"""\b(PYINIT_[A-Z_]+)(?:=|: |, value: )("[^"]*"|[^\s"'`,}]+)""")


def settings(text: str) -> list[tuple[str, str]]:
    """The variables that are set in a text, and their values."""
    return [(name, value.strip('"')) for name, value in SETTING.findall(text)]


def test_settings_are_found_in_every_form() -> None:
    text = 'ENV PYINIT_A=1 PYINIT_B=x:y\n  PYINIT_C: auto\n  PYINIT_D: "30" # why\n- {name: PYINIT_E, value: "http://h:1/p"}'
    expected = [("PYINIT_A", "1"), ("PYINIT_B", "x:y"), ("PYINIT_C", "auto"), ("PYINIT_D", "30"), ("PYINIT_E", "http://h:1/p")]
    assert settings(text) == expected


@pytest.mark.parametrize(
    "path", [path for path in ALL if path.name != "check.md"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_what_a_document_sets_in_a_block_of_code_is_understood(path: Path) -> None:
    """Not in the bad examples of the rules of pyinit-check."""
    for block in parts(path.read_text())[1]:
        assert options.parse(["--", "true"], dict(settings(block))).warnings == (), block


#: The fixed parts of what the log says of a stop.
WORDS = [
    "stop requested: ",
    "held back: ",
    ", until its writer has gone",
    "left to those above: ",
    "started since, may finish: ",
    ", which has a kill of its own: ",
    "ignored by ",
    ", which is how ",
    "for it does not handle ",
    "two thirds of the time are over: ",
    ", which ends ",
    "/proc does not tell who handles it",
    "the last handler has gone, ",
    "the time is over (",
    "SIGKILL to ",
]


@pytest.mark.parametrize("words", WORDS)
def test_what_the_page_of_the_stop_explains_is_what_the_log_says(words: str) -> None:
    sources = "".join(path.read_text() for path in sorted((ROOT / "pyinit").rglob("*.py")))
    assert words in sources or words.lstrip(", ") in sources
    assert words.strip(", ") in (DOCS / "stopping.md").read_text()


def test_every_test_that_the_design_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "design.md").read_text()))
    there = {name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    assert len(named) > 30
    assert sorted(named - there) == []
