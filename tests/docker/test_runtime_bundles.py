"""The OCI runtime on bundles made by hand: runc and crun behind it, and what an engine would not let us make."""

import copy
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from docker import DockerClient

from pyinit.rehearse.engine import remove
from tests.docker.bundles import SPEC, Bundle
from tests.docker.engine import LABEL, image
from tests.namespace import need

FINISHED = "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"

REAL = ["runc", "crun"]


@pytest.fixture(scope="module")
def root(client: DockerClient) -> bytes:
    """The root file system of the small image, as a tar archive."""
    if os.geteuid() != 0:
        pytest.skip("a bundle is run as root")
    for runtime in REAL:
        need(runtime)
    container = client.containers.create(image("small"), labels={LABEL: str(os.getpid())})
    try:
        return b"".join(cast("Iterator[bytes]", container.export()))
    finally:
        remove(client, str(container.id))


def settings(folder: Path, text: str) -> str:
    """The option that names a file of settings with this text."""
    (folder / "runtime.conf").write_text(text)
    return f"--pyinit-config={folder / 'runtime.conf'}"


def spec(**changes: Any) -> dict[str, Any]:
    """A config.json with other members."""
    return {**copy.deepcopy(SPEC), **changes}


@pytest.mark.parametrize("real", REAL)
def test_a_plain_start_script_finishes(tmp_path: Path, binaries: Path, root: bytes, real: str) -> None:
    with Bundle(tmp_path, root, spec()) as bundle:
        bundle.run(str(binaries / "pyinit-runtime"), settings(tmp_path, f"runtime={real}"))
        assert bundle.stop() == 7
        assert bundle.out == FINISHED
        assert "(start.sh), until" in bundle.err


@pytest.mark.parametrize("real", REAL)
def test_so_it_does_where_the_root_is_mounted_read_only(tmp_path: Path, binaries: Path, root: bytes, real: str) -> None:
    """Not by a flag that the runtime sets when all is made, but from the start: nothing can be made in it."""
    with Bundle(tmp_path, root, spec(root={"path": "rootfs", "readonly": True})) as bundle:
        rootfs = str(tmp_path / "rootfs")
        for name in ("proc", "dev"):
            (tmp_path / "rootfs" / name).mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", rootfs, rootfs], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", rootfs], check=True)
            bundle.run(str(binaries / "pyinit-runtime"), settings(tmp_path, f"runtime={real}"))
            assert bundle.stop() == 7
            assert bundle.out == FINISHED
        finally:
            subprocess.run(["umount", "--lazy", rootfs], check=True)


@pytest.mark.parametrize("real", REAL)
def test_so_it_does_in_a_user_namespace(tmp_path: Path, binaries: Path, root: bytes, real: str) -> None:
    namespaces = [*SPEC["linux"]["namespaces"], {"type": "user"}]
    mapping = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    linux = {"namespaces": namespaces, "uidMappings": mapping, "gidMappings": mapping}
    with Bundle(tmp_path, root, spec(linux=linux)) as bundle:
        folder = tmp_path
        while folder != Path("/tmp"):  # noqa: S108 - below it are pytest's, which nobody else may enter
            folder.chmod(0o755)
            folder = folder.parent
        bundle.run(str(binaries / "pyinit-runtime"), settings(tmp_path, f"runtime={real}"))
        assert bundle.stop() == 7
        assert bundle.out == FINISHED


@pytest.mark.parametrize("kind", ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"])
def test_a_sandbox_is_left_as_it_is(tmp_path: Path, binaries: Path, root: bytes, kind: str) -> None:
    with Bundle(tmp_path, root, spec(annotations={kind: "sandbox"})) as bundle:
        before = (tmp_path / "config.json").read_bytes()
        log = tmp_path / "log"
        bundle.run(str(binaries / "pyinit-runtime"), "--debug", "--log", str(log))
        bundle.wait_until_ready()
        assert "left as it is: a sandbox of a pod" in log.read_text()
        assert (tmp_path / "config.json").read_bytes() == before


def test_a_config_that_is_no_json_fails_in_the_words_and_the_place_that_engines_read(
    tmp_path: Path, binaries: Path, root: bytes
) -> None:
    with Bundle(tmp_path, root, spec()) as bundle:
        (tmp_path / "config.json").write_text('{"process": {"args": ["/start.sh",]}}')
        log = tmp_path / "log"
        bundle.run(str(binaries / "pyinit-runtime"), "--log", str(log), "--log-format", "json")
        assert bundle.process is not None
        assert bundle.process.wait(10) == 1
        complaint = f"pyinit-runtime: {tmp_path}/config.json: line 1, character 35: no value"
        assert bundle.err == complaint + "\n"
        assert f'{{"level": "error", "msg": "{complaint}", "time": "2' in log.read_text()


def test_a_file_of_settings_with_a_mistake_keeps_nobody_from_ending_what_runs(
    tmp_path: Path, binaries: Path, root: bytes
) -> None:
    with Bundle(tmp_path, root, spec()) as bundle:
        option = settings(tmp_path, "runtime=runc\n")
        bundle.run(str(binaries / "pyinit-runtime"), option)
        bundle.wait_until_ready()
        settings(tmp_path, "runtime=runc\nnonsense\n")
        assert bundle.stop() == 7
