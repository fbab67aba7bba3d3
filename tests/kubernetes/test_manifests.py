"""The manifests of docker/kubernetes/, applied as they are; tests/kubernetes/images.py makes the images that they name."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes.containers import nothing_is_lost, small
from tests.kubernetes.images import UNTOUCHED
from tests.kubernetes.rollout import RUNTIME_CLASS
from tests.kubernetes.settings import RUNTIME, RUNTIME_SETTINGS
from tests.kubernetes.stage import PATIENCE, Stage
from tests.namespace import ROOT
from tests.waiting import wait_until

MANIFESTS = ROOT / "docker" / "kubernetes"


@contextlib.contextmanager
def applied(stage: Stage, option: str, path: Path) -> Iterator[None]:
    """What is in a file or folder, with the namespaces that it names; removed at the end."""
    stage.cluster.kubectl("apply", option, str(path))
    try:
        yield
    finally:
        stage.cluster.kubectl("delete", option, str(path), "--wait=true", "--timeout=120s", check=False)


def test_the_manifest_for_a_service_loses_nothing_in_a_rolling_update(stage: Stage) -> None:
    stage.kubectl("apply", "--filename", str(MANIFESTS / "service.yaml"))
    old = stage.ready(3)
    with stage.load("shop") as end:
        stage.kubectl("rollout", "restart", "deployment/shop")
        assert stage.gone(*old) == [0, 0, 0]
        nothing_is_lost(end())
    for pod in old:
        assert "pyinit: no request was refused or reset" in pod.log, pod.log
        assert stage.seconds(pod) < 20 + 20 + 5  # what the manifest gives


def test_the_manifest_for_a_load_balancer_of_aws_runs_and_ends_in_good_order(stage: Stage) -> None:
    """Without that load balancer's controller: it is Kubernetes that takes the manifest, and pyinit that takes its options."""
    with applied(stage, "--filename", MANIFESTS / "aws-alb.yaml"):
        shop = Stage(stage.observer, "shop")
        pods = shop.ready(3)
        shop.kubectl("scale", "deployment", "shop", "--replicas=0")
        assert shop.gone(*pods) == [0, 0, 0]
        assert all("the command keeps serving until the traffic is quiet (25s to 70s)" in pod.log for pod in pods)


def test_the_daemon_set_puts_the_runtime_onto_the_node_and_its_class_starts_pods_where_the_label_is(stage: Stage) -> None:
    if stage.cluster.pid is None:
        pytest.skip("it would change the nodes of a cluster that is not ours")
    node = stage.get("nodes")["items"][0]["metadata"]["name"]
    places = [stage.cluster.inside(path) for path in (RUNTIME, RUNTIME_SETTINGS)]
    for place in places:
        place.unlink()
    try:
        with applied(stage, "--kustomize", MANIFESTS / "runtime"):
            wait_until(lambda: all(place.exists() for place in places), "the files are on the node", PATIENCE)
            stage.kubectl("--namespace", "pyinit-runtime", "rollout", "status", "daemonset/pyinit-runtime", "--timeout=120s")
            meta = {"name": "untouched", "annotations": {"pyinit/pre-stop-delay": "0"}}
            spec = {"runtimeClassName": "pyinit", "restartPolicy": "Never", "containers": [small()]}
            stage.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
            words = "node(s) didn't match"
            wait_until(
                lambda: words in stage.kubectl("describe", "pod", "untouched"), "it waits for the label", PATIENCE, pause=0.3
            )
            stage.cluster.kubectl("label", "node", node, "pyinit/runtime=yes")
            pod = wait_until(lambda: stage.named("untouched"), "it is seen", PATIENCE)
            stage.said(stage.running(pod), "app ready")
            stage.delete(pod)
            assert stage.gone(pod) == [7]
            assert "start.sh cleans up after 7" in pod.log
    finally:
        stage.cluster.kubectl("label", "node", node, "pyinit/runtime-", check=False)
        stage.cluster.kubectl("apply", "--filename=-", text=json.dumps(RUNTIME_CLASS))


def kustomized(folder: Path) -> str:
    """What a kubectl makes of a folder that is new enough for components: 1.21, and Debian's 1.20 is not."""
    kubectl = shutil.which("kubectl")
    done: Any = kubectl and subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if not done or (done.returncode != 0 and "components" in done.stderr):
        pytest.skip("no kubectl of 1.21 or newer on the PATH: older ones know no components")
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_the_init_container_brings_pyinit_into_a_pod_whose_image_knows_nothing_of_it(stage: Stage) -> None:
    text = kustomized(MANIFESTS / "init-container").replace("registry.example/shop:1.0", UNTOUCHED)
    stage.kubectl("apply", "--filename=-", text=text)
    (pod,) = stage.ready()
    (container,) = stage.get("pod", pod.name)["spec"]["containers"]
    assert container["name"] == "shop"
    assert stage.kubectl("exec", pod.name, "--", "cat", "/proc/1/comm") == "pyinit\n"
    stage.said(pod, "Booting worker")
    stage.kubectl("scale", "deployment", "shop", "--replicas=0")
    wait_until(lambda: pod.gone, "it is gone", PATIENCE)
    end = stage.observer.end_of(pod, "shop")
    assert end
    assert end[1] == 0
    assert "start.sh: cleans up after 0" in pod.log
