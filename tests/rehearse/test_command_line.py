"""The command without an engine: its usage, what it says where something is missing, and who never imports it."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import pyinit
from pyinit.rehearse.__main__ import LIBRARIES
from pyinit.rehearse.command import described, environment, parse
from pyinit.rehearse.faults import UsageError
from tests.namespace import ROOT
from tests.rehearse.test_reports import SCHEMA

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = Path(pyinit.__file__).parent


def run(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pyinit.rehearse", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "the following arguments are required: IMAGE"),
        (["x", "--arms", "catatonit"], "--arms catatonit: one or more of as-is,pyinit,tini"),
        (["x", "--arms", "as-is", "--judge", "pyinit"], "--judge pyinit: it is none of the arms"),
        (["x", "--unit-begin", "a"], "--unit-begin and --unit-end are given together"),
        (["x", "--as", "mesos"], "argument --as: invalid choice: 'mesos'"),
        (["x", "--rounds", "0"], "--rounds 0: it is above 0"),
        (["x", "--budget", "nan"], "--budget nan: it is above 0"),
        (["x", "--grace", "-1"], "--grace -1: it is 0 or more"),
        (["x", "--max-lost", "-1"], "--max-lost -1: it is 0 or more"),
        (["x", "--port", "0"], "--port 0: ports are 1 to 65535; give --proto none"),
        (["x", "--path", "health"], "--path health: a path begins with /"),
        (["x", "--slow", "/a b"], "--slow /a b: a path begins with /"),
        (["x", "--unit-begin", "(", "--unit-end", "b"], "--unit-begin (: no regular expression: missing ), unterminated"),
        (["x", "--json", "/nowhere/x.json"], "/nowhere/x.json: it cannot be written"),
        (["x", "--html", "/usr"], "/usr: it cannot be written"),
    ],
)
def test_bad_usage_is_told_in_one_line(words: list[str], line: str) -> None:
    done = run(*words, DOCKER_HOST="unix:///nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"pyinit-rehearse: {line}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "line"), [("none.yaml", "No such file"), ("c.yaml", "name the service of the compose file, as in .*c.yaml:web")]
)
def test_a_description_that_cannot_be_read_is_told_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "c.yaml").write_text("services: {}\n")
    with pytest.raises(UsageError, match=line):
        described(str(tmp_path / text))


def test_without_an_engine_there_is_no_verdict_and_the_reports_say_so(tmp_path: Path) -> None:
    files = [f"--{kind}={tmp_path / kind}" for kind in ("json", "html", "markdown", "junit")]
    summary = tmp_path / "summary"
    env = {"DOCKER_HOST": "unix:///nowhere", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = run("shop", *files, **env)
    assert done.returncode == 3
    assert done.stderr.startswith("pyinit-rehearse: no verdict: no Docker engine answers: ")
    one = json.loads((tmp_path / "json").read_text())
    jsonschema.validate(one, SCHEMA)
    assert one["verdict"]["exit_status"] == 3
    for name in ("html", "markdown", "junit", "summary"):
        assert "no Docker engine answers" in (tmp_path / name).read_text()
    assert done.stdout.startswith("::error title=pyinit-rehearse::No verdict: no Docker engine answers")


@pytest.mark.parametrize(("module", "name"), [("docker", "docker"), ("yaml", "PyYAML"), ("rich", "rich"), ("h11", "h11")])
def test_a_missing_library_is_told_in_one_line(module: str, name: str) -> None:
    script = f"import sys; sys.modules[{module!r}] = None; from pyinit.rehearse.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", script, "x"], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == f"pyinit-rehearse: the library {name} is missing; install the extra pyinit[rehearse]\n"


def test_what_follows_two_dashes_is_the_command() -> None:
    options = parse(["shop", "--port", "80", "--", "app", "--rate", "--", "x"])
    assert (options.subject, options.port, options.words) == ("shop", 80, ["app", "--rate", "--", "x"])


def test_variables_come_from_files_and_options_and_from_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "env").write_text("A=1\n# no\nB=2=3\n")
    monkeypatch.setenv("OURS", "4")
    assert environment(parse(["x", "--env-file", str(tmp_path / "env"), "--env", "A=5", "--env", "OURS"])) == {
        "A": "5",
        "B": "2=3",
        "OURS": "4",
    }


def test_nothing_of_pid_1_imports_it() -> None:
    for path in PACKAGE.rglob("*.py"):
        if PACKAGE / "rehearse" in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith("pyinit.rehearse")], path


def test_the_libraries_that_are_looked_for_are_those_of_the_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    own, check = ({re.split(r"[>;]", one)[0] for one in extras[name]} for name in ("rehearse", "check"))
    assert own - {"pyinit[check]"} | check - {"tomli"} == set(LIBRARIES.values()) - {"tomli"}
    assert "pyinit[check]" in own
    assert ("tomli" in LIBRARIES) == (sys.version_info < (3, 11))
