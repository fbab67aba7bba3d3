"""PURE. The arms of a rehearsal: the image as it is, and the same with another init in front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyinit.rehearse.binary import PATH
from pyinit.rehearse.subject import Found

AS_IS, PYINIT, TINI = "as-is", "pyinit", "tini"
ARMS = (AS_IS, PYINIT, TINI)

#: Inits that may stand in front of an image's command, and their options that are followed by a word.
INITS = {
    "tini": ("-p", "-e"),
    "tini-static": ("-p", "-e"),
    "docker-init": ("-p", "-e"),
    "dumb-init": ("-r", "--rewrite"),
    "catatonit": (),
}

#: What pyinit is told, where the image does not say otherwise: wait for the traffic, within the time that there is.
DELAY, TIMEOUT = "PYINIT_PRE_STOP_DELAY", "PYINIT_STOP_TIMEOUT"


@dataclass(frozen=True)
class Arm:
    """How a container is created. `replaced`: the name of the init that was taken away from its words."""

    name: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    init: bool  #: the engine's
    needs_binary: bool = False
    replaced: str = ""


def base(word: str) -> str:
    """The name of a program in a path."""
    return word.rpartition("/")[2]


def without_init(words: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The words behind an init that stands in front of them, and its name; all words, and nothing, where there is none."""
    name = base(words[0]) if words else ""
    if name not in INITS:
        return tuple(words), ""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        if words[at] == "--":
            at += 1
            break
        at += 2 if words[at] in INITS[name] else 1
    return tuple(words[at:]), name


def arm(name: str, found: Found, grace: float, serves: bool) -> Arm:
    """The arm of this name. `grace`: seconds that the orchestrator allows. `serves`: whether it listens to a port."""
    subject = found.subject
    environment = dict(subject.environment)
    if name == AS_IS:
        return Arm(name, found.entrypoint, found.command, environment, subject.init)
    words, replaced = without_init(found.words)
    if name == TINI:
        return Arm(name, words[:1], words[1:], environment, init=True, replaced=replaced)
    if base(found.words[0]) == "pyinit":  # it stands there already: the same options, by the binary that is rehearsed
        return Arm(name, (PATH,), found.words[1:], environment, init=False, needs_binary=True, replaced="pyinit")
    if serves:
        environment.setdefault(DELAY, found.environment.get(DELAY, "auto"))
    before = subject.pre_stop if isinstance(subject.pre_stop, float) else 0.0  # the hook's part of the grace period
    environment.setdefault(TIMEOUT, found.environment.get(TIMEOUT, f"{max(1.0, grace - before):g}"))
    replaced = replaced or ("docker-init" if subject.init else "")
    return Arm(name, (PATH, "--"), words, environment, init=False, needs_binary=True, replaced=replaced)
