"""pyinit-rehearse as an image: run by hand, and run by pyinit-rehearse itself where the containers cannot be reached."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from docker import DockerClient
from docker.models.containers import Container

from pyinit.rehearse import advice
from pyinit.rehearse.command import OWNER
from pyinit.rehearse.elsewhere import SOCKET
from tests.namespace import ROOT
from tests.rehearse.test_reports import SCHEMA
from tests.rehearse.test_with_docker import GUNICORN, PATIENCE, finish, left
from tests.rolling.build import SERVERS, image
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("images")

OWN = "pyinit-rehearse/own"

#: In a network namespace of its own nobody reaches a container's address. The engine's socket is a file, so it can be reached.
UNREACHABLE = ["unshare", "--net", sys.executable, "-m", "pyinit.rehearse", "--max-late=10000", f"--helper={OWN}"]


@pytest.fixture(scope="module")
def own(images: None) -> str:  # noqa: ARG001 - the engine answers
    """The image, built by the script for it."""
    environment = {"PYTHON": sys.executable, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    done = subprocess.run(
        ["docker/rehearse/build.sh", OWN], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return OWN


def ours(client: DockerClient) -> list[Container]:
    """All containers that rehearsals have made."""
    return list(client.containers.list(all=True, filters={"label": OWNER.label}, ignore_removed=True))


def test_the_image_rehearses_with_nothing_but_the_socket_of_the_engine(client: DockerClient, own: str, tmp_path: Path) -> None:
    told = tmp_path / "id"
    run = ["docker", "run", "--rm", f"--cidfile={told}", "-v", f"{SOCKET}:{SOCKET}"]
    words = [*run, own, image(SERVERS), "--max-late=10000", "--rate=10"]
    done = subprocess.run(
        [*words, "--grace=20", "--", *GUNICORN], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    said = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "http1 on port 8000" in said, "found by a helper in its network namespace, for the image declares none"
    assert advice.TOO_SOON in said
    assert "not seen" not in said
    assert "With pyinit passes." in said
    assert made_by(client, told.read_text()) == []


def test_where_the_containers_cannot_be_reached_a_container_of_the_image_rehearses(
    client: DockerClient, own: str, tmp_path: Path
) -> None:
    reports = [f"--json={tmp_path / 'document.json'}", f"--html={tmp_path / 'page.html'}", f"--junit={tmp_path / 'junit.xml'}"]
    words = [*UNREACHABLE, image(SERVERS), "--rate=10", "--arms=as-is", "--env=GREETING=hello", *reports, "--", *GUNICORN]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    status, said = finish(process)
    assert status == 1, said
    assert f"the containers cannot be reached from here, so a container of {own} does it" in " ".join(said.split())
    document = json.loads((tmp_path / "document.json").read_text())
    jsonschema.validate(document, SCHEMA)
    assert document["arms"][0]["lost_in_all"] > 0
    assert document["verdict"]["says"] in " ".join(said.split())
    assert (tmp_path / "page.html").read_text().count("<svg") == 2
    assert "<failure" in (tmp_path / "junit.xml").read_text()
    assert left(client, process.pid) == []


def test_without_the_image_it_is_told_how_to_get_it(client: DockerClient) -> None:
    words = [*UNREACHABLE, "--helper=no-such-image", image(SERVERS), "--", *GUNICORN]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    status, said = finish(process)
    assert status == 3
    assert "docker/rehearse/build.sh builds it, or --helper names it" in " ".join(said.split())
    assert left(client, process.pid) == []


@pytest.fixture
def begun(client: DockerClient, own: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A rehearsal by a container of the image, which has started a container itself; and the ID of the former."""
    process = subprocess.Popen(
        [*UNREACHABLE, image(SERVERS), "--rate=10", "--", *GUNICORN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )
    found: list[str] = []

    def by_helper() -> bool:
        made_by = {one.labels.get(f"{OWNER.label}.container") for one in ours(client)}
        mine = client.containers.list(filters={"label": f"{OWNER.label}={process.pid}", "ancestor": own})
        found[:] = [str(one.id) for one in mine if one.id in made_by]
        return bool(found)

    try:
        wait_until(by_helper, "the container has started one", PATIENCE)
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()
        OWNER.remove_stale(client)


def made_by(client: DockerClient, helper: str) -> list[Container]:
    return list(client.containers.list(all=True, filters={"label": f"{OWNER.label}.container={helper}"}, ignore_removed=True))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_one_leaves_nothing_behind(
    client: DockerClient, begun: tuple["subprocess.Popen[str]", str], signum: signal.Signals
) -> None:
    process, helper = begun
    process.send_signal(signum)
    status, said = finish(process)
    assert status == 130, said
    assert left(client, process.pid) == []
    assert made_by(client, helper) == []


def test_what_a_killed_one_has_left_is_removed_by_the_next_one(
    client: DockerClient, begun: tuple["subprocess.Popen[str]", str]
) -> None:
    process, helper = begun
    process.kill()
    process.wait()
    assert made_by(client, helper)
    OWNER.remove_stale(client)
    assert left(client, process.pid) == []
    assert made_by(client, helper) == []
