"""The repository's own files: clean by pyinit-check, printed by its scripts, and PID 1 without any of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyinit.check import balancers, entry, manual
from tests.live.forms import install_wheel
from tests.namespace import ROOT


def run(*words: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """pyinit-check, as somebody calls it."""
    return subprocess.run(
        [sys.executable, "-m", "pyinit.check", *words], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def test_our_own_examples_and_manifests_are_clean() -> None:
    done = run(".")
    # What is ignored is the script of an image that has to be as bad as most are: tests/kubernetes/images.
    last = f"nothing found; 1 ignored ({checked()} files checked)"
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [last])


def checked() -> int:
    """How many files there are to check, by their names alone."""
    excluded = ("tests/check/cases",)
    skipped = {".git", ".venv", "build", "dist", "node_modules"}
    names = [path.relative_to(ROOT) for path in ROOT.rglob("*Dockerfile")]
    found = [path for path in names if not skipped & set(path.parts) and not str(path).startswith(excluded)]
    return len(found) + sum(len(list((ROOT / "docker").rglob(end))) for end in MANIFESTS)


#: How the manifests of docker/ end; all of them are among the files.
MANIFESTS = ("*.yaml", "*.nomad.hcl", "*.container", "ecs.json")


def test_each_of_our_examples_is_followed_to_its_program() -> None:
    """Clean because it is right, and not because it is unknown."""
    from pyinit.check import config, sources
    from pyinit.check.chain import subjects
    from pyinit.check.files import Files

    before = Path.cwd()
    os.chdir(ROOT)
    try:
        project = sources.project_of(["docker/examples", "docker/kubernetes"], Files(), config.load("docker").images)
        launches: dict[str, list[str]] = {}
        for one in subjects(project):
            if one.image is not None and one.image.source is not None:
                launches[Path(one.image.source.path).name] = [step.name for step in one.launch.steps]
    finally:
        os.chdir(before)
    assert launches["start-script.Dockerfile"] == ["pyinit", "start.sh", "app.py"]
    assert launches["on-tini-base.Dockerfile"] == ["tini", "start.sh", "app.py"]
    assert launches["shell-form.Dockerfile"] == ["pyinit", "sh", "app.py"]
    assert launches["exec-form.Dockerfile"] == ["pyinit", "app.py"]
    assert launches["on-base.Dockerfile"] == ["pyinit", "sh", "app.py"]


def test_the_manual_is_what_its_script_prints() -> None:
    assert (ROOT / "docs" / "check.md").read_text() == manual.manual()


def test_the_table_of_load_balancers_is_what_its_script_prints() -> None:
    page = (ROOT / "docker" / "kubernetes" / "README.md").read_text()
    mark = "<!-- printed by: python3 -m pyinit.check.balancers -->\n"
    assert mark + balancers.table() in page


def test_a_row_is_as_long_as_it_says() -> None:
    for row in balancers.ROWS:
        assert row.allowed == row.maximum + balancers.TO_FINISH + balancers.SPARE
        assert 0 < row.minimum < row.maximum


def test_the_static_binary_holds_none_of_it_nor_of_the_rehearsal() -> None:
    script, package, start = (
        ROOT / "docker" / "static" / "freeze.py",
        ROOT / "pyinit",
        ROOT / "docker" / "static" / "start.py",
    )
    rest = subprocess.run([sys.executable, script, package, start], capture_output=True, check=True).stdout
    names = []
    while rest:
        head, _, rest = rest.partition(b"\n")
        name, size, _ = head.split()
        names.append(name.decode())
        rest = rest[int(size) :]
    assert "pyinit.life.supervise" in names
    assert [name for name in names if name.startswith(("pyinit.check", "pyinit.rehearse"))] == []


def test_nothing_but_the_rehearsal_imports_it() -> None:
    users = {"check", "rehearse"}  # pyinit-rehearse, which is no PID 1 either, proposes what the rules do
    outside = [path for path in (ROOT / "pyinit").rglob("*.py") if not users & set(path.relative_to(ROOT / "pyinit").parts)]
    assert len(outside) > 50
    assert [path.name for path in outside if "pyinit.check" in path.read_text()] == []


def test_without_its_libraries_it_says_in_one_line_what_to_install() -> None:
    words = [
        sys.executable,
        "-IS",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pyinit.check import entry; sys.exit(entry.main())",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install" in done.stderr
    for package in entry.NEEDED.values():
        assert package in done.stderr


def test_the_wheel_brings_the_script_which_needs_its_extra(tmp_path: Path) -> None:
    install_wheel(tmp_path)
    done = subprocess.run([tmp_path / "venv" / "bin" / "pyinit-check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "not installed: PyYAML" in done.stderr


def test_the_extra_names_what_the_script_needs() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    extra = re.search(r"^check = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert extra is not None
    for package in entry.NEEDED.values():
        assert f'"{package}>=' in extra[1]
    assert 'pyinit-check = "pyinit.check.entry:main"' in text


@pytest.mark.parametrize("name", ["docker/check/Dockerfile", "action.yml", ".pre-commit-hooks.yaml"])
def test_the_ways_into_ci_are_there_and_call_the_script(name: str) -> None:
    assert "pyinit-check" in (ROOT / name).read_text()


def test_the_hook_and_the_action_are_what_their_readers_take() -> None:
    import yaml

    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language", "additional_dependencies", "pass_filenames"} <= set(hook)
    assert (hook["language"], hook["entry"].split()[0]) == ("python", "pyinit-check")
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert "uses" in step or "shell" in step
    used = {name for step in action["runs"]["steps"] for name in re.findall(r"inputs\.([\w-]+)", str(step))}
    assert used == set(action["inputs"])
