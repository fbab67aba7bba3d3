"""The files for Compose, Quadlet, ECS, Cloud Run and Nomad: what each platform says to them, and whether their times add up."""

import configparser
import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import botocore.loaders
import botocore.model
import botocore.validate
import googleapiclient
import hcl2
import pytest
import yaml

from pyinit.settings import options
from pyinit.settings.config import Config
from pyinit.settings.values import duration
from tests.namespace import CACHE, ROOT

FOLDER = ROOT / "docker" / "platforms"
COMPOSE, QUADLET = ROOT / "docker" / "compose.yaml", FOLDER / "web.container"
ECS, CLOUD_RUN, NOMAD = FOLDER / "ecs.json", FOLDER / "cloud-run.yaml", FOLDER / "nomad.hcl"

#: Seconds for which the stop signal waits at most until the accept queues are empty.
QUEUES = 1

Tree = dict[str, Any]


class Told(NamedTuple):
    """What a file says: the variables, the command, seconds until SIGKILL and seconds for the start; and the health check."""

    environ: dict[str, str]
    command: list[str]
    allowed: float
    start: float
    check: list[str]

    @property
    def parsed(self) -> options.Parsed:
        """What pyinit makes of it."""
        return options.parse(["--", *(self.command or ["command"])], self.environ)

    @property
    def config(self) -> Config:
        """The options that the variables set."""
        return self.parsed.config


# --- Compose ---


def compose() -> Tree:
    """The file as it is."""
    found: Tree = yaml.safe_load(COMPOSE.read_text())
    return found


def told_by_compose() -> Told:
    (service,) = compose()["services"].values()
    environ = {"PYINIT_READY": "file:/tmp/ready", **service["environment"]}  # of the image
    check = service["healthcheck"]
    return Told(environ, [], duration(service["stop_grace_period"]), duration(check["start_period"]), check["test"])


def compose_says(tree: Tree, folder: Path) -> "subprocess.CompletedProcess[str]":
    """What Docker Compose makes of a file."""
    (folder / "compose.yaml").write_text(yaml.safe_dump(tree))
    program = Path(sys.executable).with_name("docker-compose")
    words = [str(program), "--file", str(folder / "compose.yaml"), "config", "--format=json"]
    return subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "DOCKER_CONFIG": str(folder)})


def test_compose_takes_its_file_and_understands_it_as_it_is_meant(tmp_path: Path) -> None:
    done = compose_says(compose(), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    service = json.loads(done.stdout)["services"]["web"]
    assert service["stop_grace_period"] == "30s"
    assert service["healthcheck"]["start_period"] == "1m30s"
    assert service["environment"] == compose()["services"]["web"]["environment"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("stop_grace_periods", "30s"), ("stop_grace_period", "30 seconds"), ("healthcheck", {"tests": []}), ("environment", 1)],
)
def test_compose_finds_a_mistake_in_its_file(tmp_path: Path, field: str, value: object) -> None:
    tree = compose()
    tree["services"]["web"][field] = value
    assert compose_says(tree, tmp_path).returncode != 0


# --- Quadlet ---


#: Keys of [Container] that podman-systemd.unit(5) of Podman 5.0 names, as far as they concern a file like ours.
#: https://github.com/containers/podman/blob/v5.0.0/docs/source/markdown/podman-systemd.unit.5.md
CONTAINER_KEYS = {
    *("AddCapability", "AddDevice", "Annotation", "AutoUpdate", "ContainerName", "DropCapability", "Entrypoint", "Environment"),
    *("EnvironmentFile", "Exec", "HealthCmd", "HealthInterval", "HealthOnFailure", "HealthRetries", "HealthStartPeriod"),
    *("HealthStartupCmd", "HealthStartupInterval", "HealthStartupRetries", "HealthStartupSuccess", "HealthStartupTimeout"),
    *(
        "HealthTimeout",
        "Image",
        "Label",
        "LogDriver",
        "Network",
        "NoNewPrivileges",
        "Notify",
        "PidsLimit",
        "PublishPort",
        "Pull",
    ),
    *("ReadOnly", "RunInit", "SeccompProfile", "Secret", "StopTimeout", "Tmpfs", "User", "UserNS", "Volume", "WorkingDir"),
}


class Unit(dict[str, Any]):
    """A section of a unit file, in which a key that comes again is added to (systemd.syntax(7))."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list) and key in self and isinstance(self[key], list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def unit(text: str) -> dict[str, dict[str, str]]:
    """The sections of a unit file; of a key that comes again the values are joined by a blank."""
    parser = configparser.RawConfigParser(dict_type=Unit, strict=False, delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the documentation has it
    parser.read_string(text)
    return {name: {key: value.replace("\n", " ") for key, value in parser.items(name)} for name in parser.sections()}


def told_by_quadlet() -> Told:
    sections = unit(QUADLET.read_text())
    container = sections["Container"]
    environ = dict(word.split("=", 1) for word in shlex.split(container["Environment"]))
    check = ["CMD", *json.loads(container["HealthCmd"])]
    return Told(environ, shlex.split(container["Exec"]), duration(container["StopTimeout"]), duration("90s"), check)


def test_every_key_of_the_quadlet_is_documented() -> None:
    sections = unit(QUADLET.read_text())
    assert list(sections) == ["Unit", "Container", "Service", "Install"]
    assert sections["Container"].keys() - CONTAINER_KEYS == set()


def test_the_limits_of_systemd_come_after_those_of_podman() -> None:
    sections = unit(QUADLET.read_text())
    container, service = sections["Container"], sections["Service"]
    assert float(service["TimeoutStopSec"]) > float(container["StopTimeout"])
    assert float(service["TimeoutStartSec"]) > duration(container["HealthStartPeriod"])
    assert container["Notify"] == "healthy"


def test_a_stop_does_not_make_podman_kill_and_no_init_stands_before_pyinit() -> None:
    container = unit(QUADLET.read_text())["Container"]
    assert {"HealthOnFailure", "RunInit", "Entrypoint"} & container.keys() == set()


def generated(folder: Path) -> "subprocess.CompletedProcess[str]":
    """What Podman's generator makes of the units of a folder."""
    root = CACHE / "debian13"
    program, libraries = root / "usr/libexec/podman/quadlet", next(root.glob("usr/lib/*-linux-gnu*"), root)
    loader = next(libraries.glob("ld-linux-*"), None)
    if not program.exists() or loader is None:
        reason = "there is no quadlet (tests/prepare.sh fetches it on Debian, as root)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    words = [str(loader), "--library-path", str(libraries), str(program), "--dryrun"]
    environ = {**os.environ, "QUADLET_UNIT_DIRS": str(folder)}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environ)


def test_quadlet_makes_a_unit_of_the_file_that_systemd_understands(tmp_path: Path) -> None:
    shutil.copy(QUADLET, tmp_path)
    done = generated(tmp_path)
    assert done.returncode == 0, done.stderr
    made = done.stdout[done.stdout.index("[Unit]") :]
    started = shlex.split(unit(made)["Service"]["ExecStart"])
    assert started[:2] == ["/usr/bin/podman", "run"]
    at = started.index("--stop-timeout")
    assert started[at + 1] == "30"
    assert "--sdnotify=healthy" in started
    assert json.loads(started[started.index("--health-cmd") + 1]) == ["pyinit", "--probe", "pyinit"]
    assert {f"{name}={value}" for name, value in told_by_quadlet().environ.items()} <= set(started)
    assert started[-4:] == told_by_quadlet().command
    if shutil.which("systemd-analyze") and shutil.which("podman"):
        (tmp_path / "web.service").write_text(made)
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / "web.service")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "web.service" not in verified.stderr


def test_quadlet_finds_a_mistake_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "web.container").write_text(QUADLET.read_text().replace("StopTimeout=", "StopTimeouts="))
    done = generated(tmp_path)
    assert "unsupported key 'StopTimeouts'" in done.stdout + done.stderr


# --- ECS ---


def task() -> Tree:
    """The task definition."""
    found: Tree = json.loads(ECS.read_text())
    return found


def told_by_ecs() -> Told:
    (container,) = task()["containerDefinitions"]
    environ = {variable["name"]: variable["value"] for variable in container["environment"]}
    check = container["healthCheck"]
    return Told(environ, container["command"], container["stopTimeout"], check["startPeriod"], check["command"])


def refused_by_ecs(tree: Tree) -> str:
    """What AWS's own model of RegisterTaskDefinition finds wrong."""
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecs", "service-2"))
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    return str(botocore.validate.ParamValidator().validate(tree, shape).generate_report())


def test_aws_takes_the_task_definition() -> None:
    assert refused_by_ecs(task()) == ""


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("stopTimeouts", 45, "Unknown parameter"),
        ("stopTimeout", "45", "Invalid type"),
        ("environment", {"PYINIT_READY": "x"}, "Invalid type"),
        ("healthCheck", {"interval": 10}, "Missing required parameter"),
    ],
)
def test_a_mistake_in_the_task_definition_is_found(field: str, value: object, complaint: str) -> None:
    tree = task()
    tree["containerDefinitions"][0][field] = value
    assert complaint in refused_by_ecs(tree)


def test_the_task_keeps_to_the_limits_of_fargate() -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html and API_HealthCheck.html."""
    tree = task()
    (container,) = tree["containerDefinitions"]
    check = container["healthCheck"]
    assert (tree["requiresCompatibilities"], tree["networkMode"]) == (["FARGATE"], "awsvpc")
    assert (tree["cpu"], tree["memory"]) == ("256", "512"), "one of the pairs that there are"
    assert 0 < container["stopTimeout"] <= 120
    assert 5 <= check["interval"] <= 300
    assert 2 <= check["timeout"] <= 60
    assert 1 <= check["retries"] <= 10
    assert 0 <= check["startPeriod"] <= 300
    assert "linuxParameters" not in container, "initProcessEnabled would put another init before pyinit"
    assert "entryPoint" not in container


# --- Cloud Run ---


def service() -> Tree:
    """The service."""
    found: Tree = yaml.safe_load(CLOUD_RUN.read_text())
    return found


def run_container() -> Tree:
    """Its container."""
    (container,) = service()["spec"]["template"]["spec"]["containers"]
    return dict(container)


def told_by_cloud_run() -> Told:
    container = run_container()
    environ = {variable["name"]: variable["value"] for variable in container["env"]}
    startup = container["startupProbe"]
    start = startup["periodSeconds"] * startup["failureThreshold"]
    return Told(environ, container["args"], 10, start, ["CMD", "pyinit", "--probe", "pyinit"])


def faults(value: object, schema: Tree, schemas: Tree, place: str) -> Iterator[str]:
    """What is not as Google's description of the API has it: names, types, and what Cloud Run does not support."""
    if "$ref" in schema:
        schema = {"type": "object", **schemas[schema["$ref"]]}
    kinds: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if type(value) is not kinds[schema["type"]]:
        yield f"{place}: {value!r} is no {schema['type']}"
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from faults(item, schema["items"], schemas, f"{place}[{at}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if known is None or "not supported by cloud run" in known.get("description", "").lower():
                yield f"{place}.{name}: there is no such field"
            else:
                yield from faults(item, known, schemas, f"{place}.{name}")


def refused_by_cloud_run(tree: Tree) -> list[str]:
    """What is wrong with a service by version 1 of the API, to which the YAML maps directly.

    https://cloud.google.com/run/docs/reference/yaml/v1
    """
    place = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "run.v1.json"
    schemas = json.loads(place.read_text())["schemas"]
    return list(faults(tree, {"$ref": "Service"}, schemas, "service"))


def test_google_takes_the_service() -> None:
    assert refused_by_cloud_run(service()) == []
    assert (service()["apiVersion"], service()["kind"]) == ("serving.knative.dev/v1", "Service")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("startupProbes", {}),
        ("startupProbe", {"httpGet": {"path": "/", "port": "8081"}}),
        ("startupProbe", {"exec": {"command": ["true"]}}),
        ("env", [{"name": "A", "value": 1}]),
        ("args", "gunicorn"),
    ],
)
def test_a_mistake_in_the_service_is_found(field: str, value: object) -> None:
    tree = copy.deepcopy(service())
    tree["spec"]["template"]["spec"]["containers"][0][field] = value
    assert len(refused_by_cloud_run(tree)) == 1


def test_the_probes_keep_to_the_limits_of_cloud_run() -> None:
    """240 s for the start at most, and a time limit within the period.

    https://cloud.google.com/run/docs/configuring/healthchecks
    """
    container = run_container()
    startup, liveness = container["startupProbe"], container["livenessProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] <= 240
    assert startup["timeoutSeconds"] <= startup["periodSeconds"]
    assert liveness["timeoutSeconds"] <= liveness["periodSeconds"]
    listening = told_by_cloud_run().config.health_listen
    assert listening is not None
    for probe, path in ((startup, "/startupz"), (liveness, "/livez")):
        assert probe["httpGet"] == {"path": path, "port": listening[1]}
    assert "readinessProbe" not in container, "a preview, without which Cloud Run takes instances that go out by itself"
    assert "command" not in container


def test_on_cloud_run_there_is_no_delay() -> None:
    assert told_by_cloud_run().config.pre_stop_delay == 0


# --- Nomad ---

#: What https://developer.hashicorp.com/nomad/docs/job-specification names, as far as it concerns a job like ours; by block.
NOMAD_KEYS = {
    "job": {"type", "update", "group"},
    "update": {
        "max_parallel",
        "health_check",
        "min_healthy_time",
        "healthy_deadline",
        "progress_deadline",
        "auto_revert",
        "canary",
    },
    "group": {"count", "network", "service", "task", "restart", "shutdown_delay"},
    "network": {"port", "mode"},
    "port": {"to", "static"},
    "service": {"name", "provider", "port", "check", "tags"},
    "check": {"type", "port", "path", "interval", "timeout", "name", "method", "grpc_service"},
    "task": {"driver", "kill_signal", "kill_timeout", "config", "env", "resources", "shutdown_delay"},
    "config": {"image", "args", "ports", "command", "entrypoint", "init", "pids_limit"},  # of the driver `docker`
}
#: Blocks that have a name, behind which they stand.
NAMED = ("job", "group", "port", "task")


def job() -> Tree:
    """The job, with plain strings and without the marks of the parser."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {plain(key): plain(item) for key, item in value.items() if not str(key).startswith("__")}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value.strip('"') if isinstance(value, str) else value

    with NOMAD.open() as file:
        return dict(plain(hcl2.load(file)))


def only(tree: Tree, kind: str) -> Tree:
    """The only block of a kind, without its name."""
    (block,) = tree[kind]
    if kind in NAMED:
        (block,) = block.values()
    return dict(block)


def told_by_nomad() -> Told:
    work = only(only(job(), "job"), "group")
    work = only(work, "task")
    update = only(only(job(), "job"), "update")
    env = work["env"][0] if isinstance(work["env"], list) else work["env"]
    start = duration(update["healthy_deadline"]) - duration(update["min_healthy_time"])
    return Told(
        env, only(work, "config")["args"], duration(work["kill_timeout"]), start, ["CMD", "pyinit", "--probe", "pyinit"]
    )


def unknown(tree: Tree, kind: str) -> Iterator[str]:
    """Names in a block that are not documented, and in the blocks within."""
    yield from (f"{kind}.{name}" for name in tree if name not in NOMAD_KEYS[kind])
    for name, blocks in tree.items():
        for block in blocks if name in NOMAD_KEYS and isinstance(blocks, list) else ():
            for inner in block.values() if name in NAMED else [block]:
                yield from unknown(inner, name)


def test_every_name_in_the_job_is_documented() -> None:
    assert list(job()) == ["job"]
    assert list(unknown(only(job(), "job"), "job")) == []
    misspelt = only(job(), "job")
    only_task = next(iter(next(iter(misspelt["group"][0].values()))["task"][0].values()))
    only_task["kill_timeouts"] = "30s"
    assert list(unknown(misspelt, "job")) == ["task.kill_timeouts"]


def test_the_job_keeps_to_what_a_client_allows_and_waits_once() -> None:
    group = only(only(job(), "job"), "group")
    work = only(group, "task")
    assert duration(work["kill_timeout"]) <= 30, "max_kill_timeout of a client that does not set it"
    assert work["kill_signal"] == "SIGTERM", "and not SIGINT"
    assert "shutdown_delay" not in work
    assert "shutdown_delay" not in group
    assert {"init", "entrypoint", "command"} & only(work, "config").keys() == set()


def test_nomad_asks_pyinit_whether_the_task_is_ready() -> None:
    group = only(only(job(), "job"), "group")
    ports = {
        name: only({"port": [{name: block}]}, "port")["to"]
        for port in only(group, "network")["port"]
        for name, block in port.items()
    }
    check = only(only(group, "service"), "check")
    listening = told_by_nomad().config.health_listen
    assert listening is not None
    assert (check["path"], ports[check["port"]]) == ("/readyz", listening[1])


# --- all of them ---


EVERY = pytest.mark.parametrize(
    "tell",
    [told_by_compose, told_by_quadlet, told_by_ecs, told_by_cloud_run, told_by_nomad],
    ids=lambda tell: tell.__name__.removeprefix("told_by_"),
)
Tell = Callable[[], Told]


@EVERY
def test_every_variable_is_one_of_pyinit_and_is_understood(tell: Tell) -> None:
    assert tell().parsed.warnings == ()


@EVERY
def test_the_delay_and_the_finishing_fit_into_what_the_platform_allows(tell: Tell) -> None:
    told, given = tell(), tell().config
    assert given.stop_timeout == told.allowed
    assert given.grace_period is not None
    delay = given.pre_stop_max if given.pre_stop_delay is None else given.pre_stop_delay
    assert delay + QUEUES + given.grace_period < told.allowed
    if given.pre_stop_delay is None:
        assert given.pre_stop_min < given.pre_stop_max == given.longest_delay, "which is not cut short"
        assert given.pre_stop_quiet < given.pre_stop_max


@EVERY
def test_pyinit_gives_the_application_the_time_that_it_says_it_needs(tell: Tell) -> None:
    told = tell()
    finishing = re.findall(r"--graceful-timeout=(\d+)", " ".join(told.command))
    assert len(finishing) == bool(told.command)
    assert told.config.grace_period is not None
    assert all(int(seconds) < told.config.grace_period for seconds in finishing)


@EVERY
def test_pyinit_gives_up_a_start_before_the_platform_does(tell: Tell) -> None:
    told = tell()
    assert told.config.ready
    assert told.config.start_timeout is not None
    assert told.config.start_timeout < told.start


@EVERY
def test_the_health_check_asks_pyinit(tell: Tell) -> None:
    assert tell().check == ["CMD", "pyinit", "--probe", "pyinit"]


def test_the_page_names_every_file_and_no_other() -> None:
    page = (ROOT / "docs" / "platforms.md").read_text()
    named = {(ROOT / "docs" / place).resolve() for place in re.findall(r"\]\((\.\./\S+?)\)", page)}
    ours = {COMPOSE, ROOT / "docker" / "swarm.yaml", ROOT / "docker" / "kubernetes" / "README.md", *FOLDER.iterdir()}
    assert named == ours
