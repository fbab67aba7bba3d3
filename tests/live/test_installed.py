"""The script that pip installs: what runs, from where, and isolated from whom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS
from tests.namespace import ROOT, Namespace, need


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment into which a freshly built wheel was installed."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, str(wheel)], check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    subprocess.run([*pip, "--target", str(folder / "target"), str(wheel)], check=True, capture_output=True)
    return folder


def hostile(folder: Path) -> dict[str, str]:
    """An environment in which every module of the application's folder would end Python."""
    for module in ("os", "site", "codecs", "pyinit", "posix", "gc", "traceback"):
        (folder / f"{module}.py").write_text("raise SystemExit(99)\n")
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONSTARTUP": str(folder / "os.py")}


@pytest.mark.parametrize("script", ["venv/bin/pyinit", "target/bin/pyinit", "a link"])
def test_the_installed_script_is_isolated_and_its_command_is_not(installed: Path, tmp_path: Path, script: str) -> None:
    path = installed / script
    if script == "a link":
        path = tmp_path / "elsewhere"
        path.symlink_to(installed / "venv" / "bin" / "pyinit")
    line = 'test "$PYTHONPATH" && exit 5'
    with Namespace([str(path), "--", "sh", "-c", line], tmp_path, env=hostile(tmp_path), cwd=tmp_path) as namespace:
        assert (namespace.wait(), namespace.stderr) == (5, "")


def test_the_installed_script_stops_a_start_script_as_the_source_does(installed: Path, tmp_path: Path) -> None:
    words = [str(installed / "venv" / "bin" / "pyinit"), "--", "sh", "-c", f"{APP_WORDS}; echo last; exit 3"]
    with Namespace(words, tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        assert namespace.init.cmdline()[1] == "-IS"
        namespace.signal(15)
        assert namespace.wait() == 3
        assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nlast\n"


def test_man_and_the_shells_find_what_is_installed_beside_the_script(installed: Path) -> None:
    need("man")
    environment = {"PATH": f"{installed}/venv/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    found = subprocess.run(["man", "-w", "pyinit"], capture_output=True, text=True, check=True, env=environment).stdout
    assert found == f"{installed}/venv/share/man/man1/pyinit.1\n"
    share = installed / "venv" / "share"
    for place in ("bash-completion/completions/pyinit", "zsh/site-functions/_pyinit", "fish/vendor_completions.d/pyinit.fish"):
        assert "pre-stop-delay" in (share / place).read_text()


@pytest.mark.parametrize("way", ["beside it", "by a full path", "by a relative path", "by a link to a link"])
def test_a_link_to_the_installed_script_is_a_drop_in_by_its_name(installed: Path, tmp_path: Path, way: str) -> None:
    script = installed / "venv" / "bin" / "pyinit"
    (tmp_path / "sbin").mkdir()
    link = tmp_path / "sbin" / "tini"
    if way == "beside it":
        link = script.parent / "tini"
        link.unlink(missing_ok=True)
        link.symlink_to("pyinit")
    elif way == "by a full path":
        link.symlink_to(script)
    else:
        target = tmp_path / "elsewhere"
        target.symlink_to(script)
        link.symlink_to(Path("..") / "elsewhere" if way == "by a link to a link" else os.path.relpath(script, link.parent))
    line = 'test "$PYTHONPATH" && exit 5'
    with Namespace([str(link), "-e", "5", "--", "sh", "-c", line], tmp_path, env=hostile(tmp_path), cwd=tmp_path) as namespace:
        assert (namespace.wait(), namespace.stderr) == (0, "")


def test_a_link_that_is_found_on_path_is_a_drop_in_by_its_name(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "dumb-init").symlink_to(installed / "venv" / "bin" / "pyinit")
    path = f"{tmp_path}:{os.environ['PATH']}"
    with Namespace(["dumb-init", "--single-child", "nosuch"], tmp_path, env={"PATH": path}) as namespace:
        assert namespace.wait() == 2
        assert "cannot execute nosuch" in namespace.stderr


def test_pyinit_by_name_isolates_itself(installed: Path, tmp_path: Path) -> None:
    words = [str(installed / "venv" / "bin" / "python"), "-m", "pyinit", "--", "sleep", "1000"]
    with Namespace(words, tmp_path) as namespace:
        namespace.wait_until_at_rest()
        assert namespace.init.cmdline()[1] == "-IS"


def test_a_script_without_its_package_says_so_in_one_line(tmp_path: Path) -> None:
    lonely = tmp_path / "pyinit"
    lonely.write_bytes((ROOT / "pyinit" / "launcher.sh").read_bytes())
    lonely.chmod(0o755)
    python = Path(sys.base_prefix) / "bin" / "python3"
    (tmp_path / "python3").symlink_to(python)
    with Namespace([str(lonely), "--version"], tmp_path) as namespace:
        assert namespace.wait() == 125
        assert namespace.stderr.startswith("pyinit: error: its package is not where pip puts it")
        assert namespace.stderr.count("\n") == 1


def test_the_environment_gains_nothing_but_what_the_shell_of_the_script_adds(installed: Path, tmp_path: Path) -> None:
    words = [str(installed / "venv" / "bin" / "pyinit"), "--", "env"]
    with Namespace(words, tmp_path, env={"PATH": "/usr/bin:/bin", "A": "1"}) as namespace:
        assert namespace.wait() == 0
        names = {line.partition("=")[0] for line in namespace.stdout.splitlines()}
        assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "A"}
