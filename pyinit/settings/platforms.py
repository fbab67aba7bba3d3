"""PURE. What time a platform leaves between its stop request and its SIGKILL, and the variables by which it is recognised.

Read where a pre-stop delay must fit into that time and --stop-timeout does not say it. These are the times that a platform has
where nobody has set another: assumptions, by which nobody is ever killed, nor told earlier than asked for.
"""

from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Platform(Record):
    """A platform: its name, the variables of which it sets one at least, and its time in seconds.

    `told_by` is a variable that says the time, in seconds, where a user has set it; or "". `source` is where this stands.
    """

    name: str
    variables: tuple[str, ...]
    seconds: float
    source: str
    told_by: str = ""


PLATFORMS = (
    Platform(
        "Kubernetes",
        ("KUBERNETES_SERVICE_HOST",),
        30,
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    ),
    Platform(
        "ECS",  # EC2 and Fargate; the variable comes with agent 1.39, and with version 1.4.0 of Fargate's platform
        ("ECS_CONTAINER_METADATA_URI_V4",),
        30,
        "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (stopTimeout)",
    ),
    Platform(
        "Cloud Run",  # services; jobs and their tasks
        ("K_SERVICE", "CLOUD_RUN_JOB"),
        10,
        "https://cloud.google.com/run/docs/container-contract#lifecycle",
    ),
    Platform(
        "Azure Container Apps",
        ("CONTAINER_APP_NAME", "CONTAINER_APP_JOB_NAME"),
        30,
        "https://learn.microsoft.com/en-us/azure/container-apps/application-lifecycle-management#shutdown",
    ),
    Platform(
        "Fly",
        ("FLY_MACHINE_ID", "FLY_APP_NAME"),
        5,
        "https://fly.io/docs/reference/configuration/ (kill_timeout), https://fly.io/docs/machines/runtime-environment",
    ),
    Platform(
        "Nomad",
        ("NOMAD_ALLOC_ID",),
        5,
        "https://developer.hashicorp.com/nomad/docs/job-specification/task (kill_timeout)",
    ),
    Platform(
        "Render",
        ("RENDER",),
        30,
        "https://render.com/docs/deploys (maxShutdownDelaySeconds), https://render.com/docs/environment-variables",
    ),
    Platform(
        "Railway",
        ("RAILWAY_SERVICE_ID",),
        0,
        "https://docs.railway.com/deployments/deployment-teardown",
        told_by="RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
    ),
    Platform(
        "Heroku",
        ("DYNO",),
        30,
        "https://devcenter.heroku.com/articles/dyno-shutdown-behavior",
    ),
)

#: All variables that are looked at here.
VARIABLES = tuple(name for platform in PLATFORMS for name in (*platform.variables, platform.told_by) if name)

#: Where none of them is recognised. Compose, Swarm and Podman have the same.
DOCKER = Platform("Docker", (), 10, "https://docs.docker.com/reference/cli/docker/container/stop/")


def assumed(get: "Callable[[str], str | None]") -> tuple[float, str]:
    """The time in seconds that there is to be assumed, and why, in words: "Docker's 10 s are assumed".

    `get` looks up a variable. Where several platforms are recognised (one runs on the other) it is the shortest time: a delay
    that is too short costs less than one that is too long.
    """
    here = [platform for platform in PLATFORMS if any(map(get, platform.variables))]
    return min((_time_of(platform, get) for platform in here or [DOCKER]), key=lambda time: time[0])


def _time_of(platform: Platform, get: "Callable[[str], str | None]") -> tuple[float, str]:
    told = (get(platform.told_by) or "") if platform.told_by else ""
    if told.isdecimal() and told.isascii() and len(told) <= len("86400"):
        return float(told), f"{platform.told_by} says {told} s"
    return platform.seconds, f"{platform.name}'s {platform.seconds:g} s are assumed"
