"""Each rule's page: its bad example is found, its good one is clean, of this rule and of all others."""

from pathlib import Path

import pytest

from pyinit.check import check
from pyinit.check.pages import BY_ID, RULES
from pyinit.check.pages.rule import NONE, SAFE, Rule, page
from tests.check.checked import findings

EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)

#: All that there are, in their order.
IDS = [
    *(f"PI1{number:02}" for number in range(1, 11)),
    *(f"PI2{number:02}" for number in range(1, 9)),
    *(f"PI3{number:02}" for number in range(1, 10)),
    *(f"PI4{number:02}" for number in range(1, 14)),
    *(f"PI5{number:02}" for number in range(1, 6)),
    "PI901",
    "PI902",
]


def test_every_rule_has_a_page_and_a_check() -> None:
    assert [rule.id for rule in RULES] == IDS
    assert [one.__name__.upper() for one in check.CHECKS] == IDS[:-2], "and the last two are the run's own"


@EVERY_RULE
def test_the_bad_example_is_found(rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(tmp_path, rule.bad, monkeypatch)
    assert rule.id in [finding.rule for finding in found]
    for finding in found:
        assert finding.message
        assert finding.mend or finding.rule == "PI902"
        text = rule.bad[finding.place.path].splitlines()
        assert 1 <= finding.place.line <= len(text)
        assert 1 <= finding.place.column <= len(text[finding.place.line - 1]) + 1


@EVERY_RULE
def test_in_the_good_example_nothing_is_found(rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(tmp_path, rule.good, monkeypatch)
    assert [f"{finding.place} {finding.rule} {finding.message}" for finding in found] == []


@EVERY_RULE
def test_a_page_says_why_shows_both_and_names_its_source(rule: Rule) -> None:
    said = page(rule)
    assert rule.why in " ".join(said.split())
    assert "Bad:" in said
    assert "Good:" in said
    assert rule.source in said
    assert len(rule.why) > 40


@EVERY_RULE
def test_what_can_be_mended_is_clean_after_the_mend(rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyinit.check import fix

    found = [finding for finding in findings(tmp_path, rule.bad, monkeypatch) if finding.rule == rule.id]
    has_edits = any(finding.edits for finding in found)
    assert has_edits == (rule.fix != NONE)
    if not has_edits:
        return
    assert all(finding.is_safe == (rule.fix == SAFE) for finding in found if finding.edits)
    edits = fix.edits_of(found, unsafe=True)
    after = {name: fix.applied(text, [edit for edit in edits if edit.path == name]) for name, text in rule.bad.items()}
    left = [finding for finding in findings(tmp_path, after, monkeypatch) if finding.rule == rule.id and finding.edits]
    assert left == []


def test_severities_are_those_that_the_rules_were_given() -> None:
    errors = {"PI101", "PI104", "PI105", "PI201", "PI202", "PI203", "PI301", "PI302", "PI303", "PI304", "PI307"}
    errors |= {"PI401", "PI402", "PI406", "PI409", "PI503"}
    infos = {"PI107", "PI110", "PI208", "PI309", "PI411", "PI504", "PI505", "PI901"}
    wanted = {name: "error" if name in errors else "info" if name in infos else "warning" for name in IDS}
    assert {name: rule.severity for name, rule in BY_ID.items()} == wanted
