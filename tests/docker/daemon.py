"""A Docker daemon of one's own, beside the one that the other tests use: for what only a daemon's options can do."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import docker
from docker import DockerClient

from tests.waiting import wait_until


class Daemon(NamedTuple):
    """A running daemon: its client, its socket for the `docker` of the command line, and the file of its log."""

    client: DockerClient
    host: str
    log: Path


@contextlib.contextmanager
def engine_folder(prefix: str) -> Iterator[Path]:
    """A folder for all that an engine keeps; at the end it is gone, whatever is still mounted in it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted(places, reverse=True):
            if place.startswith(f"{folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(folder)


@contextlib.contextmanager
def daemon(*options: str) -> Iterator[Daemon]:
    """Start dockerd with these options, without network, and with nothing but a folder of its own; at the end all is gone."""
    with engine_folder("pyinit-dockerd-") as folder:
        host, log = f"unix://{folder}/socket", folder / "log"
        # With --bridge none a daemon removes docker0, whoever uses that; so it has a network namespace to itself.
        words = [
            "unshare",
            "--net",
            "dockerd",
            "--host",
            host,
            "--data-root",
            f"{folder}/data",
            "--exec-root",
            f"{folder}/exec",
        ]
        words += ["--pidfile", f"{folder}/pid", "--bridge", "none", "--iptables=false", *options]
        with log.open("wb") as out:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

        def answers() -> bool:
            assert process.poll() is None, f"dockerd has ended: {log.read_text()}"
            return subprocess.run(["docker", "--host", host, "version"], capture_output=True, check=False).returncode == 0

        try:
            wait_until(answers, "dockerd answers", timeout=60)
            with contextlib.closing(docker.DockerClient(base_url=host, version="auto")) as client:
                yield Daemon(client, host, log)
        finally:
            process.terminate()
            process.wait(60)


def copy_image(of: DockerClient, to: DockerClient, tag: str) -> None:
    """Give one engine's image to another."""
    to.images.load(b"".join(of.images.get(tag).save(named=True)))
