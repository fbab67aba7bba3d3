"""How long programs give their own work once they are told, as their options, variables and files say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from pyinit.check import commands, launch, times
from pyinit.check.chain import Subject
from pyinit.check.model import At, Place


def own_timeout(subject: Subject) -> tuple[At[float], str] | None:
    """Seconds that the program gives its work once it is told, as it was set, and by what; None where nothing says so."""
    step = subject.launch.program
    if step is None:
        return None
    words = step.words
    name = commands.name_of(words)
    if name == "gunicorn":
        return _of_gunicorn(subject, step)
    if name == "uvicorn":
        return _of_option(step, "uvicorn", "--timeout-graceful-shutdown")
    if name == "hypercorn":
        return _of_option(step, "hypercorn", "--graceful-timeout")
    if name == "sidekiq":
        return _of_sidekiq(subject, step)
    if name == "java":
        return _of_spring(subject, step)
    if name in ("nginx", "openresty"):
        found = in_files(subject, r"^\s*worker_shutdown_timeout\s+(\w+)\s*;")
        seconds = times.seconds(found[0]) if found else None
        return (At(seconds, found[1]), "nginx's worker_shutdown_timeout") if found and seconds is not None else None
    if name == "php-fpm":
        found = in_files(subject, r"^\s*process_control_timeout\s*=\s*(\w+)")
        seconds = times.seconds(found[0]) if found else None
        return (At(seconds, found[1]), "php-fpm's process_control_timeout") if found and seconds else None
    if name == "celery":
        found = in_files(subject, r"^\s*(?:\w+\.conf\.)?worker_soft_shutdown_timeout\s*=\s*([\d.]+)")
        return (At(float(found[0]), found[1]), "Celery's worker_soft_shutdown_timeout") if found else None
    return None


def _of_option(step: launch.Step, name: str, *options: str) -> tuple[At[float], str] | None:
    found = commands.option(step.words, *options)
    seconds = times.seconds(found[0]) if found else None
    return (At(seconds, step.line[found[1]].place), f"{name}'s {options[0]}") if found and seconds is not None else None


def _of_gunicorn(subject: Subject, step: launch.Step) -> tuple[At[float], str] | None:
    found = _of_option(step, "gunicorn", "--graceful-timeout")
    if found:
        return found
    variable = subject.variable("GUNICORN_CMD_ARGS")
    if variable and variable.value:
        inner = re.search(r"--graceful-timeout[= ](\d+)", variable.value)
        if inner:
            return At(float(inner[1]), variable.place), "gunicorn's --graceful-timeout"
    in_file = in_files(subject, r"^\s*graceful_timeout\s*=\s*(\d+)")
    return (At(float(in_file[0]), in_file[1]), "gunicorn's graceful_timeout") if in_file else None


def _of_sidekiq(subject: Subject, step: launch.Step) -> tuple[At[float], str] | None:
    found = _of_option(step, "Sidekiq", "-t", "--timeout")
    if found:
        return found
    in_file = in_files(subject, r"^:timeout:\s*(\d+)")
    if in_file:
        return At(float(in_file[0]), in_file[1]), "Sidekiq's timeout"
    if commands.option(step.words, "-C", "--config") or any(word is None for word in step.words):
        return None
    return At(25.0, step.place), "Sidekiq's timeout, 25 s by default"


def _of_spring(subject: Subject, step: launch.Step) -> tuple[At[float], str] | None:
    name = "spring.lifecycle.timeout-per-shutdown-phase"
    found = commands.option(step.words, f"-D{name}", f"--{name}")
    variable = subject.variable("SPRING_LIFECYCLE_TIMEOUT_PER_SHUTDOWN_PHASE") or subject.variable(
        "SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE"
    )
    text = found[0] if found else (variable.value if variable else None)
    place = step.line[found[1]].place if found else (variable.place if variable else step.place)
    if not text:
        return None
    iso = re.fullmatch(r"PT(\d+)S", text, re.IGNORECASE)
    seconds = float(iso[1]) if iso else (float(text) / 1000 if text.isdecimal() else times.seconds(text))
    return (At(seconds, place), "Spring's timeout-per-shutdown-phase") if seconds is not None else None


def in_files(subject: Subject, pattern: str) -> tuple[str, Place] | None:
    """The first match in a file that the Dockerfile copies by its own name, and where."""
    image = subject.image
    while image is not None:
        for copy in image.copies:
            if copy.origin:
                continue
            for source in copy.sources:
                for context in subject.around.contexts:
                    for path in _candidates(context, source):
                        text = subject.project.files.read(path)
                        found = re.search(pattern, text, re.MULTILINE) if text else None
                        if found and text:
                            return found[1], Place(path, text.count("\n", 0, found.start(1)) + 1)
        return None
    return None


#: Names of files that say something of a program's times.
CONFIGS = (
    "nginx.conf",
    "gunicorn.conf.py",
    "gunicorn_conf.py",
    "gunicorn_config.py",
    "config/sidekiq.yml",
    "celeryconfig.py",
    "php-fpm.conf",
    "www.conf",
)


def _candidates(context: str, source: str) -> Iterator[str]:
    where = os.path.normpath(os.path.join(context, source.lstrip("/")))
    if "*" in source:
        return
    if os.path.isdir(where):
        for name in CONFIGS:
            if os.path.isfile(os.path.join(where, name)):
                yield os.path.join(where, name)
    elif re.search(r"\.(?:conf|py|ya?ml|ini)$", where):
        yield where
