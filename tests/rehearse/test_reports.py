"""The reports: that each can be read by its reader, whatever stands in it, and tells what was found."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from pyinit.rehearse import advice, github, outcome, terminal
from pyinit.rehearse import document as documents
from pyinit.rehearse.arms import arm
from pyinit.rehearse.document import document, failure
from pyinit.rehearse.judge import KINDS
from pyinit.rehearse.junit import junit
from pyinit.rehearse.markdown import markdown
from pyinit.rehearse.page import page as html
from pyinit.rehearse.result import Trial, Units
from pyinit.rehearse.rules import Ruled
from pyinit.rehearse.table import WORDS
from tests.rehearse.made import ALONE, IN_TINI, asked, case, found, trial

SCHEMA = json.loads((Path(documents.__file__).parent / "schema.json").read_text())

LOAD = {
    "port": 8000,
    "protocol": "http1",
    "tls": False,
    "path": "/",
    "slow_path": None,
    "rate": 30.0,
    "kept": 6,
    "removal": [1.5],
}

BAD = trial([outcome.REFUSED, outcome.CUT], who=IN_TINI, took=0.2, status=143)
SMALL = trial([outcome.CUT], answered=2)
GOOD = trial(arm="pyinit", who=ALONE, took=7.4)


#: What pyinit-check finds, with a fix and without one.
RULED = (
    Ruled("PI201", "/run.sh:2: app is started without exec", ("--- /run.sh", "-app", "+exec app"), "https://pubs.example/sh"),
    Ruled("PI108", "two inits <b>", (), "https://inits.example"),
)


def made(
    *trials: Trial,
    judged: str = "pyinit",
    most_lost: int = 0,
    image: Any = None,
    ruled: tuple[Ruled, ...] = (),
    **load: Any,
) -> dict[str, Any]:
    """The document of one trial of each arm."""
    subject = image or found(["tini", "--"], ["sh", "-c", "run"])
    cases = {one.arm: replace(case(one, image=subject), ruled=ruled) for one in trials}
    arms = {name: arm(name, subject, 10, serves=True) for name in cases}
    return document(cases, arms, judged, most_lost, {**LOAD, **load}, 0.05, {"finding out": 2.0, "in all": 50.0})


@pytest.mark.parametrize(
    "one",
    [
        made(BAD, GOOD),
        made(BAD, judged="as-is"),
        made(BAD, GOOD, ruled=RULED),
        made(GOOD),
        made(trial(baseline=[asked(90, outcome.CUT)], arm="pyinit")),
        made(trial(who=None), trial(arm="pyinit", who=None)),
        made(trial(units=Units(3, 1)), judged="as-is", port=0, protocol="none"),
        failure("no engine", "a\nb"),
    ],
    ids=["both", "as-is", "by rules", "pyinit", "doubts", "not seen", "worker", "failure"],
)
def test_every_document_is_as_the_schema_says_and_every_report_can_be_made_of_it(one: dict[str, Any]) -> None:
    jsonschema.validate(one, SCHEMA)
    assert json.loads(json.dumps(one)) == one
    first = one["verdict"]["says"].partition(".")[0]
    assert first in markdown(one)
    assert first in read(html(one, [BAD, GOOD])).text
    assert ElementTree.fromstring(junit(one)).tag == "testsuites"  # noqa: S314 - our own
    assert bool(github.commands(one)) == (one["verdict"]["exit_status"] != 0 or bool(one["arms"][0]["faults"]))


def test_the_schema_is_one_and_knows_every_fault_and_every_kind() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$defs"]["fault"]["properties"]["name"]["enum"] == list(advice.FAULTS)
    kinds = SCHEMA["properties"]["arms"]["items"]["properties"]["lost"]["propertyNames"]["enum"]
    assert set(kinds) == set(KINDS) == set(WORDS)


def test_a_document_with_a_field_that_nobody_knows_is_not_valid() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**made(BAD, GOOD), "further": 1}, SCHEMA)


def test_the_verdict_says_what_each_arm_lost_and_who_passes() -> None:
    says = made(BAD, GOOD)["verdict"]["says"]
    assert "As it is: 2 of 43 requests at risk were lost (1 refused, 1 cut), stopped in 0.2 s." in says
    assert "With pyinit: none of 41 requests at risk was lost, so below 7.3 % with 95 % confidence" in says
    assert says.endswith("With pyinit passes.")


def test_of_a_worker_whose_jobs_nobody_counts_no_more_is_said_than_was_seen() -> None:
    says = made(replace(GOOD, outcomes=()), port=0, protocol="none")["verdict"]["says"]
    assert says.startswith("With pyinit: stopped in 7.4 s. Losses were not counted: --unit-begin")


@pytest.mark.parametrize(("judged", "most_lost", "status"), [("pyinit", 0, 0), ("as-is", 0, 1), ("as-is", 2, 0)])
def test_the_exit_status_is_that_of_the_judged_arm(judged: str, most_lost: int, status: int) -> None:
    assert made(BAD, GOOD, judged=judged, most_lost=most_lost)["verdict"]["exit_status"] == status


def test_where_figures_cannot_be_trusted_nothing_is_proposed() -> None:
    one = made(trial([outcome.CUT], baseline=[asked(90, outcome.CUT)]), GOOD)
    assert (one["verdict"]["exit_status"], one["changes"]) == (3, [])


def test_junit_fails_the_judged_arm_alone() -> None:
    root = ElementTree.fromstring(junit(made(BAD, GOOD, judged="as-is")))  # noqa: S314 - our own
    as_is, pyinit = root.iter("testcase")
    assert [child.tag for child in as_is] == ["failure"]
    assert list(pyinit) == []
    assert (root.get("failures"), root.get("errors")) == ("1", "0")
    error = ElementTree.fromstring(junit(failure("no engine", "\x00last")))  # noqa: S314 - our own
    assert (error.get("errors"), error.findtext(".//error")) == ("1", "last")


def test_github_gets_an_error_for_a_verdict_and_a_warning_for_each_fault_of_the_image() -> None:
    lines = github.commands(made(BAD, GOOD, judged="as-is"))
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning"]
    assert github.commands(failure("a\nb %", ""))[0].endswith("a%0Ab %25")


class Reader(HTMLParser):
    """The tags of a page, and whether all are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag begins."""
        self.tags.add(tag)
        loads = {name for name, _ in attrs} & {"src", "href"}
        assert not loads or (tag == "a" and dict(attrs)["href"] in {one.link for one in RULED}), "nothing comes from elsewhere"
        if tag not in ("meta", "path", "line", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """A tag ends."""
        if tag not in ("path", "line"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def test_the_page_is_whole_and_has_both_timelines_and_an_explanation() -> None:
    text = html(made(BAD, GOOD), [BAD, GOOD])
    reader = read(text)
    assert reader.open == []
    assert text.count("<svg") == 3, "both side by side, and each"
    assert "script" not in reader.tags
    assert not re.search(r"url\(|@import|@font-face", text)
    assert "the kernel drops it" in " ".join(reader.text.split())
    assert "as-is, round 1" in reader.text


NASTY = st.text(st.sampled_from("a<>&\"'|*`\\\n\x00$]]>\u2028"), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(NASTY, NASTY)
def test_whatever_an_image_is_called_and_says_no_report_is_broken(name: str, log: str) -> None:
    one = made(SMALL, image=found([name], [log], image=name, notes=(log,)), judged="as-is")
    assert read(html(one, [SMALL])).open == []
    ElementTree.fromstring(junit(one))  # noqa: S314 - our own
    ElementTree.fromstring(junit(failure(name, log)))  # noqa: S314 - our own
    rows = [line for line in markdown(one).splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
    assert all("\n" not in line for line in github.commands(one))


def test_the_terminal_shows_the_table_the_faults_the_changes_and_the_verdict() -> None:
    shown = terminal.Terminal()
    shown.out = Console(width=100, record=True, file=io.StringIO())
    shown.show(made(BAD, GOOD))
    text = " ".join(shown.out.export_text().split())
    for words in ("requests at risk", "signal-not-passed-on", "Change 1.", "+COPY --from=pyinit", "With pyinit passes."):
        assert words in text


HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\r::error::no ##[warning] [bold red]<b>"


def test_every_report_names_the_rule_that_asks_for_a_change_and_where_that_has_it_from() -> None:
    one = made(BAD, GOOD, ruled=RULED)
    assert [change["rule"] for change in one["changes"]] == [None, "PI201", "PI108"]
    shown, out = terminal.Terminal(), io.StringIO()
    shown.out = Console(width=200, file=out)
    shown.show(one)
    assert "Change 2. PI201: In the place of pyinit: /run.sh:2: app is started without exec" in out.getvalue()
    assert "    +exec app\n    https://pubs.example/sh\n" in out.getvalue()
    assert "[PI201](https://pubs.example/sh): In the place of pyinit" in markdown(one)
    assert "[PI108](https://inits.example): In the place of pyinit: two inits &lt;b>" in markdown(one)
    assert markdown(one).count("```diff") == 2, "a change without a diff has no empty one"
    page = html(one, [BAD, GOOD])
    assert '<a href="https://inits.example">PI108</a>: In the place of pyinit: two inits &lt;b&gt;' in page
    assert "two inits" in read(page).text


def test_nothing_that_an_image_says_is_obeyed_by_a_terminal_or_by_github() -> None:
    shown = terminal.Terminal()
    out, err = io.StringIO(), io.StringIO()
    shown.out, shown.err = Console(width=100, file=out), Console(width=100, file=err)
    shown.show(made(BAD, GOOD, image=found([HOSTILE], [HOSTILE], image=HOSTILE, notes=(HOSTILE,))))
    shown.say(HOSTILE)
    before = err.tell()
    shown.say_log(f"{HOSTILE}\n::error::first")
    assert not re.search(r"^\s*::|##\[", err.getvalue()[before:], re.MULTILINE)
    with shown.progress() as tell:
        tell(HOSTILE)
    text = out.getvalue() + err.getvalue()
    assert not set(text) & {chr(number) for number in (*range(32), *range(127, 160)) if chr(number) != "\n"}
    assert "^[[2J^[]0;owned^G\\x9b31m^M::error::no" in text
    assert "[bold red]<b>" in text
