"""Containers of the tests, and what is expected of their requests."""

from collections.abc import Sequence
from typing import Any

from pyinit.rehearse.outcome import Outcome, losses
from tests.kubernetes.images import SHOP, SMALL

#: The container of a server with pyinit in its image, as tests/kubernetes/images/shop.Dockerfile has it.
PROBE = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}


#: A file that makes the shop sick, and a liveness probe that sees it.
SICK_FILE = "/app/sick"
LIVENESS = {"exec": {"command": ["test", "!", "-e", SICK_FILE]}, "periodSeconds": 1, "failureThreshold": 1}


def shop(*options: str, **more: Any) -> dict[str, Any]:
    """The shop under pyinit, with these variables (NAME=value); further keywords are the container's."""
    env = dict(option.split("=", 1) for option in ("PYINIT_PRE_STOP_DELAY=auto", "PYINIT_STOP_TIMEOUT=30", *options))
    return {
        "name": "app",
        "image": SHOP,
        "imagePullPolicy": "IfNotPresent",
        "args": ["gunicorn", "--bind=0.0.0.0:8080", "--threads=4", "--keep-alive=0", "shop:app"],
        "env": [{"name": name, "value": value} for name, value in env.items() if value],
        "readinessProbe": PROBE,
        **more,
    }


def told_by_pyinit(*options: str, **more: Any) -> dict[str, Any]:
    """The same; the kubelet asks pyinit, so that probes are no traffic."""
    probe = {"httpGet": {"path": "/readyz", "port": 8081}, "periodSeconds": 1}
    asks = ("PYINIT_READY=http://127.0.0.1:8080/healthz", "PYINIT_HEALTH_LISTEN=8081")
    return shop(*asks, *options, readinessProbe=probe, **more)


def nothing_is_lost(outcomes: Sequence[Outcome]) -> None:
    """Every request was answered."""
    assert losses(outcomes) == {}, [one for one in outcomes if one.is_lost]


def small(**more: Any) -> dict[str, Any]:
    """A start.sh without init; its application needs 0.4 s to finish, and exits with 7."""
    return {"name": "app", "image": SMALL, "imagePullPolicy": "IfNotPresent", **more}
