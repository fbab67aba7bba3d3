"""The static binary: where there is one, and how it gets into a container that is not started yet."""

import io
import os
import shutil
import struct
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.containers import Container

from pyinit.rehearse.engine import Owner, remove
from pyinit.rehearse.faults import NoVerdict, UsageError

#: The image that `make image` makes, and where the binary is in it.
IMAGE, IN_IMAGE = "pyinit", "/pyinit"

#: Where it is put: a folder that no image has.
FOLDER = "/.pyinit-rehearse"
PATH = f"{FOLDER}/pyinit"

#: ELF's e_machine, by what an image calls its architecture. See elf(5).
MACHINES = {"amd64": 62, "arm64": 183}


def machine(binary: bytes) -> int | None:
    """The machine of an ELF file of 64 bits; None where it is something else."""
    if binary[:6] != b"\x7fELF\x02\x01" or len(binary) < 20:  # noqa: PLR2004 - as far as e_machine
        return None
    return int(struct.unpack_from("<H", binary, 18)[0])


def find(client: DockerClient, owner: Owner, architecture: str, given: str | None) -> bytes:
    """The binary for an image's architecture. Raises UsageError for a file that is none, NoVerdict where none is found."""
    wanted = MACHINES.get(architecture)
    if wanted is None:
        raise NoVerdict(f"the image is for {architecture}, and there is no static pyinit for that: only {', '.join(MACHINES)}")
    if given is not None:
        try:
            content = Path(given).read_bytes()
        except OSError as error:
            raise UsageError(f"--pyinit {given}: {error.strerror}") from None
        if machine(content) != wanted:
            raise UsageError(f"--pyinit {given}: no ELF file for {architecture}, which the image is for")
        return content
    for path in _places(architecture):
        if path.is_file() and machine(content := path.read_bytes()) == wanted:
            return content
    content = _from_image(client, owner)
    if machine(content) == wanted:
        return content
    raise NoVerdict(
        f"there is no static pyinit for {architecture} here: install this platform's wheel, `make image`, or give --pyinit FILE"
    )


def _places(architecture: str) -> Iterator[Path]:
    """Where a static binary may be: beside us, on the PATH, in the checkout that we are of."""
    yield Path(sys.executable).with_name("pyinit")
    found = shutil.which("pyinit")
    if found:
        yield Path(found)
    yield Path(__file__).resolve().parents[2] / "dist" / f"pyinit-linux-{architecture}"


def _from_image(client: DockerClient, owner: Owner) -> bytes:
    """The binary of the image `pyinit`; nothing where the engine has no such image."""
    try:
        container = client.containers.create(IMAGE, ["-"], labels=owner.labels(), network_mode="none")
    except ImageNotFound:
        return b""
    try:
        stream, _ = container.get_archive(IN_IMAGE)
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            return b"" if file is None else file.read()
    except NotFound:
        return b""
    finally:
        remove(client, str(container.id))


def put(container: Container, binary: bytes) -> None:
    """Put it to PATH, in a container that is created. Raises NoVerdict where that cannot be done.

    Where the root is read-only, FOLDER has to be a volume.
    """
    is_volume = any(mount["Destination"] == FOLDER for mount in container.attrs.get("Mounts") or ())
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        if not is_volume:
            folder = tarfile.TarInfo(FOLDER.lstrip("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        file = tarfile.TarInfo(PATH.rpartition("/")[2] if is_volume else PATH.lstrip("/"))
        file.size, file.mode, file.mtime = len(binary), 0o755, int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
        archive.addfile(file, io.BytesIO(binary))
    try:
        container.put_archive(FOLDER if is_volume else "/", packed.getvalue())
    except APIError as error:
        raise NoVerdict(f"pyinit cannot be put into the container: {error.explanation}") from None
