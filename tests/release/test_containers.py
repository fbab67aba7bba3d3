"""The wheels, installed by Debian's pip into clean containers."""

from pathlib import Path

import pytest
from docker import DockerClient

from tests.docker.engine import Contained
from tests.namespace import APP
from tests.release import made
from tests.release.conftest import PIP
from tests.release.test_wheels import WHEELS, find_wheel

pytestmark = pytest.mark.timeout(made.PATIENCE)

#: The start script, which does not know what a signal is.
START = "#!/bin/sh\npython3 -IS /app.py --drain 1.5\nstatus=$?\necho last\nexit $status\n"


def start(client: DockerClient, release: made.Release, folder: Path, line: str) -> Contained:
    """A container with the release in /dist, a start script and its application, in which a shell runs this line."""
    script = folder / "start.sh"
    script.write_text(START)
    script.chmod(0o755)
    mounts = {release.folder: "/dist", script: "/start.sh", APP: "/app.py"}
    volumes = {str(source): {"bind": target, "mode": "ro"} for source, target in mounts.items()}
    return Contained(client, PIP, ["sh", "-e", "-c", line], volumes=volumes)


@pytest.mark.parametrize("kind", WHEELS)
def test_an_installed_wheel_stops_a_start_script_as_pid_1_of_a_container(
    debian: DockerClient, release: made.Release, tmp_path: Path, kind: str
) -> None:
    line = f"pip install --quiet /dist/{find_wheel(release, kind).name}; exec pyinit -- /start.sh"
    with start(debian, release, tmp_path, line) as container:
        container.wait_for_output("app ready")
        container.stop()
        assert container.wait() == 7
        assert container.stdout == "app ready\napp got SIGTERM\napp done\nlast\n"
        assert "pyinit: stop requested: SIGTERM" in container.stderr
        assert container.stderr.splitlines()[-1].startswith("pyinit: exit status 7, ")


@pytest.mark.parametrize("kind", WHEELS)
def test_script_and_module_say_the_same_in_a_container(
    debian: DockerClient, release: made.Release, tmp_path: Path, kind: str
) -> None:
    calls = "; ".join(
        f"pyinit {words} >script 2>script.err || true; python3 -m pyinit {words} >module 2>module.err || true; "
        "cmp script module; cmp script.err module.err; cat module module.err"
        for words in ("--version", "--help", "--nosuch", "-c 'echo $0 $1' a b", "nosuch")
    )
    line = f"pip install --quiet /dist/{find_wheel(release, kind).name}; cd /tmp; {calls}; echo same"
    with start(debian, release, tmp_path, line) as container:
        assert container.wait() == 0, container.stdout
        assert container.stdout.startswith("pyinit ")
        assert container.stdout.endswith("same\n")


def test_pip_takes_the_binary_of_the_machine_by_itself_and_leaves_nothing_when_it_is_removed(
    debian: DockerClient, release: made.Release, tmp_path: Path
) -> None:
    binary = release.binary(made.our_architecture()).name
    line = (
        f"pip install --quiet --find-links /dist pyinit; cmp /usr/local/bin/pyinit /dist/{binary};"
        "pip uninstall --quiet --yes pyinit; find /usr/local -path '*pyinit*'"
    )
    with start(debian, release, tmp_path, line) as container:
        assert (container.wait(), container.stdout) == (0, ""), container.stderr
