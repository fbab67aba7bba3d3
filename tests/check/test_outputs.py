"""What the outputs look like, beside the published schemas of those who read them."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from pyinit.check import check, sources
from pyinit.check.files import Files
from pyinit.check.model import Finding, Place
from pyinit.check.output import FORMATS, Result, formatter, github, gitlab, junit, sarif, text
from pyinit.check.pages import BY_ID, RULES
from tests.check.cases import cases
from tests.check.checked import write

SCHEMAS = Path(__file__).parent / "schemas"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Findings of many rules: those of all cases, and of all bad examples."""
    folder = tmp_path_factory.mktemp("all")
    for case in cases():
        write(folder / case.name, case.files)
    for rule in RULES:
        write(folder / rule.id, rule.bad)
    texts = Files()
    project = sources.project_of([str(folder)], texts, {})
    found, ignored = check.findings_of(project, frozenset(BY_ID))
    known = {path: said for path, said in texts.texts.items() if said is not None}
    assert len(found) > 100
    return Result(tuple(found), len(ignored), project.checked, known)


EMPTY = Result(())


def test_sarif_is_valid_by_the_schema_of_oasis(result: Result) -> None:
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text())
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    for one in (result, EMPTY):
        assert [error.message for error in validator.iter_errors(json.loads(sarif.render(one)))] == []
    spoiled = json.loads(sarif.render(result))
    spoiled["runs"][0]["results"][0]["level"] = "bad"
    assert list(validator.iter_errors(spoiled)) != [], "the schema looks at it"


def test_sarif_has_what_code_scanning_asks_for(result: Result) -> None:
    (run,) = json.loads(sarif.render(result))["runs"]
    rules = run["tool"]["driver"]["rules"]
    for one, finding in zip(run["results"], result.findings, strict=True):
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"] == finding.rule
        assert one["partialFingerprints"]["primaryLocationLineHash"]
        region = one["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] == finding.place.line
        assert region.get("endColumn", region["startColumn"] + 1) > region["startColumn"]
    assert any("codeFlows" in one for one in run["results"])


def test_a_fingerprint_stays_where_lines_are_put_in_above() -> None:
    before = Finding("PI101", "m", Place("Dockerfile", 1))
    after = Finding("PI101", "m", Place("Dockerfile", 3))
    first = sarif.fingerprint(before, {"Dockerfile": "CMD app\n"})
    assert first == sarif.fingerprint(after, {"Dockerfile": "# a\n# b\n  CMD app\n"})
    assert first != sarif.fingerprint(after, {"Dockerfile": "# a\n# b\nCMD other\n"})


def test_junit_is_valid_by_the_schema_of_jenkins(result: Result) -> None:
    schema = xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))
    for one in (result, EMPTY):
        schema.validate(junit.render(one).encode())
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(
            junit.render(result).replace("<failure ", "<failing ", 1).replace("</failure>", "</failing>", 1).encode()
        )


@given(st.text(min_size=1), st.text())
def test_no_message_and_no_path_spoils_an_output(path: str, message: str) -> None:
    one = Result(
        (Finding("PI101", message, Place(path, 1, 1, 2), (Place(path), Place("b")), "1 > 2", "m"),), 0, 1, {path: "x\n"}
    )
    json.loads(formatter("json")(one))
    json.loads(sarif.render(one))
    json.loads(gitlab.render(one))
    xmlschema.XMLResource(junit.render(one).encode("utf-8", "replace"))
    assert github.render(one).count("\n") == 1
    stream = StringIO()
    text.write(one, stream, colour=False)
    assert stream.getvalue()


def test_github_is_told_the_worst_first(result: Result) -> None:
    lines = github.render(result).splitlines()
    levels = [line.partition(" ")[0] for line in lines]
    order = ["::error", "::warning", "::notice"]
    assert levels == sorted(levels, key=order.index)
    assert set(levels) == set(order)
    assert all(
        re.fullmatch(r"::(?:error|warning|notice) file=[^,]+,line=\d+,col=\d+,title=PI\d+(?:,endColumn=\d+)?::.+", line)
        for line in lines
    )


def test_gitlab_has_all_fields_and_no_fingerprint_twice(result: Result) -> None:
    issues: list[dict[str, Any]] = json.loads(gitlab.render(result))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == len(result.findings)
    for issue in issues:
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1
        assert {"description", "check_name", "fingerprint", "severity", "location"} == set(issue)


def test_json_tells_everything_of_a_finding(result: Result) -> None:
    said = json.loads(formatter("json")(result))
    first, finding = said["findings"][0], result.findings[0]
    assert (first["rule"], first["path"], first["line"]) == (finding.rule, finding.place.path, finding.place.line)
    assert {one["fix"] for one in said["findings"]} == {None, "safe", "unsafe"}
    assert any(one["sum"] for one in said["findings"])


def test_text_shows_the_line_with_a_caret_below_the_right_word() -> None:
    one = Result(
        (
            Finding(
                "PI301", "too long", Place("a.yaml", 2, 8, 10), (Place("D", 9), Place("a.yaml", 2)), "20 + 20 + 2 > 30", "more"
            ),
        ),
        1,
        1,
    )
    with_text = Result(one.findings, 1, 1, {"a.yaml": "a: 1\ngrace: 30\n"})
    stream = StringIO()
    text.write(with_text, stream, colour=False)
    assert stream.getvalue().splitlines() == [
        "a.yaml:2:8: PI301 error: too long",
        "  2 | grace: 30",
        "    |        ^~",
        "  sum:   20 + 20 + 2 > 30",
        "  chain: D:9 -> a.yaml:2",
        "  mend:  more",
        "",
        "1 error; 1 ignored (1 file checked)",
    ]


def test_colours_are_used_where_they_are_asked_for() -> None:
    one = Result((Finding("PI301", "m", Place("a", 1)),), 0, 1)
    plain, coloured = StringIO(), StringIO()
    text.write(one, plain, colour=False)
    text.write(one, coloured, colour=True)
    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[1;31m" in coloured.getvalue()


def test_there_is_a_function_for_each_format() -> None:
    for name in FORMATS:
        if name != "text":
            assert formatter(name)(EMPTY) or name == "github"
