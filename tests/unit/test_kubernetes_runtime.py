"""The manifests of docker/kubernetes that bring pyinit into pods whose images do not have it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pyinit.runtime import settings
from pyinit.settings import options
from tests.unit.test_kubernetes import FOLDER, VERSIONS, Manifest, accepts, manifests

NODES, CLASS = FOLDER / "runtime" / "nodes.yaml", FOLDER / "runtime" / "runtimeclass.yaml"
EXAMPLE = FOLDER / "init-container"
COMPONENT = EXAMPLE / "component"

#: What lists of a pod are merged by, where a patch meets them; all others are replaced.
KEYS = {"containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}


def one(file: Path, kind: str) -> Manifest:
    """The one document of this kind."""
    (found,) = (document for document in manifests(file) if document["kind"] == kind)
    return found


def merged(base: Any, patch: Any, name: str = "") -> Any:
    """What a strategic merge patch makes of a document (kubernetes.io, "Update API Objects in Place Using kubectl patch")."""
    if isinstance(patch, dict):
        base = base or {}
        return base | {key: merged(base.get(key), value, key) for key, value in patch.items()}
    if name not in KEYS:
        return patch
    key = KEYS[name]
    patched = {entry[key]: entry for entry in patch}
    before = [merged(entry, patched.pop(entry[key], {})) for entry in base or []]
    return [*patched.values(), *before]


def rendered() -> Manifest:
    """The example's Deployment, with the component and with its own patch."""
    document = one(EXAMPLE / "deployment.yaml", "Deployment")
    for patch in (COMPONENT / "brings-pyinit.yaml", EXAMPLE / "runs-pyinit.yaml"):
        name = document["metadata"]["name"]
        document = merged(document, one(patch, "Deployment"))
        document["metadata"]["name"] = name  # a patch for any of its kind says "any"
    (brings,) = document["spec"]["template"]["spec"]["initContainers"]
    component = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())
    (image,) = component["images"]
    assert image["name"] == brings["image"]
    brings["image"] += f":{image['newTag']}"
    return document


def container(document: Manifest) -> Manifest:
    """The application's container."""
    (found,) = document["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_what_the_nodes_need_and_the_class(version: str) -> None:
    for file in (NODES, CLASS):
        assert [document["kind"] for document in manifests(file) if not accepts(document, version)] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_a_deployment_with_the_component(version: str) -> None:
    assert accepts(rendered(), version)


def test_kustomize_renders_it_as_well() -> None:
    kubectl = shutil.which("kubectl")
    version = [str(kubectl), "version", "--client"]
    if kubectl is None or "v5." not in subprocess.run(version, capture_output=True, text=True, check=False).stdout:
        pytest.skip("kubectl has no kustomize that knows components; test_kubernetes_takes_a_deployment... merges by itself")
    words = [kubectl, "kustomize", str(EXAMPLE)]
    made = yaml.safe_load(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    assert made == rendered()


def test_the_component_leaves_an_application_as_it_is_and_the_patch_puts_pyinit_in_front() -> None:
    before = container(one(EXAMPLE / "deployment.yaml", "Deployment"))
    after = container(rendered())
    variables = {entry["name"]: entry["value"] for entry in after["env"]}
    assert {entry["name"]: entry["value"] for entry in before["env"]}.items() <= variables.items()
    parsed = options.parse([*after["command"], *after["args"]][1:], variables)
    assert (parsed.command, parsed.warnings) == (("/start.sh", "gunicorn", "shop:app"), ())
    assert parsed.config.stop_timeout == rendered()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]


def test_the_binary_is_where_it_is_run_from() -> None:
    spec = rendered()["spec"]["template"]["spec"]
    (brings,) = spec["initContainers"]
    program, flag, path = brings["command"]
    assert (program, flag) == ("/pyinit", "--install")
    assert container(rendered())["command"][0] == path
    (from_there,) = container(rendered())["volumeMounts"]
    assert brings["volumeMounts"] == [{"name": from_there["name"], "mountPath": from_there["mountPath"]}]
    assert path.startswith(from_there["mountPath"] + "/")


# --- the nodes ---


def test_the_class_the_engines_and_the_pods_speak_of_the_same_runtime() -> None:
    data = one(NODES, "ConfigMap")["data"]
    containerd, crio = (set(data[name].replace("  ", "").splitlines()) for name in ("containerd.toml", "crio.conf"))
    handler = one(CLASS, "RuntimeClass")["handler"]
    section = f'[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.{handler}'
    binary, _ = one(NODES, "DaemonSet")["spec"]["template"]["spec"]["initContainers"]
    path = binary["command"][-1].removeprefix("/host")
    assert {f"{section}]", f"{section}.options]", f'BinaryName = "{path}"'} <= containerd
    assert f'pod_annotations = ["{settings.PREFIX}*"]' in containerd
    assert {f"[crio.runtime.runtimes.{handler}]", f'runtime_path = "{path}"'} <= crio
    assert path.rpartition("/")[2] == "pyinit-runtime", "by this name it is the runtime"


def test_the_node_s_settings_are_understood() -> None:
    found = settings.read(one(NODES, "ConfigMap")["data"]["runtime.conf"])
    assert options.parse(["--", "true"], found.variables).warnings == ()
    assert found.variables["PYINIT_PRE_STOP_DELAY"] == "auto"


@pytest.mark.parametrize("engines", [["containerd"], ["crio"], ["containerd", "crio"], []], ids=" ".join)
@pytest.mark.parametrize("times", [1, 2])
def test_each_engine_that_is_there_gets_its_file(tmp_path: Path, engines: list[str], times: int) -> None:
    host, files = tmp_path / "host", tmp_path / "files"
    (host / "etc").mkdir(parents=True)
    files.mkdir()
    data = one(NODES, "ConfigMap")["data"]
    for name, text in data.items():
        (files / name).write_text(text)
    for engine in engines:
        (host / "etc" / engine).mkdir()
    for _ in range(times):
        subprocess.run(["sh", str(files / "install.sh"), str(host), str(files)], check=True)
    expected = {"pyinit/runtime.conf": data["runtime.conf"]}
    if "containerd" in engines:
        expected["containerd/conf.d/pyinit.toml"] = data["containerd.toml"]
    if "crio" in engines:
        expected["crio/crio.conf.d/90-pyinit.conf"] = data["crio.conf"]
    found = {str(path.relative_to(host / "etc")): path.read_text() for path in (host / "etc").rglob("*") if path.is_file()}
    assert found == expected


def test_every_volume_that_is_mounted_is_there() -> None:
    for document in (one(NODES, "DaemonSet"), rendered()):
        spec = document["spec"]["template"]["spec"]
        there = {volume["name"] for volume in spec["volumes"]}
        mounted = {
            mount["name"] for one in (*spec["initContainers"], *spec["containers"]) for mount in one.get("volumeMounts", [])
        }
        assert mounted == there


def test_no_container_of_ours_has_more_rights_than_its_folders() -> None:
    for document in (one(NODES, "DaemonSet"), rendered()):
        for ours in document["spec"]["template"]["spec"]["initContainers"]:
            confined = ours["securityContext"]
            assert confined["allowPrivilegeEscalation"] is False
            assert confined["readOnlyRootFilesystem"] is True
            assert confined["capabilities"] == {"drop": ["ALL"]}
