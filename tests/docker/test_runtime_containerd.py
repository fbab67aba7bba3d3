"""The OCI runtime under containerd, as RuntimeClasses of Kubernetes have it: io.containerd.runc.v2 with another binary."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.docker.containerd import Containerd, containerd
from tests.docker.engine import image
from tests.namespace import need

FINISHED = "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"

#: The image, by the name under which it is imported.
SMALL = f"docker.io/{image('small')}:latest"


@pytest.fixture(scope="module")
def engine(client: DockerClient) -> Iterator[Containerd]:
    """Containerd with the small image."""
    need("containerd")
    need("ctr")
    if os.geteuid() != 0:
        pytest.skip("containerd must be run as root")
    with containerd() as started:
        archive = started.folder / "small.tar"
        archive.write_bytes(b"".join(client.images.get(image("small")).save(named=True)))
        started("images", "import", "--snapshotter", "native", str(archive))
        yield started


@pytest.fixture
def words(binaries: Path) -> list[str]:
    """The options of `ctr run` for the runtime."""
    return ["--snapshotter", "native", "--runtime", "io.containerd.runc.v2", "--runc-binary", str(binaries / "pyinit-runtime")]


@pytest.mark.parametrize("option", [[], ["--read-only"], ["--seccomp"]], ids=" ".join)
def test_an_untouched_image_finishes_its_work(engine: Containerd, words: list[str], option: list[str]) -> None:
    with engine.running(*words, *option, SMALL, "it") as task:
        task.wait_for_output("app ready")
        engine("task", "kill", "--signal", "SIGTERM", "it")
        assert task.process.wait(20) == 7
        assert task.out == FINISHED
        assert "(start.sh), until" in task.err


def test_without_it_the_same_image_does_not_even_hear_of_it(engine: Containerd) -> None:
    """Or the tests above would prove nothing."""
    with engine.running("--snapshotter", "native", SMALL, "it") as task:
        task.wait_for_output("app ready")
        engine("task", "kill", "--signal", "SIGTERM", "it")
        with pytest.raises(subprocess.TimeoutExpired):
            task.process.wait(1)
        engine("task", "kill", "--signal", "SIGKILL", "it")
        assert task.process.wait(20) == 137
        assert task.out == "app ready\n"


def test_annotations_set_options_and_variables_win_over_them(engine: Containerd, words: list[str]) -> None:
    options = [
        "--annotation",
        "pyinit/map-status=7:3",
        "--annotation",
        "pyinit/log-level=warning",
        "--env",
        "PYINIT_MAP_STATUS=7:4",
    ]
    with engine.running(*words, *options, SMALL, "it") as task:
        task.wait_for_output("app ready")
        engine("task", "kill", "--signal", "SIGTERM", "it")
        assert task.process.wait(20) == 4
        assert task.err == ""


@pytest.mark.parametrize(
    "annotations",
    [
        ["io.kubernetes.cri.container-type=sandbox"],
        ["pyinit/exclude=*"],
        ["pyinit/exclude=proxy, app", "io.kubernetes.cri.container-name=app"],
    ],
    ids=" ".join,
)
def test_a_sandbox_and_what_an_annotation_excludes_are_left_alone(
    engine: Containerd, words: list[str], annotations: list[str]
) -> None:
    options = [word for annotation in annotations for word in ("--annotation", annotation)]
    with engine.running(*words, *options, SMALL, "it") as task:
        task.wait_for_output("app ready")
        engine("task", "kill", "--signal", "SIGKILL", "it")
        assert task.process.wait(20) == 137
        assert task.err == ""


def test_an_annotation_that_is_no_option_fails_and_containerd_says_why(engine: Containerd, words: list[str]) -> None:
    with engine.running(*words, "--annotation", "pyinit/pre-stop-dellay=auto", SMALL, "it") as task:
        assert task.process.wait(20) != 0
        complaint = (
            "annotation pyinit/pre-stop-dellay: there is no option 'pre-stop-dellay'; did you mean pyinit/pre-stop-delay?"
        )
        assert "OCI runtime create failed: pyinit-runtime: " in task.err
        assert complaint in task.err
