"""The images of the tests, built by a Docker engine from this checkout, and put into a cluster: no registry is needed."""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from docker import DockerClient

from pyinit.rehearse.engine import connect
from tests.docker.engine import CONTEXT as ALL
from tests.docker.engine import build, files_of_tag, have_base
from tests.kubernetes.cluster import CACHE, Cluster
from tests.kubernetes.settings import PAUSE, RUNTIME
from tests.rolling.build import CONTEXT, WHEELS, builds, download

#: On every image, so that those which a newer build has replaced are found.
LABEL = "pyinit.kubernetes.image"

SERVERS, BINARY, SMALL = "pyinit-kubernetes/servers", "pyinit-kubernetes/pyinit", "pyinit-kubernetes/small"

#: The names that the manifests of docker/kubernetes have, so that these are applied as they are.
SHOP, UNTOUCHED = "registry.example/shop:1.0", "registry.example/untouched:1.0"

#: Tag, Dockerfile, and what of the checkout is sent to the engine; each finds those that it is built on.
IMAGES = (
    (BINARY, "docker/Dockerfile", ALL),
    (SERVERS, "tests/rolling/images/servers.Dockerfile", CONTEXT),
    (SMALL, "tests/docker/images/small.Dockerfile", ALL),
    (SHOP, "tests/kubernetes/images/shop.Dockerfile", ["*", "!tests/kubernetes/images"]),
    (UNTOUCHED, "tests/kubernetes/images/untouched.Dockerfile", ["*", "!tests/kubernetes/images"]),
)

#: The same images by other names: of manifests.
ALSO = {
    "registry.example/pyinit:1.0": BINARY,
    "registry.example/busybox:1.36": SMALL,
    "registry.k8s.io/pause:3.10": PAUSE,
}


def build_all(client: DockerClient) -> None:
    """Build the images. It is quick where nothing has changed."""
    with builds():
        have_base(client)
        download(WHEELS)
        for tag, dockerfile, sent in IMAGES:
            build(client, dockerfile, tag, {LABEL: tag}, sent)
        repository, tag = PAUSE.split(":")
        client.api.import_image_from_data(
            _archive("pause", (CACHE / "bin" / "pause").read_bytes()),
            repository,
            tag,
            changes=['ENTRYPOINT ["/pause"]', f"LABEL {LABEL}={PAUSE}"],
        )
        for name, of in ALSO.items():
            client.images.get(of).tag(*name.split(":"))
        client.images.prune({"dangling": True, "label": LABEL})


def _archive(name: str, data: bytes) -> bytes:
    """A tar of one program."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o755
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def bring(cluster: Cluster) -> None:
    """Build the images, load them, and where the node is ours put the runtime of the RuntimeClass onto it."""
    client = connect()
    try:
        build_all(client)
        tags = [tag for tag, _, _ in IMAGES] + [PAUSE, *ALSO]
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder, "images.tar")
            subprocess.run(["docker", "save", "--output", str(archive), *tags], check=True)
            cluster.load(archive)
        if cluster.pid:
            place = cluster.inside(RUNTIME)
            new = place.with_name("pyinit-runtime.new")
            new.write_bytes(files_of_tag(client, BINARY)["pyinit"])
            new.chmod(0o755)
            new.replace(place)  # containers may run the old one
    finally:
        client.close()
