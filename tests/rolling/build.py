"""The images of the laboratory: servers with every init, the same with a HEALTHCHECK, and routers."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from docker import DockerClient

from tests.docker.engine import build
from tests.namespace import ROOT
from tests.shared import turn

SERVERS, CHECKED, ROUTERS = "servers", "checked", "routers"

#: On every image, so that those which a newer build has replaced are found.
IMAGE_LABEL = "pyinit.rolling.image"

#: Of the image's python3: Debian bookworm's.
PYTHON = "3.11"

REQUIREMENTS = ROOT / "tests" / "rolling" / "images" / "requirements.txt"
WORK = ROOT / "build" / "rolling"
WHEELS = WORK / "wheels"

#: What of the checkout is sent to the engine, as lines of a .dockerignore.
CONTEXT = ["*", "!pyinit", "pyinit/rehearse", "!tests/rolling/images", "!build/rolling/wheels", "**/__pycache__"]


def image(name: str) -> str:
    """The tag of an image."""
    return f"pyinit-rolling/{name}"


@contextlib.contextmanager
def builds() -> Iterator[None]:
    """Nobody else prepares an engine meanwhile: several tests may begin at once."""
    WORK.mkdir(parents=True, exist_ok=True)
    with turn(WORK / "lock"):
        yield


def build_images(client: DockerClient) -> None:
    """Build the images. It is quick where nothing has changed, and PyPI is asked for new requirements only."""
    download(WHEELS)
    for name in (SERVERS, CHECKED, ROUTERS):
        build(client, f"tests/rolling/images/{name}.Dockerfile", image(name), {IMAGE_LABEL: name}, CONTEXT)
    client.images.prune({"dangling": True, "label": IMAGE_LABEL})


def download(folder: Path) -> None:
    """Fetch the wheels. In the engine's network there may be no PyPI, so they are sent along."""
    stamp = folder.parent / "requirements.txt"
    wanted = REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in folder.glob("*.whl"):
        wheel.unlink()
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    words += ["--python-version", PYTHON, "--only-binary", ":all:", "--dest", str(folder), "--requirement", str(REQUIREMENTS)]
    subprocess.run(words, check=True)
    stamp.write_text(wanted)
