"""PURE. What is found in files, frozen: places, values with their places, commands, workloads, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pyinit.check.nodes import Node

T_co = TypeVar("T_co", covariant=True)

#: Severities, the worst first.
ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)

#: Platforms that a workload may be for.
COMPOSE, SWARM, KUBERNETES, ECS, NOMAD, QUADLET, FLY = "Compose", "Swarm", "Kubernetes", "ECS", "Nomad", "Quadlet", "Fly"


@dataclass(frozen=True, order=True)
class Place:
    """A place in a file: lines and columns count from 1; `end` is the column behind the last character, or 0."""

    path: str
    line: int = 1
    column: int = 1
    end: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class At(Generic[T_co]):
    """A value, and where it stands."""

    value: T_co
    place: Place


@dataclass(frozen=True)
class Words:
    """A command: its words, None for one that cannot be known, where it stands, and whether a shell is put before it.

    `shell_form` is the text of Docker's shell form; `words` is empty then.
    """

    words: tuple[str | None, ...]
    place: Place
    shell_form: str | None = None
    text_place: Place | None = None


@dataclass(frozen=True)
class Hook:
    """What is to run at the stop request: `kind` is "exec", "sleep" or "other"; `seconds` where it just sleeps so long."""

    kind: str
    place: Place
    words: tuple[str | None, ...] = ()
    seconds: float | None = None
    seconds_place: Place | None = None


@dataclass(frozen=True)
class Build:
    """How an image is built: folder and Dockerfile as paths, the target stage, and the arguments."""

    context: str
    dockerfile: str
    target: str | None
    args: Mapping[str, str | None]
    place: Place


@dataclass(frozen=True)
class Workload:
    """A container as an orchestrator runs it.

    `grace` is in seconds, from the stop request to SIGKILL: None where that is unknown. `env` has None for values that are
    unknown, and `env_is_whole` tells whether there may be variables that are not in it.
    """

    platform: str
    name: str
    place: Place
    image: At[str] | None = None
    build: Build | None = None
    entrypoint: Words | None = None
    command: Words | None = None
    env: Mapping[str, At[str | None]] = field(default_factory=dict)
    env_is_whole: bool = True
    grace: At[float] | None = None
    grace_is_stated: bool = False
    stop_signal: At[str] | None = None
    init: At[bool] | None = None
    hook: Hook | None = None
    node: Node | None = None
    pod: Pod | None = None


@dataclass(frozen=True)
class Pod:
    """What is around a container of Kubernetes: the document, the pod's spec, the controller's spec, and its neighbours."""

    document: Node
    spec: Node
    kind: str
    labels: Mapping[str, str]
    namespace: str
    annotations: Mapping[str, At[str]]


@dataclass(frozen=True)
class Edit:
    """Replace the text from one place to another of a file; a mend. Offsets count characters."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Finding:
    """What a rule has found.

    `chain` is the way from the image to the manifest, `sum` the arithmetic where there is some, `mend` what to do. `edits`
    do it; `is_safe` says that they cannot change what the image does otherwise.
    """

    rule: str
    message: str
    place: Place
    chain: tuple[Place, ...] = ()
    sum: str = ""
    mend: str = ""
    edits: tuple[Edit, ...] = ()
    is_safe: bool = False
