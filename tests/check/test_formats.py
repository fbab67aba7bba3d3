"""Each format's manifests as workloads: commands, variables, times, and where they stand."""

from pathlib import Path

import pytest

from pyinit.check import compose, ecs, fly, kubernetes, nodes, nomad, quadlet, reading, times
from pyinit.check.model import Words, Workload


def of_compose(text: str) -> dict[str, Workload]:
    return {one.name: one for one in compose.workloads("c.yaml", list(nodes.documents("c.yaml", text)))}


def of_kubernetes(text: str) -> list[Workload]:
    return list(kubernetes.workloads(list(nodes.documents("k.yaml", text))))


def words(found: Words | None) -> tuple[str | None, ...]:
    assert found is not None
    return found.words


# --- YAML ---


def test_a_part_knows_its_place_and_a_missing_part_has_missing_parts() -> None:
    (document,) = nodes.documents("x.yaml", "a:\n  - b: 'c d'\n")
    part = document.get("a").items[0].get("b")
    assert (part.text, part.place.line, part.place.column, part.place.end) == ("c d", 2, 8, 13)
    assert not document.get("x", "y", "z")
    assert list(document.get("x")) == []


def test_merged_keys_are_there_and_own_ones_count_first() -> None:
    (document,) = nodes.documents("x.yaml", "base: &b {a: 1, c: 2}\nown:\n  <<: *b\n  a: 3\nboth:\n  <<: [*b, {d: 4}]\n")
    assert [(key.text, value.text) for key, value in document.get("own").pairs] == [("a", "3"), ("c", "2")]
    assert document.get("both", "d").text == "4"


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\tx: 1", "&a [*a]", "? ["])
def test_what_is_no_yaml_says_so_with_its_line(text: str) -> None:
    with pytest.raises(nodes.Unreadable) as caught:
        list(nodes.documents("x.yaml", text))
    assert caught.value.line >= 1
    assert "\n" not in str(caught.value)


# --- Compose ---


def test_a_service_of_compose() -> None:
    text = """\
services:
  shop:
    image: example.org/shop:1
    build: {context: ../shop, dockerfile: docker/Dockerfile, target: prod, args: [A=1, B]}
    entrypoint: /start.sh "a b"
    command: [run, "--x=${X}", $$HOME]
    environment: [ONE=1, TWO]
    stop_grace_period: 1m30s
    stop_signal: SIGQUIT
    init: true
"""
    shop = of_compose(text)["shop"]
    assert words(shop.entrypoint) == ("/start.sh", "a b")
    assert words(shop.command) == ("run", None, "$HOME")
    assert {name: value.value for name, value in shop.env.items()} == {"ONE": "1", "TWO": None}
    assert shop.build is not None
    assert (shop.build.context, shop.build.dockerfile, shop.build.target) == ("../shop", "../shop/docker/Dockerfile", "prod")
    assert shop.build.args == {"A": "1", "B": None}
    assert shop.grace is not None
    assert (shop.grace.value, shop.grace.place.line, shop.grace_is_stated) == (90, 8, True)
    assert shop.stop_signal is not None
    assert shop.stop_signal.value == "QUIT"
    assert shop.init is not None
    assert shop.init.value


def test_services_that_are_not_whole_are_left_out() -> None:
    text = "services:\n  a: {extends: {service: b}, image: x}\n  b: {environment: {A: 1}}\n  c: {image: x}\n"
    assert list(of_compose(text)) == ["c"]


def test_a_build_from_elsewhere_is_unknown() -> None:
    builds = ("'https://github.com/x/y.git'", "{context: ., dockerfile_inline: FROM x}", "'${X}'")
    text = "services:\n" + "".join(f"  a{at}: {{build: {build}}}\n" for at, build in enumerate(builds))
    assert [one.build for one in of_compose(text).values()] == [None, None, None]


# --- Kubernetes ---

POD = """\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: one}
    spec:
      initContainers:
        - {name: setup, image: a}
        - {name: proxy, image: b, restartPolicy: Always}
      containers:
        - name: main
          image: c
          command: ["/app", "$(PORT)", "$$(X)"]
          env:
            - {name: PORT, value: "80"}
            - {name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}
          lifecycle: {stopSignal: SIGUSR1, preStop: {exec: {command: [sh, -c, "sleep 3 && sleep 4s; drain"]}}}
"""


def test_a_pod_of_kubernetes_with_its_sidecar() -> None:
    main, proxy = of_kubernetes(POD)
    assert (main.name, proxy.name) == ("one/main", "one/proxy")
    assert kubernetes.is_native_sidecar(proxy)
    assert not kubernetes.is_native_sidecar(main)
    assert words(main.entrypoint) == ("/app", None, "$(X)")
    assert {name: value.value for name, value in main.env.items()} == {"PORT": "80", "SECRET": None}
    assert main.grace is not None
    assert (main.grace.value, main.grace_is_stated) == (30, False)
    assert main.hook is not None
    assert main.hook.seconds == 7
    assert main.stop_signal is not None
    assert main.stop_signal.value == "USR1"


@pytest.mark.parametrize("kind", [name for name in kubernetes.TEMPLATES if name not in ("Pod", "CronJob")])
def test_every_controller_has_its_pods(kind: str) -> None:
    spec = "{selector: {matchLabels: {a: b}}, template: {spec: {containers: [{name: x, image: y}]}}}"
    (one,) = of_kubernetes(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: n}}\nspec: {spec}\n")
    assert one.name == "n/x"


# --- the others ---


def test_a_task_definition_of_ecs_as_it_is_registered_and_as_it_is_described() -> None:
    container = (
        '{"name": "a", "image": "b", "command": ["c"], "stopTimeout": 90, "linuxParameters": {"initProcessEnabled": true}}'
    )
    for text in (
        f'{{"containerDefinitions": [{container}]}}',
        f'{{"taskDefinition": {{"containerDefinitions": [{container}]}}}}',
    ):
        (one,) = ecs.workloads(list(nodes.documents("t.json", text)))
        assert one.grace is not None
        assert one.init is not None
        assert (one.name, words(one.command), one.grace.value, one.init.value) == ("a", ("c",), 90, True)


JOB = """\
job "web" {
  group "g" {
    task "server" {
      driver       = "docker"
      kill_timeout = "20s"
      kill_signal  = "SIGINT"
      config {
        image   = "a/b:1"
        command = "/start.sh"
        args    = ["--x", "${NOMAD_PORT_http}", 5]
      }
      env { PYINIT_PRE_STOP_DELAY = "auto" }
    }
    task "raw" { driver = "exec" }
  }
}
"""


def test_a_task_of_nomad() -> None:
    (one,) = nomad.workloads(nomad.document("j.nomad", JOB))
    assert one.name == "server"
    assert words(one.command) == ("/start.sh", "--x", None, "5")
    assert one.grace is not None
    assert (one.grace.value, one.grace.place.line) == (20, 5)
    assert one.stop_signal is not None
    assert one.stop_signal.value == "INT"
    assert one.env["PYINIT_PRE_STOP_DELAY"].value == "auto"


def test_what_is_no_hcl_says_so() -> None:
    with pytest.raises(nodes.Unreadable, match="no HCL"):
        nomad.document("j.nomad", 'job "x" {')


UNIT = """\
# a comment
[Unit]
Description=Shop

[Container]
Image=example.org/shop:1
Exec=gunicorn --bind 0.0.0.0:80 \\
  shop:app
Environment=A=1 "B=2 3"
Environment=C=%h
StopTimeout=20
StopTimeout=30
"""


def test_a_unit_of_quadlet() -> None:
    (one,) = quadlet.workloads(quadlet.document("shop.container", UNIT))
    assert words(one.command) == ("gunicorn", "--bind", "0.0.0.0:80", "shop:app")
    assert {name: value.value for name, value in one.env.items()} == {"A": "1", "B": "2 3", "C": None}
    assert one.grace is not None
    assert (one.grace.value, one.grace.place.line) == (30, 12)


def test_a_file_of_fly() -> None:
    text = (
        'app = "shop"\nkill_timeout = "45s"\n\n[build]\n  dockerfile = "docker/Dockerfile"\n\n[env]\nA = 1\n\n'
        '[processes]\nweb = "gunicorn a:b"\nworker = "celery -A a worker"\n'
    )
    web, worker = fly.workloads("x/fly.toml", text, fly.document(text))
    assert (web.name, worker.name, words(worker.command)[0]) == ("web", "worker", "celery")
    assert worker.place.line == 12
    assert web.build is not None
    assert (web.build.context, web.build.dockerfile) == ("x", "x/docker/Dockerfile")
    assert web.grace is not None
    assert (web.grace.value, web.grace.place.line) == (45, 2)
    assert web.stop_signal is not None
    assert web.stop_signal.value == "INT"


def test_a_file_of_fly_with_an_image_is_not_built() -> None:
    (one,) = fly.workloads("fly.toml", "", fly.document('[build]\nimage = "a/b"\n'))
    assert one.build is None
    assert one.image is not None
    assert one.image.value == "a/b"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1m30s", 90),
        ("1.5m", 90),
        ("500ms", 0.5),
        ("1h", 3600),
        ("10", None),
        ("", None),
        ("x", None),
        ("10 s", 10),
    ],
)
def test_times_of_go(text: str, seconds: float | None) -> None:
    assert times.go(text) == seconds


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        (["sleep", "15"], 15),
        (["/bin/sleep", "2m"], 120),
        (["sh", "-c", "sleep 5; nginx -s quit; sleep 5"], 10),
        (["sh", "-c", "sleep 5 & drain"], None),
        (["sh", "-c", "if x; then sleep 5; fi"], None),
        (["sh", "-c", "sleep $X"], None),
        (["/drain.sh"], None),
        (["sleep", "infinity"], None),
    ],
)
def test_what_a_hook_sleeps_at_least(command: list[str], seconds: float | None) -> None:
    from pyinit.check.model import Place

    assert reading.sleeps(Words(tuple(command), Place("x"))) == seconds


def test_paths_are_told_as_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyinit.check import sources

    monkeypatch.chdir(tmp_path)
    assert sources.from_here(str(tmp_path / "a" / "b")) == "a/b"
    assert sources.from_here(str(tmp_path)) == "."
    assert sources.from_here("./a//b") == "a/b"
    assert sources.from_here("/etc") == "/etc"
