"""What an image has in it that the rules of pyinit-check read: the scripts that it starts with, and its shell."""

import contextlib
import io
import posixpath
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, cast

from docker import DockerClient
from docker.errors import APIError
from docker.models.containers import Container

from pyinit.check import bases
from pyinit.check.script import shell_of
from pyinit.rehearse import rules
from pyinit.rehearse.engine import Owner, remove
from pyinit.rehearse.rules import Content
from pyinit.rehearse.subject import Found

#: Bytes above which a file is no start script; symbolic links that are followed; scripts that start one another.
LARGEST, MOST_LINKS, MOST_SCRIPTS = 256_000, 5, 5

#: Where a bare name is looked for, where the image sets no PATH.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: What is /bin/sh in the end, by the name of the file.
SHELLS = {"dash": bases.DASH, "bash": bases.BASH, "busybox": bases.BUSYBOX}


def read(client: DockerClient, owner: Owner, found: Found, config: Mapping[str, Any]) -> Content:
    """The content of an image, from a container that is never started. Nothing of it where none can be created."""
    try:
        container = client.containers.create(found.subject.image, ["-"], labels=owner.labels(), network_mode="none")
    except APIError:
        return Content()
    try:
        return _read(container, found, config)
    finally:
        remove(client, str(container.id))


def _read(container: Container, found: Found, config: Mapping[str, Any]) -> Content:
    shell = SHELLS.get(posixpath.basename(resolved(container, "/bin/sh")))
    content = Content({}, shell)
    for _ in range(MOST_SCRIPTS):
        unknown = [name for name, is_known in rules.started(found, config, content) if not is_known]
        more = {}
        for name in unknown:
            for path in places(name, config):
                text = script(container, path)
                if text is not None:
                    more[path] = text
                    break
        if not more.keys() - content.scripts.keys():
            break
        content = Content({**content.scripts, **more}, shell)
    return content


def places(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Where a file that is executed by this name may be in the image."""
    if name.startswith("/"):
        yield posixpath.normpath(name)
    elif "/" in name:
        yield posixpath.normpath(posixpath.join("/", config.get("WorkingDir") or "", name))
    else:
        variables = dict(str(word).partition("=")[::2] for word in config.get("Env") or ())
        yield from (posixpath.join(folder, name) for folder in variables.get("PATH", PATH).split(":") if folder)


def resolved(container: Container, path: str) -> str:
    """The file that a path leads to by symbolic links."""
    for _ in range(MOST_LINKS):
        found = _fetched(container, path, lambda _: False)
        if found is None or not found[0].get("linkTarget"):
            break
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[0]["linkTarget"]))
    return path


def script(container: Container, path: str) -> str | None:
    """The text of a shell script in a container, running or not; None for another program, and for what is not there."""
    found = _fetched(container, resolved(container, path), lambda size: size <= LARGEST)
    text = "" if found is None else found[1].decode("utf-8", "replace")
    return text if shell_of(text) else None


def _fetched(container: Container, path: str, is_wanted: Callable[[int], bool]) -> tuple[dict[str, Any], bytes] | None:
    """What the engine says of a file, and its bytes where its size is wanted; None where there is none."""
    try:
        stream, said = container.get_archive(path)
    except APIError:  # NotFound among them
        return None
    if said is None:
        return None
    with contextlib.closing(cast("Generator[bytes, None, None]", stream)):
        if not is_wanted(int(said["size"])):
            return said, b""
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            first = archive.getmembers()[:1]
            file = archive.extractfile(first[0]) if first and first[0].isfile() else None
            return said, b"" if file is None else file.read()
