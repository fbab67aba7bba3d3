"""What the tests do where an engine answers that has no image, and no registry to have it from."""

import os
import subprocess
import sys

import pytest

from tests.docker.daemon import daemon
from tests.namespace import ROOT, need, need_another_user

TEST = "tests/docker/test_images.py::test_the_example_of_a_shell_form_keeps_the_status_of_the_application"


@pytest.mark.parametrize(
    ("environment", "outcome"), [({}, "1 skipped"), ({"REQUIRE_DOCKER": "1"}, "1 error"), ({"CI": "true"}, "1 error")]
)
def test_an_engine_without_images_is_a_reason_to_skip_or_where_one_is_required_to_fail(
    environment: dict[str, str], outcome: str
) -> None:
    need("dockerd")
    need_another_user()
    with daemon() as empty:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", TEST],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DOCKER_HOST": empty.host, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert f"= {outcome} in " in done.stdout
    assert (
        "the Docker engine has no image debian:bookworm-slim, and no registry (tests/docker/prepare.sh makes it)" in done.stdout
    )
