"""What is rehearsed: a container as its image, its compose file or its pod says, and what was found out about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Where the description comes from, which decides what a proposed change looks like.
IMAGE, COMPOSE, KUBERNETES = "image", "compose", "kubernetes"


@dataclass(frozen=True)
class Probe:
    """A readiness probe: `kind` is "http", "https", "tcp" or "exec"; `period` is in seconds. One of exec has `command` only."""

    kind: str
    port: int = 0
    path: str = "/"
    command: tuple[str, ...] = ()
    successes: int = 1
    period: float = 1.0
    delay: float = 0.0


@dataclass(frozen=True)
class Subject:
    """A container that is to be rehearsed.

    `entrypoint` and `command`: None where the image's are meant. `keywords`: further ones of the SDK's containers.create().
    `pre_stop`: seconds, or words that are run inside. `notes`: what of the description is left out, in sentences.
    """

    image: str
    source: str = IMAGE
    name: str = ""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    init: bool = False
    stop_signal: str = ""
    grace: float | None = None
    healthcheck: Mapping[str, Any] | None = None
    probe: Probe | None = None
    pre_stop: float | tuple[str, ...] = 0.0
    keywords: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    file: str = ""  #: that describes it; empty for an image


@dataclass(frozen=True)
class Found:
    """A subject with what its image says: the words that it starts with, its signal, its ports and its HEALTHCHECK."""

    subject: Subject
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    stop_signal: str
    ports: tuple[int, ...]
    healthcheck: Mapping[str, Any] | None
    architecture: str
    environment: Mapping[str, str]
    declares_signal: bool = False  #: whether the image has a STOPSIGNAL

    @property
    def words(self) -> tuple[str, ...]:
        """All words of the container's first process."""
        return self.entrypoint + self.command


SECOND = 10**9  # nanoseconds, in which the engine counts


def complete(subject: Subject, attributes: Mapping[str, Any]) -> Found:
    """What a container of this image would be, by the image's attributes as the engine has them."""
    config: Mapping[str, Any] = attributes["Config"] or {}
    entrypoint, command = subject.entrypoint, subject.command
    if entrypoint is None:
        entrypoint = tuple(config.get("Entrypoint") or ())
        if command is None:
            command = tuple(config.get("Cmd") or ())
    # Whoever names another entrypoint does not get the image's command.
    ports = [int(port) for port, _, kind in (word.partition("/") for word in config.get("ExposedPorts") or {}) if kind == "tcp"]
    health = config.get("Healthcheck") if subject.healthcheck is None else subject.healthcheck
    has_test = bool(health) and list((health or {}).get("Test") or ["NONE"]) not in (["NONE"], [])
    return Found(
        subject,
        entrypoint,
        (command if command is not None else tuple(config.get("Cmd") or ()) if subject.entrypoint is None else ()),
        subject.stop_signal or config.get("StopSignal") or "SIGTERM",
        tuple(dict.fromkeys([*subject.ports, *sorted(ports)])),
        health if has_test else None,
        attributes.get("Architecture", ""),
        dict(word.partition("=")[::2] for word in config.get("Env") or ()) | dict(subject.environment),
        bool(config.get("StopSignal")),
    )
