"""PI3..: whether the times of a stop add up."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator

from pyinit.check import ecs, fly, nodes, times
from pyinit.check.chain import Subject
from pyinit.check.image import Image
from pyinit.check.model import COMPOSE, ECS, FLY, KUBERNETES, NOMAD, QUADLET, At, Finding, Place
from pyinit.check.rules.drain import in_files, own_timeout

#: Seconds that are added to what a stop needs: for the accept queues, and for the exit.
SPARE = 2.0


def pyinit_delay(subject: Subject) -> At[float] | None:
    """Seconds of pyinit's pre-stop delay at most; None where it has none, or none is known of."""
    step = subject.launch.pyinit
    if step is None or step.config is None:
        return None
    config = step.config
    if not is_stated(subject, "--pre-stop-delay") or config.pre_stop_delay == 0:
        return None
    tuned = ("--pre-stop-max", "--stop-timeout")  # an image that is not known may say them, and make it shorter
    if config.pre_stop_delay is None and not all(is_stated(subject, name) for name in tuned):
        return None
    seconds = config.longest_delay if config.pre_stop_delay is None else config.pre_stop_delay
    stated = subject.variable("PYINIT_PRE_STOP_MAX" if config.pre_stop_delay is None else "PYINIT_PRE_STOP_DELAY")
    stated = stated or subject.variable("PYINIT_PRE_STOP_DELAY")
    return At(seconds, stated.place if stated else step.place)


def least_delay(subject: Subject) -> At[float] | None:
    """Seconds for which a container serves on at least, by pyinit's delay or by its hook; None where there is none."""
    step = subject.launch.pyinit
    config = step.config if step is not None else None
    is_auto = config is not None and config.pre_stop_delay is None and is_stated(subject, "--pre-stop-delay")
    if step is not None and config is not None and is_auto:
        if not is_stated(subject, "--pre-stop-min"):
            return None
        stated = subject.variable("PYINIT_PRE_STOP_MIN") or subject.variable("PYINIT_PRE_STOP_DELAY")
        return At(min(config.pre_stop_min, config.longest_delay), stated.place if stated else step.place)
    delay = pyinit_delay(subject)
    if delay is not None:
        return delay
    hook = subject.workload.hook if subject.workload else None
    if hook is not None and hook.seconds is not None:
        return At(hook.seconds, hook.seconds_place or hook.place)
    return None


def is_stated(subject: Subject, flag: str) -> bool:
    """Whether an option's value is known, be it the default: all variables are, or this one is given here."""
    step = subject.launch.pyinit
    name = "PYINIT_" + flag.removeprefix("--").replace("-", "_").upper()
    found = subject.variable(name)
    if found is not None:
        return found.value is not None
    in_words = step is not None and any((word or "").partition("=")[0] == flag for word in step.words)
    return subject.env_is_whole or in_words


def _parts(subject: Subject) -> tuple[list[float], list[Place], bool]:
    """What a stop needs, in seconds, where that is said, and whether any of it is a delay."""
    parts: list[float] = []
    places: list[Place] = []
    delay = pyinit_delay(subject)
    hook = subject.workload.hook if subject.workload else None
    for one in (delay, At(hook.seconds, hook.seconds_place or hook.place) if hook and hook.seconds else None):
        if one is not None and one.value > 0:
            parts.append(one.value)
            places.append(one.place)
    is_delayed = bool(parts)
    step = subject.launch.pyinit
    own = own_timeout(subject)
    if own is not None and "default" not in own[1]:
        parts.append(own[0].value)
        places.append(own[0].place)
    elif step is not None and step.config is not None and step.config.grace_period is not None:
        parts.append(step.config.grace_period)
        stated = subject.variable("PYINIT_GRACE_PERIOD")
        places.append(stated.place if stated else step.place)
    return parts, places, is_delayed


def _too_long_hook(subject: Subject) -> bool:
    workload = subject.workload
    if workload is None or workload.hook is None or workload.grace is None or workload.hook.seconds is None:
        return False
    return 0 < workload.grace.value <= workload.hook.seconds


def pi301(subject: Subject) -> Iterator[Finding]:
    """Delay, finishing and two seconds do not fit into the grace period."""
    workload = subject.workload
    if workload is None or workload.grace is None or workload.grace.value == 0 or _too_long_hook(subject):
        return
    parts, places, is_delayed = _parts(subject)
    grace = workload.grace.value
    if not is_delayed or sum(parts) + SPARE <= grace:
        return
    total = times.total([*parts, SPARE], grace)
    said = "" if workload.grace_is_stated else ", which is the default"
    yield Finding(
        "PI301",
        f"the stop takes longer than the {times.shown(grace)} s that {workload.platform} allows{said}: the work is killed in "
        "the end",
        workload.grace.place if workload.grace_is_stated else places[0],
        (*subject.chain, *places),
        sum=total,
        mend=f"{_grace(workload.platform, sum(parts) + SPARE)} or more",
    )


#: How each platform writes the grace period.
GRACE = {
    KUBERNETES: "terminationGracePeriodSeconds: {}",
    ECS: '"stopTimeout": {}',
    NOMAD: 'kill_timeout = "{}s"',
    FLY: "kill_timeout = {}",
    QUADLET: "StopTimeout={}",
}


def _grace(platform: str, seconds: float) -> str:
    """A grace period as the platform writes it; Compose's and Swarm's, where it is none of the others."""
    return GRACE.get(platform, "stop_grace_period: {}s").format(math.ceil(seconds))


def pi302(subject: Subject) -> Iterator[Finding]:
    """A preStop hook that takes the whole grace period."""
    workload = subject.workload
    if workload is None or workload.hook is None or workload.grace is None or not _too_long_hook(subject):
        return
    seconds = workload.hook.seconds or 0.0
    yield Finding(
        "PI302",
        "the preStop hook takes all of the grace period, in which its time counts: the program is not told before it is killed",
        workload.hook.seconds_place or workload.hook.place,
        (*subject.chain, workload.grace.place),
        sum=f"{times.shown(seconds)} >= {times.shown(workload.grace.value)}",
        mend=f"{_grace(workload.platform, seconds + SPARE)} and the time to finish",
    )


def pi303(subject: Subject) -> Iterator[Finding]:
    """A program that gives itself more time than it has, or none at all."""
    yield from _no_time(subject)
    workload = subject.workload
    own = own_timeout(subject)
    if workload is None or workload.grace is None or own is None or workload.grace.value == 0:
        return
    value, what = own
    if value.value <= workload.grace.value:
        return
    said = "" if workload.grace_is_stated else " by default"
    yield Finding(
        "PI303",
        f"{what} is longer than the {times.shown(workload.grace.value)} s that {workload.platform} allows{said}",
        value.place,
        (*subject.chain, workload.grace.place),
        sum=times.total([value.value], workload.grace.value),
        mend=f"{_grace(workload.platform, value.value + SPARE)} or more",
    )


def _no_time(subject: Subject) -> Iterator[Finding]:
    """php-fpm with a process_control_timeout of 0, its default."""
    step, image = subject.launch.program, subject.image
    if step is None or step.name != "php-fpm" or image is None or image.source is None or subject.workload is not None:
        return
    pattern = r"^\s*process_control_timeout\s*=\s*[1-9]"
    is_elsewhere = any("process_control_timeout" in run.text for run in image.runs)
    if (
        is_elsewhere
        or in_files(subject, r"^\s*process_control_timeout\s*=\s*([1-9]\w*)")
        or _copies_unknown_configs(image, subject, pattern)
    ):
        return
    yield Finding(
        "PI303",
        "php-fpm gives its requests no time: process_control_timeout is 0 by default, and a stop cuts them",
        step.place,
        subject.chain,
        mend="process_control_timeout = 20s in the [global] section of php-fpm's configuration",
    )


def _copies_unknown_configs(image: Image, subject: Subject, pattern: str) -> bool:
    """Whether the Dockerfile copies configurations of php-fpm that cannot be read here, or that set it."""
    for copy in image.copies:
        touches = "php" in copy.target or "/usr/local/etc" in copy.target or copy.target in ("/", "/etc/")
        if not touches:
            continue
        if copy.origin or any("*" in source for source in copy.sources):
            return True
        for source in copy.sources:
            for context in subject.around.contexts:
                where = os.path.join(context, source.lstrip("/"))
                if not os.path.isfile(where):
                    return True
                text = subject.project.files.read(where) or ""
                if re.search(pattern, text, re.MULTILINE):
                    return True
    return False


def pi304(subject: Subject) -> Iterator[Finding]:
    """A grace period of 0."""
    workload = subject.workload
    if workload is not None and workload.grace is not None and workload.grace.value == 0 and workload.grace_is_stated:
        yield Finding(
            "PI304",
            "with a grace period of 0 the container is killed at once: nothing is told, and nothing finished",
            workload.grace.place,
            subject.chain,
            mend=f"{_grace(workload.platform, 30)}, or the delay, the time to finish, and 2",
        )


def pi305(subject: Subject) -> Iterator[Finding]:
    """Two delays, one after the other."""
    workload, delay = subject.workload, pyinit_delay(subject)
    if workload is None or delay is None:
        return
    if workload.hook is not None and workload.hook.seconds:
        yield Finding(
            "PI305",
            "two delays: the preStop hook sleeps, and then pyinit waits once more",
            workload.hook.seconds_place or workload.hook.place,
            (*subject.chain, delay.place),
            mend="leave the hook out: pyinit serves on, and no longer than the traffic needs",
        )
    shutdown = workload.node.get("shutdown_delay") if workload.node is not None and workload.platform == NOMAD else None
    if shutdown:
        yield Finding(
            "PI305",
            "two delays: Nomad's shutdown_delay, and then pyinit's",
            shutdown.place,
            (*subject.chain, delay.place),
            mend="leave one of them out",
        )


def pi306(subject: Subject) -> Iterator[Finding]:
    """Compose's pre_stop, which an update does not run."""
    workload = subject.workload
    if workload is None or workload.platform != COMPOSE or workload.node is None or pyinit_delay(subject) is not None:
        return
    hooks = workload.node.get("pre_stop")
    if hooks:
        yield Finding(
            "PI306",
            "`docker compose up`, which is how a service is updated, does not run pre_stop, nor does `docker stop`",
            workload.node.key("pre_stop").place,
            subject.chain,
            mend="PYINIT_PRE_STOP_DELAY or PYINIT_PRE_STOP in the image, which hold for every stop",
        )


def pi307(subject: Subject) -> Iterator[Finding]:
    """More time than the platform gives."""
    workload = subject.workload
    if workload is None or workload.grace is None or not workload.grace_is_stated:
        return
    limit, what = 0.0, ""
    if workload.platform == ECS and workload.node is not None and _is_fargate(subject):
        limit, what = ecs.MOST_OF_FARGATE, "Fargate"
    elif workload.platform == FLY:
        limit, what = fly.MOST, "Fly"
    if limit and workload.grace.value > limit:
        yield Finding(
            "PI307",
            f"{what} allows {times.shown(limit)} s at most",
            workload.grace.place,
            subject.chain,
            sum=times.total([workload.grace.value], limit),
            mend=f"{_grace(workload.platform, limit)} or less",
        )


def _is_fargate(subject: Subject) -> bool:
    return (
        subject.workload is not None
        and subject.workload.node is not None
        and subject.workload.place.path in subject.project.fargate
    )


def pi308(subject: Subject) -> Iterator[Finding]:
    """A delay of auto where nobody tells pyinit how long it has."""
    workload, step = subject.workload, subject.launch.pyinit
    if workload is None or step is None or step.config is None or pyinit_delay(subject) is None or not subject.env_is_whole:
        return
    if step.config.pre_stop_delay is not None or step.config.stop_timeout is not None or next(pi301(subject), None):
        return
    if workload.grace is None:
        return
    stated = subject.variable("PYINIT_PRE_STOP_DELAY")
    yield Finding(
        "PI308",
        f"`auto` is not told how long it has: {workload.platform} kills after {times.shown(workload.grace.value)} s, and the "
        "delay alone may take "
        f"{times.shown(step.config.pre_stop_max)} s",
        stated.place if stated else step.place,
        (*subject.chain, workload.grace.place),
        mend=f'PYINIT_STOP_TIMEOUT: "{times.shown(workload.grace.value)}"',
    )


#: Labels of nodes that are taken away at short notice: key, value, seconds of notice, whose.
SPOT = (
    ("cloud.google.com/gke-spot", "true", 30, "GKE Spot"),
    ("cloud.google.com/gke-preemptible", "true", 30, "GKE preemptible"),
    ("kubernetes.azure.com/scalesetpriority", "spot", 30, "Azure Spot"),
    ("eks.amazonaws.com/capacityType", "SPOT", 120, "EC2 Spot"),
    ("karpenter.sh/capacity-type", "spot", 120, "EC2 Spot"),
)


def pi309(subject: Subject) -> Iterator[Finding]:
    """A grace period that is longer than the notice of a spot node."""
    workload = subject.workload
    if workload is None or workload.pod is None or workload.grace is None:
        return
    selector = workload.pod.spec.get("nodeSelector")
    for key, value, notice, what in SPOT:
        if selector.get(key).text == value and workload.grace.value > notice and selector.get(key).kind == nodes.TEXT:
            yield Finding(
                "PI309",
                f"{what} gives {notice} s of notice, which is less than the grace period: a stop may be cut there",
                workload.grace.place,
                (*subject.chain, selector.get(key).place),
                sum=times.total([workload.grace.value], notice),
                mend=f"what must not be cut in {notice} s runs on other nodes",
            )


CHECKS = (pi301, pi302, pi303, pi304, pi305, pi306, pi307, pi308, pi309)
