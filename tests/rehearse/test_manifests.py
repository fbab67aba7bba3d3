"""Compose files and pod specs."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.rehearse import compose, pod
from pyinit.rehearse.faults import UsageError
from pyinit.rehearse.subject import COMPOSE, KUBERNETES, Probe, complete
from pyinit.rehearse.variables import replace

SHOP = """
services:
  web:
    image: shop:${TAG:-1.4}
    entrypoint: ["/entry.sh", "-v"]
    command: serve --port 8000
    init: true
    user: "1000"
    stop_signal: SIGQUIT
    stop_grace_period: 1m30s
    environment:
      DEBUG: false
      NAME: a$$b
    env_file: .shop
    ports: ["80:8000", "127.0.0.1:9000-9001:9001/udp", {target: 7000}]
    expose: [6000]
    volumes: ["./data:/data:ro", "cache:/cache"]
    healthcheck: {test: curl localhost, timeout: 3s, retries: 2}
    depends_on: [db]
  built: {build: .}
"""

POD = """
apiVersion: v1
kind: ConfigMap
---
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 45
      securityContext: {runAsUser: 7}
      containers:
      - name: side
        image: side
      - name: web
        image: shop:1.4
        command: [/entry.sh]
        args: [serve]
        env:
        - {name: A, value: "1"}
        - {name: SECRET, valueFrom: {secretKeyRef: {name: x, key: y}}}
        ports: [{containerPort: 8000, name: http}, {containerPort: 53, protocol: UDP}]
        readinessProbe: {httpGet: {path: /ok, port: http}, successThreshold: 2, periodSeconds: 3}
        lifecycle: {preStop: {sleep: {seconds: 5}}}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(SHOP)
    (tmp_path / ".shop").write_text("# no comment\nKEY=value=1\n\n")
    (tmp_path / "deploy.yaml").write_text(POD)
    return tmp_path


def test_a_service_of_a_compose_file_is_read(files: Path) -> None:
    web = compose.read(files / "compose.yaml", "web")
    assert (web.image, web.source, web.name) == ("shop:1.4", COMPOSE, "web")
    assert (web.entrypoint, web.command) == (("/entry.sh", "-v"), ("serve", "--port", "8000"))
    assert (web.init, web.stop_signal, web.grace) == (True, "SIGQUIT", 90.0)
    assert web.environment == {"DEBUG": "false", "NAME": "a$b", "KEY": "value=1"}
    assert web.ports == (8000, 7000, 6000)
    assert web.keywords["volumes"] == [f"{files}/data:/data:ro", "/cache"]
    assert web.keywords["user"] == "1000"
    assert web.healthcheck == {"Test": ["CMD-SHELL", "curl localhost"], "Timeout": 3 * 10**9, "Retries": 2}
    assert web.notes == (
        "web: /cache is an empty volume here, for what runs elsewhere must not be touched",
        "left out of web: depends_on",
    )


def test_variables_come_from_the_environment_before_the_file_beside(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / ".env").write_text("TAG=2\n")
    assert compose.read(files / "compose.yaml", "web").image == "shop:2"
    monkeypatch.setenv("TAG", "3")
    assert compose.read(files / "compose.yaml", "web").image == "shop:3"


@pytest.mark.parametrize(
    ("name", "line"),
    [("nobody", "there is no service 'nobody'; there are: web, built"), ("built", "docker compose build built")],
)
def test_a_service_that_cannot_be_run_is_told_in_one_line(files: Path, name: str, line: str) -> None:
    with pytest.raises(UsageError, match=line):
        compose.read(files / "compose.yaml", name)


def test_a_file_that_is_no_yaml_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [1\nb: }")
    with pytest.raises(UsageError) as raised:
        compose.read(tmp_path / "bad.yaml", "web")
    assert "\n" not in str(raised.value)
    with pytest.raises(UsageError, match="No such file"):
        compose.read(tmp_path / "none.yaml", "web")


def test_a_probe_says_whether_it_speaks_tls(files: Path) -> None:
    file = files / "deploy.yaml"
    file.write_text(POD.replace("httpGet: {path", "httpGet: {scheme: HTTPS, path"))
    assert pod.read(file, "web").probe == Probe("https", 8000, "/ok", successes=2, period=3.0)


def test_a_container_of_a_pod_spec_is_read(files: Path) -> None:
    assert pod.is_manifest(files / "deploy.yaml")
    assert not pod.is_manifest(files / "compose.yaml")
    web = pod.read(files / "deploy.yaml", "web")
    assert (web.image, web.source, web.entrypoint, web.command) == ("shop:1.4", KUBERNETES, ("/entry.sh",), ("serve",))
    assert (web.grace, web.pre_stop, web.ports, web.environment) == (45.0, 5.0, (8000,), {"A": "1"})
    assert web.probe == Probe("http", 8000, "/ok", successes=2, period=3.0)
    assert web.keywords["user"] == "7"
    assert web.notes == ("web: SECRET comes from elsewhere, so give it with --env",)
    assert pod.read(files / "deploy.yaml", "").image == "side"
    with pytest.raises(UsageError, match="no container 'db'; there are: side, web"):
        pod.read(files / "deploy.yaml", "db")


def test_a_kubelet_does_not_look_at_the_healthcheck_of_an_image(files: Path) -> None:
    config = {"Config": {"Healthcheck": {"Test": ["CMD", "x"]}, "Cmd": ["app"]}}
    assert complete(pod.read(files / "deploy.yaml", "side"), config).healthcheck is None
    assert complete(pod.read(files / "deploy.yaml", "side"), config).command == ("app",)
    assert complete(pod.read(files / "deploy.yaml", "web"), config).words == ("/entry.sh", "serve")


def test_another_entrypoint_does_not_get_the_command_of_the_image(files: Path) -> None:
    web = compose.read(files / "compose.yaml", "web")
    config = {
        "Config": {"Entrypoint": ["/x"], "Cmd": ["y"], "ExposedPorts": {"53/udp": {}, "80/tcp": {}}, "StopSignal": "SIGINT"}
    }
    found = complete(web, config)
    assert (found.words, found.stop_signal) == (("/entry.sh", "-v", "serve", "--port", "8000"), "SIGQUIT")
    assert found.ports == (8000, 7000, 6000, 80)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$A-${A}", "1-1"),
        ("${B:-x} ${B-x} ${C-x} ${C:-x}", "x x  x"),
        ("${A:+y}${B+y}", "y"),
        ("$$A", "$A"),
        ("${A?no}", "1"),
    ],
)
def test_variables_are_replaced_as_compose_does(text: str, found: str) -> None:
    assert replace(text, {"A": "1", "C": ""}) == found


@pytest.mark.parametrize("text", ["${B?is needed}", "${C:?is needed}", "100$", "${", "$1"])
def test_a_variable_that_is_missing_or_none_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        replace(text, {"C": ""})


@given(st.text())
def test_a_text_with_its_dollars_doubled_is_itself(text: str) -> None:
    assert replace(text.replace("$", "$$"), {}) == text


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10.0), ("1m30s", 90.0), ("1h", 3600.0), ("500ms", 0.5), ("1.5s", 1.5)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert compose.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10", "-1s"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        compose.seconds(text)
