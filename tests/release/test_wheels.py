"""The wheels, installed here: which one pip takes, and what is run."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.live.conftest import APP_WORDS
from tests.namespace import ROOT, Namespace
from tests.release import made

pytestmark = pytest.mark.timeout(made.PATIENCE)

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]

#: The wheel for all, and that for this machine.
WHEELS = ("pure", "platform")

#: How pyinit is called where it is installed.
WAYS = ("script", "module")


def find_wheel(release: made.Release, kind: str) -> Path:
    """One of WHEELS."""
    return release.pure if kind == "pure" else release.wheel(made.our_architecture())


@pytest.fixture(scope="module")
def targets(release: made.Release, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders into which each of WHEELS was installed."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in WHEELS}
    for kind, folder in folders.items():
        done = made.run(*PIP, "install", "--no-index", "--no-compile", "--target", folder, find_wheel(release, kind))
        assert done.returncode == 0, done.stderr
    return folders


def words(target: Path, way: str) -> list[str]:
    """The words that run what is installed."""
    if way == "script":
        return [str(target / "bin" / "pyinit")]
    return ["env", f"PYTHONPATH={target}", sys.executable, "-m", "pyinit"]


def say(target: Path, way: str, *arguments: str) -> tuple[int, str, str]:
    """The exit status of a call, and what it writes."""
    done = made.run(*words(target, way), *arguments, cwd=Path("/"))
    return done.returncode, done.stdout, done.stderr


def download(folder: Path, into: Path, platform: str) -> made.Done:
    """What pip does on a platform of which it knows this tag, with only the wheels of a folder to choose from."""
    choice = ("--no-index", "--find-links", folder, "--only-binary", ":all:", "--platform", platform, "--dest", into)
    return made.run(*PIP, "download", "--quiet", *choice, "pyinit")


@pytest.mark.parametrize(
    ("platform", "architecture"),
    [
        ("manylinux_2_17_x86_64", "amd64"),
        ("musllinux_1_1_x86_64", "amd64"),
        ("manylinux_2_17_aarch64", "arm64"),
        ("musllinux_1_1_aarch64", "arm64"),
        ("manylinux_2_31_riscv64", None),
    ],
)
def test_pip_takes_the_wheel_of_the_platform_and_the_pure_one_where_there_is_none(
    release: made.Release, tmp_path: Path, platform: str, architecture: str | None
) -> None:
    assert download(release.folder, tmp_path, platform).returncode == 0
    expected = release.wheel(architecture) if architecture else release.pure
    assert [path.name for path in tmp_path.iterdir()] == [expected.name]


@pytest.mark.parametrize(("architecture", "platform"), [("amd64", "musllinux_1_1_aarch64"), ("arm64", "manylinux_2_17_x86_64")])
def test_pip_refuses_the_wheel_of_another_architecture(
    release: made.Release, tmp_path: Path, architecture: str, platform: str
) -> None:
    shutil.copy(release.wheel(architecture), tmp_path)
    done = download(tmp_path, tmp_path / "into", platform)
    assert done.returncode == 1
    assert "No matching distribution found for pyinit" in done.stderr


def test_the_script_of_the_platform_wheel_is_the_binary(release: made.Release, targets: dict[str, Path]) -> None:
    script = targets["platform"] / "bin" / "pyinit"
    assert script.read_bytes() == release.binary(made.our_architecture()).read_bytes()
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize(
    "arguments",
    [("--version",), ("--help",), ("--nosuch",), ("-c", "echo told; exit 7"), ("--", "nosuch")],
    ids=" ".join,
)
def test_scripts_and_modules_of_all_wheels_say_the_same(targets: dict[str, Path], arguments: tuple[str, ...]) -> None:
    said = {(kind, way): say(targets[kind], way, *arguments) for kind in WHEELS for way in WAYS}
    assert len(set(said.values())) == 1, said


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", WHEELS)
def test_as_pid_1_each_lets_a_start_script_finish(targets: dict[str, Path], tmp_path: Path, kind: str, way: str) -> None:
    command = [*words(targets[kind], way), "--", "sh", "-c", f"{APP_WORDS}; echo last; exit 3"]
    with Namespace(command, tmp_path) as namespace:
        namespace.wait_for_output("app ready")
        assert (namespace.init.cmdline()[1] == "-IS") == ((kind, way) != ("platform", "script"))
        namespace.signal(15)
        assert namespace.wait() == 3
        assert namespace.stdout == "app ready\napp got SIGTERM\napp done\nlast\n"


def build(binary: str | Path, folder: Path, *more: str) -> made.Done:
    """Build a wheel whose script is this binary."""
    command: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, *more, ROOT]
    return made.run(*command, PYINIT_BINARY=str(binary))


def test_a_platform_wheel_can_be_built_from_the_source_distribution(release: made.Release, tmp_path: Path) -> None:
    architecture = made.our_architecture()
    done = build(release.binary(architecture), tmp_path)  # which makes the source distribution, and of that the wheel
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / release.wheel(architecture).name).exists()


@pytest.mark.parametrize(
    ("binary", "complaint"), [(shutil.which("true"), "not static"), (__file__, "no ELF file"), ("/nosuch", "No such file")]
)
def test_no_wheel_is_made_of_what_is_no_static_binary(tmp_path: Path, binary: str, complaint: str) -> None:
    done = build(binary, tmp_path, "--wheel")
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
