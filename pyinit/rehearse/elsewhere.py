"""A rehearsal by a container, where the engine's containers cannot be reached from here: Docker Desktop, a remote engine.

The container is one of pyinit-rehearse's own image on the engine's machine. It gets the subject as it was read here, and the
static binary, and what it prints and writes comes back.
"""

import argparse
import dataclasses
import io
import json
import os
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from docker import DockerClient
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.containers import Container

from pyinit.rehearse.engine import Owner, remove, start
from pyinit.rehearse.faults import NO_VERDICT, NoVerdict
from pyinit.rehearse.subject import Probe, Subject

#: Where the engine listens on its own machine; and what it says of itself without root: then it is where DOCKER_HOST says.
SOCKET, ROOTLESS, UNIX = "/var/run/docker.sock", "name=rootless", "unix://"

#: The folder in the image, and what is put into it and fetched from it.
FOLDER = "/src"
SUBJECT, DOCUMENT, PAGE, BINARY = "subject.json", "document.json", "page.html", "pyinit"

#: Options that are handed on as they are, by what argparse calls them; those about files are not among them.
HANDED_ON = {
    "orchestrator": "--as",
    "port": "--port",
    "path": "--path",
    "proto": "--proto",
    "rate": "--rate",
    "kept": "--kept",
    "slow": "--slow",
    "network": "--network",
    "grace": "--grace",
    "stop_signal": "--stop-signal",
    "removal": "--removal",
    "rounds": "--rounds",
    "unit_begin": "--unit-begin",
    "unit_end": "--unit-end",
    "max_lost": "--max-lost",
    "judge": "--judge",
    "budget": "--budget",
    "start_timeout": "--start-timeout",
    "max_late": "--max-late",
}

#: Seconds for it to remove what it has started, after it was asked to stop.
FAREWELL = 60


def socket_of(client: DockerClient, host: str) -> str:
    """The engine's socket on its own machine. `host`: DOCKER_HOST, or nothing."""
    is_rootless = ROOTLESS in (client.info().get("SecurityOptions") or ())
    return host.removeprefix(UNIX) if is_rootless and host.startswith(UNIX) else SOCKET


def as_json(subject: Subject) -> str:
    """A subject for read()."""
    return json.dumps(dataclasses.asdict(subject))


def read(text: str) -> Subject:
    """The subject that as_json() has written."""
    found: dict[str, Any] = json.loads(text)
    for name in ("entrypoint", "command", "ports", "notes", "pre_stop"):
        if isinstance(found[name], list):
            found[name] = tuple(found[name])
    if found["probe"] is not None:
        found["probe"] = Probe(**{**found["probe"], "command": tuple(found["probe"]["command"])})
    return Subject(**found)


def words(options: argparse.Namespace, subject: Subject) -> list[str]:
    """The command of the container."""
    given = [f"{word}={value}" for name, word in HANDED_ON.items() if (value := getattr(options, name)) not in (None, "")]
    files = [f"--described={FOLDER}/{SUBJECT}", f"--json={FOLDER}/{DOCUMENT}", f"--html={FOLDER}/{PAGE}"]
    binary = [f"--pyinit={FOLDER}/{BINARY}"] if options.pyinit else []
    return [*given, f"--arms={','.join(options.arms)}", *files, *binary, subject.image]


def run(
    client: DockerClient, owner: Owner, options: argparse.Namespace, subject: Subject, columns: int
) -> tuple[int, dict[str, Any] | None, str]:
    """The exit status, the document and the page of a rehearsal by a container, whose words are printed. Raises NoVerdict."""
    try:
        made = client.containers.create(
            options.helper,
            words(options, subject),
            labels=owner.labels(),
            environment={"COLUMNS": str(columns)},
            volumes={socket_of(client, os.environ.get("DOCKER_HOST", "")): {"bind": SOCKET, "mode": "rw"}},
            pid_mode="host",  # so that it sees the tables of the containers' network namespaces
        )
    except ImageNotFound:
        raise NoVerdict(
            f"the containers cannot be reached from here, and the engine has no image {options.helper}, which would run the "
            "rehearsal beside them: docker/rehearse/build.sh builds it, or --helper names it"
        ) from None
    try:
        made.put_archive(FOLDER, _packed(options, subject))
        output = made.attach(stream=True, logs=True, demux=True)
        start(made)
        _pass_on(output)
        status = int(made.wait()["StatusCode"])
        document = _fetched(made, DOCUMENT)
        return status, json.loads(document) if document else None, _fetched(made, PAGE)
    except APIError as error:
        raise NoVerdict(f"the container that runs the rehearsal: {error.explanation or error}") from None
    except BaseException:
        _end(made)
        raise
    finally:
        remove(client, str(made.id))


def _packed(options: argparse.Namespace, subject: Subject) -> bytes:
    """What the container needs, as an archive. The file that describes the subject is put beside it."""
    contents: dict[str, bytes] = {}
    if subject.file:
        contents[Path(subject.file).name] = Path(subject.file).read_bytes()
        subject = dataclasses.replace(subject, file=Path(subject.file).name)
    contents[SUBJECT] = as_json(subject).encode()
    if options.pyinit:
        contents[BINARY] = Path(options.pyinit).read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in contents.items():
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(content), 0o755
            archive.addfile(file, io.BytesIO(content))
    return packed.getvalue()


def _pass_on(output: Iterator[tuple[bytes | None, bytes | None]]) -> None:
    """Print what it prints, until it has ended."""
    for out, err in output:
        for data, stream in ((out, sys.stdout), (err, sys.stderr)):
            if data:
                stream.buffer.write(data)
                stream.flush()


def _fetched(made: Container, name: str) -> str:
    """The text of a file that it has written; empty where it has not."""
    try:
        stream, _ = made.get_archive(f"{FOLDER}/{name}")
    except NotFound:
        return ""
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        file = archive.extractfile(archive.getmembers()[0])
        return "" if file is None else file.read().decode("utf-8", "replace")


def _end(made: Container) -> None:
    """Have it remove what it has started."""
    deadline = time.monotonic() + FAREWELL
    try:
        made.kill("SIGTERM")
        made.wait(timeout=max(1.0, deadline - time.monotonic()))
    except (APIError, requests.exceptions.RequestException):
        return  # it has ended, or never ran: its leftovers are removed by the next one


def status_of(document: Mapping[str, Any] | None, status: int) -> int:
    """Its exit status, which is that of the document where it has written one; without a verdict where it was killed."""
    return int(document["verdict"]["exit_status"]) if document else (status if status < 128 else NO_VERDICT)  # noqa: PLR2004
