"""The command: exit statuses, selections, ignores, fixes, and files that cannot be read."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyinit.check import check, cli, sources
from pyinit.check.files import Files
from pyinit.check.pages import BY_ID, RULES
from tests.check.checked import write

BAD = {"Dockerfile": "FROM debian:bookworm-slim\nHEALTHCHECK CMD true\nCMD python3 /app.py\n"}
GOOD = {"Dockerfile": 'FROM debian:bookworm-slim\nCMD ["python3", "/app.py"]\n'}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, which is the working folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit status, and what is written to both streams."""
    status = cli.main(words)
    out, err = capsys.readouterr()
    return status, out, err


def rules(text: str) -> list[str]:
    """The rules in JSON output."""
    return [one["rule"] for one in json.loads(text)["findings"]]


def test_findings_are_exit_status_1_and_none_are_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, BAD)
    assert run(capsys, ".")[0] == 1
    write(folder, GOOD)
    status, out, _ = run(capsys, ".")
    assert (status, out) == (0, "nothing found (1 file checked)\n")


@pytest.mark.parametrize(
    ("fail_on", "words", "status"),
    [
        ("error", ["--select", "PI107"], 0),
        ("warning", ["--select", "PI107"], 0),
        ("info", ["--select", "PI107"], 1),
        ("error", ["--select", "PI101"], 1),
        ("never", [], 0),
    ],
)
def test_fail_on_sets_what_counts(
    folder: Path, capsys: pytest.CaptureFixture[str], fail_on: str, words: list[str], status: int
) -> None:
    write(folder, BAD)
    assert run(capsys, "--fail-on", fail_on, *words)[0] == status


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["PI107", "PI101"]),
        (["--select", "PI101"], ["PI101"]),
        (["--select", "PI1", "--ignore", "PI107"], ["PI101"]),
        (["--ignore", "PI1"], []),
        (["--ignore", "PI1", "--select", "PI101"], ["PI101"]),
        (["--select", "pi3,pi4"], []),
        (["--select", "ALL"], ["PI107", "PI101"]),
    ],
)
def test_rules_are_selected_by_how_they_begin(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    write(folder, BAD)
    assert rules(run(capsys, "--format", "json", *words)[1]) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--select", "PI999"], "PI999 is no rule"),
        (["--explain", "PI999"], "PI999 is no rule"),
        (["nowhere"], "nowhere: there is no such file or folder"),
        (["--base-image-config", "nowhere"], "--base-image-config nowhere"),
        (["--fix", "-"], "standard input cannot be mended"),
    ],
)
def test_wrong_use_is_exit_status_2_and_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    write(folder, GOOD)
    status, _, err = run(capsys, *words)
    assert status == 2
    assert said in err
    assert err.count("\n") == 1


def test_every_page_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    for rule in RULES:
        status, out, _ = run(capsys, "--explain", rule.id.lower())
        assert status == 0
        assert out.startswith(f"### {rule.id}: {rule.title}")


def test_standard_input_is_checked_by_what_it_is() -> None:
    manifest = BY_ID["PI302"].bad["deploy.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "pyinit.check", "-", "--format", "json"],
        input=manifest,
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    assert done.returncode == 1
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["rule"], found["path"]) == ("PI302", "<stdin>")


@pytest.mark.parametrize(("name", "rule"), [("Dockerfile", "PI101"), ("compose.yaml", "PI304"), ("deploy.yaml", "PI304")])
@pytest.mark.usefixtures("folder")
def test_standard_input_may_be_any_kind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, rule: str
) -> None:
    texts = {
        "Dockerfile": BAD["Dockerfile"],
        "compose.yaml": "services:\n  a:\n    image: b\n    stop_grace_period: 0s\n",
        "deploy.yaml": BY_ID["PI304"].bad["deploy.yaml"],
    }
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(texts[name].encode())))
    assert rule in rules(run(capsys, "-", "--format", "json")[1])


# --- ignores ---


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# pyinit: ignore=PI101 # it is a demonstration", []),
        ("# pyinit: ignore=PI101", []),
        ("# pyinit: ignore=PI101,PI103", ["PI901"]),
        ("# pyinit: ignore=PI103", ["PI901", "PI101"]),
        ("# pyinit: global ignore=PI101 # all of it", []),
        ("# pyinit: ignore=PI101 because of that", []),
    ],
)
def test_a_comment_ignores_what_it_names_in_the_next_statement(
    folder: Path, capsys: pytest.CaptureFixture[str], comment: str, expected: list[str]
) -> None:
    write(folder, {"Dockerfile": f"FROM debian:bookworm-slim\n{comment}\nCMD python3 /app.py\n"})
    assert rules(run(capsys, "--format", "json")[1]) == expected


def test_a_comment_is_for_the_next_statement_and_not_for_those_behind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, {"Dockerfile": "FROM debian:bookworm-slim\n# pyinit: ignore=PI101\nUSER app\nCMD python3 /app.py\n"})
    assert rules(run(capsys, "--format", "json")[1]) == ["PI901", "PI101"]


def test_a_comment_in_the_line_itself_is_for_that_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = BY_ID["PI304"].bad["deploy.yaml"].replace("Seconds: 0", "Seconds: 0 # pyinit: ignore=PI304 # for a test")
    write(folder, {"deploy.yaml": manifest})
    assert rules(run(capsys, "--format", "json")[1]) == []


def test_a_comment_before_a_block_is_for_all_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = "    image: a\n    stop_grace_period: 0s\n"
    text = f"services:\n  # pyinit: ignore=PI304\n  shop:\n{service}  other:\n{service}"
    write(folder, {"compose.yaml": text})
    found = json.loads(run(capsys, "--format", "json")[1])
    assert [(one["rule"], one["line"]) for one in found["findings"]] == [("PI304", 8)]
    assert found["ignored"] == 1


def test_what_is_ignored_is_left_out_of_sarif(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, {"Dockerfile": "FROM debian:bookworm-slim\n# pyinit: ignore=PI101\nCMD python3 /app.py\n"})
    assert json.loads(run(capsys, "--format", "sarif")[1])["runs"][0]["results"] == []


def test_a_comment_for_a_rule_that_is_not_checked_is_not_called_unused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"Dockerfile": "FROM debian:bookworm-slim\n# pyinit: ignore=PI101\nCMD python3 /app.py\n"})
    assert rules(run(capsys, "--format", "json", "--ignore", "PI101")[1]) == []


# --- fixes ---


def test_fix_mends_what_is_safe_and_says_what_is_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = "#!/bin/sh\nset -e\ngunicorn shop:app\n"
    write(
        folder,
        {
            "Dockerfile": "FROM debian:bookworm-slim\nHEALTHCHECK CMD true\nCOPY start.sh /\nCMD /start.sh --port $PORT\n",
            "start.sh": script,
        },
    )
    status, _, err = run(capsys, "--fix")
    assert (folder / "Dockerfile").read_text() == (
        "FROM debian:bookworm-slim\nHEALTHCHECK --interval=5s CMD true\nCOPY start.sh /\nCMD exec /start.sh --port $PORT\n"
    )
    assert (folder / "start.sh").read_text() == script
    assert "mended: 2" in err
    assert status == 0, "the script is reached only now"
    assert rules(run(capsys, "--format", "json")[1]) == ["PI201"]
    run(capsys, "--fix", "--unsafe-fixes")
    assert (folder / "start.sh").read_text() == "#!/bin/sh\nset -e\nexec gunicorn shop:app\n"
    assert run(capsys)[0] == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("EXPOSE 80\n", "EXPOSE 80\nSTOPSIGNAL SIGQUIT\n"),
        ("STOPSIGNAL SIGTERM\nEXPOSE 80\n", "STOPSIGNAL SIGQUIT\nEXPOSE 80\n"),
    ],
)
def test_another_stop_signal_is_written_where_somebody_wants_to_look_at_it(
    before: str, after: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin, end = "FROM debian:bookworm-slim\n", 'CMD ["nginx", "-g", "daemon off;"]\n'
    write(folder, {"Dockerfile": begin + before + end})
    assert run(capsys, "--fix")[0] == 1
    assert (folder / "Dockerfile").read_text() == begin + before + end
    run(capsys, "--fix", "--unsafe-fixes")
    assert (folder / "Dockerfile").read_text() == begin + after + end
    assert run(capsys)[0] == 0


def test_diff_shows_the_fix_and_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, BAD)
    status, out, _ = run(capsys, "--diff")
    assert status == 1
    assert "-CMD python3 /app.py\n" in out
    assert '+CMD ["python3", "/app.py"]\n' in out
    assert (folder / "Dockerfile").read_text() == BAD["Dockerfile"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CMD python3 app.py", 'CMD ["python3", "app.py"]'),
        ("CMD python3 app.py --x 'a b'", 'CMD ["python3", "app.py", "--x", "a b"]'),
        ("CMD python3 app.py $X", "CMD exec python3 app.py $X"),
        ("CMD migrate && python3 app.py", "CMD migrate && exec python3 app.py"),
        ("CMD python3 app.py >> /log", "CMD exec python3 app.py >> /log"),
        ("CMD python3 app.py \\\n  --port 80", 'CMD ["python3", "app.py", "--port", "80"]'),
        ("CMD X=1 python3 app.py", "CMD X=1 python3 app.py"),
        ("CMD python3 app.py | tee log", "CMD python3 app.py | tee log"),
    ],
)
def test_the_shell_form_is_mended_without_changing_what_it_does(
    folder: Path, capsys: pytest.CaptureFixture[str], before: str, after: str
) -> None:
    write(folder, {"Dockerfile": f"FROM debian:bookworm-slim\n{before}\n"})
    assert "PI101" in rules(run(capsys, "--format", "json")[1])
    run(capsys, "--fix")
    assert (folder / "Dockerfile").read_text() == f"FROM debian:bookworm-slim\n{after}\n"


def test_an_unused_comment_is_taken_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "services:\n  a: # pyinit: ignore=PI304 # no more\n    image: b\n"
    write(folder, {"Dockerfile": 'FROM alpine\n# pyinit: ignore=PI101\nUSER app\nCMD ["a"]\n', "compose.yaml": text})
    run(capsys, "--fix")
    assert (folder / "Dockerfile").read_text() == 'FROM alpine\nUSER app\nCMD ["a"]\n'
    assert (folder / "compose.yaml").read_text() == "services:\n  a:\n    image: b\n"
    assert run(capsys, "--fail-on", "info")[0] == 0


def test_line_ends_are_kept_and_what_is_no_utf_8_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_bytes(b"FROM debian\r\nCMD gunicorn a:b\r\n")
    (folder / "Dockerfile.old").write_bytes(b"FROM debian\n# caf\xe9\nCMD gunicorn a:b\n")
    run(capsys, "--fix")
    assert (folder / "Dockerfile").read_bytes() == b'FROM debian\r\nCMD ["gunicorn", "a:b"]\r\n'
    assert (folder / "Dockerfile.old").read_bytes() == b"FROM debian\n# caf\xe9\nCMD gunicorn a:b\n"


# --- configuration ---


def test_the_configuration_is_read_from_either_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, {**BAD, "pyproject.toml": '[tool.pyinit-check]\nignore = ["PI107"]\n'})
    assert rules(run(capsys, "--format", "json")[1]) == ["PI101"]
    write(folder, {".pyinit-check.toml": 'select = ["PI107"]\nfail-on = "info"\n'})
    status, out, _ = run(capsys, "--format", "json")
    assert (status, rules(out)) == (1, ["PI107"])


@pytest.mark.parametrize("text", ["selct = []", "select = 1", "images = 1", "[", 'fail-on = "bad"'])
def test_a_configuration_that_is_wrong_is_exit_status_2(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    write(folder, {**GOOD, ".pyinit-check.toml": text + "\n"})
    status, _, err = run(capsys)
    assert status == 2
    assert err.startswith("pyinit-check: error: ")
    assert err.count("\n") == 1


def test_excluded_folders_are_not_looked_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, {"tests/Dockerfile": BAD["Dockerfile"], ".pyinit-check.toml": 'exclude = ["tests"]\n'})
    assert run(capsys)[0] == 0
    assert run(capsys, "tests/Dockerfile")[0] == 1, "unless they are named"


def test_an_image_is_found_by_its_configured_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = dict(BY_ID["PI402"].bad)
    files["Dockerfile"] = files["Dockerfile"].replace("# docker build -t example.org/shop .\n", "")
    write(folder, files)
    assert rules(run(capsys, "--format", "json")[1]) == []
    write(folder, {".pyinit-check.toml": '[images]\n"example.org/shop" = "Dockerfile"\n'})
    assert rules(run(capsys, "--format", "json")[1]) == ["PI402"]


def test_what_docker_inspect_printed_tells_of_a_base_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspected = [
        {
            "RepoTags": ["company/base:1"],
            "Config": {"Entrypoint": ["tini", "--"], "Cmd": None, "StopSignal": "SIGQUIT", "Env": ["A=1"], "User": "app"},
        }
    ]
    write(
        folder,
        {
            "Dockerfile": 'FROM company/base:1\nCOPY start.sh /\nCMD ["/start.sh"]\n',
            "start.sh": "#!/bin/sh\ngunicorn app:app\n",
            "bases.json": json.dumps(inspected),
        },
    )
    assert rules(run(capsys, "--format", "json")[1]) == []
    status, out, _ = run(capsys, "--format", "json", "--base-image-config", "bases.json")
    assert (status, rules(out)) == (1, ["PI201"])


# --- one bad file never stops the others ---

GARBAGE = {
    "compose.yaml": "services:\n  a: [\n",
    "bad.nomad.hcl": 'job "x" {\n',
    "fly.toml": "a = \n",
    "task.json": '{"containerDefinitions": [\n',
    "deploy.yaml": "apiVersion: v1\nkind: Pod\n\tmetadata: 1\n",
}


def test_one_bad_file_stops_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, {**GARBAGE, "sub/Dockerfile": BAD["Dockerfile"]})
    found = json.loads(run(capsys, "--format", "json")[1])["findings"]
    unread = {one["path"] for one in found if one["rule"] == "PI902"}
    assert unread == set(GARBAGE)
    assert "PI101" in [one["rule"] for one in found]


def test_files_that_cannot_be_text_are_told_where_they_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Dockerfile").write_bytes(b"\0\1\2")
    assert rules(run(capsys, "--format", "json", "Dockerfile")[1]) == ["PI902"]
    assert rules(run(capsys, "--format", "json", ".")[1]) == []


def test_a_template_that_helm_has_not_filled_in_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = "{{- if .Values.replicas }}\n  replicas: {{ .Values.replicas }}\n{{- end }}\n"
    template = f"apiVersion: apps/v1\nkind: Deployment\nspec:\n{spec}"
    write(folder, {"chart/Chart.yaml": "name: x\n", "chart/templates/deploy.yaml": template})
    assert rules(run(capsys, "--format", "json")[1]) == []


def test_aliases_of_aliases_take_no_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]" for at in range(1, 40)]
    write(folder, {"compose.yaml": "\n".join([*lines, "services: {a: {image: b, x-y: *a39}}", ""])})
    assert run(capsys)[0] == 0


def test_what_is_deeper_than_anybody_writes_stops_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = 3000
    write(
        folder,
        {
            "a/Dockerfile": 'FROM debian\nCOPY start.sh /\nCMD ["/start.sh"]\n',
            "a/start.sh": "#!/bin/sh\n" + "( " * deep + "gunicorn a:b" + " )" * deep + "\n",
            "b/Dockerfile": BAD["Dockerfile"],
            "compose.yaml": "services: " + "[" * deep + "]" * deep + "\n",
            "x.nomad.hcl": "a = " + "[" * deep + "]" * deep + "\n",
            "task.json": '{"containerDefinitions": ' + "[" * deep + "]" * deep + "}",
        },
    )
    found = json.loads(run(capsys, "--format", "json")[1])["findings"]
    assert "PI101" in [one["rule"] for one in found if one["path"] == "b/Dockerfile"]
    assert {one["rule"] for one in found if one["path"] != "b/Dockerfile"} == {"PI902"}


NAMES = ["Dockerfile", "compose.yaml", "deploy.yaml", "start.sh", "task.json", "x.nomad.hcl", "x.container", "fly.toml"]
SEEDS = [text for rule in RULES if rule.id != "PI902" for files in (rule.bad, rule.good) for text in files.values()]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(SEEDS), min_size=1, max_size=4), st.data())
@pytest.mark.usefixtures("folder")
def test_spoiled_files_never_stop_a_run(files: dict[str, str], data: st.DataObject) -> None:
    """Real texts, cut and put together at random: a fault of a rule would be a finding that says so."""
    spoiled = {}
    for name, text in files.items():
        at = data.draw(st.integers(0, len(text)))
        to = data.draw(st.integers(at, len(text)))
        spoiled[name] = text[:at] + data.draw(st.text(max_size=4)) + text[to:]
    texts = Files(given=spoiled)
    project = sources.project_of(list(spoiled), texts, {})
    found, _ = check.findings_of(project, frozenset(BY_ID))
    for finding in found:
        assert "which is a fault of pyinit-check" not in finding.message
        assert "stopped its reader" not in finding.message
        assert finding.place.line >= 1


#: What may stand in the place of a part of a manifest.
ODD: list[object] = [
    None,
    [],
    {},
    "",
    "x",
    0,
    -1,
    1e300,
    True,
    [[]],
    [None],
    {"name": None},
    {"": ""},
    "${X}",
    ["a", 1],
    {"exec": []},
    "99999999999999999999",
]

MANIFESTS = [text for text in SEEDS if text.startswith(("apiVersion", "services", "{"))]


def _replace_part(data: st.DataObject, part: object, depth: int = 0) -> object:
    """The same manifest with one part of it replaced."""
    children = list(part.items()) if isinstance(part, dict) else list(enumerate(part)) if isinstance(part, list) else []
    if not children or (depth and data.draw(st.integers(0, 5)) == 0):
        return data.draw(st.sampled_from(ODD))
    key, child = data.draw(st.sampled_from(children))
    new = _replace_part(data, child, depth + 1)
    if isinstance(part, dict):
        return {**part, key: new}
    assert isinstance(part, list)
    return [*part[:key], new, *part[key + 1 :]]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(MANIFESTS), st.data())
@pytest.mark.usefixtures("folder")
def test_manifests_with_odd_parts_never_stop_a_rule(text: str, data: st.DataObject) -> None:
    documents = [_replace_part(data, document) for document in yaml.safe_load_all(text)]
    name = {"a": "deploy.yaml", "s": "compose.yaml", "{": "task.json"}[text[0]]
    spoiled = {name: yaml.safe_dump_all(documents), "Dockerfile": BY_ID["PI301"].bad["Dockerfile"]}
    project = sources.project_of(list(spoiled), Files(given=spoiled), {})
    found, _ = check.findings_of(project, frozenset(BY_ID))
    assert [
        finding.message for finding in found if "fault of pyinit-check" in finding.message or "its reader" in finding.message
    ] == []


def test_the_local_engine_is_asked_for_base_images_and_pulls_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inspected = json.dumps([{"RepoTags": ["company/base:1"], "Config": {"Entrypoint": None, "Cmd": ["x"]}}])
    write(
        folder,
        {
            "bin/docker": f'#!/bin/sh\necho "$@" >> {folder}/asked\n'
            f"[ \"$3\" = company/base:1 ] || exit 1\ncat <<'E'\n{inspected}\nE\n",
            "a/Dockerfile": 'FROM company/base:1\nCOPY start.sh /\nCMD ["/start.sh"]\n',
            "a/start.sh": "#!/bin/sh\ngunicorn app:app\n",
            "b/Dockerfile": "FROM company/other\nCMD x\n",
        },
    )
    (folder / "bin" / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:/usr/bin:/bin")
    status, out, _ = run(capsys, "--format", "json", "--base-image-config", "docker")
    assert (status, rules(out)) == (1, ["PI201"])
    assert (folder / "asked").read_text().splitlines() == ["image inspect company/base:1", "image inspect company/other"]
