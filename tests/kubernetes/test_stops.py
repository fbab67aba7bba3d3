"""All the ways in which Kubernetes ends a container, and what becomes of its work, its status and its last words."""

import json
from typing import Any

import pytest

from tests.kubernetes.containers import LIVENESS, PROBE, nothing_is_lost, shop, small, told_by_pyinit
from tests.kubernetes.images import SERVERS, UNTOUCHED
from tests.kubernetes.stage import PATIENCE, Stage
from tests.waiting import wait_until

#: What a start.sh without init and its application write when they may finish (tests/docker/images/small.sh).
FINISHED = "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7"


def replicated(container: dict[str, Any], replicas: int, kind: str = "Deployment", **further: Any) -> list[dict[str, Any]]:
    """A Deployment or StatefulSet of this container, and its Service."""
    labels = {"app": "app"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 30, "containers": [container], **further.pop("pod", {})},
    }
    workload = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "app"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **further},
    }
    ports = [{"port": 80, "targetPort": 8080}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app"},
        "spec": {"type": "NodePort", "selector": labels, "ports": ports},
    }
    return [service, workload]


# --- pods behind a Service ---------------------------------------------------------------------------------------------------


def test_a_deleted_pod_of_a_deployment_loses_no_request(stage: Stage) -> None:
    stage.apply(*replicated(told_by_pyinit(), 2))
    first, _ = stage.ready(2)
    with stage.load("app") as end:
        stage.delete(first)
        assert stage.gone(first) == [0]
        nothing_is_lost(end())


def test_a_deployment_that_is_scaled_down_loses_no_request(stage: Stage) -> None:
    stage.apply(*replicated(told_by_pyinit(), 3))
    pods = stage.ready(3)
    with stage.load("app") as end:
        stage.kubectl("scale", "deployment", "app", "--replicas=1")
        wait_until(lambda: sum(bool(pod.gone) for pod in pods) == 2, "two pods are gone", PATIENCE)
        nothing_is_lost(end())
    assert stage.gone(*(pod for pod in pods if pod.gone)) == [0, 0]


def test_a_stateful_set_is_updated_in_its_order_and_loses_no_request(stage: Stage) -> None:
    stage.apply(*replicated(told_by_pyinit(), 2, "StatefulSet", serviceName="app"))
    old = stage.ready(2)
    with stage.load("app") as end:
        stage.kubectl(
            "patch",
            "statefulset",
            "app",
            "--patch",
            json.dumps({"spec": {"template": {"metadata": {"annotations": {"round": "2"}}}}}),
        )
        assert stage.gone(*old) == [0, 0]
        stage.ready(2)
        nothing_is_lost(end())
    last, first = sorted(old, key=lambda pod: pod.deleted or 0.0)
    assert (last.name, first.name) == ("app-1", "app-0")  # the highest number goes first
    assert last.gone
    assert first.deleted
    assert last.gone < first.deleted


def test_a_pod_of_a_drained_node_answers_the_request_that_it_has(stage: Stage) -> None:
    """Of one node: there is no other that could take over, so just what had been accepted is looked at."""
    slow = shop("SLOW=4", "PYINIT_PRE_STOP_DELAY=3")
    stage.apply(*replicated(slow, 1))
    (pod,) = stage.ready()
    node = stage.get("pod", pod.name)["spec"]["nodeName"]
    with stage.load("app", rate=1.0, path="/slow") as end:
        try:
            stage.kubectl("drain", node, "--pod-selector=app=app", "--ignore-daemonsets", "--force", "--timeout=60s")
        finally:
            stage.cluster.kubectl("uncordon", node)
        outcomes = end()
    assert stage.gone(pod) == [0]
    accepted = [one for one in outcomes if pod.removed and one.at < pod.removed]
    assert len(accepted) > 2
    nothing_is_lost(accepted)
    assert "stop requested" in pod.log
    assert "exit status 0" in pod.log


# --- jobs ---------------------------------------------------------------------------------------------------------------------


def job(runtime: str | None) -> dict[str, Any]:
    """A pod template of an untouched start.sh, with a RuntimeClass or without."""
    spec: dict[str, Any] = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": [small()]}
    if runtime:
        spec["runtimeClassName"] = runtime
    return {"metadata": {"labels": {"app": "job"}, "annotations": {"pyinit/pre-stop-delay": "0"}}, "spec": spec}


@pytest.mark.parametrize("runtime", ["pyinit", None])
def test_a_job_that_is_deleted_finishes_its_work_under_the_runtime_class_alone(stage: Stage, runtime: str | None) -> None:
    stage.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": {"template": job(runtime)}})
    pod = stage.running(wait_until(lambda: stage.pods, "the pod of the job", PATIENCE)[0])
    stage.said(pod, "app ready")
    stage.kubectl("delete", "job", "work", "--wait=false")
    (status,) = stage.gone(pod)
    words = "\n".join(line for line in pod.log.splitlines() if not line.startswith("pyinit:"))
    assert (status, words) == ((7, FINISHED) if runtime else (137, "app ready"))


def test_a_cron_job_that_replaces_its_last_run_lets_that_finish(stage: Stage) -> None:
    version = "batch/v1" if stage.cluster.minor >= 21 else "batch/v1beta1"
    spec = {"schedule": "* * * * *", "concurrencyPolicy": "Replace", "jobTemplate": {"spec": {"template": job("pyinit")}}}
    stage.apply({"apiVersion": version, "kind": "CronJob", "metadata": {"name": "every-minute"}, "spec": spec})
    pod = wait_until(lambda: stage.pods, "the first run", PATIENCE)[0]
    stage.said(pod, "app ready")
    assert stage.gone(pod) == [7]
    assert FINISHED in "\n".join(line for line in pod.log.splitlines() if not line.startswith("pyinit:"))


# --- what goes wrong ----------------------------------------------------------------------------------------------------------


def message(stage: Stage, pod: str, state: str = "state") -> dict[str, Any]:
    """How the API server tells of the end of a container."""
    (status,) = stage.get("pod", pod)["status"]["containerStatuses"]
    ended = status[state].get("terminated")
    assert isinstance(ended, dict), status
    return ended


def test_a_child_that_the_kernel_kills_for_want_of_memory_is_told_of(stage: Stage) -> None:
    """`tail /dev/zero` keeps all that it reads. The script goes on; just the log and the kubelet's reason tell why it died."""
    line = "tail /dev/zero; echo the child ended with $?; exit 3"
    container = small(command=["sh", "-c", line], resources={"limits": {"memory": "48Mi"}})
    pod = stage.start("hungry", container, runtimeClassName="pyinit")
    assert stage.ended(pod) == 3
    wait_until(
        lambda: "terminated" in json.dumps(stage.get("pod", "hungry")["status"]), "the kubelet tells", PATIENCE, pause=0.2
    )
    log = stage.log(pod)
    assert "the child ended with 137" in log
    assert "the kernel has killed 1 process here for want of memory (OOM); is the memory limit too low?" in log
    assert "exit status 3" in message(stage, "hungry")["message"]


def test_a_container_that_fails_its_liveness_is_stopped_in_good_order_and_the_next_one_shows_its_last_words(
    stage: Stage,
) -> None:
    container = shop("PYINIT_PRE_STOP_DELAY=2", livenessProbe=LIVENESS)
    pod = stage.start("sick", container, restartPolicy="Always", terminationGracePeriodSeconds=30)
    stage.fall_sick(pod)
    assert message(stage, "sick", "lastState")["exitCode"] == 0
    assert "stop requested" in message(stage, "sick", "lastState")["message"]
    previous = stage.kubectl("logs", "sick", "--previous")
    assert "pyinit: stop requested: SIGTERM from outside the container" in previous
    assert "pyinit: exit status 0" in previous
    assert "Shutting down: Master" in previous or "Handling signal: term" in previous


def test_where_the_time_of_the_pod_is_too_short_the_termination_message_says_how_far_the_stop_had_come(stage: Stage) -> None:
    """The pod is not deleted but fails its liveness, for the end of a deleted one is told nobody."""
    container = shop("PYINIT_STOP_TIMEOUT=", livenessProbe=LIVENESS)
    pod = stage.start("short", container, restartPolicy="Always", terminationGracePeriodSeconds=4)
    stage.fall_sick(pod)
    ended = message(stage, "short", "lastState")
    assert ended["exitCode"] == 137
    assert "stop requested: SIGTERM from outside the container (uid 0); not finished yet" in ended["message"]


def test_a_pod_that_is_deleted_while_its_application_starts_does_not_wait_for_traffic(stage: Stage) -> None:
    """It was never ready, and so nobody has been sent to it."""
    container = told_by_pyinit(args=["sh", "-c", "sleep 300; exec gunicorn --bind=0.0.0.0:8080 shop:app"])
    pod = stage.start("early", container, terminationGracePeriodSeconds=30)
    stage.delete(pod)
    (status,) = stage.gone(pod)
    assert status == 143
    assert stage.seconds(pod) < 10  # and not the 20 s of the longest delay: a phase less, not a matter of speed
    assert "keeps serving" not in pod.log


# --- other kinds of pods ------------------------------------------------------------------------------------------------------


def test_with_a_shared_process_namespace_pyinit_is_not_pid_1_and_does_the_same(stage: Stage) -> None:
    container = small(command=["/pyinit-is-elsewhere"])
    del container["command"]
    pod = stage.start(
        "shared", container, runtimeClassName="pyinit", shareProcessNamespace=True, annotations={"pyinit/pre-stop-delay": "0"}
    )
    stage.said(pod, "app ready")
    pid = stage.kubectl("exec", "shared", "--", "sh", "-c", "cat /proc/1/comm").strip()
    assert pid == "pause"
    stage.delete(pod)
    assert stage.gone(pod) == [7]
    assert "start.sh cleans up after 7" in pod.log


def test_in_the_network_of_the_host_the_delay_looks_at_the_ports_that_are_named(stage: Stage) -> None:
    container = told_by_pyinit("PYINIT_PORTS=8090", args=["gunicorn", "--bind=0.0.0.0:8090", "shop:app"])
    container["env"][2]["value"] = "http://127.0.0.1:8090/healthz"
    pod = stage.start("host", container, hostNetwork=True, terminationGracePeriodSeconds=30)
    wait_until(lambda: pod.ready, "it is ready", PATIENCE)
    stage.delete(pod)
    assert stage.gone(pod) == [0]
    assert "the host's network" not in pod.log


def test_in_the_network_of_the_host_without_ports_the_delay_is_its_maximum_and_the_log_says_why(stage: Stage) -> None:
    container = shop("PYINIT_PRE_STOP_MAX=7", args=["gunicorn", "--bind=0.0.0.0:8091", "shop:app"])
    del container["readinessProbe"]
    pod = stage.start("host", container, hostNetwork=True, terminationGracePeriodSeconds=30)
    stage.said(pod, "Booting worker")
    stage.delete(pod)
    assert stage.gone(pod) == [0]
    assert stage.seconds(pod) >= 7
    assert "7s" in pod.log


def test_an_untouched_image_with_a_start_script_is_under_pyinit_by_its_runtime_class(stage: Stage) -> None:
    container = {"image": UNTOUCHED, "readinessProbe": PROBE}
    pod = stage.start("untouched", container, runtimeClassName="pyinit", annotations={"pyinit/pre-stop-max": "6"})
    wait_until(lambda: pod.ready, "it is ready", PATIENCE)
    assert "pyinit" in stage.kubectl("exec", "untouched", "--", "/dev/pyinit", "--status")
    stage.delete(pod)
    assert stage.gone(pod) == [0]
    assert "start.sh: cleans up after 0" in pod.log
    assert "the command keeps serving until the traffic is quiet (5s to 6s)" in pod.log


def test_a_wrong_annotation_is_shown_by_describe(stage: Stage) -> None:
    meta = {"name": "wrong", "annotations": {"pyinit/pre-stop-dellay": "auto"}}
    spec = {"runtimeClassName": "pyinit", "restartPolicy": "Never", "containers": [small()]}
    stage.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    words = "there is no option 'pre-stop-dellay'; did you mean pyinit/pre-stop-delay?"
    wait_until(lambda: words in stage.kubectl("describe", "pod", "wrong"), "describe says so", PATIENCE, pause=0.3)


def test_a_native_sidecar_serves_through_the_delay(stage: Stage) -> None:
    if stage.cluster.minor < 29:
        pytest.skip(f"this Kubernetes is 1.{stage.cluster.minor}: native sidecars are there from 1.29 on")
    sidecar = {
        "name": "proxy",
        "image": SERVERS,
        "command": ["sh", "-c", "trap 'echo proxy told; exit' TERM; while :; do sleep 0.1; done"],
    }
    pod = stage.start("pair", shop("PYINIT_PRE_STOP_DELAY=3"), initContainers=[{**sidecar, "restartPolicy": "Always"}])
    wait_until(lambda: pod.ready, "it is ready", PATIENCE)
    stage.delete(pod)
    stage.gone(pod)
    app, proxy = (stage.observer.end_of(pod, name) for name in ("app", "proxy"))
    assert app
    assert proxy
    assert app[0] < proxy[0]
