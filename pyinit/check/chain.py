"""From the manifest to the program: which Dockerfile builds an image, and what a workload starts in it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from pyinit.check import bases, compose, dockerfile, ecs, files, fly, image, kubernetes, launch, nodes, nomad, quadlet, script
from pyinit.check.files import Files
from pyinit.check.image import Image
from pyinit.check.launch import Launch, Surroundings
from pyinit.check.model import COMPOSE, KUBERNETES, NOMAD, SWARM, At, Place, Words, Workload
from pyinit.check.nodes import Node, Unreadable

#: An image is built with this name, as a Makefile, a workflow or a comment says: `docker build -t NAME -f FILE FOLDER`.
BUILD_LINE = re.compile(r"docker\s+(?:buildx\s+|image\s+)?build\s+([^\n#;&|]+)")


@dataclass(frozen=True)
class Fault:
    """A file that cannot be read, and why."""

    path: str
    line: int
    message: str


@dataclass
class Project:
    """All that was read in a run."""

    files: Files
    dockerfiles: dict[str, dockerfile.Dockerfile] = field(default_factory=dict)
    workloads: list[Workload] = field(default_factory=list)
    objects: list[Node] = field(default_factory=list)
    compose: dict[str, list[Node]] = field(default_factory=dict)
    scripts: dict[str, script.Script] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    bases: dict[str, bases.Base] = field(default_factory=dict)
    built: dict[tuple[str, str | None, tuple[tuple[str, str | None], ...]], Image | None] = field(default_factory=dict)
    contexts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fargate: set[str] = field(default_factory=set)
    kinds: dict[str, list[Node]] = field(default_factory=dict)
    services: dict[int, list[Node]] = field(default_factory=dict)
    checked: int = 0

    def load(self, path: str, text: str, kind: str) -> None:
        """Read a file of this kind. One that cannot be read is a fault, and stops no other."""
        self.checked += 1
        try:
            self._load(path, text, kind)
        except Unreadable as error:
            if not (kind in (files.KUBERNETES, files.COMPOSE) and files.is_template(path, text)):
                self.faults.append(Fault(path, min(error.line, max(1, len(text.splitlines()))), str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours in one file is told, and the other files are read
            self.faults.append(Fault(path, 1, f"this stopped its reader: {type(error).__name__}: {error}"))

    def _load(self, path: str, text: str, kind: str) -> None:
        if kind == files.DOCKERFILE:
            self.dockerfiles[path] = dockerfile.parse(path, text)
        elif kind == files.SCRIPT:
            self.scripts[path] = script.parse(path, text)
        elif kind == files.COMPOSE:
            found = list(nodes.documents(path, text))
            self.compose[path] = found
            self.workloads += compose.workloads(path, found)
        elif kind == files.KUBERNETES:
            found = list(nodes.documents(path, text))
            self.objects += kubernetes.objects(found)
            self.workloads += kubernetes.workloads(found)
        elif kind == files.ECS:
            found = list(nodes.documents(path, text))
            self.workloads += ecs.workloads(found)
            if any(ecs.is_fargate(one.get("taskDefinition") or one) for one in found):
                self.fargate.add(path)
        elif kind == files.NOMAD:
            self.workloads += nomad.workloads(nomad.document(path, text))
        elif kind == files.QUADLET:
            self.workloads += quadlet.workloads(quadlet.document(path, text))
        elif kind == files.FLY:
            self.workloads += fly.workloads(path, text, fly.document(text))

    def of_kind(self, *kinds: str) -> list[Node]:
        """The objects of Kubernetes of these kinds."""
        if not self.kinds and self.objects:
            for one in self.objects:
                self.kinds.setdefault(one.get("kind").text, []).append(one)
        return [one for kind in kinds for one in self.kinds.get(kind, ())]

    # --- images ---

    def merge_compose(self) -> None:
        """Files of one folder may be merged: where another one says a service's time, it is not the default."""
        stated = {
            (os.path.dirname(path), name)
            for path, found in self.compose.items()
            for document in found
            for name, service in compose.services(document)
            if service.get("stop_grace_period")
        }
        for at, workload in enumerate(self.workloads):
            is_default = workload.platform in (COMPOSE, SWARM) and not workload.grace_is_stated
            if is_default and (os.path.dirname(workload.place.path), workload.name) in stated:
                self.workloads[at] = replace(workload, grace=None)

    def learn_names(self, texts: Mapping[str, str]) -> None:
        """Which Dockerfile builds which image: by Compose, and by `docker build` lines in Makefiles, workflows and comments."""
        for workload in self.workloads:
            if workload.build and workload.image:
                self.images.setdefault(_bare(workload.image.value), workload.build.dockerfile)
        for path, text in texts.items():
            for line in BUILD_LINE.finditer(text):
                self._learn(line[1], path)

    def _learn(self, line: str, path: str) -> None:
        names = re.findall(r"(?:-t|--tag)[= ]+[\"']?([\w./:-]+)", line)
        given = re.search(r"(?:-f|--file)[= ]+[\"']?([\w./-]+)", line)
        last = line.rsplit(maxsplit=1)[-1].strip("\"'") if line.split() else "."
        for folder in (files.top_of(path), os.path.dirname(path) or "."):
            file = given[1] if given else os.path.join(last if "$" not in last else ".", "Dockerfile")
            where = os.path.normpath(os.path.join(os.path.relpath(folder), file))
            if where in self.dockerfiles:
                for name in names:
                    self.images.setdefault(_bare(name), where)
                return

    def dockerfile_of(self, reference: str) -> str | None:
        """The Dockerfile that builds an image, by what is said, or by the name where that leaves no choice."""
        bare = _bare(reference)
        if bare in self.images:
            return self.images[bare]
        if bases.find(reference) is not None:
            return None
        name = bare.rpartition("/")[2]
        matching = [path for path in self.dockerfiles if _names(path) == name]
        return matching[0] if len(matching) == 1 else None

    def resolve(self, reference: str, place: Place) -> Image:
        """The image that a FROM names: one of our own Dockerfiles, where the configuration says so, or another's."""
        path = self.images.get(_bare(reference))
        if path in self.dockerfiles and path != place.path:
            made = self.image(path, None, {})
            if made is not None:
                return made
        return image.of_reference(reference, place, self.bases)

    def image(self, path: str, target: str | None, args: Mapping[str, str | None]) -> Image | None:
        """The image that a Dockerfile builds, or None where it builds none."""
        key = (path, target, tuple(sorted(args.items())))
        if key not in self.built:
            self.built[key] = None  # for one that is built on itself
            self.read_dockerfile(path)
            if path in self.dockerfiles:
                self.built[key] = image.build(self.dockerfiles[path], self.resolve, target, args)
        return self.built[key]

    def read_dockerfile(self, path: str) -> None:
        """Read a Dockerfile that a manifest names, if it was not found before."""
        text = self.files.read(path) if path not in self.dockerfiles else None
        if text is not None:
            self.load(path, text, files.DOCKERFILE)

    def contexts_of(self, path: str) -> tuple[str, ...]:
        """Folders that may be the build context of a Dockerfile: the one in which most of what it copies exists comes first."""
        if path in self.contexts:
            return self.contexts[path]
        folder = os.path.dirname(path) or "."
        candidates = [folder]
        top = files.top_of(path)
        while os.path.realpath(candidates[-1]) != os.path.realpath(top) and len(candidates) < 8:  # noqa: PLR2004 - levels
            above = os.path.normpath(os.path.join(candidates[-1], ".."))
            if os.path.realpath(above) == os.path.realpath(candidates[-1]):
                break
            candidates.append(above)
        sources = [
            word
            for instruction in self.dockerfiles[path].instructions
            if instruction.name in ("COPY", "ADD") and "from" not in instruction.flags
            for word in (instruction.words or tuple(instruction.text.split()))[:-1]
            if "$" not in word and "*" not in word and word not in (".", "./")
        ]
        counted = {
            candidate: sum(os.path.exists(os.path.join(candidate, source.lstrip("/"))) for source in sources)
            for candidate in candidates
        }
        self.contexts[path] = tuple(
            sorted(candidates, key=lambda candidate: (-counted[candidate], candidates.index(candidate)))
        )[:1]
        return self.contexts[path]


def _bare(reference: str) -> str:
    """An image's name without tag and digest."""
    name, _ = bases.split(reference)
    return name


#: Folders that many Dockerfiles are in, and that name none.
NO_NAMES = frozenset({"", ".", "docker", "build", "deploy", "dockerfiles", "images", "src", "app", "ci"})


def _names(path: str) -> str:
    """What a Dockerfile's path calls its image: `shop.Dockerfile`, `Dockerfile.shop`, `shop/Dockerfile`."""
    name = os.path.basename(path)
    found = re.fullmatch(r"(?:Dockerfile|Containerfile)[.-](\w[\w-]*)|(\w[\w-]*)\.[Dd]ockerfile", name)
    if found:
        return found[1] or found[2]
    folder = os.path.basename(os.path.dirname(os.path.abspath(path)))
    return "" if folder.lower() in NO_NAMES else folder.lower()


# --- what the rules look at ---


@dataclass(frozen=True)
class Subject:
    """A container: as a Dockerfile says, or as a workload starts it. `around` is what its launch was read with."""

    project: Project
    launch: Launch
    around: Surroundings
    workload: Workload | None = None
    image: Image | None = None
    env: Mapping[str, At[str | None]] = field(default_factory=dict)
    env_is_whole: bool = True

    @property
    def chain(self) -> tuple[Place, ...]:
        """The way from the image to the manifest."""
        found: list[Place] = []
        if self.image is not None and self.image.source is not None:
            start = self.image.entrypoint or self.image.command
            found.append(start.place if start else self.image.place)
        for step in self.launch.steps:
            if step.kind == launch.SCRIPT and step.script is not None:
                last = step.script.statements[-1].place if step.script.statements else Place(step.script.path)
                found.append(last)
        if self.workload is not None:
            found.append(self.workload.place)
        return tuple(dict.fromkeys(found))

    @property
    def stop_signal(self) -> At[str] | None:
        """The signal that asks for the stop, without SIG; None where that is unknown."""
        if self.workload is not None and self.workload.stop_signal is not None:
            return self.workload.stop_signal
        if self.workload is not None and self.workload.platform == NOMAD:
            return At("TERM", self.workload.place)  # with Nomad's driver for Docker
        if self.image is None or self.image.stop_signal is None:
            return None
        return At(self.image.stop_signal, self.image.stop_place or self.image.place)

    def variable(self, name: str) -> At[str | None] | None:
        """A variable of the container, or None where it is not set as far as is known."""
        return self.env.get(name)

    @property
    def is_service(self) -> bool:
        """Whether anything says that the container runs until it is told to stop: ports, checks, a controller."""
        image, workload = self.image, self.workload
        if image is not None and (image.exposes or image.healthcheck is not None):
            return True
        if workload is None:
            return False
        if workload.pod is not None:
            return workload.pod.kind in kubernetes.SERVING
        node = workload.node
        is_kept = node is not None and node.get("restart").text in ("always", "unless-stopped")
        keys = ("ports", "portMappings", "healthcheck", "labels")
        return is_kept or (node is not None and any(node.get(key) for key in keys))

    def tool(self, name: str | None) -> bool | None:
        """Whether a program is in the image; None where that cannot be known."""
        return image.has_tool(self.image, name) if self.image is not None else None


def subjects(project: Project) -> Iterator[Subject]:
    """Each Dockerfile's last stage as it is, and each workload. One that cannot be followed is a fault, and stops no other."""
    for path in list(project.dockerfiles):
        made = _guarded(project, Place(path), partial(_of_dockerfile, project, path))
        if made is not None:
            yield made
    for workload in project.workloads:
        made = _guarded(project, workload.place, partial(_of_workload, project, workload))
        if made is not None:
            yield made


def _guarded(project: Project, place: Place, make: Callable[[], Subject | None]) -> Subject | None:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - a fault of ours in one place is told, and all others are checked
        message = f"its chain could not be followed, which is a fault of pyinit-check: {type(error).__name__}: {error}"
        project.faults.append(Fault(place.path, place.line, message))
        return None


def _of_dockerfile(project: Project, path: str) -> Subject | None:
    made = project.image(path, None, {})
    return _subject(project, None, made, project.contexts_of(path)) if made is not None else None


def _of_workload(project: Project, workload: Workload) -> Subject:
    made, contexts = image_of(project, workload)
    return _subject(project, workload, made, contexts)


def image_of(project: Project, workload: Workload) -> tuple[Image | None, tuple[str, ...]]:
    """The image of a workload, and its build contexts."""
    if workload.build is not None:
        made = project.image(workload.build.dockerfile, workload.build.target, workload.build.args)
        return made, (workload.build.context,)
    if workload.image is None:
        return None, ()
    path = project.dockerfile_of(workload.image.value)
    if path is not None:
        made = project.image(path, None, {})
        if made is not None:
            return made, project.contexts_of(path)
    return image.of_reference(workload.image.value, workload.image.place, project.bases), ()


def _subject(project: Project, workload: Workload | None, made: Image | None, contexts: tuple[str, ...]) -> Subject:
    env: dict[str, At[str | None]] = {**(made.env if made else {}), **(workload.env if workload else {})}
    is_whole = (
        (workload is None or workload.env_is_whole)
        and made is not None
        and (made.base is not None or not _has_unknown_base(made))
    )
    values = {name: value.value for name, value in env.items()}
    if workload is not None and workload.platform == KUBERNETES:
        values.setdefault("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    around = Surroundings(made, contexts, project.files, values)
    entrypoint = workload.entrypoint if workload else None
    command = workload.command if workload else None
    followed = launch.follow(around, entrypoint, command)
    if workload is not None and not followed.is_known and entrypoint is None:
        followed = _by_variables(followed, workload, around)
    return Subject(project, followed, around, workload, made, env, is_whole)


def _by_variables(followed: Launch, workload: Workload, around: Surroundings) -> Launch:
    """The launch of an image that is not known, whose manifest sets variables of pyinit: so that is its ENTRYPOINT."""
    ours = [name for name in workload.env if name.startswith("PYINIT_")]
    if not ours or followed.pyinit is not None:
        return followed
    place = workload.env[ours[0]].place
    command = workload.command or Words((None,), place)
    inner = launch.follow(around, Words(("pyinit", "--"), place), command)
    return replace(inner, is_known=False)


def _has_unknown_base(made: Image) -> bool:
    return made.reference is not None and made.base is None
