"""What docker/Dockerfile and docker/static/Dockerfile make, and that it is what the machine itself would make."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from docker import DockerClient

from tests.docker import sizes
from tests.docker.conftest import Start
from tests.docker.engine import files_of
from tests.namespace import ROOT, need


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def built(client: DockerClient) -> tuple[str, str, str]:
    """From docker/static/Dockerfile: the name of the binary, its SHA-256, and what is inside."""
    files = files_of(client, "static")
    [name] = [name for name in files if "." not in name]
    assert set(files) == {name, f"{name}.sha256", f"{name}.inside", f"{name}.licences"}
    assert files[f"{name}.sha256"].decode() == f"{sha256(files[name])}  {name}\n"
    return name, sha256(files[name]), files[f"{name}.inside"].decode()


def test_the_image_holds_the_binary_and_nothing_else(client: DockerClient, built: tuple[str, str, str]) -> None:
    files = files_of(client, "pyinit")
    assert set(files) == {"pyinit"}
    assert sha256(files["pyinit"]) == built[1], "two builds of the same sources give the same bytes"


def test_a_build_without_docker_gives_the_same_bytes_at_the_time_that_is_given(
    built: tuple[str, str, str], tmp_path: Path
) -> None:
    need("apt-get" if os.geteuid() == 0 else "gcc")
    name, expected, inside = built
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "86400"}
    subprocess.run([ROOT / "docker" / "static" / "build.sh", "", tmp_path], check=True, env=environment)
    assert (tmp_path / name).stat().st_mtime == 86400
    if (tmp_path / f"{name}.inside").read_text() != inside:
        pytest.skip("this machine has other versions of Debian's packages than the image")
    assert sha256((tmp_path / name).read_bytes()) == expected


def test_the_image_can_be_run_and_says_what_it_is(start: Start) -> None:
    container = start("pyinit", ["--version"])
    assert container.wait() == 0
    assert container.stdout.startswith("pyinit ")


@pytest.mark.parametrize("name", sizes.EXAMPLES)
def test_pyinit_adds_its_own_size_to_an_image_and_no_more(client: DockerClient, name: str) -> None:
    size = sizes.measure(client, name)
    binary = sizes.measure(client, "pyinit").image
    assert 0 < size.pyinit <= binary + 100, "the rest: two links"
    assert f"| {name} |" in (ROOT / "docs" / "install.md").read_text()
