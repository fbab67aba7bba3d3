"""A Docker engine: images built from this checkout, and containers that never outlive who has started them."""

import contextlib
import io
import os
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, cast

import pytest
from docker import DockerClient
from docker.errors import APIError, BuildError, DockerException, ImageNotFound
from docker.models.containers import Container
from docker.utils.build import tar
from requests.exceptions import RequestException

from pyinit.rehearse.engine import connect, remove
from tests.namespace import ROOT
from tests.waiting import PATIENCE, wait_until

#: On every container, with the PID of the process that has started it.
LABEL = "pyinit.test"

#: On every image, so that those which a newer build has replaced are found.
IMAGE_LABEL = "pyinit.example"

#: The image that all others are built on.
BASE = "debian:bookworm-slim"

#: The images and their Dockerfiles, in an order in which each finds those that it is built on or copies from.
IMAGES = {
    "pyinit": "docker/Dockerfile",
    "static": "docker/static/Dockerfile",
    "start-script": "docker/examples/start-script.Dockerfile",
    "shell-form": "docker/examples/shell-form.Dockerfile",
    "exec-form": "docker/examples/exec-form.Dockerfile",
    "base": "docker/examples/base.Dockerfile",
    "on-base": "docker/examples/on-base.Dockerfile",
    "tini-base": "docker/examples/tini-base.Dockerfile",
    "on-tini-base": "docker/examples/on-tini-base.Dockerfile",
    "healthcheck": "docker/examples/healthcheck.Dockerfile",
    "python3-minimal": "docker/examples/python3-minimal.Dockerfile",
    "app": "tests/docker/images/app.Dockerfile",
    "inits": "tests/docker/images/inits.Dockerfile",
    "small": "tests/docker/images/small.Dockerfile",
    "small-pyinit": "tests/docker/images/small-pyinit.Dockerfile",
    "bare": "tests/docker/images/bare.Dockerfile",
}

#: The stage of a Dockerfile that compiles.
STAGE = "build"

#: What of the checkout is sent to the engine.
CONTEXT = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]

#: What starts pyinit in the image `app`: the static binary, and the sources under the image's Python.
FORMS = {"static": "/pyinit", "source": "/usr/local/bin/pyinit"}


def image(name: str) -> str:
    """The tag of an image of IMAGES, or of one of that kind."""
    return name if name == "pyinit" else f"pyinit-example/{name}"


def need_engine() -> DockerClient:
    """A client of an engine that has, or can have, the image that all others are built on.

    Where none answers, or cannot have it, the test is skipped; or, where one is required, it fails.
    """
    try:
        client = connect()
    except DockerException as error:
        unavailable(f"no Docker engine answers (tests/docker/prepare.sh starts one): {error}")
    try:
        have_base(client)
    except (DockerException, RequestException) as error:
        client.close()
        unavailable(f"the Docker engine has no image {BASE}, and no registry (tests/docker/prepare.sh makes it): {error}")
    return client


def unavailable(reason: str) -> NoReturn:
    """Skip the test; or fail, where an engine is required."""
    (pytest.fail if os.environ.get("CI") or os.environ.get("REQUIRE_DOCKER") == "1" else pytest.skip)(reason)


def have_base(client: DockerClient) -> None:
    """Have the image that all others are built on. Raises DockerException or RequestException where that cannot be."""
    try:
        client.images.get(BASE)
    except ImageNotFound:
        client.images.pull(BASE)


def build(
    client: DockerClient, dockerfile: str, tag: str, labels: dict[str, str], sent: list[str], stage: str | None = None
) -> None:
    """Build an image of this checkout, of which is sent to the engine what `sent` says, as lines of a .dockerignore.

    With `stage`, that of the Dockerfile's stages and no further.
    """
    with tempfile.TemporaryFile() as context:
        tar(ROOT, sent, fileobj=context)
        try:
            client.images.build(
                fileobj=context,
                custom_context=True,
                dockerfile=dockerfile,
                tag=tag,
                target=stage,
                labels=labels,
                rm=True,
                forcerm=True,
            )
        except BuildError as error:
            said = "".join(str(line.get("stream", "")) for line in error.build_log if isinstance(line, dict))
            raise AssertionError(f"{dockerfile}: {error}\n{said}") from None


def build_images(client: DockerClient) -> None:
    """Build all images and remove those they replace; the engine's cache makes it quick where nothing has changed.

    A stage that compiles gets a tag and a label as well. So it is kept for the next build, and found when it is replaced.
    """
    for name, dockerfile in IMAGES.items():
        if f" AS {STAGE}\n" in (ROOT / dockerfile).read_text():
            build(client, dockerfile, image(f"{name}-{STAGE}"), {IMAGE_LABEL: name}, CONTEXT, STAGE)
        build(client, dockerfile, image(name), {IMAGE_LABEL: name}, CONTEXT)
    with contextlib.suppress(APIError):  # somebody else prunes right now
        client.images.prune({"dangling": True, "label": IMAGE_LABEL})


def remove_stale(client: DockerClient) -> None:
    """Remove containers whose starter was killed before it could."""
    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        if not Path(f"/proc/{container.labels[LABEL]}").exists():
            remove(client, str(container.id))


def files_of(client: DockerClient, name: str) -> dict[str, bytes]:
    """The files in the root of an image of IMAGES, as files_of_tag() has them."""
    return files_of_tag(client, image(name))


def files_of_tag(client: DockerClient, tag: str) -> dict[str, bytes]:
    """The files in the root of an image that is not started, by name; those that the engine adds have nothing in them."""
    container = client.containers.create(tag, ["-"], labels={LABEL: str(os.getpid())}, network_mode="none")
    try:
        exported = cast("Iterable[bytes]", container.export())  # as text, say its type stubs
        with tarfile.open(fileobj=io.BytesIO(b"".join(exported))) as archive:
            contents = {member.name: archive.extractfile(member) for member in archive if member.isfile() and member.size}
            return {name: file.read() for name, file in contents.items() if file is not None}
    finally:
        remove(client, str(container.id))


class Contained:
    """A started container. A context manager: at its end the container is removed, whatever state it is in."""

    def __init__(self, client: DockerClient, name: str, command: list[str] | None = None, **keywords: Any) -> None:
        """Start an image of IMAGES; keywords are those of the SDK's containers.create()."""
        self._client = client
        self.container: Container = client.containers.create(
            image(name), command, labels={LABEL: str(os.getpid())}, network_mode="none", **keywords
        )
        try:
            self.container.start()
        except BaseException:
            remove(client, str(self.container.id))
            raise

    @property
    def stdout(self) -> str:
        """What was written to stdout so far."""
        return self.container.logs(stdout=True, stderr=False).decode()

    @property
    def stderr(self) -> str:
        """What was written to stderr so far."""
        return self.container.logs(stdout=False, stderr=True).decode()

    def wait_for_output(self, text: str, times: int = 1, timeout: float = PATIENCE) -> None:
        """Wait until a text has been written to stdout so many times; fail at once where the container has ended."""

        def written() -> bool:
            ended = not self.is_running
            found = self.stdout.count(text) >= times
            assert found or not ended, f"ended without {text!r}: {self.stdout!r}, {self.stderr!r}"
            return found

        wait_until(written, f"{text!r} {times} times", timeout)

    def wait_for_file(self, path: str, text: str) -> None:
        """Wait until a file of the container holds just this text."""
        wait_until(lambda: self.container.exec_run(["cat", path]).output == text.encode(), f"{text!r} in {path}")

    @property
    def is_running(self) -> bool:
        """Whether the container runs now."""
        self.container.reload()
        return self.container.status == "running"

    def kill(self, signum: str) -> None:
        """`docker kill --signal`."""
        self.container.kill(signum)

    def stop(self, timeout: int = 10) -> float:
        """`docker stop --time`; return how many seconds it took."""
        began = time.monotonic()
        self.container.stop(timeout=timeout)
        return time.monotonic() - began

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for the end of the container; return its exit status."""
        return self.container.wait(timeout=timeout)["StatusCode"]

    def processes(self) -> list[str]:
        """The command lines of all that run in the container."""
        return [words for _, _, words in self._rows()]

    def parent_of(self, words: str) -> str:
        """The command line of the parent of the process whose own has these words in it."""
        rows = self._rows()
        (wanted,) = (parent for _, parent, line in rows if words in line)
        return next(line for pid, _, line in rows if pid == wanted)

    def _rows(self) -> list[list[str]]:
        return self.container.top(ps_args="-eo pid,ppid,args")["Processes"]

    def run(self, *words: str) -> str:
        """`docker exec`: run a command that succeeds; return its output."""
        result = self.container.exec_run(list(words))
        assert result.exit_code == 0, result
        assert isinstance(result.output, bytes), "which it is where it is not streamed"
        return result.output.decode()

    def __enter__(self) -> "Contained":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        remove(self._client, str(self.container.id))


@contextlib.contextmanager
def engine() -> Iterator[DockerClient]:
    """A client with all images built, for programs; tests have the fixture `client`."""
    with contextlib.closing(connect()) as client:
        remove_stale(client)
        build_images(client)
        yield client
