"""The small rewritten files of tests/check/cases, and what is right for each."""

import pytest

from pyinit.check.pages import BY_ID
from tests.check.cases import Case, cases, found_in, score

CASES = cases()


def test_there_are_enough_of_them_and_many_are_clean() -> None:
    assert len(CASES) >= 60
    assert sum(not case.expected for case in CASES) >= len(CASES) / 3
    assert all(case.why for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_just_what_is_right_is_found(case: Case) -> None:
    assert found_in(case) == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_expected_names_a_line_of_a_file_and_a_rule(case: Case) -> None:
    for expected in case.expected:
        place, _, rule = expected.partition(" ")
        name, _, line = place.rpartition(":")
        assert rule in BY_ID
        assert 1 <= int(line) <= len(case.files[name].splitlines())


def test_a_false_positive_counts_double() -> None:
    wrong = Case("x", "y", frozenset({"Dockerfile:1 PI103"}), {"Dockerfile": "FROM debian\nCMD app --port 80\n"})
    made, differences = score([wrong])
    assert differences == ["x: missing: Dockerfile:1 PI103", "x: too much: Dockerfile:2 PI101"]
    assert "| all | 0 | 1 | 1 | 0 % | 0 % | 0 % |" in made.table()
