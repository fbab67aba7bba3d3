"""The manifests of docker/kubernetes: what Kubernetes and pyinit say to them, and whether their numbers add up."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes_validate  # type: ignore[import-untyped]  # it says nothing of its types
import pytest
from kubernetes_validate import utils

from pyinit.settings import options
from pyinit.settings.config import Config
from pyinit.traffic import quiet

FOLDER = Path(__file__).resolve().parents[2] / "docker" / "kubernetes"

#: The oldest with native sidecars by default, one in between, and the newest whose schemas we have.
VERSIONS = ("1.29", "1.33", "1.37")

#: Seconds for which the stop signal waits at most until the accept queues are empty.
QUEUES = 1

#: What the table takes for the time to finish, and what it adds to that and the maximum. In seconds.
TO_FINISH, SPARE = 20, 5

Manifest = dict[str, Any]

FILES = sorted(FOLDER.glob("*.yaml"))
EVERY_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def manifests(file: Path) -> list[Manifest]:
    """The documents of a file."""
    found: list[Manifest] = utils.resources_from_file(str(file))
    return found


def manifest(file: Path, kind: str) -> Manifest:
    """The one document of this kind."""
    (found,) = (document for document in manifests(file) if document["kind"] == kind)
    return found


def pod(file: Path) -> Manifest:
    """The spec of the pods of the Deployment."""
    spec: Manifest = manifest(file, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(file: Path) -> Manifest:
    """The only container of a pod."""
    (only,) = pod(file)["containers"]
    return dict(only)


def parsed(file: Path) -> options.Parsed:
    """What pyinit makes of the variables and of the arguments, which follow the ENTRYPOINT."""
    environ = {variable["name"]: variable["value"] for variable in container(file)["env"]}
    return options.parse(["--", *container(file)["args"]], environ)


def config(file: Path) -> Config:
    """The options that the variables set."""
    return parsed(file).config


def port_number(file: Path, name: str) -> int:
    """The number of a port of the container."""
    (number,) = (port["containerPort"] for port in container(file)["ports"] if port["name"] == name)
    return int(number)


def accepts(document: Manifest, version: str) -> bool:
    """Whether Kubernetes of this version takes a document, every field of it."""
    try:
        checked = kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError:
        return False
    assert checked == version, "or it was held against the schema of another version"
    return True


# --- what Kubernetes says ---


def test_there_are_manifests_and_the_page_names_each() -> None:
    page = (FOLDER / "README.md").read_text()
    assert len(FILES) >= 2
    assert [file.name for file in FILES if f"]({file.name})" not in page] == []


@pytest.mark.parametrize("version", VERSIONS)
@EVERY_FILE
def test_kubernetes_takes_every_manifest(file: Path, version: str) -> None:
    refused = [document["kind"] for document in manifests(file) if not accepts(document, version)]
    assert refused == []


MISTAKES = {
    "a field that is misspelt": ("terminationGracePeriodSecond", 45),
    "a number as text": ("terminationGracePeriodSeconds", "45"),
    "a list where one thing is wanted": ("securityContext", []),
    "a variable without quotes": ("containers", [{"name": "shop", "env": [{"name": "PYINIT_PRE_STOP_MAX", "value": 20}]}]),
    "a probe without its port": ("containers", [{"name": "shop", "readinessProbe": {"httpGet": {"path": "/"}}}]),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_manifest_is_found(mistake: str, version: str) -> None:
    document = copy.deepcopy(manifest(FILES[0], "Deployment"))
    field, value = MISTAKES[mistake]
    document["spec"]["template"]["spec"][field] = value
    assert not accepts(document, version)


@EVERY_FILE
def test_what_refers_to_another_thing_finds_it(file: Path) -> None:
    deployment, service = manifest(file, "Deployment"), manifest(file, "Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert service["spec"]["selector"].items() <= labels.items()
    for port in service["spec"]["ports"]:
        assert port_number(file, port["targetPort"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert port_number(file, container(file)[probe]["httpGet"]["port"])
    bound = [int(port) for port in re.findall(r"--bind=\S+?:(\d+)", " ".join(container(file)["args"]))]
    listening = config(file).health_listen
    assert listening is not None
    assert [*bound, listening[1]] == [port["containerPort"] for port in container(file)["ports"]]


def test_the_ingress_sends_to_the_service_and_probes_the_port_that_does_not_count() -> None:
    file = FOLDER / "aws-alb.yaml"
    ingress, service = manifest(file, "Ingress"), manifest(file, "Service")
    backend = ingress["spec"]["defaultBackend"]["service"]
    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"]["name"] in [port["name"] for port in service["spec"]["ports"]]
    probed = int(ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/healthcheck-port"])
    assert not config(file).watches(probed)


def test_what_readiness_gates_need_stands_before_the_pods() -> None:
    kinds = [document["kind"] for document in manifests(FOLDER / "aws-alb.yaml")]
    assert kinds == ["Namespace", "Service", "Ingress", "Deployment"]


# --- what pyinit says ---


@EVERY_FILE
def test_every_variable_is_one_of_pyinit_and_is_understood(file: Path) -> None:
    assert parsed(file).warnings == ()
    assert config(file).pre_stop_delay is None, "auto"


@EVERY_FILE
def test_nothing_replaces_pyinit_and_nothing_delays_twice(file: Path) -> None:
    assert "command" not in container(file)
    assert "lifecycle" not in container(file)


@EVERY_FILE
def test_the_delay_and_the_finishing_fit_into_what_the_kubelet_allows(file: Path) -> None:
    (finishing,) = re.findall(r"--graceful-timeout=(\d+)", " ".join(container(file)["args"]))
    allowed = pod(file)["terminationGracePeriodSeconds"]
    given = config(file)
    assert given.stop_timeout == allowed
    assert given.grace_period is not None
    assert int(finishing) < given.grace_period
    assert given.pre_stop_max + QUEUES + given.grace_period < allowed
    assert given.pre_stop_min < given.pre_stop_max == given.longest_delay, "which is not cut short"


@EVERY_FILE
def test_readiness_is_asked_where_it_does_not_count_or_so_rarely_that_it_does_no_harm(file: Path) -> None:
    probe = container(file)["readinessProbe"]
    given = config(file)
    assert not given.watches(port_number(file, probe["httpGet"]["port"])) or probe["periodSeconds"] > given.pre_stop_quiet + 1


@EVERY_FILE
def test_each_probe_asks_pyinit_for_what_it_is_about(file: Path) -> None:
    given = config(file)
    assert given.ready
    assert given.health_listen is not None
    for probe, path in (("startupProbe", "/startupz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")):
        asked = container(file)[probe]["httpGet"]
        assert (asked["path"], port_number(file, asked["port"])) == (path, given.health_listen[1])


@EVERY_FILE
def test_the_application_has_so_much_time_to_answer_that_a_busy_node_does_not_take_all_pods_out(file: Path) -> None:
    given, usual = config(file), options.parse(["true"], {}).config
    assert given.ready_timeout == 5 > usual.ready_timeout


@EVERY_FILE
def test_the_times_of_the_probes_are_in_the_right_order(file: Path) -> None:
    given = config(file)
    startup, readiness, liveness = (container(file)[f"{name}Probe"] for name in ("startup", "readiness", "liveness"))
    assert given.start_timeout is not None
    # pyinit stops what does not start, and says why, before the kubelet kills; with time to finish as in any stop.
    assert given.start_timeout < startup["periodSeconds"] * startup["failureThreshold"]
    assert startup["periodSeconds"] <= readiness["periodSeconds"] < liveness["periodSeconds"]
    assert "failureThreshold" not in liveness, "3, so that one slow answer kills nobody"


@EVERY_FILE
def test_the_traffic_counts(file: Path) -> None:
    (port,) = manifest(file, "Service")["spec"]["ports"]
    assert config(file).watches(port_number(file, port["targetPort"]))


@EVERY_FILE
def test_no_right_is_given_that_pyinit_does_not_need(file: Path) -> None:
    assert pod(file)["securityContext"]["runAsNonRoot"] is True
    confined = container(file)["securityContext"]
    assert confined == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


# --- probes on a port that counts ---


def delay(probes_every: int, first_probe: float) -> tuple[str, float]:
    """How a delay with the default options ends, and after how many seconds.

    There were 10 requests/s for the first 1.5 s, and there are probes.
    """
    given = options.parse(["app"], {}).config
    policy = quiet.Policy(given.pre_stop_min, given.pre_stop_max, given.pre_stop_quiet)
    seen = quiet.Seen(quiet.Before(10.0, 10, 0.05))
    ticks = 0
    while True:
        ticks += 1
        now = ticks / 4
        probed = now >= first_probe and (now - first_probe) % probes_every == 0
        seen = quiet.saw(seen, now, (2 if now <= 1.5 else 0) + probed)
        verdict = quiet.verdict(policy, seen)
        if verdict is not None:
            return verdict, now


@pytest.mark.parametrize("first_probe", [ticks / 4 for ticks in range(48)])
def test_probes_that_are_further_apart_than_the_quiet_let_a_delay_end_early(first_probe: float) -> None:
    verdict, seconds = delay(10, first_probe)
    assert verdict == quiet.QUIET
    assert seconds < 20


@pytest.mark.parametrize("first_probe", [ticks / 4 for ticks in range(20)])
def test_probes_as_often_as_the_quiet_hold_a_delay_up_until_its_maximum(first_probe: float) -> None:
    assert delay(6, first_probe) == (quiet.MAXIMUM, 20.0)


# --- the table of recommended values ---


class Row(NamedTuple):
    """A row of the table: times in seconds."""

    name: str
    minimum: int
    maximum: int
    allowed: int
    why: str


def rows() -> Iterator[Row]:
    """The rows of the table by load balancer."""
    for line in (FOLDER / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(Row._fields) and cells[1].isdecimal():
            yield Row(cells[0], int(cells[1]), int(cells[2]), int(cells[3]), cells[4])


ROWS = list(rows())
EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def test_the_table_has_all_its_rows() -> None:
    assert len(ROWS) == 13


@EVERY_ROW
def test_the_numbers_of_a_row_add_up(row: Row) -> None:
    default = options.parse(["true"], {}).config
    assert default.pre_stop_min <= row.minimum < row.maximum >= default.pre_stop_max
    assert row.allowed == row.maximum + TO_FINISH + SPARE


@EVERY_ROW
def test_a_row_names_its_source_or_is_the_default(row: Row) -> None:
    default = options.parse(["true"], {}).config
    if "no published figure" in row.why.lower():
        assert (row.minimum, row.maximum) == (default.pre_stop_min, default.pre_stop_max)
    else:
        assert re.search(r"\]\(https://\S+\)", row.why)


@pytest.mark.parametrize(("name", "file"), [("kube-proxy, iptables", "service.yaml"), ("AWS ALB", "aws-alb.yaml")])
def test_the_manifests_have_the_values_of_the_table(name: str, file: str) -> None:
    (row,) = (row for row in ROWS if row.name == name)
    given = config(FOLDER / file)
    assert (given.pre_stop_min, given.pre_stop_max, given.stop_timeout) == (row.minimum, row.maximum, row.allowed)
