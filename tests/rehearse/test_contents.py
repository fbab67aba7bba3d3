"""What is read of an image: the shell scripts that its command leads through, and its shell."""

import io
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock

import pytest
from docker.errors import APIError, NotFound

from pyinit.check import bases
from pyinit.rehearse import contents
from pyinit.rehearse.command import OWNER
from pyinit.rehearse.rules import Content
from pyinit.rehearse.subject import Subject, complete


@dataclass
class Container:
    """A container as the engine shows its files: a text, a link as `-> TARGET`, None for a folder. `asked`: in order."""

    files: Mapping[str, str | None]
    asked: list[str] = field(default_factory=list)
    id: str = "made"

    def get_archive(self, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        """The file as an archive, and what the engine says of it. Raises NotFound."""
        self.asked.append(path)
        if path not in self.files:
            raise NotFound("no such file")
        text = self.files[path]
        link = text.removeprefix("-> ") if text is not None and text.startswith("-> ") else ""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(posixpath.basename(path))
            entry.type = tarfile.DIRTYPE if text is None else tarfile.SYMTYPE if link else tarfile.REGTYPE
            entry.linkname = link
            data = b"" if text is None or link else text.encode("latin-1")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        return (part for part in [packed.getvalue()]), {"name": entry.name, "size": len(data), "linkTarget": link}


def read(files: Mapping[str, str | None], *words: str, **config: Any) -> tuple[Content, Container]:
    """What is read of an image with these files that starts these words."""
    container = Container({"/bin/sh": "-> dash", "/bin/dash": "\x7fELF", **files})
    client = Mock()
    client.containers.create.return_value = container
    config = {"Cmd": list(words), **config}
    found = complete(Subject("shop:1.4"), {"Config": config, "Architecture": "amd64"})
    content = contents.read(client, OWNER, found, config)
    client.api.remove_container.assert_called_once_with("made", force=True, v=True)
    return content, container


def test_scripts_that_start_one_another_are_read_and_the_program_is_not() -> None:
    inner = '#!/bin/sh\nexec "$@"\n'
    files = {
        "/entry.sh": '#!/bin/sh\nset -e\nexec /app/run.sh gunicorn "$@"\n',
        "/app/run.sh": inner,
        "/usr/bin/gunicorn": "#!/usr/bin/python3\nimport gunicorn\n",
    }
    content, _ = read(files, "/entry.sh", "app")
    assert content == Content({"/entry.sh": files["/entry.sh"], "/app/run.sh": inner}, bases.DASH)


@pytest.mark.parametrize(("link", "shell"), [("-> bash", bases.BASH), ("-> /bin/busybox", bases.BUSYBOX), ("-> ksh", None)])
def test_the_shell_is_what_its_link_leads_to(link: str, shell: str | None) -> None:
    assert read({"/bin/sh": link, "/bin/bash": "", "/bin/busybox": "", "/bin/ksh": ""}, "app")[0].shell == shell


def test_a_bare_name_is_looked_for_in_the_path_of_the_image() -> None:
    script = "#!/bin/sh\nexec app\n"
    content, _ = read({"/opt/bin/start": script}, "start", Env=["PATH=/usr/bin:/opt/bin"])
    assert content.scripts == {"/opt/bin/start": script}
    assert read({"/opt/bin/start": script}, "start")[0].scripts == {}


def test_a_name_with_a_folder_in_it_is_looked_for_in_the_working_folder() -> None:
    script = "#!/bin/sh\nexec app\n"
    assert read({"/srv/bin/start": script}, "./bin/start", WorkingDir="/srv")[0].scripts == {"/srv/bin/start": script}


def test_a_link_to_a_script_is_followed_and_keeps_the_name_by_which_it_is_started() -> None:
    script = "#!/bin/sh\nexec app\n"
    content, _ = read({"/start": "-> srv/v2/start.sh", "/srv/v2/start.sh": script}, "/start")
    assert content.scripts == {"/start": script}


def test_links_in_a_circle_a_folder_and_what_is_too_large_are_no_scripts() -> None:
    large = "#!/bin/sh\n" + "#" * contents.LARGEST
    for files in ({"/a": "-> b", "/b": "-> a"}, {"/a": None}, {"/a": large}, {"/a": "\x7fELF\x02\x01\xff"}):
        assert read(files, "/a")[0].scripts == {}, files


def test_a_script_that_starts_itself_is_read_once() -> None:
    content, container = read({"/a": '#!/bin/sh\nexec /a "$@"\n'}, "/a")
    assert list(content.scripts) == ["/a"]
    assert container.asked.count("/a") <= 2


def test_nothing_is_known_of_an_image_of_which_no_container_can_be_made() -> None:
    client = Mock()
    client.containers.create.side_effect = APIError("no")
    found = complete(Subject("shop:1.4"), {"Config": {"Cmd": ["app"]}, "Architecture": "amd64"})
    assert contents.read(client, OWNER, found, {}) == Content()
