"""PURE. A bundle's config.json, as the OCI runtime specification has it, with pyinit in front of what it runs.

Three places are changed, and no byte elsewhere: `process.args` gets two words in front, `mounts` the binary, `process.env` the
variables. What is left alone, and why, is the other half of this file.

**Where the binary is mounted.** Under /dev, where every engine puts a tmpfs of the container's own: there the runtime can make
the file that is mounted over even where the root file system is read-only, and nothing is left behind in the container's
layer. Where /dev is not such a tmpfs (the host's own /dev, bound by `-v /dev:/dev`), the file would be made on the host; there
the place is the root folder.
"""

from pyinit.log import json_value
from pyinit.record import Record
from pyinit.runtime import document, settings
from pyinit.runtime.document import Malformed, Node
from pyinit.settings.config import DROP_IN, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyinit.runtime.document import Change
    from pyinit.runtime.settings import Settings

#: Annotations by which engines of Kubernetes tell what a container is, and the value that is a pod's sandbox.
TYPES = ("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType")
SANDBOX = "sandbox"

#: Annotations by which they tell its name.
NAMES = ("io.kubernetes.container.name", "io.kubernetes.cri.container-name")

#: Programs that are PID 1 or nothing. In front of these there is no place for another.
MUST_BE_PID_1 = frozenset("dinit init my_init openrc-init runit runit-init s6-svscan systemd".split())

#: Programs that hold the namespaces of a pod and run nothing, with the words that make them so.
PAUSES = {"pause": (), "catatonit": ("-P",)}

#: Where the binary is mounted.
DEVICES, ROOT = "/dev/", "/."

#: The binary's name in the container, by which `docker exec CONTAINER /dev/pyinit --status` finds it.
NAME = "pyinit"


class Edit(Record):
    """What is to become of a container: the new `text` of its config.json, None where that stays; and why, for the log."""

    text: str | None
    reason: str


def edit(
    text: str,
    node: "Settings",
    binary: "Callable[[], str]",
    check: "Callable[[Mapping[str, str]], None]",
    is_ours: "Callable[[str], bool]",
) -> Edit:
    """Put pyinit in front of what a container runs.

    `binary` tells the path of the static binary on the host, where it is needed. `check` raises UsageError for
    variables that make no sense together; `is_ours` says whether a path leads to the PID namespace that we are in, the host's.

    Raises Malformed for what is no config.json, and UsageError for settings that are no good.
    """
    config = document.parse(text)
    if not isinstance(config.value, dict):
        raise Malformed("this is no object")
    process = document.member(config, "process")
    if process is None or not isinstance(process.value, dict):
        raise Malformed("there is no process in it to put pyinit in front of")
    args = document.member(process, "args")
    words = document.strings(args, "process.args")
    if args is None or not words:
        raise Malformed("process.args is empty: there is no command to put pyinit in front of")
    annotations = _annotations(config)
    reason = _left_alone(config, words, annotations, node, is_ours)
    if reason:
        return Edit(None, f"left as it is: {reason}")
    name = words[0].rpartition("/")[2]
    given = document.strings(document.member(process, "env"), "process.env")
    theirs = dict(reversed([entry.partition("=")[::2] for entry in given]))  # the first one counts, as in getenv(3)
    ours = {**node.variables, **settings.of_pod(annotations)}
    check({**ours, **theirs})
    changes = _variables(process, {key: value for key, value in ours.items() if key not in theirs})
    if name == NAME:
        return Edit(document.changed(text, changes), "it has pyinit already: its variables are set") if changes else _same()
    destination = _destination(config, name if name in DROP_IN else NAME)
    changes.append(_mount(config, binary(), destination))
    if name in DROP_IN:
        first: Node = args.value[0]  # type: ignore[index, assignment]  # an array, as has been seen
        changes.append((first.start, first.end, json_value(destination)))
        return Edit(document.changed(text, changes), f"{words[0]} is replaced by {destination}")
    changes.append(document.in_front(args, f'{json_value(destination)},"--"'))
    return Edit(document.changed(text, changes), f"{destination} stands in front of {words[0]}")


def _same() -> Edit:
    return Edit(None, "left as it is: it has pyinit already")


def _annotations(config: Node) -> dict[str, str]:
    found = document.member(config, "annotations")
    if found is None:
        return {}
    if not isinstance(found.value, dict) or not all(isinstance(member.value, str) for member in found.value.values()):
        raise Malformed("annotations is no object of strings")
    return {name: str(member.value) for name, member in found.value.items()}


def _left_alone(
    config: Node, words: list[str], annotations: dict[str, str], node: "Settings", is_ours: "Callable[[str], bool]"
) -> str:
    """Why a container is to be left as it is; "" where it is not."""
    name = words[0].rpartition("/")[2]
    if any(annotations.get(key) == SANDBOX for key in TYPES):
        return "a sandbox of a pod"
    pauses = PAUSES.get(name)
    if pauses is not None and tuple(words[1:2]) == pauses:
        return f"{words[0]} holds a pod's namespaces"
    if _is_excluded(annotations):
        return f"annotation {settings.PREFIX}{settings.EXCLUDE}"
    namespaces = document.objects(document.member(document.member(config, "linux"), "namespaces"), "linux.namespaces")
    paths = [document.string(one, "path") for one in namespaces if document.string(one, "type") == "pid"]
    if not paths or (paths[0] and is_ours(paths[0])):
        return "it is in the host's PID namespace"
    if name in MUST_BE_PID_1:
        return f"{words[0]} is an init that must be PID 1"
    if name in DROP_IN and node.inits == settings.LEAVE:
        return f"{words[0]} is an init already (inits={settings.LEAVE})"
    return ""


def _is_excluded(annotations: dict[str, str]) -> bool:
    excluded = annotations.get(settings.PREFIX + settings.EXCLUDE)
    if excluded is None:
        return False
    names = [name.strip() for name in excluded.split(",")]
    own = next((annotations[key] for key in NAMES if key in annotations), None)
    if own is None and names != ["*"]:
        raise UsageError(
            f"annotation {settings.PREFIX}{settings.EXCLUDE}: the engine does not say which container of {excluded!r} this is: "
            "write * for all"
        )
    return "*" in names or own in names


def _destination(config: Node, name: str) -> str:
    """Where the binary is mounted: see above."""
    mounts = document.objects(document.member(config, "mounts"), "mounts")
    kinds = [document.string(one, "type") for one in mounts if document.string(one, "destination").rstrip("/") == "/dev"]
    return (DEVICES if kinds[-1:] == ["tmpfs"] else ROOT) + name


def _mount(config: Node, binary: str, destination: str) -> "Change":
    mounts = document.objects(document.member(config, "mounts"), "mounts")
    if any(document.string(one, "destination") == destination for one in mounts):
        raise Malformed(f"something is mounted on {destination} already")
    mount = {"destination": destination, "type": "bind", "source": binary, "options": ["bind", "ro", "nosuid", "nodev"]}
    return document.at_end(config, "mounts", json_value(mount))


def _variables(process: Node, variables: dict[str, str]) -> "list[Change]":
    for name, value in variables.items():
        if "\0" in value:
            raise UsageError(f"{name}: {value!r} has a null character in it")
    entries = ",".join(json_value(f"{name}={value}") for name, value in variables.items())
    return [document.at_end(process, "env", entries)] if entries else []
