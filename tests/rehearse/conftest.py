"""An engine with the image `pyinit`, from which the binary is taken, and the servers of the rolling updates."""

from tests.docker.conftest import client
from tests.rolling.conftest import images

__all__ = ["client", "images"]
