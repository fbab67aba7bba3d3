"""PURE. How each orchestrator stops a container, and whom it lets have traffic. A row for each, by its own documentation."""

from dataclasses import dataclass

from pyinit.rehearse.faults import UsageError

#: Who decides that a new replica gets traffic: whoever switches it looks first whether it answers; the image's HEALTHCHECK; the
#: readiness probe; whether the port is open. Where there is no HEALTHCHECK or probe, a replica gets traffic once it runs.
ANSWERS, HEALTHCHECK, PROBE, LISTENS = "it answers", "HEALTHCHECK", "the readiness probe", "its port is open"

#: As many simulated routers as there are at most, and as there are where no share is named.
MOST_ROUTERS, USUAL_ROUTERS = 20, 4


@dataclass(frozen=True)
class Orchestrator:
    """A row.

    `signal`: what it sends, whatever the image says; empty: the image's STOPSIGNAL, or SIGTERM. `grace`: seconds from the stop
    request to SIGKILL. `removal`: seconds from the stop request until a router has removed the endpoint, as a rule; none of
    these documents promises it. `admits`: see above. `setting`: where the grace period is set, for a change that is proposed.
    """

    name: str
    grace: float
    admits: str
    setting: str
    source: str
    signal: str = ""
    removal: str = "1.5"


ORCHESTRATORS = {
    row.name: row
    for row in (
        Orchestrator(
            "docker",
            10.0,
            ANSWERS,
            "docker run --stop-timeout {grace}",
            "https://docs.docker.com/reference/cli/docker/container/stop/",
        ),
        Orchestrator(
            "compose",
            10.0,
            ANSWERS,
            "stop_grace_period: {grace}s",
            "https://docs.docker.com/reference/compose-file/services/#stop_grace_period",
        ),
        Orchestrator(
            "swarm",
            10.0,
            HEALTHCHECK,
            "stop_grace_period: {grace}s",
            "https://docs.docker.com/reference/compose-file/services/#stop_grace_period",
        ),
        Orchestrator(
            "kubernetes",
            30.0,
            PROBE,
            "terminationGracePeriodSeconds: {grace}",
            "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
        ),
        Orchestrator(
            "ecs",
            30.0,
            ANSWERS,
            '"stopTimeout": {grace}',
            "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#container_definition_timeouts",
        ),
        Orchestrator(
            "nomad",
            5.0,
            ANSWERS,
            'kill_timeout = "{grace}s"',
            "https://developer.hashicorp.com/nomad/docs/job-declare/exit-signals",
        ),
        Orchestrator(
            "cloudrun",
            10.0,
            LISTENS,
            "no setting: Cloud Run allows 10 s",
            "https://cloud.google.com/run/docs/container-contract#instance-shutdown",
            "SIGTERM",
            "0",
        ),
        Orchestrator(
            "fly",
            5.0,
            ANSWERS,
            'kill_timeout = "{grace}s"',
            "https://fly.io/docs/reference/configuration/#kill_timeout-option",
            "SIGINT",
        ),
    )
}


@dataclass(frozen=True)
class Removal:
    """When each simulated router has removed the endpoint, in seconds after the stop request."""

    delays: tuple[float, ...]

    @property
    def last(self) -> float:
        """When the last one has."""
        return max(self.delays)


def parse_removal(text: str) -> Removal:
    """What --removal says: "1.5" for all routers, "1.5,12@25%" for 1.5 s but 12 s in a quarter of them. Raises UsageError."""
    usual: float | None = None
    others: list[tuple[float, int]] = []
    for word in text.split(","):
        seconds, at, share = word.partition("@")
        try:
            delay = float(seconds)
            percent = int(share.removesuffix("%")) if at else 0
            valid = 0 <= delay < float("inf") and (0 < percent < 100 and share.endswith("%") if at else usual is None)  # noqa: PLR2004
        except ValueError:
            valid = False
        if not valid:
            raise UsageError(f"--removal {text}: {word!r} is neither seconds nor seconds@share%; give 1.5 or 1.5,12@25%")
        if at:
            others.append((delay, percent))
        else:
            usual = delay
    if usual is None or sum(percent for _, percent in others) >= 100:  # noqa: PLR2004
        raise UsageError(f"--removal {text}: the first delay is that of all others, and the shares are below 100 % in all")
    candidates = [USUAL_ROUTERS, *range(1, MOST_ROUTERS + 1)]
    count = next((count for count in candidates if all(percent * count % 100 == 0 for _, percent in others)), None)
    if count is None:
        raise UsageError(f"--removal {text}: shares are those of {MOST_ROUTERS} routers at most: multiples of 5 % will do")
    late = [delay for delay, percent in others for _ in range(percent * count // 100)]
    return Removal((*(usual for _ in range(count - len(late))), *late))
